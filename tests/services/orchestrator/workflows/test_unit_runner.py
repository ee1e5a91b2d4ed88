from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import pytest
from redis.asyncio import Redis

from services.orchestrator import going_on
from services.orchestrator.task_work.arguments import Arguments, text_in
from services.orchestrator.task_work.context import TaskContext, TaskWork
from shared import rpc_context
from shared.errors import InvalidInput, QueueFull, StageUnavailable, TensorGone
from shared.messages.celery_app import KEY_PREFIX, UnitCommand, unit_queue_of
from shared.workflow_runs.events import (
    RunEnded,
    StepDone,
    StepExpanded,
    StepFailed,
    StepRewound,
    StepSkipped,
    UnitDone,
)
from tests.services.orchestrator.workflows.conftest import SCENE_JSON, Bench, planned
from tests.shared.workflow_runs.history import check_history
from workflow_language.values import Value

MakeBench = Callable[..., Bench]

ASKED = planned(
    """
workflow: asked
inputs:
  scene: scene
  kinds: {type: list of text, at_most: 20}
steps:
  - {id: first, task: caption, with: {image: $scene}}
  - id: each_kind
    task: answer
    for_each: $kinds
    as: kind
    in_flight: 3
    when: $kind != 'boat'
    with: {image: $scene, question: "${first} ${kind}?"}
  - id: again
    task: answer
    for_each: $each_kind
    with: {image: $scene, question: "again ${item}"}
  - {id: report, task: export_report, with: {title: "${first}", parts: [$again]}}
outputs: {again: $again, first: $first, report: $report}
"""
)
INPUTS = {"scene": SCENE_JSON, "kinds": ["ship", "boat", "car"]}
ONE = planned(
    """
workflow: one
inputs: {scene: scene}
steps:
  - {id: said, task: caption, retries: 1, priority: batch, deadline: 5s, with: {image: $scene}}
outputs: {said: $said}
"""
)


async def say(context: TaskContext, arguments: Arguments) -> Mapping[str, Value]:
    return {"text": "words"}


async def repeat(context: TaskContext, arguments: Arguments) -> Mapping[str, Value]:
    return {"text": f"<{text_in(arguments, 'question')}>"}


class Failing:
    """Raises these one after the other, then gives words."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.calls = 0

    async def __call__(self, context: TaskContext, arguments: Arguments) -> Mapping[str, Value]:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return {"text": "words"}


async def test_a_workflow_runs_to_its_outputs(make_bench: MakeBench) -> None:
    bench = make_bench(caption=say, answer=repeat)
    run_id = await bench.create(ASKED, INPUTS)
    assert await bench.run_all(run_id) == "succeeded"
    outputs = await bench.outputs(run_id)
    assert outputs["again"] == ["<again <words ship?>>", "<again <words car?>>"]
    assert outputs["first"] == "words"
    told = await bench.told(run_id)
    assert StepExpanded("each_kind", 2) in told
    assert [e.item for e in told if isinstance(e, UnitDone) and e.step == "each_kind"] == [0, 2]
    assert StepDone("first", {"text": "words"}) in told


async def units_through_the_broker(bench: Bench) -> list[str]:
    units = []
    while bench.sent:
        units.append(bench.sent[0].unit)
        await bench.deliver(bench.sent.pop(0))
    return units


async def test_one_of_the_units_that_may_run_goes_on_without_the_broker(
    make_bench: MakeBench,
) -> None:
    bench = make_bench(caption=say, answer=repeat)
    run_id = await bench.create(ASKED, INPUTS)
    assert await units_through_the_broker(bench) == ["first", "each_kind#2", "again#1"]
    assert (await bench.runs.read(run_id)).state == "succeeded"


async def test_a_unit_waits_in_its_queue_where_a_more_urgent_one_waits(
    make_bench: MakeBench, redis: Redis
) -> None:
    bench = make_bench(caption=say, answer=repeat)
    run_id = await bench.create(ASKED, INPUTS)
    await redis.lpush(KEY_PREFIX + unit_queue_of("mask_decoder", "interactive"), "a message")
    units = await units_through_the_broker(bench)
    assert units[:2] == ["first", "each_kind"] and {"again#0", "again#1", "report"} < set(units)
    assert (await bench.runs.read(run_id)).state == "succeeded"


async def sent_after_long_units(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What goes through the broker where every unit lasts longer than a short one."""
    monkeypatch.setattr(going_on, "SHORT_S", 0.0)
    run_id = await bench.create(ASKED, INPUTS)
    units = await units_through_the_broker(bench)
    assert (await bench.runs.read(run_id)).state == "succeeded"
    return units


