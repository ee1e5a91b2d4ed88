"""Calling the scripts of a workflow run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from redis.asyncio import Redis
from redis.commands.core import AsyncScript

from shared.errors import NotFound
from shared.run_records.state_redis import asked
from shared.workflow_runs.large_values import LargeValues
from shared.workflow_runs.views import ReadyUnit, RunLimits

DUE = "workflow:due"


class ScriptedRuns:
    """The state Redis, and each script registered once."""

    def __init__(
        self, redis: Redis, limits: RunLimits | None = None, large: LargeValues | None = None
    ) -> None:
        """Asks nothing of anybody yet.

        Args:
            redis: The state Redis.
            limits: Bounds; the plain ones by default.
            large: Where large inputs and outputs lie; without it they stay in Redis.
        """
        self._redis = redis
        self._limits = limits or RunLimits()
        self._large = large
        self._scripts: dict[str, AsyncScript] = {}

    async def _call(self, script: str, run_id: str, **arguments: object) -> Any:
        registered = self._scripts.get(script)
        if registered is None:
            registered = self._scripts[script] = self._redis.register_script(script)
        reply = registered(keys=[run_key(run_id)], args=[json.dumps(arguments)])
        return json.loads(await asked(reply))

    async def _keep(self, text: str, run_id: str, ttl_s: float) -> str:
        return await self._large.keep(text, run_id, ttl_s) if self._large else text

    async def _fetch(self, kept: str) -> str:
        return await self._large.fetch(kept) if self._large else kept

    async def _fetch_if_there(self, kept: str) -> str:
        """As `_fetch`; "" for what has expired."""
        try:
            return await self._fetch(kept)
        except NotFound:
            return ""


def run_key(run_id: str, part: str = "") -> str:
    """Name of the run's record, or of a part of it."""
    return f"workflow:run:{run_id}:{part}" if part else f"workflow:run:{run_id}"


def ready_units(reply: Mapping[str, Any]) -> tuple[ReadyUnit, ...]:
    """The units a script made ready."""
    # An empty list is an empty object to the server's JSON.
    return tuple(ReadyUnit(**unit) for unit in reply.get("ready") or ())


def ms(seconds: float) -> int:
    """Whole milliseconds, never below 0."""
    return max(0, round(seconds * 1000))


def texts(values: Iterable[Any]) -> list[str]:
    """What Redis gives for a list of texts; "" for what is not there."""
    return [value.decode() if isinstance(value, bytes) else value or "" for value in values]
