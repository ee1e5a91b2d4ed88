from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from redis.asyncio import Redis

from shared.interpretation.events import Fault
from shared.workflow_runs.events import (
    StepExpanded,
    StepFailed,
    StepRewound,
    UnitDone,
)
from shared.workflow_runs.runs import WorkflowRuns
from shared.workflow_runs.unit_work import OutputsGone
from shared.workflow_runs.views import END, Produced, Refused
from tests.shared.workflow_runs.conftest import FAST
from tests.shared.workflow_runs.graphs import (
    claimed,
    committed,
    create,
    graph,
    item_outputs,
    outputs,
    step,
    told,
)

BROKEN = Fault("INTERNAL", "broken", retryable=False)
CHAIN = graph(a=step(), b=step("a"), c=step("a"), d=step("b", "c"))
FAN = graph(tiles=step(), seen=step("tiles", fan_out=True, in_flight=2), all=step("seen"))


async def test_items_run_so_many_at_a_time_and_are_gathered(runs: WorkflowRuns) -> None:
    run_id = (await create(runs, FAN)).run_id
    await committed(runs, run_id, "tiles", {"tiles": [10, 11, 12, 13]})
    claim = await claimed(runs, run_id, "seen")
    assert (claim.phase, claim.in_flight) == ("items", 2)
    ready = await runs.expand(claim, [0, 1, 3])
    assert ready is not None and [each.unit for each in ready] == ["seen#0", "seen#1"]
    assert await runs.expand(claim, [0, 1, 3]) == ()
    assert await runs.claim(run_id, "seen", "me") == Refused("waiting")
    item = await claimed(runs, run_id, "seen#1")
    assert (item.phase, item.item, item.step) == ("item", 1, "seen")
    assert await committed(runs, run_id, "seen#0", {"n": 0}) == ["seen#3"]
    assert [each.unit for each in await runs.commit(item, '{"n":1}') or ()] == []
    (seen,) = [each for each in await runs.steps(run_id) if each.step == "seen"]
    assert (seen.state, seen.items_total, seen.items_done) == ("running", 3, 2)
    assert await committed(runs, run_id, "seen#3", {"n": 3}) == ["seen"]
    gather = await claimed(runs, run_id, "seen")
    assert gather.phase == "gather"
    assert await item_outputs(runs, run_id) == [{"n": 0}, {"n": 1}, {"n": 3}]
    ready = await runs.commit(gather, '{"n":[0,1,3]}')
    assert ready is not None and [each.unit for each in ready] == ["all"]
    assert await runs.claim(run_id, "seen#0", "me") == Refused("done")
    await committed(runs, run_id, "all")
    await runs.finish(run_id, "succeeded", claim=await claimed(runs, run_id, END))
    events = await told(runs, run_id)
    assert StepExpanded("seen", 3) in events
    assert [event.item for event in events if isinstance(event, UnitDone)] == [0, 1, 3]


async def test_no_items_are_gathered_at_once(runs: WorkflowRuns) -> None:
    run_id = (await create(runs, FAN)).run_id
    await committed(runs, run_id, "tiles")
    ready = await runs.expand(await claimed(runs, run_id, "seen"), [])
    assert ready is not None and [each.unit for each in ready] == ["seen"]
    assert await item_outputs(runs, run_id) == []
    assert (await claimed(runs, run_id, "seen")).phase == "gather"


async def test_one_of_many_claims_wins_and_repeated_it_is_the_same(runs: WorkflowRuns) -> None:
    run_id = (await create(runs, CHAIN)).run_id
    claims = await asyncio.gather(*(runs.claim(run_id, "a", f"w{i}") for i in range(20)))
    assert claims.count(Refused("busy")) == 19
    (won,) = [i for i, claim in enumerate(claims) if not isinstance(claim, Refused)]
    again = await claimed(runs, run_id, "a", f"w{won}")
    assert replace(again, remaining_s=0, run_remaining_s=0) == replace(
        claims[won],  # type: ignore[type-var]
        remaining_s=0,
        run_remaining_s=0,
    )


