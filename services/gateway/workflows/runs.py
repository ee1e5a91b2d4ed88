"""Runs of workflows: begun, shown, followed, called off, taken up again."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import uuid
from collections.abc import AsyncGenerator, Callable, Mapping

from celery import Celery

from services.gateway.request_checks import check_idempotency_key
from services.gateway.settings import GatewaySettings
from services.gateway.tenant_admission import TenantAdmission
from services.gateway.workflows.kept import KeptPlan, KeptWorkflows
from services.gateway.workflows.paging import page_size
from shared import rpc_context
from shared.errors import DeadlineExceeded, InvalidInput, NotFound
from shared.messages.celery_app import current_traceparent
from shared.messages.sending import try_to_send_units
from shared.workflow_runs.events import NumberedEvent
from shared.workflow_runs.graph import graph_of
from shared.workflow_runs.runs import WorkflowRuns
from shared.workflow_runs.views import Created, Page, RunView, StepView
from workflow_language import Plan, canonical_json, digest
from workflow_language.value_json import value_to_json
from workflow_language.values import Value

RUN_ID = re.compile(r"[0-9a-f]{32}")


class TenantRuns:
    """The runs of all tenants; another tenant's run is an unknown one."""

    def __init__(
        self,
        runs: WorkflowRuns,
        kept: KeptWorkflows,
        app: Celery,
        watches: TenantAdmission,
        settings: GatewaySettings,
    ) -> None:
        """Takes the records, what makes plans, what sends first units, and bounds on watching."""
        self._runs = runs
        self._kept = kept
        self._app = app
        self._watches = watches
        self._timeout_s = settings.workflow_timeout_s
        self._max_running = settings.max_workflow_runs_per_tenant

    async def start(
        self, kept: KeptPlan, inputs: Mapping[str, Value], *, key: str, tenant: str
    ) -> Created:
        """Records a run and sends what may run first, or joins the run of the same request.

        Raises:
            InvalidInput: The idempotency key is too long.
            Conflict: It belongs to another request.
            QuotaExceeded: The tenant has too many runs.
            StageUnavailable: The state store cannot be reached; nothing was accepted.
        """
        inputs_json = json.dumps({name: value_to_json(value) for name, value in inputs.items()})
        version = kept.stored.version if kept.stored else 0
        return await self._create(kept.plan, version, inputs_json, key, tenant)

    async def rerun(self, run_id: str, *, key: str, tenant: str) -> Created:
        """Does a run again from its beginning, as a new one.

        Raises:
            NotFound: The tenant has no such run, or its inputs have expired.
            Otherwise as `start`.
        """
        earlier = await self.own(run_id, tenant)
        plan = await self._kept.again(await self._runs.definition(run_id), tenant)
        inputs_json = await self._runs.inputs(run_id)
        return await self._create(plan, earlier.version, inputs_json, key, tenant)

    async def own(self, run_id: str, tenant: str) -> RunView:
        """The run, if it is the tenant's.

        Raises:
            NotFound: The tenant has no such run.
            StageUnavailable: The state store cannot be reached.
        """
        await self._check(run_id, tenant)
        return await self._runs.read(run_id)

    async def read(
        self, run_id: str, tenant: str, before_large: Callable[[], object]
    ) -> tuple[RunView, tuple[StepView, ...]]:
        """How a run stands; `before_large` is called before large outputs are read, and may refuse.

        Raises:
            NotFound: The tenant has no such run.
            StageUnavailable: The state store cannot be reached.
        """
        await self._check(run_id, tenant)
        return await self._runs.read(run_id, before_large), await self._runs.steps(run_id)

    async def page(self, size: int, token: str, *, state: str, workflow: str, tenant: str) -> Page:
        """Runs, the newest first; of one state or one workflow where these are not empty.

        Raises:
            InvalidInput: Not a size of a page, or not a token.
            StageUnavailable: The state store cannot be reached.
        """
        return await self._runs.list(
            tenant, page_size(size), token, state=state, workflow_name=workflow
        )

    async def watch(
        self, run_id: str, after_event: int, tenant: str
    ) -> AsyncGenerator[NumberedEvent, None]:
        """Events after that number, to the end of the run or of the caller's time.

        Raises:
            InvalidInput: A number below 0.
            NotFound: The tenant has no such run.
            QuotaExceeded: The tenant watches as many as it may.
            DeadlineExceeded: The caller's time is over; the run goes on.
        """
        if after_event < 0:
            raise InvalidInput(
                f"after_event is {after_event}", field="after_event", limit="0 or more"
            )
        with self._watches.enter(tenant):
            await self._check(run_id, tenant)
            try:
                async with asyncio.timeout(rpc_context.remaining_s()):
                    async for event in self._runs.follow(run_id, after_event):
                        yield event
            except TimeoutError:
                raise DeadlineExceeded("the caller's deadline passed; the run goes on") from None

    async def cancel(self, run_id: str, tenant: str) -> None:
        """Calls a run off; one that has ended is left as it is.

        Raises:
            NotFound: The tenant has no such run.
            StageUnavailable: The state store cannot be reached.
        """
        await self._check(run_id, tenant)
        await self._runs.request_cancel(run_id)

    async def resume(self, run_id: str, tenant: str) -> None:
        """Takes up a run that failed or was cancelled.

        Raises:
            NotFound: The tenant has no such run.
            Conflict: It runs, or has succeeded.
            QuotaExceeded: The tenant has too many runs.
            StageUnavailable: The state store cannot be reached.
        """
        await self._check(run_id, tenant)
        ready = await self._runs.resume(
            run_id, timeout_s=self._timeout_s, max_running=self._max_running
        )
        await try_to_send_units(self._app, ready)

    async def _check(self, run_id: str, tenant: str) -> None:
        """Refuses a run that is not the tenant's; anything but an id would name another record."""
        if not RUN_ID.fullmatch(run_id) or await self._runs.tenant_of(run_id) != tenant:
            raise NotFound("there is no such run", field="run_id")

    async def _create(
        self, plan: Plan, version: int, inputs_json: str, key: str, tenant: str
    ) -> Created:
        check_idempotency_key(key)
        asked = f"{digest(plan.definition)} {version} {inputs_json}"
        created = await self._runs.create(
            uuid.uuid4().hex,
            tenant,
            canonical_json(plan.definition),
            workflow_name=plan.definition.name,
            version=version,
            inputs_json=inputs_json,
            graph=graph_of(plan),
            idempotency_key=key,
            digest=hashlib.sha256(asked.encode()).hexdigest(),
            timeout_s=self._timeout_s,
            max_running=self._max_running,
            trace=current_traceparent(),
        )
        await try_to_send_units(self._app, created.ready)
        return created
