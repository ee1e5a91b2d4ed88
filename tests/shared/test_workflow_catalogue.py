from __future__ import annotations

import pytest
from redis.asyncio import Redis

from shared.errors import NotFound, QuotaExceeded, StageUnavailable
from shared.run_records.state_redis import open_state_redis
from shared.workflow_catalogue import Stored, WorkflowCatalogue
from tests.servers import free_port


@pytest.fixture
def catalogue(redis: Redis) -> WorkflowCatalogue:
    return WorkflowCatalogue(redis, max_versions_per_tenant=4)


async def keep(
    catalogue: WorkflowCatalogue, name: str, definition: str = "{}", tenant: str = "alpha"
) -> tuple[Stored, bool]:
    return await catalogue.keep(
        tenant=tenant,
        name=name,
        digest=f"sha256:of {definition}",
        definition=definition,
        description=f"über {name}",
    )


async def test_each_definition_is_the_next_version_and_a_known_one_stays(catalogue) -> None:
    first, new = await keep(catalogue, "ships", "one")
    assert (first.version, first.description, new) == (1, "über ships", True)
    assert (await keep(catalogue, "ships", "two"))[0].version == 2
    assert await keep(catalogue, "ships", "one") == (first, False)
    assert (await catalogue.find("ships", 0, tenant="alpha")).definition == "two"
    found = await catalogue.find("ships", 1, tenant="alpha")
    assert (found.stored, found.definition) == (first, "one")
    versions = await catalogue.versions("ships", tenant="alpha")
    assert [each.version for each in versions] == [2, 1]


async def test_one_definition_under_two_names_is_two_workflows(catalogue) -> None:
    await keep(catalogue, "ships", "one")
    assert (await keep(catalogue, "boats", "one"))[1]
    assert await catalogue.versions("boats", tenant="beta") == []


@pytest.mark.parametrize(("name", "version"), [("ships", 2), ("boats", 0), ("boats", 1)])
async def test_what_is_not_kept_is_not_found(catalogue, name: str, version: int) -> None:
    await keep(catalogue, "ships")
    with pytest.raises(NotFound):
        await catalogue.find(name, version, tenant="alpha")
    with pytest.raises(NotFound):
        await catalogue.find("ships", 1, tenant="beta")


async def test_pages_go_by_name_and_tell_the_newest(catalogue) -> None:
    for name in ("c", "a", "b-2", "a"):
        await keep(catalogue, name, f"{name}")
    await keep(catalogue, "a", "later")
    await keep(catalogue, "z", tenant="beta")
    page = await catalogue.page("", 2, tenant="alpha")
    assert [(each.name, each.version) for each in page] == [("a", 2), ("b-2", 1)]
    assert [each.name for each in await catalogue.page("b-2", 2, tenant="alpha")] == ["c"]
    assert await catalogue.page("c", 2, tenant="alpha") == []


async def test_a_tenant_keeps_so_many_versions_and_deleting_makes_room(catalogue) -> None:
    for number in range(4):
        await keep(catalogue, "ships", str(number))
    with pytest.raises(QuotaExceeded, match="4 versions"):
        await keep(catalogue, "boats")
    assert not (await keep(catalogue, "ships", "3"))[1]
    assert (await keep(catalogue, "boats", tenant="beta"))[1]
    await catalogue.delete("ships", tenant="alpha")
    await catalogue.delete("ships", tenant="alpha")
    assert await catalogue.page("", 9, tenant="alpha") == []
    for number in range(4):
        assert (await keep(catalogue, "boats", str(number)))[0].version == number + 1


async def test_without_the_state_store_it_says_so() -> None:
    redis = open_state_redis(f"redis://127.0.0.1:{free_port()}/0")
    with pytest.raises(StageUnavailable):
        await WorkflowCatalogue(redis, 1).versions("ships", tenant="alpha")
    await redis.aclose()