async def test_long_units_go_on_without_the_broker_where_no_other_waits(
    make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = make_bench(caption=say, answer=repeat)
    units = await sent_after_long_units(bench, monkeypatch)
    assert units == ["first", "each_kind#2", "again#1"]


async def test_long_units_give_way_to_others_as_urgent(
    make_bench: MakeBench, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = make_bench(caption=say, answer=repeat)
    await redis.lpush(KEY_PREFIX + unit_queue_of("mask_decoder", "batch"), "less urgent")
    assert len(await sent_after_long_units(bench, monkeypatch)) == 3
    await redis.lpush(KEY_PREFIX + unit_queue_of("mask_decoder", "normal"), "as urgent")
    assert len(await sent_after_long_units(bench, monkeypatch)) > 6


async def test_who_is_to_end_goes_on_with_nothing(
    make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = make_bench(caption=say, answer=repeat)
    bench.going_on.close()
    assert len(await sent_after_long_units(bench, monkeypatch)) > 6


async def test_a_slot_is_not_held_for_ever(
    make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(going_on, "LONGEST_S", 0.0)
    bench = make_bench(caption=say, answer=repeat)
    assert len(await sent_after_long_units(bench, monkeypatch)) > 6


async def test_a_unit_does_not_take_the_place_of_a_more_urgent_one(make_bench: MakeBench) -> None:
    plan = planned(
        """
workflow: less_and_less_urgent
inputs: {scene: scene}
steps:
  - {id: a, task: caption, priority: interactive, with: {image: $scene}}
  - {id: b, task: answer, priority: batch, with: {image: $scene, question: "about ${a}"}}
  - {id: c, task: answer, priority: normal, with: {image: $scene, question: "about ${b}"}}
outputs: {c: $c}
"""
    )
    bench = make_bench(caption=say, answer=repeat)
    run_id = await bench.create(plan, {"scene": SCENE_JSON})
    assert await units_through_the_broker(bench) == ["a", "b"]
    assert (await bench.runs.read(run_id)).state == "succeeded"


async def test_every_message_many_times_at_once_has_one_effect(make_bench: MakeBench) -> None:
    calls = 0

    async def slow(context: TaskContext, arguments: Arguments) -> Mapping[str, Value]:
        nonlocal calls
        calls += 1
        await asyncio.sleep(0.01)
        return {"text": "words"}

    bench = make_bench(caption=slow, answer=slow)
    run_id = await bench.create(ASKED, INPUTS)
    while bench.sent:
        await bench.deliver(bench.sent.pop(0), times=4)
    assert (await bench.runs.read(run_id)).state == "succeeded"
    assert calls == 1 + 2 + 2
    told = [each async for each in bench.runs.follow(run_id)]
    check_history(told, {step.id: step.after for step in ASKED.steps})


async def test_nothing_wanted_is_skipped_and_so_is_what_takes_it(make_bench: MakeBench) -> None:
    plan = planned(
        """
workflow: skipped
inputs: {scene: scene}
steps:
  - {id: a, task: caption, when: 1 > 2, with: {image: $scene}}
  - {id: b, task: answer, with: {image: $scene, question: "about ${a}"}}
  - {id: c, task: caption, with: {image: $scene}}
outputs: {b: $b, c: $c}
"""
    )
    bench = make_bench(caption=say)
    run_id = await bench.create(plan, {"scene": SCENE_JSON})
    assert await bench.run_all(run_id) == "succeeded"
    assert await bench.outputs(run_id) == {"c": "words"}
    told = await bench.told(run_id)
    assert StepSkipped("a") in told and StepSkipped("b") in told


async def test_a_failure_that_may_pass_is_tried_again_as_often_as_was_said(
    make_bench: MakeBench, redis: Redis
) -> None:
    work = Failing(*(TensorGone("gone") for _ in range(5)))
    bench = make_bench(caption=work)
    run_id = await bench.create(ONE, {"scene": SCENE_JSON})
    assert await bench.run_all(run_id) == "failed"
    assert work.calls == 2
    failures = [each for each in await bench.told(run_id) if isinstance(each, StepFailed)]
    assert [(each.attempt, each.will_retry) for each in failures] == [(1, True), (2, False)]
    ((_, letter),) = await redis.xrange("workflow:dead")
    assert letter[b"reason"] == b"TENSOR_GONE: gone"


async def test_a_stage_that_is_away_or_full_uses_up_no_retries(make_bench: MakeBench) -> None:
    away = [StageUnavailable("away"), QueueFull("full", retry_after_s=0.01)] * 2
    work = Failing(*away[:3])
    bench = make_bench(caption=work)
    run_id = await bench.create(ONE, {"scene": SCENE_JSON})
    assert await bench.run_all(run_id) == "succeeded"
    assert work.calls == 4


async def test_a_stage_that_stays_away_ends_the_run(make_bench: MakeBench) -> None:
    work = Failing(*(StageUnavailable("away") for _ in range(99)))
    bench = make_bench(caption=work)
    run_id = await bench.create(ONE, {"scene": SCENE_JSON})
    assert await bench.run_all(run_id) == "failed"
    assert work.calls == 4
    (*_, ended) = await bench.told(run_id)
    assert isinstance(ended, RunEnded) and ended.fault is not None
    assert "failed 4 times; last: STAGE_UNAVAILABLE: away" in ended.fault.message


async def test_what_the_caller_must_mend_is_told_at_once_and_no_dead_letter(
    make_bench: MakeBench, redis: Redis
) -> None:
    work = Failing(InvalidInput("no such modality", field="modality", limit="optical or sar"))
    bench = make_bench(caption=work)
    run_id = await bench.create(ONE, {"scene": SCENE_JSON})
    assert await bench.run_all(run_id) == "failed"
    assert work.calls == 1
    assert await redis.xlen("workflow:dead") == 0
    fault = (await bench.runs.read(run_id)).fault
    assert fault is not None and fault.code == "INVALID_INPUT"
    assert (fault.field, fault.limit) == ("steps.said.modality", "optical or sar")


async def test_a_fault_of_ours_ends_the_run_and_says_no_more(
    make_bench: MakeBench, redis: Redis
) -> None:
    bench = make_bench(caption=Failing(ZeroDivisionError("secret")))
    run_id = await bench.create(ONE, {"scene": SCENE_JSON})
    assert await bench.run_all(run_id) == "failed"
    fault = (await bench.runs.read(run_id)).fault
    assert fault is not None and fault.code == "INTERNAL" and "secret" not in fault.message
    assert await redis.xlen("workflow:dead") == 1


async def test_a_unit_knows_its_deadline_its_tenant_and_its_priority(
    make_bench: MakeBench,
) -> None:
    seen: list[object] = []

    async def look(context: TaskContext, arguments: Arguments) -> Mapping[str, Value]:
        seen.extend([rpc_context.caller(), rpc_context.priority(), rpc_context.remaining_s()])
        return {"text": "words"}

    bench = make_bench(caption=look)
    await bench.run_all(await bench.create(ONE, {"scene": SCENE_JSON}))
    assert seen[:2] == ["alpha", "batch"]
    assert isinstance(seen[2], float) and 4 < seen[2] < 5


async def test_a_unit_knows_how_many_of_its_step_are_under_way(make_bench: MakeBench) -> None:
    seen: list[int] = []
    begun = asyncio.Event()

    async def meet(context: TaskContext, arguments: Arguments) -> Mapping[str, Value]:
        seen.append(0)
        if len(seen) == 3:
            begun.set()
        await begun.wait()
        seen.append(rpc_context.company())
        return {"text": "words"}

    plan = planned(
        "{workflow: beside, inputs: {scene: scene, kinds: {type: list of text, at_most: 3}}, "
        "outputs: {said: $said}, steps: [{id: said, task: answer, for_each: $kinds, in_flight: 3, "
        "with: {image: $scene, question: $item}}]}"
    )
    bench = make_bench(answer=meet)
    run_id = await bench.create(plan, INPUTS)
    # It goes on with the first item.
    first = asyncio.create_task(bench.deliver(bench.sent.pop()))
    async with asyncio.timeout(5):
        while len(bench.sent) < 2:
            await asyncio.sleep(0.001)
    await asyncio.gather(first, *(bench.deliver(unit) for unit in bench.sent))
    await bench.run_all(run_id)
    # Who comes back first leaves the others.
    assert seen == [0, 0, 0, 3, 2, 1]


async def test_a_unit_that_takes_too_long_ends_the_run(make_bench: MakeBench) -> None:
    async def hang(context: TaskContext, arguments: Arguments) -> Mapping[str, Value]:
        await asyncio.sleep(9)
        return {}

    plan = planned(
        "{workflow: slow, inputs: {scene: scene}, outputs: {said: $said}, steps: "
        "[{id: said, task: caption, deadline: 100ms, with: {image: $scene}}]}"
    )
    bench = make_bench(caption=hang)
    run_id = await bench.create(plan, {"scene": SCENE_JSON})
    assert await bench.run_all(run_id) == "failed"
    fault = (await bench.runs.read(run_id)).fault
    assert fault is not None and fault.code == "DEADLINE_EXCEEDED"


async def test_a_cancel_reaches_a_running_unit_at_once(make_bench: MakeBench) -> None:
    stopped_at: list[float] = []
    started = asyncio.Event()

    async def hang(context: TaskContext, arguments: Arguments) -> Mapping[str, Value]:
        started.set()
        try:
            await asyncio.sleep(9)
        finally:
            stopped_at.append(asyncio.get_running_loop().time())
        return {}

    bench = make_bench(caption=hang)
    run_id = await bench.create(ONE, {"scene": SCENE_JSON})
    await asyncio.sleep(0.05)
    running = asyncio.create_task(bench.deliver(bench.sent.pop()))
    await started.wait()
    asked_at = asyncio.get_running_loop().time()
    assert await bench.runs.request_cancel(run_id)
    await running
    assert stopped_at[0] - asked_at < 0.1
    assert await bench.told(run_id) and (await bench.runs.read(run_id)).state == "cancelled"


async def test_a_runner_called_off_hands_its_unit_over(make_bench: MakeBench) -> None:
    gate, calls = asyncio.Event(), 0

    async def wait(context: TaskContext, arguments: Arguments) -> Mapping[str, Value]:
        nonlocal calls
        calls += 1
        await gate.wait()
        return {"text": "words"}

    bench = make_bench(caption=wait)
    run_id = await bench.create(ONE, {"scene": SCENE_JSON})
    running = asyncio.create_task(bench.runner.run(UnitCommand(run_id, "said", 1), ""))
    while not calls:
        await asyncio.sleep(0.005)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    gate.set()
    bench.sent.clear()
    assert await bench.run_all(run_id) == "succeeded"
    assert calls == 2
    (view,) = await bench.runs.steps(run_id)
    assert view.attempts == 1


async def test_outputs_that_are_gone_are_made_again_before_the_step(
    make_bench: MakeBench, redis: Redis
) -> None:
    bench = make_bench(caption=say, answer=repeat)
    run_id = await bench.create(ASKED, INPUTS)
    await bench.deliver(bench.sent.pop(0))
    bench.restart()
    await redis.hdel(f"workflow:run:{run_id}:outputs", "first")
    assert await bench.run_all(run_id) == "succeeded"
    told = await bench.told(run_id)
    assert StepRewound("first", "outputs are gone: first") in told
    assert told.count(StepDone("first", {"text": "words"})) == 2


async def test_a_run_resumed_after_a_failure_does_the_rest(make_bench: MakeBench) -> None:
    bench = make_bench(caption=say, answer=Failing(InvalidInput("no")))
    run_id = await bench.create(ASKED, INPUTS)
    assert await bench.run_all(run_id) == "failed"
    mended = make_bench(caption=Failing(InvalidInput("must not run again")), answer=repeat)
    mended.sent += await bench.runs.resume(run_id, timeout_s=30, max_running=9)
    assert await mended.run_all(run_id) == "succeeded"
    outputs = await mended.outputs(run_id)
    assert outputs["again"] == ["<again <words ship?>>", "<again <words car?>>"]


@pytest.mark.parametrize("count", [0, 1, 20])
async def test_any_number_of_items(make_bench: MakeBench, count: int) -> None:
    tasks: dict[str, TaskWork] = {"caption": say, "answer": repeat}
    bench = make_bench(**tasks)
    kinds = [f"kind {n}" for n in range(count)]
    run_id = await bench.create(ASKED, {"scene": SCENE_JSON, "kinds": kinds})
    assert await bench.run_all(run_id) == "succeeded"
    assert len((await bench.outputs(run_id))["again"]) == count
