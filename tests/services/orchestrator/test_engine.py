from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis

from services.orchestrator import going_on
from services.orchestrator.going_on import GoingOn
from shared.errors import InvalidInput, QueueFull, StageUnavailable, TensorGone
from shared.interpretation.events import (
    BoxesFound,
    Ended,
    ImageSeen,
    MaskDrawn,
    TextSaid,
)
from shared.interpretation.plan import SEGMENT_REGIONS
from shared.messages.celery_app import KEY_PREFIX, QUEUE_PREFIX, StepCommand, queue_of
from shared.run_records.backlog import Backlog
from tests.fakes import ANSWER, CLEAN_ANSWER, Stages
from tests.plans import plan, region
from tests.services.orchestrator.conftest import Bench


async def swept(bench: Bench, run_id: str) -> None:
    """What the sweeper would send by now."""
    bench.sent += [
        StepCommand(run_id, step, 0) for step in (await bench.records.sweep(run_id)).steps
    ]


async def test_a_question_is_answered_step_by_step(bench: Bench, stages: Stages) -> None:
    run_id = await bench.create(plan())
    await bench.run_all()
    told = await bench.told(run_id)
    assert told[0] == ImageSeen("", False)
    assert "".join(event.text for event in told if isinstance(event, TextSaid)) == CLEAN_ANSWER
    (boxes,) = (event for event in told if isinstance(event, BoxesFound))
    assert boxes.phrase == "ships"
    assert boxes.boxes_xyxy_px[0] == pytest.approx((9.6, 3.2, 28.8, 22.4))
    (mask,) = (event for event in told if isinstance(event, MaskDrawn))
    assert (mask.phrase, mask.index, mask.area_px) == ("pier", 0, 900)
    end = told[-1]
    assert isinstance(end, Ended)
    assert (end.state, end.answer, end.raw_answer) == ("succeeded", CLEAN_ANSWER, ANSWER)
    assert (end.prompt_tokens, end.new_tokens, end.fault) == (40, 20, None)
    assert set(stages.calls.values()) == {1}


async def test_short_steps_spare_the_broker_all_messages_but_the_first(bench: Bench) -> None:
    run_id = await bench.create(plan(regions=()))
    (first,) = bench.sent
    bench.sent.clear()
    await bench.runner.run(first, "")
    assert isinstance((await bench.told(run_id))[-1], Ended)
    assert not bench.sent


