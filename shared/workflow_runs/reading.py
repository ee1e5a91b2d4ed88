"""What callers read of workflow runs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, cast

from redis.exceptions import RedisError

from shared.errors import InvalidInput, NotFound
from shared.interpretation.events import Fault
from shared.messages.json_codec import from_json
from shared.run_records.state_redis import asked
from shared.run_records.stream_entries import entries_in
from shared.workflow_runs.events import CODEC, NumberedEvent
from shared.workflow_runs.large_values import is_reference
from shared.workflow_runs.scripted import ScriptedRuns, run_key, texts
from shared.workflow_runs.views import END, Page, RunState, RunView, StepState, StepView

BLOCK_MS = 1000
EVENTS_A_READ = 500
RECONNECT_PAUSE_S = 0.2
RUNS_A_LOOK = 100
# A page may hold fewer runs than asked for rather than look at all a tenant ever had.
MOST_LOOKED_AT = 2000
_FIELDS = (
    *("tenant", "workflow_name", "version", "state", "created_ms", "ended_ms", "deadline_ms"),
    *("events", "fault", "definition_digest"),
)
_STATES: dict[str, StepState] = {
    "waiting": "waiting",
    "parked": "queued",
    "ready": "queued",
    "running": "running",
    "expanded": "running",
    "done": "done",
    "skipped": "skipped",
    "failed": "failed",
}


class RunReading(ScriptedRuns):
    """Runs, their steps, pages of them, and events as they come."""

    async def read(self, run_id: str, before_large: Callable[[], object] = lambda: None) -> RunView:
        """The run.

        Args:
            run_id: Its id.
            before_large: Called before outputs are read that are too large for the record, and may
                refuse: whoever reads for many keeps count of these.

        Raises:
            NotFound: There is none, or its retention has passed.
        """
        found = texts(await asked(self._redis.hmget(run_key(run_id), [*_FIELDS, "outputs"])))
        if not found[0]:
            raise NotFound("there is no such run", field="run_id")
        *plain, outputs = found
        if is_reference(outputs):
            before_large()
        return _run_view(run_id, plain, await self._fetch_if_there(outputs))

    async def tenant_of(self, run_id: str) -> str:
        """Whose run it is; spares what may be large.

        Raises:
            NotFound: There is no such run.
        """
        (tenant,) = texts([await asked(self._redis.hget(run_key(run_id), "tenant"))])
        if not tenant:
            raise NotFound("there is no such run", field="run_id")
        return tenant

    async def inputs(self, run_id: str) -> str:
        """The inputs of the run, as given to `create`.

        Raises:
            NotFound: There is no such run, or they have expired.
        """
        (kept,) = texts([await asked(self._redis.hget(run_key(run_id), "inputs"))])
        if not kept:
            raise NotFound("there is no such run", field="run_id")
        return await self._fetch(kept)

    async def definition(self, run_id: str) -> str:
        """The definition the run was made of, as given to `create`.

        Raises:
            NotFound: There is no such run.
        """
        digest = texts([await asked(self._redis.hget(run_key(run_id), "definition_digest"))])
        return await self.definition_of(digest[0])

    async def definition_of(self, digest: str) -> str:
        """The definition of that digest.

        Raises:
            NotFound: No run has it any more.
        """
        (found,) = texts([await asked(self._redis.get(f"workflow:definition:{digest}"))])
        if not found:
            raise NotFound("there is no such run", field="run_id")
        return found

    async def steps(self, run_id: str) -> tuple[StepView, ...]:
        """The steps of the run, each after those it waits for.

        Raises:
            NotFound: There is no such run.
        """
        record, units = [
            dict(zip(texts(found), texts(found.values()), strict=True))
            for found in (
                await asked(self._redis.hgetall(run_key(run_id))),
                await asked(self._redis.hgetall(run_key(run_id, "units"))),
            )
        ]
        if not record:
            raise NotFound("there is no such run", field="run_id")
        running = record["state"] == "running"
        return tuple(
            _step_view(step, json.loads(record[f"step:{step}"]), json.loads(units[step]), running)
            for step in json.loads(record["steps"])
            if step != END
        )

    async def list(
        self,
        tenant: str,
        page_size: int,
        page_token: str = "",
        *,
        state: str = "",
        workflow_name: str = "",
    ) -> Page:
        """Runs of a tenant, the newest first; of one state or one workflow if that is named.

        Args:
            tenant: Whose.
            page_size: Most runs in the page; it may have fewer and still not be the last.
            page_token: "" for the first page, else what the page before gave.
            state: Only runs in this state.
            workflow_name: Only runs of this workflow.

        Raises:
            InvalidInput: The token is none.
        """
        if page_token and not (page_token.isascii() and page_token.isdigit()):
            raise InvalidInput("is no token of a page", field="page_token")
        runs: tuple[RunView, ...] = ()
        below, looked_at = page_token, 0
        while looked_at < MOST_LOOKED_AT:
            found = await self._older(tenant, below)
            looked_at += len(found)
            for view, age in await self._views(found):
                if state in ("", view.state) and workflow_name in ("", view.workflow_name):
                    runs += (view,)
                below = age
                if len(runs) == page_size:
                    return Page(runs, below)
            if len(found) < RUNS_A_LOOK:
                return Page(runs, "")
            below = found[-1][1]
        return Page(runs, below)

    async def follow(self, run_id: str, after_event: int = 0) -> AsyncIterator[NumberedEvent]:
        """Events of the run from number `after_event` + 1 on, each once, until its end.

        While the state store is away it waits: the caller's deadline bounds it.

        Raises:
            NotFound: There is no such run, or its retention passed before its end was read.
        """
        stream, last = run_key(run_id, "events"), f"{after_event}-0"
        while True:
            try:
                told = texts(await self._redis.hmget(run_key(run_id), ["state", "events"]))
                if not told[0]:
                    raise NotFound("there is no such run", field="run_id")
                if told[0] != "running" and int(last.partition("-")[0]) >= int(told[1]):
                    return
                reply: Any = await self._redis.xread({stream: last}, EVENTS_A_READ, BLOCK_MS)
            except (RedisError, OSError):
                await asyncio.sleep(RECONNECT_PAUSE_S)
                continue
            for name, fields in entries_in(reply):
                (last,) = texts([name])
                number = int(last.partition("-")[0])
                yield NumberedEvent(number, int(fields[b"at"]), CODEC.from_json(fields[b"event"]))

    async def _older(self, tenant: str, below: str) -> Sequence[tuple[str, str]]:
        """Ids of runs with their ages (the scores of the list), from the newest on."""
        found = await asked(
            self._redis.zrange(
                f"workflow:runs:{tenant}",
                cast(int, f"({below}" if below else "+inf"),
                cast(int, "-inf"),
                desc=True,
                byscore=True,
                withscores=True,
                offset=0,
                num=RUNS_A_LOOK,
            )
        )
        return [(texts([run_id])[0], str(int(age))) for run_id, age in found]

    async def _views(self, found: Sequence[tuple[str, str]]) -> Sequence[tuple[RunView, str]]:
        pipeline = self._redis.pipeline(transaction=False)
        for run_id, _ in found:
            pipeline.hmget(run_key(run_id), list(_FIELDS))
        records = await asked(pipeline.execute())
        return [
            (_run_view(run_id, fields, outputs_json=""), age)
            for (run_id, age), fields in zip(found, map(texts, records), strict=True)
            if fields[0]
        ]


def _run_view(run_id: str, fields: list[str], outputs_json: str) -> RunView:
    (tenant, name, version, state, created, ended, deadline, events, fault, digest) = fields
    return RunView(
        run_id=run_id,
        tenant=tenant,
        workflow_name=name,
        version=int(version),
        state=cast(RunState, state),
        created_at_ms=int(created),
        ended_at_ms=int(ended) if ended else None,
        deadline_at_ms=int(deadline),
        events=int(events),
        fault=from_json(Fault, fault) if fault else None,
        outputs_json=outputs_json,
        definition_digest=digest,
    )


def _step_view(step: str, spec: dict[str, Any], unit: dict[str, Any], running: bool) -> StepView:
    state = _STATES[unit["state"]]
    if not running and state in ("waiting", "queued", "running"):
        state = "stopped"
    return StepView(
        step=step,
        task=spec["task"],
        state=state,
        attempts=unit.get("tries", 0),
        failures=unit.get("failures", 0) + unit.get("failed_items", 0),
        items_total=unit.get("total"),
        items_done=unit.get("done", 0),
        started_at_ms=unit.get("first"),
        ended_at_ms=unit.get("ended"),
        error=unit.get("error", ""),
    )
