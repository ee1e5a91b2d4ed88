from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from pathlib import Path

import pytest
from redis.asyncio import Redis

from shared.errors import Conflict, InvalidInput, NotFound, QuotaExceeded, StageUnavailable
from shared.interpretation.events import Fault
from shared.run_records.state_redis import open_state_redis
from shared.tensors.directory_objects import DirectoryObjects
from shared.workflow_runs.events import (
    RunAccepted,
    RunEnded,
    RunResumed,
    StepDone,
    StepFailed,
    StepSkipped,
    StepStarted,
)
from shared.workflow_runs.large_values import LargeValues
from shared.workflow_runs.reading import EVENTS_A_READ
from shared.workflow_runs.runs import WorkflowRuns
from shared.workflow_runs.unit_work import OutputsGone
from shared.workflow_runs.views import END, ReadyUnit, Refused
from tests.servers import free_port
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


async def test_a_run_goes_step_by_step_to_its_end(runs: WorkflowRuns) -> None:
    made = await create(runs, CHAIN)
    run_id = made.run_id
    assert made.ready == (ReadyUnit(run_id, "a", "reasoner", "normal", "t", attempt=1),)
    assert await runs.claim(run_id, "d", "me") == Refused("waiting")
    assert await committed(runs, run_id, "a", {"n": 1}) == ["b", "c"]
    words = await claimed(runs, run_id, "c")
    assert await runs.commit(words, '{"words":"ships"}', {"words": "ships"}) == ()
    assert await committed(runs, run_id, "b", {"found": [1, 2]}) == ["d"]
    claim = await claimed(runs, run_id, "d")
    assert set(claim.produced) == {"b", "c"} and claim.phase == "whole"
    assert await outputs(runs, run_id, "b", "c") == {
        "b": {"found": [1, 2]},
        "c": {"words": "ships"},
    }
    ready = await runs.commit(claim, "{}")
    assert ready is not None and [each.unit for each in ready] == [END]
    end = await claimed(runs, run_id, END)
    assert await runs.finish(run_id, "succeeded", outputs='{"n":3}', claim=end) == ()
    events = await told(runs, run_id)
    assert events[:3] == [RunAccepted("w", 4), StepStarted("a"), StepDone("a")]
    assert StepDone("c", {"words": "ships"}) in events
    assert events[-1] == RunEnded("succeeded")
    assert await told(runs, run_id, after_event=len(events) - 1) == [RunEnded("succeeded")]
    view = await runs.read(run_id)
    assert (view.state, view.outputs_json, view.fault) == ("succeeded", '{"n":3}', None)
    assert (view.workflow_name, view.version, view.tenant) == ("w", 1, "alpha")
    assert json.loads(await runs.inputs(run_id)) == {"scene": "sha256:1"}
    assert await runs.definition(run_id) == '{"workflow":"w"}'
    assert [each.state for each in await runs.steps(run_id)] == ["done"] * 4


async def test_a_skipped_step_is_told_and_known_to_those_after_it(runs: WorkflowRuns) -> None:
    run_id = (await create(runs, graph(a=step(), b=step("a")))).run_id
    ready = await runs.skip(await claimed(runs, run_id, "a"))
    assert ready is not None and [each.unit for each in ready] == ["b"]
    claim = await claimed(runs, run_id, "b")
    assert claim.produced["a"].skipped
    assert (await runs.steps(run_id))[0].state == "skipped"
    await runs.request_cancel(run_id)
    assert StepSkipped("a") in await told(runs, run_id)


async def test_a_run_given_up_is_a_dead_letter(runs: WorkflowRuns, redis: Redis) -> None:
    run_id = (await create(runs, graph(a=step()))).run_id
    claim = await claimed(runs, run_id, "a")
    await runs.finish(run_id, "failed", fault=BROKEN, claim=claim, dead=True)
    ((_, letter),) = await redis.xrange("workflow:dead")
    assert letter == {b"run": run_id.encode(), b"unit": b"a", b"reason": b"INTERNAL: broken"}
    assert (await runs.steps(run_id))[0].state == "failed"
    assert (await told(runs, run_id))[-2:] == [
        StepFailed("a", None, 1, BROKEN, will_retry=False),
        RunEnded("failed", BROKEN),
    ]


async def test_a_run_ends_once(runs: WorkflowRuns) -> None:
    run_id = (await create(runs, CHAIN)).run_id
    ends = await asyncio.gather(
        *(runs.finish(run_id, "failed", fault=BROKEN) for _ in range(5)),
        *(runs.finish(run_id, "succeeded") for _ in range(5)),
    )
    assert ends.count(None) == 9
    assert not await runs.request_cancel(run_id)
    assert await runs.claim(run_id, "a", "me") == Refused("over")
    assert sum(isinstance(event, RunEnded) for event in await told(runs, run_id)) == 1


