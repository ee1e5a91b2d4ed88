"""What a worker does with a unit; the rules are in the scripts.

A method that is called again after its reply was lost does no harm: it finds what it did before.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast

from shared.errors import NotFound
from shared.interpretation.events import Fault
from shared.run_records.state_redis import asked
from shared.workflow_runs import lua_run_scripts, lua_unit_scripts
from shared.workflow_runs.events import CODEC, StepDone, StepFailed, StepSkipped
from shared.workflow_runs.scripted import ScriptedRuns, ms, ready_units, run_key, texts
from shared.workflow_runs.views import Produced, ReadyUnit, Refused, Swept, UnitClaim

UNITS_A_SWEEP = 200


class OutputsGone(NotFound):
    """Outputs of `units` are in the record no more, or have expired: they are to be made again."""

    def __init__(self, units: Sequence[str]) -> None:
        """Names the units."""
        super().__init__(f"outputs are gone: {', '.join(units)}")
        self.units = tuple(units)


class UnitWork(ScriptedRuns):
    """Claims, and what becomes of them."""

    async def claim(self, run_id: str, unit: str, owner: str) -> UnitClaim | Refused:
        """Takes the unit for `owner`, a name nobody else uses, if nobody else is on it."""
        limits = self._limits
        reply = await self._call(
            lua_unit_scripts.CLAIM,
            run_id,
            unit=unit,
            owner=owner,
            lease_ms=ms(limits.lease_s),
            spare_claims=limits.spare_claims,
        )
        if "refused" in reply:
            return Refused(reply["refused"])
        return _claim(run_id, unit, reply)

    async def renew(self, claim: UnitClaim) -> Literal["held", "lost", "over"]:
        """Keeps the unit for another lease; "over" if the run has ended meanwhile."""
        reply = await self._change(lua_unit_scripts.RENEW, claim, lease_ms=ms(self._limits.lease_s))
        return cast(Literal["held", "lost", "over"], reply)

    async def expand(
        self, claim: UnitClaim, kept_items: Sequence[int]
    ) -> tuple[ReadyUnit, ...] | None:
        """Says which items of a `for_each` step are to be run, in order.

        Returns:
            What may run now, or None if the step was somebody else's by now.
        """
        reply = await self._change(
            lua_unit_scripts.EXPAND,
            claim,
            items=json.dumps(list(kept_items)),
            in_flight=claim.in_flight,
        )
        return ready_units(reply) if reply["held"] else None

    async def keep_outputs(self, claim: UnitClaim, outputs_json: str) -> str:
        """What stands for a JSON object of outputs by name in the record.

        Large ones are written to the object store, which may take longer than a lease: the claim is
        to be renewed meanwhile.

        Raises:
            InvalidInput: They are too large to be read again.
            QueueFull: The object store has no room.
            StageUnavailable: It cannot be reached.
        """
        ttl_s = claim.run_remaining_s + self._limits.retention_s
        return await self._keep(outputs_json, claim.run_id, ttl_s)

    async def commit(
        self, claim: UnitClaim, outputs: str, summary: Mapping[str, str] | None = None
    ) -> tuple[ReadyUnit, ...] | None:
        """Makes the unit's outputs part of the run, and the unit done.

        Args:
            claim: The right to do so.
            outputs: What `keep_outputs` gave for them.
            summary: Of each output in a few words what it is, for those who follow the run.

        Returns:
            What may run now, or None if the unit was somebody else's by now.
        """
        return await self._done(claim, StepDone(claim.step, dict(summary or {})), outputs)

    async def skip(self, claim: UnitClaim) -> tuple[ReadyUnit, ...] | None:
        """Says that the step is not to be run.

        Returns:
            What may run now, or None if the step was somebody else's by now.
        """
        return await self._done(claim, StepSkipped(claim.step), "")

    async def release(self, claim: UnitClaim, *, retry_in_s: float) -> None:
        """Gives the unit back as if it had not been claimed, to be claimed after `retry_in_s`."""
        await self._release(claim, retry_in_s, "", "", counted=False)

    async def retry(
        self, claim: UnitClaim, fault: Fault, *, retry_in_s: float, counted: bool
    ) -> None:
        """Gives back a unit that failed; `counted` says whether by its own doing."""
        error = f"{fault.code}: {fault.message}"
        failed = StepFailed(claim.step, claim.item, claim.attempt, fault, will_retry=True)
        await self._release(claim, retry_in_s, error, CODEC.to_json(failed), counted=counted)

    async def rewind(
        self, claim: UnitClaim, gone: Sequence[str], error: str
    ) -> tuple[ReadyUnit, ...] | None:
        """Has the units `gone` run again before this one, for their outputs are gone.

        Returns:
            What may run now; None if this unit has done so too often.
        """
        reply = await self._change(
            lua_unit_scripts.REWIND,
            claim,
            gone=list(gone),
            max_rewinds=self._limits.max_rewinds,
            error=error,
        )
        return None if reply.get("exhausted") else ready_units(reply)

    async def values(self, run_id: str, steps: Sequence[str]) -> dict[str, str]:
        """Outputs of steps that are done, by step: each a JSON object by name of output.

        Raises:
            OutputsGone: Of these steps.
        """
        return await self._values(run_id, "outputs", steps, steps) if steps else {}

    async def item_values(self, run_id: str, step: str) -> list[str]:
        """What the items of a step gave, in their order: each a JSON object by name of output.

        Raises:
            OutputsGone: Of these units.
        """
        part = f"items:{step}"
        items = sorted(texts(await asked(self._redis.hkeys(run_key(run_id, part)))), key=int)
        if not items:
            return []
        units = [f"{step}#{item}" for item in items]
        return list((await self._values(run_id, part, items, units)).values())

    async def due(self, limit: int) -> list[str]:
        """Ids of runs the sweeper must look at."""
        return list((await self._call(lua_run_scripts.DUE, "", limit=limit))["due"] or ())

    async def sweep(self, run_id: str) -> Swept:
        """Looks at a due run: takes units back from dead workers, finds messages that were lost."""
        reply = await self._call(
            lua_run_scripts.SWEEP,
            run_id,
            resend_ms=ms(self._limits.resend_after_s),
            max_resend_ms=ms(self._limits.max_resend_s),
            limit=UNITS_A_SWEEP,
        )
        return Swept(reply["action"], ready_units(reply))

    async def _values(
        self, run_id: str, part: str, fields: Sequence[str], units: Sequence[str]
    ) -> dict[str, str]:
        found = await asked(self._redis.hmget(run_key(run_id, part), list(fields)))
        # Side by side: a thousand large ones, one after the other, would take their time.
        fetched = await asyncio.gather(*map(self._fetch_if_there, texts(found)))
        values = dict(zip(units, fetched, strict=True))
        if gone := [unit for unit, value in values.items() if not value]:
            raise OutputsGone(gone)
        return values

    async def _done(
        self, claim: UnitClaim, event: StepDone | StepSkipped, outputs: str
    ) -> tuple[ReadyUnit, ...] | None:
        reply = await self._change(
            lua_unit_scripts.COMMIT,
            claim,
            outputs=outputs,
            skipped=isinstance(event, StepSkipped),
            event=CODEC.to_json(event),
        )
        return ready_units(reply) if reply["held"] else None

    async def _release(
        self, claim: UnitClaim, retry_in_s: float, error: str, event: str, *, counted: bool
    ) -> None:
        await self._change(
            lua_unit_scripts.RELEASE,
            claim,
            retry_ms=ms(retry_in_s),
            error=error,
            event=event,
            counted=counted,
        )

    async def _change(self, script: str, claim: UnitClaim, **arguments: object) -> Any:
        return await self._call(
            script,
            claim.run_id,
            unit=claim.unit,
            fence=claim.fence,
            resend_ms=ms(self._limits.resend_after_s),
            **arguments,
        )


def _claim(run_id: str, unit: str, reply: dict[str, Any]) -> UnitClaim:
    times = {f"{name}_s": reply.pop(f"{name}_ms") / 1000 for name in ("remaining", "run_remaining")}
    produced = {step: Produced(**each) for step, each in reply.pop("produced").items()}
    # An item that is none is left out by the server's JSON.
    reply = {"item": None} | reply
    return UnitClaim(run_id=run_id, unit=unit, produced=produced, **times, **reply)
