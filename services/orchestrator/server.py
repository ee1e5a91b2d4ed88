"""The orchestrator process: opens its parts, tells its health, closes them in order."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Mapping
from functools import partial
from typing import Any

from services.orchestrator.engine import StepRunner
from services.orchestrator.going_on import GoingOn
from services.orchestrator.settings import OrchestratorSettings
from services.orchestrator.step_metrics import BacklogMetrics, StepMetrics
from services.orchestrator.sweeper import InterpretationSweep, Sweeper
from services.orchestrator.task_work.context import TaskWork
from services.orchestrator.task_work.registry import TASK_WORK
from services.orchestrator.worker import Hearing, QueueWorker, read_command
from services.orchestrator.workflows.engine import WorkflowEngine
from shared.errors import StageUnavailable
from shared.messages.celery_app import (
    STEP_TASK,
    UNIT_TASK,
    StepCommand,
    UnitCommand,
    make_celery_app,
)
from shared.messages.sending import try_to_send_step, try_to_send_units
from shared.run_records.backlog import Backlog
from shared.run_records.records import RunRecords
from shared.run_records.state_redis import open_state_redis
from shared.serving import Service
from shared.stage_clients import StageClients
from shared.telemetry import Telemetry
from shared.tensors.open_store import StoreParts, open_parts, open_reaper
from shared.tensors.reaper import Reaper

DEAF_AFTER_S = 15.0
_log = logging.getLogger(__name__)


class Orchestrator:
    """Holds the parts of one process."""

    def __init__(
        self,
        settings: OrchestratorSettings,
        telemetry: Telemetry,
        reaper: Reaper | None,
        tasks: Mapping[str, TaskWork],
        opened: StoreParts,
    ) -> None:
        """Opens everything; call inside the event loop.

        Args:
            settings: What the process read from its environment.
            telemetry: For spans and counts.
            reaper: Deletes expired tensors; None leaves that to others.
            tasks: What each task of a workflow does.
            opened: The stores, to be closed with the rest.
        """
        self._settings = settings
        self._stop_reaper = threading.Event()
        self._redis = open_state_redis(settings.state_redis_url)
        self._stages = StageClients(settings, telemetry.tracer)
        self._app = make_celery_app(settings)
        send_step = partial(try_to_send_step, self._app)
        send_units = partial(try_to_send_units, self._app)
        self._backlog = Backlog(self._redis)
        self._going_on = GoingOn(self._backlog, settings.queues)
        records = RunRecords(self._redis, settings.run_limits())
        counts = StepMetrics(telemetry.meter), BacklogMetrics(telemetry.meter)
        self._runner = StepRunner(
            records,
            self._stages,
            send_step,
            self._going_on,
            settings,
            telemetry.tracer,
            counts[0],
        )
        self._workflows = WorkflowEngine(
            self._redis,
            self._stages,
            tasks,
            send_units,
            opened,
            settings,
            telemetry,
            *counts,
            self._going_on,
        )
        self._worker = QueueWorker(
            self._app,
            {STEP_TASK: self._run_step, UNIT_TASK: self._run_unit},
            asyncio.get_running_loop(),
            concurrency=settings.concurrency,
            kinds=settings.queues,
        )
        self._hearing = Hearing(self._worker, DEAF_AFTER_S)
        interpretations = InterpretationSweep(records, send_step, *counts)
        looks = (interpretations.look, self._workflows.sweep.look)
        sweeper = Sweeper(looks, self._backlog, settings.sweep_interval_s, counts[1])
        self._sweeping = asyncio.create_task(sweeper.run(), name="sweeper")
        self._worker.start()
        if reaper is not None:
            wait = (self._stop_reaper, settings.reap_interval_s)
            threading.Thread(target=reaper.loop, args=wait, name="reaper", daemon=True).start()

    async def probe(self) -> None:
        """Whether steps could be taken.

        Raises:
            StageUnavailable: The state store is away, the consumer deaf, or the sweeper gone.
        """
        queued = await self._backlog.queued()
        served = self._settings.queues or queued.keys()
        self._hearing.check(sum(queued[kind] for kind in served))
        if self._sweeping.done():
            raise StageUnavailable("the sweeper has stopped")

    async def close(self) -> None:
        """Lets running steps end, hands the others over, closes connections."""
        self._sweeping.cancel()
        self._stop_reaper.set()
        self._going_on.close()
        await asyncio.to_thread(self._worker.stop, self._settings.drain_grace_s)
        await self._workflows.close()
        await self._stages.close()
        await self._redis.aclose()
        self._app.close()

    async def _run_step(self, fields: dict[str, Any], traceparent: str) -> None:
        await self._runner.run(read_command(StepCommand, fields), traceparent)

    async def _run_unit(self, fields: dict[str, Any], traceparent: str) -> None:
        await self._workflows.runner.run(read_command(UnitCommand, fields), traceparent)


def open_service(
    settings: OrchestratorSettings,
    telemetry: Telemetry,
    tasks: Mapping[str, TaskWork] = TASK_WORK,
    opened: StoreParts | None = None,
) -> Service:
    """The orchestrator as a process: it serves health, and no calls.

    Args:
        settings: What the process read from its environment.
        telemetry: For spans and counts.
        tasks: What each task of a workflow does.
        opened: The stores, where they are not those of the settings.
    """
    reaper = open_reaper(settings) if settings.reap_interval_s > 0 else None
    stores = opened or open_parts(settings)
    orchestrator = Orchestrator(settings, telemetry, reaper, tasks, stores)
    return Service(
        grpc_names=(),
        add_to=lambda server: None,
        probe=orchestrator.probe,
        close=orchestrator.close,
        authenticate=lambda authorization: "",
    )