async def test_a_cancelled_run_is_over_for_all_and_said_aloud(
    runs: WorkflowRuns, redis: Redis
) -> None:
    run_id = (await create(runs, CHAIN)).run_id
    claim = await claimed(runs, run_id, "a")
    async with redis.pubsub() as heard:
        await heard.subscribe("workflow:ended")
        await heard.get_message(timeout=1)
        assert await runs.request_cancel(run_id)
        message = await heard.get_message(timeout=1)
        assert message is not None and message["data"] == run_id.encode()
    assert await runs.renew(claim) == "over"
    assert await runs.commit(claim, "{}") is None
    view = await runs.read(run_id)
    assert view.state == "cancelled" and view.fault is not None


async def test_a_resumed_run_does_only_what_is_missing(runs: WorkflowRuns) -> None:
    run_id = (await create(runs, CHAIN)).run_id
    await committed(runs, run_id, "a", {"n": 1})
    old = await claimed(runs, run_id, "b")
    await runs.finish(run_id, "failed", fault=BROKEN, claim=old)
    ready = await runs.resume(run_id, timeout_s=9, max_running=9)
    assert {each.unit for each in ready} == {"b", "c"}
    assert await runs.commit(old, '{"n":0}') is None
    with pytest.raises(Conflict):
        await runs.resume(run_id, timeout_s=9, max_running=9)
    await committed(runs, run_id, "b")
    await committed(runs, run_id, "c")
    assert await committed(runs, run_id, "d") == [END]
    await runs.finish(run_id, "succeeded", claim=await claimed(runs, run_id, END))
    events = await told(runs, run_id)
    assert events.count(StepDone("a")) == 1
    assert [type(e) for e in events if isinstance(e, RunEnded | RunResumed)] == [
        *(RunEnded, RunResumed, RunEnded),
    ]
    with pytest.raises(Conflict):
        await runs.resume(run_id, timeout_s=9, max_running=9)


async def test_a_resumed_fan_out_goes_on_where_it_was(runs: WorkflowRuns) -> None:
    run_id = (await create(runs, FAN)).run_id
    await committed(runs, run_id, "tiles")
    await runs.expand(await claimed(runs, run_id, "seen"), [0, 1, 2, 3])
    await committed(runs, run_id, "seen#0", {"n": 0})
    await claimed(runs, run_id, "seen#2")
    await runs.request_cancel(run_id)
    ready = await runs.resume(run_id, timeout_s=9, max_running=9)
    assert {each.unit for each in ready} == {"seen#1", "seen#2"}
    await committed(runs, run_id, "seen#1", {"n": 1})
    await committed(runs, run_id, "seen#2", {"n": 2})
    assert await committed(runs, run_id, "seen#3", {"n": 3}) == ["seen"]
    assert [each["n"] for each in await item_outputs(runs, run_id)] == [0, 1, 2, 3]


async def test_the_same_request_joins_the_first_run(runs: WorkflowRuns) -> None:
    made = await asyncio.gather(*(create(runs, CHAIN, idempotency_key="k") for _ in range(8)))
    assert len({each.run_id for each in made}) == 1
    assert sum(not each.joined for each in made) == 1
    assert not (await create(runs, CHAIN, idempotency_key="k", tenant="beta")).joined
    with pytest.raises(Conflict):
        await create(runs, CHAIN, idempotency_key="k", digest="other")


async def test_a_tenant_has_so_many_runs(runs: WorkflowRuns) -> None:
    first = await create(runs, CHAIN, max_running=1)
    with pytest.raises(QuotaExceeded):
        await create(runs, CHAIN, max_running=1)
    await runs.request_cancel(first.run_id)
    await create(runs, CHAIN, max_running=1)
    with pytest.raises(QuotaExceeded):
        await runs.resume(first.run_id, timeout_s=9, max_running=1)


async def test_runs_are_listed_by_pages_of_a_tenant(runs: WorkflowRuns, redis: Redis) -> None:
    ids = [(await create(runs, CHAIN)).run_id for _ in range(7)]
    await create(runs, CHAIN, tenant="beta")
    await runs.request_cancel(ids[2])
    page = await runs.list("alpha", 3)
    assert [each.run_id for each in page.runs] == ids[:3:-1]
    rest = await runs.list("alpha", 9, page.next_page_token)
    assert [each.run_id for each in rest.runs] == ids[3::-1] and rest.next_page_token == ""
    (only,) = (await runs.list("alpha", 9, state="cancelled")).runs
    assert only.run_id == ids[2]
    assert (await runs.list("alpha", 9, workflow_name="other")).runs == ()
    for token in ("x", "²"):
        with pytest.raises(InvalidInput):
            await runs.list("alpha", 9, token)
    await redis.delete(f"workflow:run:{ids[0]}")
    assert len((await runs.list("alpha", 9)).runs) == 6
    await create(runs, CHAIN)
    assert await redis.zscore("workflow:runs:alpha", ids[0]) is None


