from pathlib import Path

import kubernetes_validate
import pytest

from tests.contract.manifests import (
    OVERLAYS,
    Manifest,
    base_objects,
    has_kubectl,
    pods,
    render_overlay,
)
from tests.contract.schemas import CLUSTER_VERSION, check_schema
from tests.contract.tree import SERVICES, hyphenated

PODS = pods(base_objects())
NAMES = [name for name, _ in PODS]


def described(part: Manifest) -> str:
    return f"{part['kind']}/{part['metadata']['name']}"


@pytest.mark.parametrize("part", base_objects(), ids=described)
def test_an_object_of_the_base_keeps_to_its_schema(part: Manifest) -> None:
    kubernetes_validate.validate(part, CLUSTER_VERSION, strict=True)


@pytest.mark.skipif(not has_kubectl(), reason="kubectl is not on the PATH")
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_overlay_renders_and_keeps_to_the_schemas(overlay: str, tmp_path: Path) -> None:
    rendered = render_overlay(overlay, tmp_path)
    for part in rendered:
        check_schema(part)
    secrets = {part["metadata"]["name"] for part in rendered if part["kind"] == "Secret"}
    mounted = {reference for _, pod in pods(rendered) for reference in secret_names(pod)}
    assert mounted == secrets


def secret_names(pod: Manifest) -> set[str]:
    in_variables = {
        variable["valueFrom"]["secretKeyRef"]["name"]
        for container in pod["containers"]
        for variable in container.get("env", ())
        if "secretKeyRef" in variable.get("valueFrom", {})
    }
    in_volumes = {
        volume["secret"]["secretName"] for volume in pod.get("volumes", ()) if "secret" in volume
    }
    return in_variables | in_volumes


@pytest.mark.parametrize(("name", "pod"), PODS, ids=NAMES)
def test_a_pod_keeps_to_the_restricted_standard(name: str, pod: Manifest) -> None:
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert pod["serviceAccountName"] == name
    for container in pod["containers"]:
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False
        assert context["readOnlyRootFilesystem"] is True
        assert context["capabilities"] == {"drop": ["ALL"]}


@pytest.mark.parametrize(("name", "pod"), PODS, ids=NAMES)
def test_a_pod_has_bounds_and_is_probed(name: str, pod: Manifest) -> None:
    for container in pod["containers"]:
        assert set(container["resources"]) == {"requests", "limits"}
        assert {"cpu", "memory"} <= set(container["resources"]["limits"])
        assert "readinessProbe" in container and "livenessProbe" in container
        assert ":" in container["image"] and not container["image"].endswith(":latest")


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_probed_by_grpc_where_it_listens(service: str) -> None:
    pod = dict(PODS)[hyphenated(service)]
    (container,) = pod["containers"]
    variables = {variable["name"]: variable.get("value") for variable in container["env"]}
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert variables["EARTHGPTX_LISTEN"] == f"0.0.0.0:{ports['grpc']}"
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["grpc"]["port"] == ports["grpc"]
    assert pod["terminationGracePeriodSeconds"] > float(variables["EARTHGPTX_DRAIN_GRACE_S"])


def test_callers_name_the_stages_by_their_headless_services() -> None:
    headless = {
        f"dns:///{part['metadata']['name']}:{part['spec']['ports'][0]['port']}"
        for part in base_objects()
        if part["kind"] == "Service" and part["spec"].get("clusterIP") == "None"
    }
    for name in ("gateway", "orchestrator"):
        (container,) = dict(PODS)[name]["containers"]
        addresses = {v["value"] for v in container["env"] if v["name"].endswith("_ADDR")}
        assert len(addresses) == 4
        assert addresses <= headless


def test_pods_that_share_no_memory_do_not_pass_tensors_by_it() -> None:
    settings = next(part for part in base_objects() if part["kind"] == "ConfigMap")["data"]
    assert settings["EARTHGPTX_TENSOR_TIERS"].split(",") == ["inline", "redis", "object_store"]


def test_only_those_who_keep_records_know_where_they_are_kept() -> None:
    told = {
        name
        for name, pod in PODS
        for variable in pod["containers"][0].get("env", ())
        if variable["name"] == "EARTHGPTX_STATE_REDIS_URL"
    }
    assert told == {"gateway", "orchestrator"}


def test_the_two_redis_roles_are_two_instances() -> None:
    commands = {name: pod["containers"][0]["command"] for name, pod in PODS if "redis" in name}
    assert set(commands) == {"redis-state", "redis-tensors"}
    kept, evicted = commands["redis-state"], commands["redis-tensors"]
    assert "noeviction" in kept and kept[kept.index("--appendonly") + 1] == "yes"
    assert kept[kept.index("--appendfsync") + 1] == "always"
    assert "allkeys-lru" in evicted and evicted[evicted.index("--appendonly") + 1] == "no"
