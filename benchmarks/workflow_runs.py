"""What running a workflow costs besides its tasks, which do nothing here.

This process stands where the gateway stands: it makes the record, sends the first units and follows
the events to the end. One orchestrator process (`workflow_worker`) runs the units; the state Redis
keeps its append-only file. A run begins in the broker, and its steps go on where the one before
them was done; longer ones only as long as nothing as urgent waits, which is measured too.

Finished runs are made by way of the records alone, each as a run of four steps leaves it.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Callable, Coroutine
from typing import Any

from celery import Celery
from redis.asyncio import Redis

from benchmarks.figures import Figure, Given, at_least, at_most, latency, ratio
from benchmarks.processes import listening, module, state_redis
from benchmarks.workflow_worker import BEGAN, SLOW_S, STOPPED
from shared.messages.celery_app import make_celery_app, send_units
from shared.run_records.state_redis import open_state_redis
from shared.settings import ProcessSettings, Secret
from shared.workflow_runs.events import RunEnded
from shared.workflow_runs.graph import graph_of
from shared.workflow_runs.runs import WorkflowRuns
from shared.workflow_runs.views import END, UnitClaim
from workflow_language import Plan, canonical_json, compile_text
from workflow_language.value_json import value_to_json
from workflow_language.values import SceneView

ROUNDS, RUNS, TILES, FINISHED, AT_ONCE = 200, 600, 1000, 10_000, 32
KEY = "a suite key for benchmarks, 32 letters or more"
SCENE = json.dumps({"scene": value_to_json(SceneView("sha256:" + "ab" * 32, 30_000, 30_000))})
LATENCY_MS, LATENCY_P99_MS, RUNS_PER_S = at_most(12), at_most(30), at_least(150)
TILE_MS, CANCEL_MS, RUN_KB, SLOWER = at_most(3), at_most(100), at_most(20), at_most(1.2)

_HEAD = "{workflow: benchmark, inputs: {scene: scene}, steps: ["
_OF_MODEL = """
    {id: a, task: caption, with: {image: $scene}},
    {id: b, task: answer, with: {image: $scene, question: "${a}?"}},
    {id: c, task: answer, with: {image: $scene, question: "${b}?"}},
    {id: d, task: answer, with: {image: $scene, question: "${c}?"}},
], outputs: {words: $d}}"""
_MIXED = """
    {id: a, task: detect, with: {image: $scene, labels: [ship]}},
    {id: b, task: sort, with: {regions: $a}},
    {id: c, task: sort, with: {regions: $b}},
    {id: d, task: sort, with: {regions: $c}},
], outputs: {found: $d}}"""
OF_MODEL, MIXED = "four steps of the model", "one step of the model and three without"
KINDS = {OF_MODEL: _OF_MODEL, MIXED: _MIXED}
# They wait for each other by conditions that always hold.
LONG = """
    {id: a, task: answer, with: {image: $scene, question: slow}},
    {id: b, task: answer, when: "$a != 'x'", with: {image: $scene, question: slow}},
    {id: c, task: answer, when: "$b != 'x'", with: {image: $scene, question: slow}},
    {id: d, task: answer, when: "$c != 'x'", with: {image: $scene, question: slow}},
], outputs: {words: $d}}"""
FAN_OUT = """
    {id: tiles, task: tile, with: {scene: $scene, at_most: TILES}},
    {id: seen, task: detect, for_each: $tiles, in_flight: 16,
     with: {image: $item, labels: [ship]}},
    {id: found, task: merge, with: {regions: $seen}},
], outputs: {found: $found}}"""
HANGING = """
    {id: a, task: answer, with: {image: $scene, question: hang}},
    {id: b, task: answer, with: {image: $scene, question: "${a}?"}},
], outputs: {words: $b}}"""


def run(given: Given) -> list[Figure]:
    """Starts a state Redis and an orchestrator, and runs workflows."""
    log = given.scratch / "orchestrator.log"
    with state_redis(given.scratch) as url:
        settings = {"STATE_REDIS_URL": url, "SUITE_KEY": KEY, "REAP_INTERVAL_S": "0"}
        settings |= {"TENSOR_TIERS": "inline", "LISTEN": "127.0.0.1:0", "LOG_LEVEL": "WARNING"}
        with module("benchmarks.workflow_worker", settings, log) as process:
            listening(process, log)
            return asyncio.run(measure(url, given.rounds))


async def measure(url: str, rounds: int | None) -> list[Figure]:
    """All figures; `rounds` makes everything as much smaller as it is than `ROUNDS`."""
    caller = Caller(url)
    share = 1.0 if rounds is None else rounds / ROUNDS
    rounds = rounds or ROUNDS

    def some(count: int) -> int:
        return max(8, round(count * share))

    figures = [
        *[each for kind in KINDS for each in four_steps(kind, await caller.times(kind, rounds))],
        await long_steps(caller, max(2, rounds // 10)),
        *[await throughput(caller, kind, some(RUNS)) for kind in KINDS],
        *await tiles(caller, some(TILES)),
        *await cancels(caller, max(2, rounds // 10)),
    ]
    before = figures[0]
    kept, memory = await finished_runs(caller, some(FINISHED))
    after = latency(
        f"{OF_MODEL}, {kept:,} finished runs later", await caller.times(OF_MODEL, rounds)
    )
    slower = ratio("the same over that before", after, before, SLOWER)
    await caller.close()
    return [*figures, memory, after, slower]


class Caller:
    """Does what the gateway does."""

    def __init__(self, url: str) -> None:
        settings = ProcessSettings(suite_key=Secret(KEY), state_redis_url=url)
        self.redis: Redis = open_state_redis(url)
        self.app: Celery = make_celery_app(settings)
        self.runs = WorkflowRuns(self.redis)

    async def start(self, plan: Plan, send: bool = True) -> str:
        created = await self.runs.create(
            uuid.uuid4().hex,
            "benchmark",
            canonical_json(plan.definition),
            workflow_name=plan.definition.name,
            version=0,
            inputs_json=SCENE,
            graph=graph_of(plan),
            idempotency_key="",
            digest="",
            timeout_s=600,
            max_running=1000,
            trace="",
        )
        if send:
            await asyncio.to_thread(send_units, self.app, created.ready)
        return created.run_id

    async def end_of(self, run_id: str) -> None:
        """Follows the run to its end, which must be a good one."""
        async for told in self.runs.follow(run_id):
            last = told.event
        assert last == RunEnded("succeeded"), last

    async def time(self, plan: Plan) -> float:
        """Seconds from before the record is made until its end is told."""
        started_s = time.perf_counter()
        await self.end_of(await self.start(plan))
        return time.perf_counter() - started_s

    async def times(self, kind: str, rounds: int) -> list[float]:
        plan = compile_text(_HEAD + KINDS[kind])
        for _ in range(5):
            await self.time(plan)
        return [await self.time(plan) for _ in range(rounds)]

    async def close(self) -> None:
        await self.redis.aclose()
        self.app.close()


def four_steps(kind: str, times_s: list[float]) -> list[Figure]:
    whole = latency(kind, times_s, LATENCY_MS)
    assert whole.p99 is not None
    return [
        whole,
        Figure(
            name=f"{kind}: 99th percentile",
            value=whole.p99,
            unit="ms",
            samples=len(times_s),
            target=LATENCY_P99_MS,
        ),
    ]


async def long_steps(caller: Caller, rounds: int) -> Figure:
    """What four steps cost that are longer than short ones, besides their own time."""
    plan = compile_text(_HEAD + LONG)
    added_s = [await caller.time(plan) - 4 * SLOW_S for _ in range(rounds)]
    return latency(f"four steps of {SLOW_S:g} s, added to these", added_s)


async def throughput(caller: Caller, kind: str, count: int) -> Figure:
    """Runs of four empty steps a second, so many of them at once."""
    plan = compile_text(_HEAD + KINDS[kind])
    took_s = await at_once(count, lambda: caller.time(plan))
    return Figure(
        name=f"{kind}: runs a second, {AT_ONCE} at once",
        value=count / took_s,
        unit="1/s",
        samples=count,
        target=RUNS_PER_S,
    )


async def tiles(caller: Caller, count: int) -> list[Figure]:
    """A fan-out, per item: everything from the record to its end over the number of items."""
    plan = compile_text(_HEAD + FAN_OUT.replace("TILES", str(count)))
    started_s = time.perf_counter()
    run_id = await caller.start(plan)
    await caller.end_of(run_id)
    took_s = time.perf_counter() - started_s
    keys = [key async for key in caller.redis.scan_iter(f"workflow:run:{run_id}*")]
    kept_bytes = sum([await caller.redis.memory_usage(key, samples=0) or 0 for key in keys])
    name = f"a fan-out of {count} tiles"
    return [
        Figure(
            name=f"{name}, per tile",
            value=1e3 * took_s / count,
            unit="ms",
            samples=count,
            target=TILE_MS,
        ),
        Figure(name=f"{name}, memory once finished", value=kept_bytes / 1024, unit="KiB"),
    ]


async def cancels(caller: Caller, rounds: int) -> list[Figure]:
    """From asking for the cancel: until a queued unit is refused, and a running one called off."""
    plan = compile_text(_HEAD + HANGING)
    queued_s, running_s = [], []
    for _ in range(rounds):
        run_id = await caller.start(plan, send=False)
        asked_s = time.perf_counter()
        await caller.runs.request_cancel(run_id)
        assert not isinstance(await caller.runs.claim(run_id, "a", "late"), UnitClaim)
        queued_s.append(time.perf_counter() - asked_s)
        await caller.redis.delete(BEGAN, STOPPED)
        run_id = await caller.start(plan)
        await told(caller.redis, BEGAN)
        asked_at_s = time.time()
        await caller.runs.request_cancel(run_id)
        running_s.append(await told(caller.redis, STOPPED) - asked_at_s)
    return [
        latency("cancel until a queued step is refused", queued_s, CANCEL_MS),
        latency("cancel until a running step is called off", running_s, CANCEL_MS),
    ]


async def finished_runs(caller: Caller, count: int) -> tuple[int, Figure]:
    """Makes runs that have ended, and tells what the state Redis keeps of each."""
    plan = compile_text(_HEAD + KINDS[OF_MODEL])

    async def one() -> None:
        run_id = await caller.start(plan, send=False)
        for step in plan.steps:
            claim = await caller.runs.claim(run_id, step.id, "benchmark")
            assert isinstance(claim, UnitClaim)
            await caller.runs.commit(claim, '{"text":"words"}', {"text": "words"})
        end = await caller.runs.claim(run_id, END, "benchmark")
        assert isinstance(end, UnitClaim)
        await caller.runs.finish(run_id, "succeeded", outputs='{"words":"words"}', claim=end)

    before_bytes = (await caller.redis.info("memory"))["used_memory"]
    await at_once(count, one)
    grown_bytes = (await caller.redis.info("memory"))["used_memory"] - before_bytes
    return count, Figure(
        name="state Redis, memory for a finished run of four steps",
        value=grown_bytes / count / 1024,
        unit="KiB",
        samples=count,
        target=RUN_KB,
    )


async def at_once(count: int, work: Callable[[], Coroutine[Any, Any, object]]) -> float:
    """Does it so many times, `AT_ONCE` at a time; the seconds it took."""
    left = iter(range(count))

    async def some() -> None:
        for _ in left:
            await work()

    started_s = time.perf_counter()
    await asyncio.gather(*(some() for _ in range(AT_ONCE)))
    return time.perf_counter() - started_s


async def told(redis: Redis, key: str) -> float:
    """What the worker writes there, once it has."""
    while True:
        found = await redis.get(key)
        if found is not None:
            return float(found)
        await asyncio.sleep(0.001)