async def test_a_worker_thought_dead_has_no_effect(runs: WorkflowRuns) -> None:
    run_id = (await create(runs, graph(a=step()))).run_id
    slow = await claimed(runs, run_id, "a", "slow")
    await asyncio.sleep(0.25)
    quick = await claimed(runs, run_id, "a", "quick")
    assert quick.fence > slow.fence and quick.attempt == 2
    assert await runs.commit(slow, '{"by":"slow"}') is None
    assert await runs.renew(slow) == "lost"
    assert await runs.finish(run_id, "failed", fault=BROKEN, claim=slow) is None
    assert await runs.commit(quick, '{"by":"quick"}') is not None
    assert await runs.commit(quick, '{"by":"again"}') == ()
    assert await runs.renew(quick) == "lost"
    assert await outputs(runs, run_id, "a") == {"a": {"by": "quick"}}


async def test_an_item_counts_once_however_often_it_is_done(runs: WorkflowRuns) -> None:
    run_id = (await create(runs, FAN)).run_id
    await committed(runs, run_id, "tiles")
    await runs.expand(await claimed(runs, run_id, "seen"), [0, 1])
    item = await claimed(runs, run_id, "seen#0")
    for _ in range(3):
        assert await runs.commit(item, "{}") == ()
    assert (await runs.steps(run_id))[1].items_done == 1
    assert await runs.claim(run_id, "seen#0", "me") == Refused("done")


async def test_failures_are_told_and_claims_bounded(runs: WorkflowRuns) -> None:
    run_id = (await create(runs, graph(a=step(retries=1)))).run_id
    for attempt in (1, 2, 3):
        claim = await claimed(runs, run_id, "a", f"w{attempt}")
        assert (claim.attempt, claim.failures) == (attempt, attempt - 1)
        assert not claim.exhausted
        await runs.retry(claim, BROKEN, retry_in_s=0, counted=True)
    last = await claimed(runs, run_id, "a")
    assert (last.exhausted, last.error) == (True, "INTERNAL: broken")
    assert await runs.finish(run_id, "failed", fault=BROKEN, claim=last, dead=True) == ()
    assert StepFailed("a", None, 2, BROKEN, will_retry=True) in await told(runs, run_id)
    assert (await runs.read(run_id)).fault == BROKEN


async def test_a_unit_given_back_has_lost_nothing(runs: WorkflowRuns) -> None:
    run_id = (await create(runs, graph(a=step()))).run_id
    await runs.release(await claimed(runs, run_id, "a", "leaves"), retry_in_s=0)
    assert (await claimed(runs, run_id, "a", "stays")).attempt == 1


async def test_outputs_that_are_gone_are_made_again(runs: WorkflowRuns, redis: Redis) -> None:
    run_id = (await create(runs, CHAIN)).run_id
    for unit in ("a", "b", "c"):
        await committed(runs, run_id, unit, {"n": 1})
    await redis.hdel(f"workflow:run:{run_id}:outputs", "b")
    claim = await claimed(runs, run_id, "d")
    with pytest.raises(OutputsGone) as gone:
        await runs.values(run_id, ["b", "c"])
    assert gone.value.units == ("b",)
    ready = await runs.rewind(claim, gone.value.units, "gone")
    assert ready is not None and [each.unit for each in ready] == ["b"]
    assert await runs.commit(claim, "{}") is None
    assert await committed(runs, run_id, "b", {"n": 2}) == ["d"]
    again = await claimed(runs, run_id, "d")
    assert again.produced["b"] == Produced(again.produced["b"].version, False)
    assert again.produced["b"].version > claim.produced["b"].version
    assert await runs.rewind(again, ["b"], "gone") is not None
    await committed(runs, run_id, "b", {"n": 2})
    assert await runs.rewind(await claimed(runs, run_id, "d"), ["b"], "gone") is None
    await runs.request_cancel(run_id)
    assert StepRewound("b", "gone") in await told(runs, run_id)


