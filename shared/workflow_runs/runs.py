"""The life of a workflow run: begun, called off, ended, resumed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict

from shared.errors import Cancelled, Conflict, NotFound, QuotaExceeded
from shared.interpretation.events import Fault
from shared.messages.json_codec import to_json
from shared.run_records.state_redis import asked
from shared.workflow_runs import lua_run_scripts
from shared.workflow_runs.events import CODEC, RunAccepted, RunEnded, RunResumed, StepFailed
from shared.workflow_runs.graph import Graph
from shared.workflow_runs.reading import RunReading
from shared.workflow_runs.scripted import ms, ready_units, run_key, texts
from shared.workflow_runs.unit_work import UnitWork
from shared.workflow_runs.views import Created, ReadyUnit, RunState, UnitClaim

MAX_DEAD = 10_000
QUOTA_RETRY_AFTER_S = 1.0


class WorkflowRuns(RunReading, UnitWork):
    """All workflow runs of the suite."""

    async def create(
        self,
        run_id: str,
        tenant: str,
        definition_json: str,
        *,
        workflow_name: str,
        version: int,
        inputs_json: str,
        graph: Graph,
        idempotency_key: str,
        digest: str,
        timeout_s: float,
        max_running: int,
        trace: str,
    ) -> Created:
        """Records a new run, or finds the one the same request made before.

        Args:
            run_id: A new id, if it is a new run.
            tenant: Whose.
            definition_json: What `definition` gives back.
            workflow_name: Of the workflow.
            version: Of the workflow; 0 for a definition given in place.
            inputs_json: JSON object of inputs by name.
            graph: Of the plan (`graph_of`).
            idempotency_key: Makes a repeated request join the first; empty for none.
            digest: Says whether two requests ask the same.
            timeout_s: When the run is given up.
            max_running: Most workflow runs the tenant may have at once.
            trace: W3C traceparent of who asked.

        Raises:
            Conflict: The key belongs to a run of another request.
            QuotaExceeded: The tenant has `max_running` runs already.
            StageUnavailable: The state store or the object store cannot be reached.
        """
        keep_s = timeout_s + self._limits.retention_s
        key_hash = hashlib.sha256(idempotency_key.encode()).hexdigest()
        reply = await self._call(
            lua_run_scripts.CREATE,
            run_id,
            tenant=tenant,
            definition=definition_json,
            definition_digest=f"sha256:{hashlib.sha256(definition_json.encode()).hexdigest()}",
            workflow_name=workflow_name,
            version=version,
            inputs=await self._keep(inputs_json, run_id, keep_s),
            graph=_specs(graph),
            steps=json.dumps(list(graph)),
            fan_outs=json.dumps([step for step, each in graph.items() if each.fan_out]),
            request_key=f"workflow:key:{tenant}:{key_hash}" if idempotency_key else "",
            digest=digest,
            timeout_ms=ms(timeout_s),
            keep_ms=ms(keep_s),
            max_running=max_running,
            in_flight=self._limits.in_flight_per_tenant,
            trace=trace,
            resend_ms=ms(self._limits.resend_after_s),
            accepted=CODEC.to_json(RunAccepted(workflow_name, len(graph) - 1)),
        )
        _refuse(reply["outcome"], max_running)
        return Created(reply["run_id"], reply["outcome"] == "joined", ready_units(reply))

    async def resume(
        self, run_id: str, *, timeout_s: float, max_running: int
    ) -> tuple[ReadyUnit, ...]:
        """Lets a run that failed or was cancelled go on: what is done stays, the rest runs.

        Returns:
            What may run now.

        Raises:
            NotFound: There is no such run, or its inputs have expired.
            Conflict: It runs, or it has succeeded.
            QuotaExceeded: The tenant has `max_running` runs already.
            StageUnavailable: The state store or the object store cannot be reached.
        """
        keep_s = timeout_s + self._limits.retention_s
        await self._prolong_inputs(run_id, keep_s)
        reply = await self._call(
            lua_run_scripts.RESUME,
            run_id,
            timeout_ms=ms(timeout_s),
            keep_ms=ms(keep_s),
            max_running=max_running,
            in_flight=self._limits.in_flight_per_tenant,
            resend_ms=ms(self._limits.resend_after_s),
            event=CODEC.to_json(RunResumed()),
        )
        _refuse(reply["outcome"], max_running)
        return ready_units(reply)

    async def request_cancel(self, run_id: str) -> bool:
        """Ends the run as "cancelled" there and then; False if it had ended already."""
        fault = Fault.of(Cancelled("the run was called off"))
        return bool(
            await self._call(
                lua_run_scripts.CANCEL,
                run_id,
                event=CODEC.to_json(RunEnded("cancelled", fault)),
                fault=to_json(fault),
                retention_ms=ms(self._limits.retention_s),
            )
        )

    async def finish(
        self,
        run_id: str,
        state: RunState,
        *,
        outputs: str = "",
        fault: Fault | None = None,
        claim: UnitClaim | None = None,
        dead: bool = False,
    ) -> tuple[ReadyUnit, ...] | None:
        """Ends the run; the first to do so wins.

        Args:
            run_id: Which run.
            state: How it ends.
            outputs: What `keep_outputs` gave for the outputs of a run that succeeded.
            fault: Why it did not succeed.
            claim: Of the unit that ends it, or that it failed at; None if that is not one unit.
            dead: Whether it is given up, to be kept with the dead letters.

        Returns:
            What may run now in place of the run's units, or None if this call did not end it.
        """
        error = f"{fault.code}: {fault.message}" if fault else ""
        failed_event = ""
        if claim and fault:
            failed = StepFailed(claim.step, claim.item, claim.attempt, fault, will_retry=False)
            failed_event = CODEC.to_json(failed)
        reply = await self._call(
            lua_run_scripts.FINISH,
            run_id,
            state=state,
            event=CODEC.to_json(RunEnded(state, fault)),
            fault=to_json(fault) if fault else "",
            error=error,
            outputs=outputs,
            retention_ms=ms(self._limits.retention_s),
            resend_ms=ms(self._limits.resend_after_s),
            fenced=claim is not None,
            fence=claim.fence if claim else 0,
            unit=claim.unit if claim else "",
            failed=bool(failed_event),
            failed_event=failed_event,
            dead_reason=error if dead else "",
            max_dead=MAX_DEAD,
        )
        return ready_units(reply) if reply["ended"] else None

    async def _prolong_inputs(self, run_id: str, ttl_s: float) -> None:
        (kept,) = texts([await asked(self._redis.hget(run_key(run_id), "inputs"))])
        if self._large:
            await self._large.prolong(kept, ttl_s)


def _specs(graph: Graph) -> dict[str, str]:
    """JSON of each step, with the steps that wait for it."""
    before: dict[str, list[str]] = {step: [] for step in graph}
    for step, each in graph.items():
        for earlier in each.after:
            before[earlier].append(step)
    return {
        step: json.dumps(asdict(each) | {"before": before[step]}, separators=(",", ":"))
        for step, each in graph.items()
    }


def _refuse(outcome: str, max_running: int) -> None:
    if outcome == "conflict":
        raise Conflict("the idempotency key belongs to another request", field="idempotency_key")
    if outcome == "quota":
        raise QuotaExceeded(
            f"too many workflow runs at once; the limit is {max_running}",
            limit=str(max_running),
            retry_after_s=QUOTA_RETRY_AFTER_S,
        )
    if outcome == "gone":
        raise NotFound("there is no such run", field="run_id")
    if outcome in ("running", "succeeded"):
        raise Conflict(f"the run is {outcome}: there is nothing to resume", field="run_id")
