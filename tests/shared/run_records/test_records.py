from __future__ import annotations

import asyncio
from typing import Any

import pytest
from redis.asyncio import Redis

from shared.errors import Conflict, QuotaExceeded, StageUnavailable
from shared.interpretation.events import Ended, Event, ImageSeen, TextSaid
from shared.interpretation.plan import Plan
from shared.run_records.event_tail import follow_events
from shared.run_records.records import Claim, Refused, RunRecords
from shared.run_records.state_redis import open_state_redis
from tests.plans import plan
from tests.servers import free_port
from tests.shared.run_records.conftest import FAST

SUCCEEDED = Ended("succeeded", answer="yes")
SEEN = ImageSeen("", False)


async def create(records: RunRecords, asked: Plan, key: str = "", **changes: Any) -> str:
    settings = {"digest": "d", "timeout_s": 30.0, "max_running": 9, "trace": "t"} | changes
    run_id, _ = await records.create(asked, idempotency_key=key, **settings)
    return run_id


async def claimed(records: RunRecords, run_id: str, step: Any, owner: str = "me") -> Claim:
    claim = await records.claim(run_id, step, owner)
    assert isinstance(claim, Claim), claim
    return claim


async def told(redis: Redis, run_id: str) -> list[Event]:
    async with asyncio.timeout(5):
        return [event async for event in follow_events(redis, run_id)]


async def test_a_step_becomes_ready_when_the_last_step_before_it_commits(
    records: RunRecords,
) -> None:
    run_id = await create(records, plan())
    assert await records.claim(run_id, "reason", "me") == Refused("waiting")
    image = await claimed(records, run_id, "encode_image")
    prompts = await claimed(records, run_id, "encode_prompts")
    assert await records.commit(image, "{}", [SEEN]) == ()
    assert await records.commit(prompts, '{"p":1}', []) == ("reason",)
    reason = await claimed(records, run_id, "reason")
    assert reason.results == {"encode_image": "{}", "encode_prompts": '{"p":1}'}
    assert reason.plan.question == "What is <Region 1>?"


async def test_one_of_many_claims_at_once_wins(records: RunRecords) -> None:
    run_id = await create(records, plan())
    claims = await asyncio.gather(
        *(records.claim(run_id, "encode_image", f"worker {i}") for i in range(20))
    )
    assert sum(isinstance(claim, Claim) for claim in claims) == 1
    assert claims.count(Refused("busy")) == 19


async def test_a_claim_repeated_after_a_lost_reply_is_the_same_claim(records: RunRecords) -> None:
    run_id = await create(records, plan())
    first = await claimed(records, run_id, "encode_image")
    second = await claimed(records, run_id, "encode_image")
    assert (second.fence, second.attempt) == (first.fence, 1)


async def test_a_worker_thought_dead_has_no_effect(records: RunRecords, redis: Redis) -> None:
    run_id = await create(records, plan(regions=()))
    slow = await claimed(records, run_id, "encode_image", "slow")
    await asyncio.sleep(0.35)
    quick = await claimed(records, run_id, "encode_image", "quick")
    assert quick.attempt == 2
    assert await records.commit(slow, '"slow"', [TextSaid("slow")]) is None
    assert await records.renew(slow) == "lost"
    await records.release(slow, retry_in_s=0, error="slow")
    assert await records.commit(quick, '"quick"', [SEEN]) == ("reason",)
    assert await records.commit(quick, '"quick"', [SEEN]) == ()
    await records.finish(run_id, "alpha", SUCCEEDED)
    assert await told(redis, run_id) == [SEEN, SUCCEEDED]


async def test_a_run_ends_once(records: RunRecords, redis: Redis) -> None:
    run_id = await create(records, plan())
    ends = [Ended("failed"), SUCCEEDED, Ended("cancelled")] * 5
    won = await asyncio.gather(*(records.finish(run_id, "alpha", end) for end in ends))
    assert won.count(True) == 1
    (end,) = await told(redis, run_id)
    assert end == ends[won.index(True)]
    assert await records.claim(run_id, "encode_image", "me") == Refused("over")
    assert not await records.request_cancel(run_id)


async def test_attempts_are_bounded(records: RunRecords) -> None:
    run_id = await create(records, plan())
    for attempt in (1, 2, 3):
        claim = await claimed(records, run_id, "encode_image", f"worker {attempt}")
        assert claim.attempt == attempt
        await records.release(claim, retry_in_s=0, error=f"broken {attempt}")
    assert await records.claim(run_id, "encode_image", "me") == Refused("exhausted", "broken 3")


async def test_an_ended_run_given_up_is_a_dead_letter(records: RunRecords, redis: Redis) -> None:
    run_id = await create(records, plan())
    await records.finish(run_id, "alpha", Ended("failed"), dead_reason="broken", dead_step="reason")
    ((_, letter),) = await redis.xrange("runs:dead")
    assert letter == {b"run": run_id.encode(), b"step": b"reason", b"reason": b"broken"}


