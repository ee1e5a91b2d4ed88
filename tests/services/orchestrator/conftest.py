from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from redis.asyncio import Redis

from services.orchestrator.engine import StepRunner
from services.orchestrator.going_on import GoingOn
from services.orchestrator.settings import OrchestratorSettings
from services.orchestrator.step_metrics import StepMetrics
from shared.interpretation.events import Event
from shared.interpretation.plan import Plan
from shared.messages.celery_app import StepCommand
from shared.run_records.backlog import Backlog
from shared.run_records.event_tail import follow_events
from shared.run_records.records import RunRecords
from shared.settings import read_settings
from shared.stage_clients import StageClients
from tests.fakes import Stages, addresses, serve_fakes

SUITE_KEY = "a suite key for tests, 32 letters or more"


@pytest.fixture
def stages() -> Stages:
    return Stages()


@dataclass
class Bench:
    """A step runner on real Redis and fake stages; messages lie in `sent` until they are run."""

    runner: StepRunner
    records: RunRecords
    redis: Redis
    sent: list[StepCommand]

    async def create(self, asked: Plan, **changes: Any) -> str:
        settings = {"timeout_s": 30.0, "max_running": 9, "trace": "", "digest": ""} | changes
        key = settings.pop("idempotency_key", "")
        run_id, _ = await self.records.create(asked, idempotency_key=key, **settings)
        self.sent += [
            StepCommand(run_id, step, 1)
            for step in ("encode_image", *(["encode_prompts"] if asked.regions else []))
        ]
        return run_id

    async def run_all(self, times: int = 1) -> None:
        """Runs what was sent, each message so many times, until nothing is."""
        while self.sent:
            command = self.sent.pop(0)
            for _ in range(times):
                await self.runner.run(command, "")

    async def told(self, run_id: str) -> list[Event]:
        return [event async for event in follow_events(self.redis, run_id)]


@pytest.fixture
async def bench(redis: Redis, state_url: str, stages: Stages) -> AsyncIterator[Bench]:
    server, port = await serve_fakes(stages)
    settings = read_settings(
        OrchestratorSettings,
        addresses(port)
        | {
            "EARTHGPTX_SUITE_KEY": SUITE_KEY,
            "EARTHGPTX_STATE_REDIS_URL": state_url,
            "EARTHGPTX_MAX_ATTEMPTS": "3",
            "EARTHGPTX_RETRY_BASE_S": "0.01",
            "EARTHGPTX_LEASE_S": "1",
        },
    )
    tracer = TracerProvider().get_tracer("test")
    clients = StageClients(settings, tracer)
    records = RunRecords(redis, settings.run_limits())
    sent: list[StepCommand] = []

    async def send(command: StepCommand, traceparent: str) -> None:
        sent.append(command)

    metrics = StepMetrics(MeterProvider().get_meter("test"))
    going_on = GoingOn(Backlog(redis), settings.queues)
    runner = StepRunner(records, clients, send, going_on, settings, tracer, metrics)
    yield Bench(runner, records, redis, sent)
    await clients.close()
    await server.stop(None)
