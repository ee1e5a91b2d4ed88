import ast
import re
from pathlib import Path
from typing import Any

import yaml

from tests.contract.tree import PACKAGES, ROOT, SERVICES, hyphenated, load_script, project, sources

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
UNDER = r"^FROM (\w+) AS under-([a-z-]+)$"


def environment(service: str) -> dict[str, str]:
    variables: dict[str, str] = COMPOSE["services"][hyphenated(service)]["environment"]
    return variables


def test_nothing_asks_for_more_than_compose_1_29_knows() -> None:
    assert "name" not in COMPOSE
    assert "configs" not in COMPOSE
    for service in COMPOSE["services"].values():
        assert "start_interval" not in service.get("healthcheck", {})
        conditions = service.get("depends_on", {}).values()
        assert all(set(condition) == {"condition"} for condition in conditions)


def test_no_secret_is_in_an_environment_or_on_a_command_line() -> None:
    for service in COMPOSE["services"].values():
        shown = {
            name
            for name in service.get("environment", {})
            if re.search(r"SUITE_KEY|PASSWORD|SECRET|REDIS_URL", name)
        }
        assert all(name.endswith("_FILE") for name in shown)
        spoken = (
            f"{service.get('entrypoint')} {service.get('command')} {service.get('healthcheck')}"
        )
        assert not re.search(r"\$\{?[A-Z_]*(KEY|PASSWORD|SECRET)[A-Z_]*\}", spoken)


def test_a_process_is_handed_the_secrets_it_names_and_no_others() -> None:
    for name, service in COMPOSE["services"].items():
        handed = {f"/run/secrets/{secret}" for secret in service.get("secrets", ())}
        assert handed == set(re.findall(r"/run/secrets/[a-z-]+", str(service))), name


def test_the_secrets_are_those_that_are_made(tmp_path: Path) -> None:
    load_script("make_secrets").write_for_compose(tmp_path / "made")
    made = {path.name: path.read_text() for path in (tmp_path / "made").iterdir()}
    files = {Path(secret["file"]) for secret in COMPOSE["secrets"].values()}
    assert {file.parent for file in files} == {Path("out/compose")}
    assert {file.name for file in files} == {"api-keys.json", *made}
    assert made["redis-password"] in made["state-redis-url"]
    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o700


def test_every_container_tells_its_health() -> None:
    silent = {name for name, entry in COMPOSE["services"].items() if "healthcheck" not in entry}
    assert silent == {"tensor-memory"}


def test_every_service_is_locked_down() -> None:
    for service in SERVICES:
        entry = COMPOSE["services"][hyphenated(service)]
        assert entry["read_only"] is True
        assert entry["cap_drop"] == ["ALL"]


def test_the_two_redis_roles_are_two_instances() -> None:
    kept = COMPOSE["services"]["redis-state"]["command"]
    evicted = COMPOSE["services"]["redis-tensors"]["command"]
    assert "--appendonly yes --appendfsync always" in kept and "noeviction" in kept
    assert "--appendonly no" in evicted and "allkeys-lru" in evicted
    for service in SERVICES:
        variables = environment(service)
        assert variables["EARTHGPTX_TENSOR_REDIS_URL_FILE"] == "/run/secrets/tensor-redis-url"
        keeps_records = "EARTHGPTX_STATE_REDIS_URL_FILE" in variables
        assert keeps_records == (service in ("gateway", "orchestrator"))


def test_an_image_stands_on_torch_exactly_if_its_extra_asks_for_it() -> None:
    recipe = (ROOT / "services" / "Dockerfile").read_text()
    under = {service: layer for layer, service in re.findall(UNDER, recipe, re.MULTILINE)}
    extras = project()["project"]["optional-dependencies"]
    asks = {
        hyphenated(service): any("torch" in line for line in extras[hyphenated(service)])
        for service in SERVICES
    }
    assert under == {name: "torch" if torch else "plain" for name, torch in asks.items()}


def test_an_image_carries_every_package_that_a_service_imports() -> None:
    recipe = (ROOT / "services" / "Dockerfile").read_text()
    copied = set(re.findall(r"^COPY ([a-z_]+) /checkout/", recipe, re.MULTILINE)) - {"weights"}
    imported = {
        name.partition(".")[0]
        for path in sources(*(copied - {"protos"}))
        for node in ast.walk(ast.parse(path.read_text()))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported & {*PACKAGES, "protos"} == copied
    allowed = set((ROOT / ".dockerignore").read_text().split())
    assert {f"!{package}" for package in copied} <= allowed


def test_callers_reach_the_stages_where_they_listen() -> None:
    for caller in ("gateway", "orchestrator"):
        for name, address in environment(caller).items():
            if name.endswith("_ADDR"):
                container, _, port = address.partition(":")
                assert environment(container)["EARTHGPTX_LISTEN"] == f"0.0.0.0:{port}"


def test_every_image_can_be_named_by_a_variable() -> None:
    pulled = [s["image"] for s in COMPOSE["services"].values() if "build" not in s]
    assert pulled and all(re.fullmatch(r"\$\{[A-Z_]+:-[^:]+:\d[^}]*\}", image) for image in pulled)
    assert "# syntax=" not in (ROOT / "services" / "Dockerfile").read_text()