async def test_a_rewind_runs_the_producers_and_then_the_step(
    records: RunRecords, redis: Redis
) -> None:
    run_id = await create(records, plan())
    for step in ("encode_image", "encode_prompts"):
        claim = await claimed(records, run_id, step)
        await records.commit(claim, '"old"', [SEEN] if step == "encode_image" else [])
    reason = await claimed(records, run_id, "reason")
    assert await records.rewind(reason, ("encode_image", "encode_prompts"), "gone")
    assert await records.commit(reason, "{}", []) is None
    assert await records.claim(run_id, "reason", "me") == Refused("waiting")
    image = await claimed(records, run_id, "encode_image")
    assert await records.commit(image, '"new"', [SEEN]) == ()
    prompts = await claimed(records, run_id, "encode_prompts")
    assert await records.commit(prompts, '"new"', []) == ("reason",)
    reason = await claimed(records, run_id, "reason")
    assert set(reason.results.values()) == {'"new"'}
    assert reason.rewinds == 1
    await records.finish(run_id, "alpha", SUCCEEDED)
    assert await told(redis, run_id) == [SEEN, SUCCEEDED]


async def test_a_rewind_of_a_late_step_leaves_the_steps_between_alone(records: RunRecords) -> None:
    run_id = await create(records, plan(regions=()))
    for step in ("encode_image", "reason"):
        await records.commit(await claimed(records, run_id, step), "{}", [])
    masks = await claimed(records, run_id, "decode_masks")
    assert await records.rewind(masks, ("encode_image",), "gone")
    image = await claimed(records, run_id, "encode_image")
    assert await records.commit(image, "{}", []) == ("decode_masks",)
    masks = await claimed(records, run_id, "decode_masks")
    assert await records.rewind(masks, ("encode_image", "reason"), "gone")
    image = await claimed(records, run_id, "encode_image")
    assert await records.commit(image, "{}", []) == ("reason",)
    reason = await claimed(records, run_id, "reason")
    assert await records.commit(reason, "{}", []) == ("decode_masks",)
    masks = await claimed(records, run_id, "decode_masks")
    assert not await records.rewind(masks, ("encode_image",), "gone")


async def test_a_lost_message_and_a_dead_worker_are_found(records: RunRecords) -> None:
    run_id = await create(records, plan(regions=()))
    assert await records.due(9) == []
    await asyncio.sleep(0.25)
    assert await records.due(9) == [run_id]
    swept = await records.sweep(run_id)
    assert (swept.action, swept.steps, swept.trace) == ("send", ("encode_image",), "t")
    assert await records.due(9) == []
    await claimed(records, run_id, "encode_image", "dies")
    await asyncio.sleep(0.35)
    assert (await records.sweep(run_id)).steps == ("encode_image",)
    assert (await claimed(records, run_id, "encode_image", "lives")).attempt == 2


async def test_messages_for_a_step_nobody_claims_come_more_and_more_seldom(
    records: RunRecords,
) -> None:
    run_id = await create(records, plan(regions=()))
    sent_at: list[float] = []
    loop = asyncio.get_running_loop()
    started = loop.time()
    while loop.time() - started < 1.9:
        for due in await records.due(9):
            sent_at += [loop.time() - started] * len((await records.sweep(due)).steps)
        await asyncio.sleep(0.02)
    assert len(sent_at) == 4, sent_at
    assert run_id


async def test_a_late_run_and_a_cancelled_run_are_found(records: RunRecords) -> None:
    late = await create(records, plan(), timeout_s=0.05)
    unwanted = await create(records, plan())
    assert await records.request_cancel(unwanted)
    await asyncio.sleep(0.1)
    assert set(await records.due(9)) == {late, unwanted}
    assert (await records.sweep(late)).action == "late"
    swept = await records.sweep(unwanted)
    assert (swept.action, swept.tenant) == ("cancelled", "alpha")
    await records.finish(unwanted, "alpha", Ended("cancelled"))
    assert (await records.sweep(unwanted)).action == "over"


async def test_the_same_request_joins_the_first_run(records: RunRecords) -> None:
    asked = [plan() for _ in range(10)]
    ids = await asyncio.gather(*(create(records, one, "key") for one in asked))
    assert len(set(ids)) == 1
    assert ids[0] in {one.run_id for one in asked}
    assert await create(records, plan(tenant="beta"), "key") not in ids
    with pytest.raises(Conflict) as refusal:
        await create(records, plan(), "key", digest="another")
    assert refusal.value.field == "idempotency_key"


async def test_a_tenant_has_so_many_runs_at_once(records: RunRecords) -> None:
    first = await create(records, plan(), max_running=2)
    await create(records, plan(), max_running=2)
    with pytest.raises(QuotaExceeded) as refusal:
        await create(records, plan(), max_running=2)
    assert refusal.value.retry_after_s is not None
    await create(records, plan(tenant="beta"), max_running=2)
    await records.finish(first, "alpha", SUCCEEDED)
    await create(records, plan(), max_running=2)


async def test_a_record_outlives_its_run_by_the_retention(
    records: RunRecords, redis: Redis
) -> None:
    run_id = await create(records, plan(), "key")
    assert await redis.pttl(f"run:{run_id}") == -1
    await records.finish(run_id, "alpha", SUCCEEDED)
    for key in (f"run:{run_id}", f"run:{run_id}:events"):
        assert 0 < await redis.pttl(key) <= 21_600_000


async def test_without_the_state_store_the_error_says_so() -> None:
    client = open_state_redis(f"redis://127.0.0.1:{free_port()}/0")
    with pytest.raises(StageUnavailable):
        await create(RunRecords(client, FAST), plan())
    await client.aclose()
