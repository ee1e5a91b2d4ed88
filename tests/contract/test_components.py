"""Every combination of the Kubernetes components over the base, rendered by kubectl."""

import re
from itertools import combinations, product
from pathlib import Path

import pytest
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import CollectorRegistry

from services.orchestrator.step_metrics import BacklogMetrics
from shared.stage_metrics import StageMetrics
from tests.contract.manifests import COMPONENTS, Manifest, has_kubectl, pods, render_with
from tests.contract.network import lets_through
from tests.contract.schemas import check_schema
from tests.contract.tree import ROOT

pytestmark = pytest.mark.skipif(not has_kubectl(), reason="kubectl is not on the PATH")

STAGES = {"image-encoder", "prompt-encoder", "reasoner", "mask-decoder"}
CALLERS = {"gateway", "orchestrator"}
STORES = {"redis-state": "redis", "redis-tensors": "redis", "object-store": "s3"}
CHOICES = [chosen for n in range(4) for chosen in combinations(COMPONENTS, n)]


def of_kind(objects: list[Manifest], kind: str) -> dict[str, Manifest]:
    return {part["metadata"]["name"]: part for part in objects if part["kind"] == kind}


@pytest.mark.parametrize("chosen", CHOICES, ids="+".join)
def test_any_choice_of_components_keeps_to_the_schemas(
    chosen: tuple[str, ...], tmp_path: Path
) -> None:
    for part in render_with(chosen, tmp_path):
        check_schema(part)
        assert part["kind"] == "Namespace" or part["metadata"]["namespace"] == "earthgptx"


def test_every_component_says_what_it_needs() -> None:
    for name in COMPONENTS:
        assert "Needed:" in (ROOT / "k8s" / "components" / name / "README.md").read_text(), name


def test_each_stage_has_a_pool_of_gpus_and_nobody_else_has(tmp_path: Path) -> None:
    pools = {}
    for name, pod in pods(render_with(["gpu-pools"], tmp_path)):
        (container,) = pod["containers"]
        if name not in STAGES:
            assert "nodeSelector" not in pod and "nvidia.com/gpu" not in str(container)
            continue
        pools[name] = pod["nodeSelector"]["earthgptx/gpu-pool"]
        variables = {v["name"]: v.get("value") for v in container["env"]}
        assert variables["EARTHGPTX_DEVICE"] == "cuda:0"
        assert container["resources"]["limits"]["nvidia.com/gpu"] == "1"
        assert {"cpu", "memory"} <= set(container["resources"]["limits"])
        assert container["image"].endswith("-cuda")
        assert [t["key"] for t in pod["tolerations"]] == ["nvidia.com/gpu"]
    assert pools == {name: name for name in STAGES}


def test_whoever_is_scaled_has_no_number_of_replicas_of_its_own(tmp_path: Path) -> None:
    rendered = render_with(["autoscaling"], tmp_path)
    scalers = of_kind(rendered, "ScaledObject") | of_kind(rendered, "HorizontalPodAutoscaler")
    targets = {part["spec"]["scaleTargetRef"]["name"] for part in scalers.values()}
    deployments = of_kind(rendered, "Deployment")
    assert targets == STAGES | CALLERS == set(deployments)
    assert all("replicas" not in part["spec"] for part in deployments.values())


def test_the_queries_ask_for_what_the_services_count(tmp_path: Path) -> None:
    registry = CollectorRegistry()
    reader = PrometheusMetricReader(registry=registry, scope_info_enabled=False)
    meter = MeterProvider([reader]).get_meter("earthgptx")
    for stage in STAGES:
        metrics = StageMetrics(meter, stage.replace("-", "_"))
        metrics.queued(1)
        metrics.running(1)
    BacklogMetrics(meter).set({"reason": 1}, 1)
    counted = {
        (sample.name, sample.labels.get("stage", ""))
        for family in registry.collect()
        for sample in family.samples
    }
    scaled = of_kind(render_with(["autoscaling"], tmp_path), "ScaledObject")
    for name, part in scaled.items():
        query = part["spec"]["triggers"][0]["metadata"]["query"]
        stage = name.replace("-", "_") if name in STAGES else ""
        pattern = re.search(r"earthgptx_[a-z_]+(?:\([a-z_|]+\))?", query)
        assert pattern is not None
        found = {
            metric
            for metric, label in counted
            if re.fullmatch(pattern[0], metric) and label == stage
        }
        assert len(found) == (2 if name in STAGES else 1), query
        assert name not in STAGES or f'stage="{stage}"' in query


def test_policies_let_through_what_the_suite_needs_and_nothing_else(tmp_path: Path) -> None:
    rendered = render_with(["network-policies"], tmp_path)
    policies = list(of_kind(rendered, "NetworkPolicy").values())
    ports = {**STORES, **dict.fromkeys(STAGES | CALLERS, "grpc")}
    needed = {
        *product(CALLERS, STAGES),
        *product(CALLERS, STORES),
        *product(STAGES, STORES.keys() - {"redis-state"}),
    }
    # The gateway is open to everybody who may leave where they are.
    needed |= {(source, "gateway") for source in STAGES | CALLERS}
    found = {
        (source, target)
        for source, target in product(ports, ports)
        if lets_through(policies, source, target, ports[target])
    }
    assert found == needed
    assert not any(lets_through(policies, s, t, "metrics") for s, t in product(ports, ports))
