"""Run records as methods; the rules are in `shared.run_records.scripts`.

A method that is called again after its reply was lost does no harm: it finds what it did before.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from redis.asyncio import Redis
from redis.commands.core import AsyncScript

from shared.errors import Conflict, QuotaExceeded
from shared.interpretation.events import Ended, Event, event_to_json
from shared.interpretation.plan import Plan, Step, steps_of
from shared.messages.json_codec import from_json, to_json
from shared.run_records import scripts
from shared.run_records.state_redis import asked

DUE = "runs:due"
DEAD = "runs:dead"
MAX_DEAD = 10_000
QUOTA_RETRY_AFTER_S = 1.0

Refusal = Literal["over", "done", "waiting", "busy", "exhausted"]


@dataclass(frozen=True, slots=True)
class RunLimits:
    """Bounds of a durable run.

    Attributes:
        lease_s: A worker that has not renewed for so long is taken for dead.
        max_attempts: Most claims of one step.
        max_rewinds: Most times a run makes tensors again that are gone.
        resend_after_s: A step ready for so long without a claim has lost its message.
        max_resend_s: Longest pause between two messages for one step.
        retention_s: Life of the record after the end of the run.
    """

    lease_s: float = 5.0
    max_attempts: int = 8
    max_rewinds: int = 3
    resend_after_s: float = 5.0
    max_resend_s: float = 60.0
    retention_s: float = 21_600.0


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to run one step.

    Attributes:
        run_id: Of which run.
        step: Which step.
        fence: Proves the right; a later claim has a higher one.
        attempt: How often the step has been claimed, with this time.
        rewinds: How often this run has made tensors again.
        plan: What is asked.
        results: JSON of the steps done so far.
        remaining_s: Time until the run's deadline.
        age_s: Time since the run was accepted.
    """

    run_id: str
    step: Step
    fence: str
    attempt: int
    rewinds: int
    plan: Plan
    results: Mapping[str, str]
    remaining_s: float
    age_s: float


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a step may not run now; `error` is the last one of an exhausted step."""

    reason: Refusal
    error: str = ""


@dataclass(frozen=True, slots=True)
class Swept:
    """What a due run needs: messages for `steps`, or its end.

    Attributes:
        action: "send"; "late" if its deadline passed; "cancelled" if that was asked for; "over".
        trace: W3C traceparent of who asked.
        tenant: Whose run.
        steps: For "send": the steps to send.
    """

    action: Literal["send", "late", "cancelled", "over"]
    trace: str
    tenant: str
    steps: tuple[Step, ...]


class RunRecords:
    """All runs of the suite."""

    def __init__(self, redis: Redis, limits: RunLimits) -> None:
        """Uses `redis`, the state Redis; nothing is asked of it yet."""
        self._redis = redis
        self._limits = limits
        self._scripts: dict[str, AsyncScript] = {}

    async def create(
        self,
        plan: Plan,
        *,
        idempotency_key: str,
        digest: str,
        timeout_s: float,
        max_running: int,
        trace: str,
    ) -> tuple[str, bool]:
        """Records a new run, or finds the one the same request made before.

        Args:
            plan: What is asked; `plan.run_id` becomes the run's id.
            idempotency_key: Makes a repeated request join the first; empty for none.
            digest: Says whether two requests ask the same.
            timeout_s: When the run is given up.
            max_running: Most runs the tenant may have at once.
            trace: W3C traceparent of who asked.

        Returns:
            Id of the run, and whether it was there before.

        Raises:
            Conflict: The key belongs to a run of another request.
            QuotaExceeded: The tenant has `max_running` runs already.
            StageUnavailable: The state store cannot be reached.
        """
        key_hash = hashlib.sha256(idempotency_key.encode()).hexdigest()
        reply = await self._call(
            scripts.CREATE,
            plan.run_id,
            [f"runs:key:{plan.tenant}:{key_hash}", _runs_of(plan.tenant)],
            [
                to_json(plan),
                json.dumps(steps_of(plan)),
                digest,
                _ms(timeout_s),
                _ms(self._limits.resend_after_s),
                trace,
                max_running,
                int(bool(idempotency_key)),
                plan.tenant,
                # Ends by itself, should the run's own end never come to renew it.
                _ms(timeout_s + self._limits.retention_s),
            ],
        )
        outcome, run_id = map(_text, reply)
        if outcome == "conflict":
            raise Conflict(
                "the idempotency key belongs to another request", field="idempotency_key"
            )
        if outcome == "quota":
            raise QuotaExceeded(
                f"too many durable requests at once; the limit is {max_running}",
                limit=str(max_running),
                retry_after_s=QUOTA_RETRY_AFTER_S,
            )
        return run_id, outcome == "joined"

    async def claim(self, run_id: str, step: Step, owner: str) -> Claim | Refused:
        """Takes the step for `owner`, a name nobody else uses, if nobody else is on it."""
        limits = self._limits
        reply = await self._call(
            scripts.CLAIM, run_id, [], [step, owner, _ms(limits.lease_s), limits.max_attempts]
        )
        outcome = _text(reply[0])
        if outcome != "claimed":
            error = _text(reply[1]) if len(reply) > 1 else ""
            return Refused(cast(Refusal, outcome), error)
        flat = [_text(item) for item in reply[1]]
        return _claim(run_id, step, dict(zip(flat[::2], flat[1::2], strict=True)), int(reply[2]))

    async def renew(self, claim: Claim) -> Literal["held", "lost", "over"]:
        """Keeps the step for another lease; "over" if the run has ended meanwhile."""
        argv = [claim.step, claim.fence, _ms(self._limits.lease_s)]
        reply = _text(await self._call(scripts.RENEW, claim.run_id, [], argv))
        return cast(Literal["held", "lost", "over"], reply)

    async def commit(
        self, claim: Claim, result: str, events: Sequence[Event]
    ) -> tuple[Step, ...] | None:
        """Makes the step's result and events part of the run, all at once.

        Events are told the first time a step commits; if it has to run again, its effect is the
        result alone.

        Returns:
            The steps that may run now, or None if the step was somebody else's by now.
        """
        told = [event_to_json(event) for event in events]
        argv = [claim.step, claim.fence, result, _ms(self._limits.resend_after_s), *told]
        reply = [_text(x) for x in await self._call(scripts.COMMIT, claim.run_id, [], argv)]
        return cast(tuple[Step, ...], tuple(reply[1:])) if reply[0] == "committed" else None

    async def release(self, claim: Claim, *, retry_in_s: float, error: str) -> None:
        """Gives the step back, to be claimed again after `retry_in_s`."""
        argv = [claim.step, claim.fence, _ms(retry_in_s), error]
        await self._call(scripts.RELEASE, claim.run_id, [], argv)

    async def rewind(self, claim: Claim, producers: Sequence[Step], error: str) -> bool:
        """Has `producers` run again before this step, for their tensors are gone.

        Returns:
            False if the run has done so too often.
        """
        argv = [claim.step, claim.fence, self._limits.max_rewinds, error, *producers]
        return _text(await self._call(scripts.REWIND, claim.run_id, [], argv)) != "exhausted"

    async def finish(
        self, run_id: str, tenant: str, ended: Ended, *, dead_reason: str = "", dead_step: str = ""
    ) -> bool:
        """Ends the run; the first to do so wins.

        Args:
            run_id: Which run.
            tenant: Whose run.
            ended: The terminal state and event.
            dead_reason: Why it was given up, for the dead letters; empty if it was not.
            dead_step: The step it was given up at.

        Returns:
            Whether this call ended it.
        """
        argv = [
            ended.state,
            event_to_json(ended),
            _ms(self._limits.retention_s),
            *(dead_reason, dead_step, MAX_DEAD),
        ]
        return bool(await self._call(scripts.FINISH, run_id, [_runs_of(tenant), DEAD], argv))

    async def request_cancel(self, run_id: str) -> bool:
        """Asks for the run to be called off; False if it has ended already."""
        return bool(await self._call(scripts.CANCEL, run_id, [], []))

    async def due(self, limit: int) -> list[str]:
        """Ids of runs the sweeper must look at."""
        return [_text(run_id) for run_id in await self._call(scripts.DUE, "", [], [limit])]

    async def sweep(self, run_id: str) -> Swept:
        """Looks at a due run: takes steps back from dead workers, finds messages that were lost."""
        argv = [_ms(self._limits.resend_after_s), _ms(self._limits.max_resend_s)]
        reply = [_text(item) for item in await self._call(scripts.SWEEP, run_id, [], argv)]
        if reply[0] == "over":
            return Swept("over", "", "", ())
        action, trace, tenant, *steps = reply
        return Swept(cast(Any, action), trace, tenant, cast(tuple[Step, ...], tuple(steps)))

    async def read(self, run_id: str) -> dict[str, str]:
        """The record's fields; empty if there is no such run."""
        flat = await asked(self._redis.hgetall(f"run:{run_id}"))
        return {_text(key): _text(value) for key, value in flat.items()}

    async def _call(
        self, script: str, run_id: str, keys: Sequence[str], argv: Sequence[object]
    ) -> Any:
        registered = self._scripts.get(script)
        if registered is None:
            registered = self._scripts[script] = self._redis.register_script(script)
        run_keys = [f"run:{run_id}", f"run:{run_id}:events", DUE]
        return await asked(registered(keys=[*run_keys, *keys], args=cast(list[str], list(argv))))


def _claim(run_id: str, step: Step, record: dict[str, str], now_ms: int) -> Claim:
    suffix = ":result"
    return Claim(
        run_id=run_id,
        step=step,
        fence=record[f"s:{step}:fence"],
        attempt=int(record[f"s:{step}:attempts"]),
        rewinds=int(record["rewinds"]),
        plan=from_json(Plan, record["plan"]),
        results={
            key.removeprefix("s:").removesuffix(suffix): value
            for key, value in record.items()
            if key.startswith("s:") and key.endswith(suffix)
        },
        remaining_s=(int(record["deadline_ms"]) - now_ms) / 1000,
        age_s=(now_ms - int(record["created_ms"])) / 1000,
    )


def _runs_of(tenant: str) -> str:
    return f"runs:of:{tenant}"


def _ms(seconds: float) -> int:
    return max(0, round(seconds * 1000))


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