async def test_items_wait_for_what_is_made_again(runs: WorkflowRuns) -> None:
    run_id = (await create(runs, FAN)).run_id
    await committed(runs, run_id, "tiles")
    await runs.expand(await claimed(runs, run_id, "seen"), [0, 1])
    first, second = [await claimed(runs, run_id, f"seen#{i}") for i in (0, 1)]
    ready = await runs.rewind(first, ["tiles"], "gone")
    assert ready is not None and [each.unit for each in ready] == ["tiles"]
    assert await runs.rewind(second, ["tiles"], "gone") == ()
    assert await runs.claim(run_id, "seen#0", "me") == Refused("waiting")
    assert set(await committed(runs, run_id, "tiles")) == {"seen#0", "seen#1"}


async def test_a_step_that_gathers_has_lost_items_run_again(
    runs: WorkflowRuns, redis: Redis
) -> None:
    run_id = (await create(runs, FAN)).run_id
    await committed(runs, run_id, "tiles")
    await runs.expand(await claimed(runs, run_id, "seen"), [0, 1])
    for unit in ("seen#0", "seen#1"):
        await committed(runs, run_id, unit, {"n": 1})
    gather = await claimed(runs, run_id, "seen")
    await redis.hset(f"workflow:run:{run_id}:items:seen", "1", "")
    with pytest.raises(OutputsGone) as gone:
        await runs.item_values(run_id, "seen")
    ready = await runs.rewind(gather, gone.value.units, "gone")
    assert ready is not None and [each.unit for each in ready] == ["seen#1"]
    assert await committed(runs, run_id, "seen#1", {"n": 2}) == ["seen"]
    assert await item_outputs(runs, run_id) == [{"n": 1}, {"n": 2}]


async def test_a_tenant_has_so_many_units_in_flight_and_the_pressing_ones_first(
    redis: Redis,
) -> None:
    runs = WorkflowRuns(redis, replace(FAST, in_flight_per_tenant=2))
    bulk = await create(runs, graph(**{f"s{i}": step(priority="batch") for i in range(4)}))
    assert len(bulk.ready) == 2
    urgent = await create(runs, graph(u=step(priority="interactive")))
    assert urgent.ready == ()
    assert await runs.claim(urgent.run_id, "u", "me") == Refused("waiting")
    assert len((await create(runs, graph(x=step()), tenant="beta")).ready) == 1
    claim = await claimed(runs, bulk.run_id, "s0")
    ready = await runs.commit(claim, "{}")
    assert ready is not None
    assert [(each.run_id, each.unit) for each in ready] == [(urgent.run_id, "u")]
    assert await runs.request_cancel(urgent.run_id)
    assert (await runs.claim(bulk.run_id, "s2", "me")) != Refused("waiting")
    assert await redis.scard("workflow:in_flight:alpha") == 2


async def test_a_lost_message_a_dead_worker_and_a_late_run_are_found(runs: WorkflowRuns) -> None:
    run_id = (await create(runs, graph(a=step()), timeout_s=0.6)).run_id
    assert await runs.due(9) == []
    await asyncio.sleep(0.2)
    assert await runs.due(9) == [run_id]
    assert [(e.unit, e.attempt) for e in (await runs.sweep(run_id)).ready] == [("a", 1)]
    assert await runs.due(9) == []
    claim = await claimed(runs, run_id, "a", "dies")
    await asyncio.sleep(0.25)
    assert [(e.unit, e.attempt) for e in (await runs.sweep(run_id)).ready] == [("a", 2)]
    assert await runs.renew(claim) == "held"
    await asyncio.sleep(0.25)
    assert (await runs.sweep(run_id)).action == "late"
    await runs.finish(run_id, "failed", fault=BROKEN)
    assert (await runs.sweep(run_id)).action == "over"
