import re
from typing import Any

import yaml

from tests.contract.tree import ROOT, SERVICES, hyphenated

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())


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


def test_no_secret_is_written_down() -> None:
    for service in COMPOSE["services"].values():
        for name, value in service.get("environment", {}).items():
            if re.search(r"KEY|PASSWORD|SECRET|AUTH", name) and not name.endswith("_FILE"):
                assert value.startswith("${"), name


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
    assert "--appendonly yes" in kept and "noeviction" in kept
    assert "--appendonly no" in evicted and "allkeys-lru" in evicted
    for service in SERVICES:
        variables = environment(service)
        assert "@redis-state:" in variables["EARTHGPTX_STATE_REDIS_URL"]
        assert "@redis-tensors:" in variables["EARTHGPTX_TENSOR_REDIS_URL"]


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