async def test_long_steps_give_way_to_others_that_wait(
    bench: Bench, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(going_on, "SHORT_S", 0.0)
    await redis.lpush(KEY_PREFIX + queue_of("decode_masks"), "another run's")
    run_id = await bench.create(plan(regions=()))
    steps: list[str] = []
    while bench.sent:
        (sent,) = bench.sent
        steps.append(sent.step)
        bench.sent.clear()
        await bench.runner.run(sent, "")
    # The end needs no stage: nobody waits for it.
    assert steps == ["encode_image", "reason", "decode_masks"]
    assert isinstance((await bench.told(run_id))[-1], Ended)


@pytest.mark.parametrize("queue", ["reason", "workflow.reasoner.interactive"])
async def test_what_a_process_does_not_serve_does_not_go_on_in_it(redis: Redis, queue: str) -> None:
    one_kind = GoingOn(Backlog(redis), (queue,))
    assert await one_kind.may(f"{QUEUE_PREFIX}{queue}", 0.0)
    assert not await one_kind.may(queue_of("decode_masks"), 0.0)


async def test_regions_are_segmented_without_the_language_model(
    bench: Bench, stages: Stages
) -> None:
    run_id = await bench.create(plan(task=SEGMENT_REGIONS, question="", regions=(region(),) * 3))
    await bench.run_all()
    masks = [event for event in await bench.told(run_id) if isinstance(event, MaskDrawn)]
    assert [mask.index for mask in masks] == [0, 1, 2]
    assert stages.calls["Generate"] == 0


async def test_an_answer_without_masks_needs_no_mask_decoder(bench: Bench, stages: Stages) -> None:
    stages.answer = "Nothing."
    run_id = await bench.create(plan(regions=()))
    await bench.run_all()
    assert [type(event) for event in await bench.told(run_id)][-1] is Ended
    assert (stages.calls["DecodeMasks"], stages.calls["EncodePrompts"]) == (0, 0)


async def test_more_masks_than_one_call_takes_come_in_several(bench: Bench, stages: Stages) -> None:
    stages.answer = "<p>car</p>[SEG]" * 70
    stages.token_chars = 100
    run_id = await bench.create(plan(regions=()))
    await bench.run_all()
    masks = [event for event in await bench.told(run_id) if isinstance(event, MaskDrawn)]
    assert [mask.index for mask in masks] == list(range(70))
    assert stages.calls["DecodeMasks"] == 2


async def test_every_message_three_times_has_one_effect(bench: Bench, stages: Stages) -> None:
    run_id = await bench.create(plan())
    await bench.run_all(times=3)
    told = await bench.told(run_id)
    assert sum(isinstance(event, Ended) for event in told) == 1
    assert sum(isinstance(event, MaskDrawn) for event in told) == 1
    assert set(stages.calls.values()) == {1}


async def test_a_message_twice_at_once_has_one_effect(bench: Bench, stages: Stages) -> None:
    stages.pause_s = 0.05
    run_id = await bench.create(plan())
    while bench.sent:
        command = bench.sent.pop(0)
        await asyncio.gather(*(bench.runner.run(command, "") for _ in range(4)))
    assert isinstance((await bench.told(run_id))[-1], Ended)
    assert set(stages.calls.values()) == {1}


async def test_what_may_pass_is_tried_again(bench: Bench, stages: Stages) -> None:
    stages.fail_next = {
        "EncodeImage": [QueueFull("full", retry_after_s=0.01)],
        "Generate": [QueueFull("full"), QueueFull("full")],
    }
    run_id = await bench.create(plan())
    await bench.run_all()
    for _ in range(40):
        await asyncio.sleep(0.02)
        await swept(bench, run_id)
        await bench.run_all()
    told = await bench.told(run_id)
    assert isinstance(told[-1], Ended) and told[-1].state == "succeeded"
    assert sum(isinstance(event, ImageSeen) for event in told) == 1
    assert stages.calls["Generate"] == 3


async def test_what_fails_for_ever_ends_as_a_dead_letter(bench: Bench, stages: Stages) -> None:
    stages.fail_next = {"EncodePrompts": [QueueFull("full") for _ in range(9)]}
    run_id = await bench.create(plan())
    await bench.run_all()
    for _ in range(30):
        await asyncio.sleep(0.02)
        await swept(bench, run_id)
        await bench.run_all()
    (end,) = (event for event in await bench.told(run_id) if isinstance(event, Ended))
    assert end.state == "failed"
    assert end.fault is not None and end.fault.code == "QUEUE_FULL"
    assert stages.calls["EncodePrompts"] == 3
    ((_, letter),) = await bench.redis.xrange("runs:dead")
    assert (letter[b"step"], letter[b"reason"]) == (b"encode_prompts", b"QUEUE_FULL: full")


async def test_what_the_caller_must_mend_ends_at_once(bench: Bench, stages: Stages) -> None:
    stages.fail_next = {"EncodeImage": [InvalidInput("no such window", field="window")]}
    run_id = await bench.create(plan())
    await bench.run_all()
    (end,) = await bench.told(run_id)
    assert isinstance(end, Ended) and end.fault is not None
    assert (end.fault.code, end.fault.retryable) == ("INVALID_INPUT", False)
    assert await bench.redis.xlen("runs:dead") == 0


async def test_gone_tensors_are_made_again(bench: Bench, stages: Stages) -> None:
    stages.fail_next = {"Generate": [TensorGone("gone")], "DecodeMasks": [TensorGone("gone")]}
    run_id = await bench.create(plan())
    await bench.run_all()
    while (await bench.records.read(run_id))["state"] == "running":
        await swept(bench, run_id)
        await bench.run_all()
    told = await bench.told(run_id)
    assert isinstance(told[-1], Ended) and told[-1].state == "succeeded"
    assert "".join(event.text for event in told if isinstance(event, TextSaid)) == CLEAN_ANSWER
    assert stages.calls["EncodeImage"] == 3


async def test_tensors_that_are_always_gone_end_the_run(bench: Bench, stages: Stages) -> None:
    stages.fail_next = {"Generate": [TensorGone("gone") for _ in range(9)]}
    run_id = await bench.create(plan())
    await bench.run_all()
    while (await bench.records.read(run_id))["state"] == "running":
        await asyncio.sleep(0.01)
        await swept(bench, run_id)
        await bench.run_all()
    end = (await bench.told(run_id))[-1]
    assert isinstance(end, Ended) and end.fault is not None
    assert end.state == "failed"
    assert stages.calls["Generate"] <= 4


async def test_an_image_that_is_gone_is_the_callers_to_mend(bench: Bench, stages: Stages) -> None:
    stages.fail_next = {"EncodeImage": [TensorGone("gone")]}
    run_id = await bench.create(plan())
    await bench.run_all()
    (end,) = await bench.told(run_id)
    assert isinstance(end, Ended) and end.fault is not None
    assert end.fault.code == "NOT_FOUND"


async def test_a_cancelled_run_stops_its_stage(bench: Bench, stages: Stages) -> None:
    stages.gate = asyncio.Event()
    run_id = await bench.create(plan(regions=()))
    work = asyncio.create_task(bench.run_all())
    while not stages.calls["Generate"]:
        await asyncio.sleep(0.01)
    assert await bench.records.request_cancel(run_id)
    assert (await bench.records.sweep(run_id)).action == "cancelled"
    await bench.records.finish(run_id, "alpha", Ended("cancelled"))
    async with asyncio.timeout(2):
        await work
        while not stages.cancelled["Generate"]:
            await asyncio.sleep(0.01)
    assert (await bench.told(run_id))[-1] == Ended("cancelled")


async def test_a_step_passes_the_runs_deadline_on(bench: Bench, stages: Stages) -> None:
    await bench.create(plan(regions=()), timeout_s=7.0)
    await bench.run_all()
    assert 5 < stages.timeouts_s["Generate"] < 7


async def test_the_lease_of_a_long_step_is_kept(bench: Bench, stages: Stages) -> None:
    stages.gate = asyncio.Event()
    run_id = await bench.create(plan(regions=()))
    work = asyncio.create_task(bench.run_all())
    await asyncio.sleep(1.6)
    assert (await bench.records.sweep(run_id)).steps == ()
    stages.gate.set()
    await work
    assert stages.calls["Generate"] == 1


async def test_a_runner_called_off_hands_its_step_over_at_once(
    bench: Bench, stages: Stages
) -> None:
    stages.gate = asyncio.Event()
    run_id = await bench.create(plan(regions=()))
    work = asyncio.create_task(bench.run_all())
    while not stages.calls["Generate"]:
        await asyncio.sleep(0.01)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert (await bench.records.sweep(run_id)).steps == ("reason",)
    stages.gate.set()
    await bench.runner.run(StepCommand(run_id, "reason", 2), "")
    await bench.run_all()
    told = await bench.told(run_id)
    assert "".join(event.text for event in told if isinstance(event, TextSaid)) == CLEAN_ANSWER


async def test_a_stage_that_is_away_is_tried_again(bench: Bench, stages: Stages) -> None:
    stages.fail_next = {"EncodeImage": [StageUnavailable("away") for _ in range(5)]}
    run_id = await bench.create(plan(regions=()))
    await bench.run_all()
    while (await bench.records.read(run_id))["state"] == "running":
        await asyncio.sleep(0.02)
        await swept(bench, run_id)
        await bench.run_all()
    assert isinstance((await bench.told(run_id))[-1], Ended)
