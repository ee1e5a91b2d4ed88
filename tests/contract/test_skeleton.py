"""Adding a service is a folder, a proto, an extra, a compose entry and a manifest."""

import pytest
import yaml

from tests.contract.tree import ROOT, SERVICES, hyphenated, project

STAGES = ("image_encoder", "mask_decoder", "prompt_encoder", "reasoner")
# What a service speaks: a stage its own proto, the gateway the public ones. The orchestrator takes
# JSON messages from the broker and calls the stages; it has no gRPC service of its own.
PROTOS = {
    **{stage: (f"{stage}.proto",) for stage in STAGES},
    "gateway": ("images.proto", "interpreter.proto", "workflows.proto"),
    "orchestrator": (),
}


def test_the_services_are_the_six_of_the_design() -> None:
    assert sorted(PROTOS) == SERVICES


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_has_the_three_files(service: str) -> None:
    folder = ROOT / "services" / service
    assert {"__main__.py", "server.py", "engine.py"} <= {path.name for path in folder.glob("*.py")}


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_has_its_proto(service: str) -> None:
    for name in PROTOS[service]:
        text = (ROOT / "protos/earthgptx/v1" / name).read_text()
        assert "\nservice " in text


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_has_its_extra(service: str) -> None:
    assert hyphenated(service) in project()["project"]["optional-dependencies"]


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_has_its_compose_entry(service: str) -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    entry = compose["services"][hyphenated(service)]
    assert entry["build"]["args"]["SERVICE"] == hyphenated(service)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_has_its_manifest(service: str) -> None:
    name = hyphenated(service)
    path = ROOT / "k8s" / "base" / f"{name}.yaml"
    objects = [part for part in yaml.safe_load_all(path.read_text()) if part]
    assert {"Deployment", "ServiceAccount"} <= {part["kind"] for part in objects}
    assert {part["metadata"]["name"] for part in objects} == {name}
    kustomization = yaml.safe_load((path.parent / "kustomization.yaml").read_text())
    assert path.name in kustomization["resources"]