async def test_large_values_lie_in_the_object_store(redis: Redis, tmp_path: Path) -> None:
    large = LargeValues(DirectoryObjects(tmp_path, 10**9))
    runs = WorkflowRuns(redis, FAST, large)
    inputs = json.dumps({"words": "x" * 9000})
    run_id = (await create(runs, CHAIN, inputs_json=inputs)).run_id
    assert await runs.inputs(run_id) == inputs
    found = {"found": ["y" * 100] * 100}
    await committed(runs, run_id, "a", found)
    assert await outputs(runs, run_id, "a") == {"a": found}
    assert await redis.memory_usage(f"workflow:run:{run_id}:outputs") < 500
    for file in tmp_path.rglob("*"):
        if file.is_file():
            file.unlink()
    with pytest.raises(OutputsGone):
        await runs.values(run_id, ["a"])
    with pytest.raises(NotFound):
        await runs.inputs(run_id)
    await large.close()


async def test_outputs_too_large_to_be_read_again_are_refused(redis: Redis, tmp_path: Path) -> None:
    large = LargeValues(DirectoryObjects(tmp_path, 10**9), limit_bytes=9000)
    runs = WorkflowRuns(redis, FAST, large)
    run_id = (await create(runs, CHAIN)).run_id
    with pytest.raises(InvalidInput, match="9013 bytes"):
        await committed(runs, run_id, "a", {"words": "x" * 9000})
    await large.close()


async def test_more_events_than_are_read_at_once_are_told_without_a_gap(
    runs: WorkflowRuns,
) -> None:
    run_id = (await create(runs, CHAIN)).run_id
    for _ in range(EVENTS_A_READ // 2 + 1):
        await runs.request_cancel(run_id)
        await runs.resume(run_id, timeout_s=60, max_running=9)
    await runs.request_cancel(run_id)
    assert len(await told(runs, run_id)) == EVENTS_A_READ + 4


async def test_inputs_live_as_long_as_a_run_that_is_taken_up_again(
    redis: Redis, tmp_path: Path
) -> None:
    large = LargeValues(DirectoryObjects(tmp_path, 10**9))
    runs = WorkflowRuns(redis, FAST, large)
    inputs = json.dumps({"words": "x" * 9000})
    run_id = (await create(runs, CHAIN, inputs_json=inputs)).run_id
    (file,) = (each for each in tmp_path.rglob("*") if each.is_file())
    os.utime(file, (0, 1))
    await runs.request_cancel(run_id)
    await runs.resume(run_id, timeout_s=60, max_running=9)
    assert file.stat().st_mtime > time.time() + 60
    await runs.request_cancel(run_id)
    file.unlink()
    with pytest.raises(NotFound, match="expired"):
        await runs.resume(run_id, timeout_s=60, max_running=9)
    await large.close()


class ReadByTwo(DirectoryObjects):
    """Nobody reads alone."""

    both = threading.Barrier(2, timeout=10)

    def read(self, name: str, limit_bytes: int) -> memoryview:
        self.both.wait()
        return super().read(name, limit_bytes)


async def test_large_values_of_items_are_read_side_by_side(redis: Redis, tmp_path: Path) -> None:
    large = LargeValues(ReadByTwo(tmp_path, 10**9))
    runs = WorkflowRuns(redis, FAST, large)
    run_id = (await create(runs, FAN)).run_id
    await committed(runs, run_id, "tiles")
    await runs.expand(await claimed(runs, run_id, "seen"), [0, 1])
    given = [{"seen": str(number) * 9000} for number in range(2)]
    for number, outputs_of_item in enumerate(given):
        await committed(runs, run_id, f"seen#{number}", outputs_of_item)
    assert await item_outputs(runs, run_id) == given
    await large.close()


async def test_a_record_outlives_its_run_by_the_retention(runs: WorkflowRuns, redis: Redis) -> None:
    run_id = (await create(runs, FAN, idempotency_key="k")).run_id
    await committed(runs, run_id, "tiles")
    await runs.expand(await claimed(runs, run_id, "seen"), [0, 1, 2])
    await runs.request_cancel(run_id)
    async for key in redis.scan_iter(f"*{run_id}*"):
        assert 0 < await redis.pttl(key) <= 21_600_000, key
    await runs.resume(run_id, timeout_s=9, max_running=9)
    async for key in redis.scan_iter(f"*{run_id}*"):
        assert await redis.pttl(key) == -1, key
    await runs.finish(run_id, "succeeded")
    keys = {key async for key in redis.scan_iter(f"*{run_id}*")}
    assert keys == {f"workflow:run:{run_id}{part}".encode() for part in ("", ":units", ":events")}


async def test_what_is_not_there_is_not_found(runs: WorkflowRuns) -> None:
    for asked in (runs.read("r"), runs.steps("r"), runs.definition("r"), told(runs, "r")):
        with pytest.raises(NotFound):
            await asked
    with pytest.raises(NotFound):
        await runs.resume("r", timeout_s=9, max_running=9)
    assert not await runs.request_cancel("r")


async def test_without_the_state_store_the_error_says_so() -> None:
    client = open_state_redis(f"redis://127.0.0.1:{free_port()}/0")
    with pytest.raises(StageUnavailable):
        await create(WorkflowRuns(client, FAST), CHAIN)
    await client.aclose()
