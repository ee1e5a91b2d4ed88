"""Whatever workers, messages and sweepers do in whatever order, a run keeps its promises."""

from __future__ import annotations

import asyncio
import random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.interpretation.events import Ended, Event, TextSaid
from shared.interpretation.plan import steps_of
from shared.run_records.event_tail import follow_events
from shared.run_records.records import Claim, RunLimits, RunRecords
from shared.run_records.state_redis import open_state_redis
from tests.plans import plan

LIMITS = RunLimits(lease_s=0.004, max_attempts=1000, resend_after_s=0.002, max_resend_s=0.004)


class World:
    """Workers that keep every claim they ever had, and use them at any time."""

    def __init__(self, records: RunRecords, seed: int) -> None:
        self.records = records
        self.asked = plan()
        self.steps = list(steps_of(self.asked))
        self.claims: list[Claim] = []
        self.committed: list[str] = []
        self.won = 0
        self.random = random.Random(seed)

    async def act(self, action: str) -> None:
        step = self.random.choice(self.steps)
        claim = self.random.choice(self.claims) if self.claims else None
        if action == "claim":
            got = await self.records.claim(self.asked.run_id, step, f"w{self.random.random()}")
            self.claims += [got] if isinstance(got, Claim) else []
        elif action == "sleep":
            await asyncio.sleep(0.005)
        elif action == "sweep":
            for run_id in await self.records.due(9):
                await self.records.sweep(run_id)
        elif action == "finish" and self.random.random() < 0.1:
            self.won += await self.records.finish(self.asked.run_id, "alpha", Ended("failed"))
        elif claim and action == "commit":
            event = TextSaid(claim.step)
            if await self.records.commit(claim, f'"{claim.fence}"', [event]) is not None:
                self.committed.append(claim.step)
        elif claim and action == "release":
            await self.records.release(claim, retry_in_s=0, error="x")
        elif claim and action == "rewind":
            needs = steps_of(self.asked)[claim.step]
            await self.records.rewind(claim, needs or (claim.step,), "x")
        elif claim and action == "renew":
            await self.records.renew(claim)

    async def complete(self) -> None:
        """What good workers and a sweeper do from any state on."""
        while "finish" not in self.committed and not self.won:
            for step in self.steps:
                got = await self.records.claim(self.asked.run_id, step, f"good{step}")
                if isinstance(got, Claim):
                    self.claims.append(got)
                    if await self.records.commit(got, '"good"', [TextSaid(step)]) is not None:
                        self.committed.append(step)
            await asyncio.sleep(0.005)
        self.won += await self.records.finish(self.asked.run_id, "alpha", Ended("succeeded"))


async def events_of(url: str, actions: list[str], seed: int) -> tuple[World, list[Event]]:
    redis = open_state_redis(url)
    await redis.flushall()
    world = World(RunRecords(redis, LIMITS), seed)
    await world.records.create(
        world.asked, idempotency_key="", digest="", timeout_s=60, max_running=9, trace=""
    )
    for action in actions:
        await world.act(action)
    async with asyncio.timeout(10):
        await world.complete()
        told = [event async for event in follow_events(redis, world.asked.run_id)]
    assert await redis.zcard("runs:due") == 0
    assert await redis.scard("runs:of:alpha") == 0
    await redis.aclose()
    return world, told


ACTIONS = (
    ["claim"] * 4 + ["commit"] * 4 + ["release", "rewind", "renew", "sleep", "sweep", "finish"]
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.sampled_from(ACTIONS), max_size=60), st.integers(0, 2**16))
def test_a_run_ends_once_and_tells_each_step_once(
    state_url: str, actions: list[str], seed: int
) -> None:
    world, told = asyncio.run(events_of(state_url, actions, seed))
    assert world.won == 1
    assert sum(isinstance(event, Ended) for event in told) == 1
    said = [event.text for event in told if isinstance(event, TextSaid)]
    assert len(said) == len(set(said))
    order = {step: i for i, step in enumerate(said)}
    for step, needs in steps_of(world.asked).items():
        if step in order:
            assert all(order[need] < order[step] for need in needs)
