import re
from collections.abc import Iterator

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from tests.contract.tree import ROOT, SERVICES, hyphenated, project

NAME = "earthgptx-suite"


def requirements_of(extra: str | None) -> Iterator[Requirement]:
    """What an extra asks for with its own extras followed; the base for None."""
    described = project()["project"]
    lines = (
        described["dependencies"] if extra is None else described["optional-dependencies"][extra]
    )
    for requirement in map(Requirement, lines):
        if requirement.name == NAME:
            for nested in sorted(requirement.extras):
                yield from requirements_of(nested)
        else:
            yield requirement


def test_the_base_installs_no_torch_and_no_celery() -> None:
    names = {requirement.name for requirement in requirements_of(None)}
    assert not names & {"torch", "torchvision", "timm", "transformers", "celery"}


@pytest.mark.parametrize("extra", ["gateway", "orchestrator"])
def test_what_runs_no_model_installs_no_torch(extra: str) -> None:
    names = {requirement.name for requirement in requirements_of(extra)}
    assert not names & {"torch", "torchvision", "timm", "transformers"}


def test_extras_are_written_with_hyphens() -> None:
    extras = project()["project"]["optional-dependencies"]
    assert [name for name in extras if "_" in name] == []
    wanted = {*map(hyphenated, SERVICES), "train", "dev"}
    assert wanted <= set(extras)


def test_dev_holds_everything() -> None:
    extras = project()["project"]["optional-dependencies"]
    # Java programs of 104 MB for two scores that are told to be unavailable without them; kernels
    # that warn in every process that imports transformers.
    left_out = {"dev", "java-metrics", "quantised"}
    everything = {r.name for e in extras if e not in left_out for r in requirements_of(e)}
    assert everything <= {requirement.name for requirement in requirements_of("dev")}


def test_every_dependency_has_a_lower_bound() -> None:
    unbounded = [
        str(requirement)
        for extra in (None, "dev")
        for requirement in requirements_of(extra)
        if not any(s.operator in (">=", "==", "~=") for s in requirement.specifier)
    ]
    assert unbounded == []


def test_celery_and_kombu_have_the_mended_redelivery() -> None:
    found = {requirement.name: requirement.specifier for requirement in requirements_of("dev")}
    for name in ("celery", "kombu"):
        assert Version("5.7.0") in found[name]
        assert Version("5.6.9") not in found[name]


def test_python_is_3_11_to_3_13() -> None:
    supported = SpecifierSet(project()["project"]["requires-python"])
    tried = ["3.10.14", "3.11.0", "3.12.4", "3.13.1", "3.14.0"]
    assert [version in supported for version in tried] == [False, True, True, True, False]


def pins(file_name: str) -> dict[str, Version]:
    lines = (ROOT / "requirements" / file_name).read_text().splitlines()
    found = (re.match(r"^([a-z0-9-]+)==(\S+)", line) for line in lines)
    return {match[1]: Version(match[2]) for match in found if match}


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_pinned_versions_satisfy_pyproject() -> None:
    pinned = pins("versions.txt")
    for extra in (None, "dev"):
        for requirement in requirements_of(extra):
            version = pinned[canonical(requirement.name)]
            assert requirement.specifier.contains(version, prereleases=True), requirement


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_a_lock_that_covers_its_extra(service: str) -> None:
    extra = hyphenated(service)
    locked = pins(f"{extra}.lock")
    separate = pins("torch-cpu.lock")
    needed = {canonical(r.name) for part in (None, extra) for r in requirements_of(part)}
    assert needed <= set(locked) | set(separate)
    versions = pins("versions.txt")
    assert {name: v for name, v in locked.items() if versions[name] != v} == {}


def test_every_lock_has_hashes_and_names_no_index() -> None:
    for path in sorted((ROOT / "requirements").glob("*.lock")):
        text = path.read_text()
        entries = re.findall(r"^[a-z0-9-]+==.*\n(.*)", text, re.MULTILINE)
        assert entries and all("--hash=sha256:" in entry for entry in entries), path.name
        assert not re.search(r"://|--(extra-)?index-url|--find-links", text), path.name
