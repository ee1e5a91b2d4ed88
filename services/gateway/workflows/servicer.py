"""`earthgptx.v1.Workflows`: messages to calls of the parts, and back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import ExitStack, aclosing
from typing import Any

import grpc

from protos.earthgptx.v1 import workflows_pb2, workflows_pb2_grpc
from services.gateway.workflows import messages, run_messages
from services.gateway.workflows.engine import WorkflowParts
from services.gateway.workflows.inputs import inputs_of
from services.gateway.workflows.kept import KeptPlan
from shared import rpc_context
from shared.errors import InvalidInput
from workflow_language import WorkflowInvalid

Context = grpc.aio.ServicerContext[Any, Any]


class WorkflowsServicer(workflows_pb2_grpc.WorkflowsServicer):
    """Serves the workflows and the runs of whoever calls."""

    def __init__(self, parts: WorkflowParts) -> None:
        """Takes the parts that do it."""
        self._kept = parts.kept
        self._runs = parts.runs
        self._outputs = parts.outputs
        self._images = parts.images
        self._starts = parts.starts

    async def ValidateWorkflow(
        self, request: workflows_pb2.ValidateWorkflowRequest, context: Context
    ) -> workflows_pb2.ValidateWorkflowResponse:
        """Every fault of a workflow, or what it takes and gives."""
        try:
            plan = await self._kept.check(request.workflow, rpc_context.caller())
            return messages.valid(plan)
        except WorkflowInvalid as error:
            found = [messages.diagnostic(fault) for fault in error.diagnostics]
            return workflows_pb2.ValidateWorkflowResponse(diagnostics=found)

    async def CreateWorkflow(
        self, request: workflows_pb2.CreateWorkflowRequest, context: Context
    ) -> workflows_pb2.CreateWorkflowResponse:
        """Keeps a workflow."""
        stored, created = await self._kept.keep(request.workflow, rpc_context.caller())
        info = messages.workflow_info(stored)
        return workflows_pb2.CreateWorkflowResponse(workflow=info, created=created)

    async def ListWorkflows(
        self, request: workflows_pb2.ListWorkflowsRequest, context: Context
    ) -> workflows_pb2.ListWorkflowsResponse:
        """A page of the newest versions."""
        found, token = await self._kept.page(
            request.page_size, request.page_token, rpc_context.caller()
        )
        infos = [messages.workflow_info(each) for each in found]
        return workflows_pb2.ListWorkflowsResponse(workflows=infos, next_page_token=token)

    async def GetWorkflow(
        self, request: workflows_pb2.GetWorkflowRequest, context: Context
    ) -> workflows_pb2.GetWorkflowResponse:
        """One version with its definition."""
        found, versions = await self._kept.find(request.workflow, rpc_context.caller())
        return messages.kept_workflow(found, versions)

    async def DeleteWorkflow(
        self, request: workflows_pb2.DeleteWorkflowRequest, context: Context
    ) -> workflows_pb2.DeleteWorkflowResponse:
        """Forgets a workflow."""
        await self._kept.delete(request.name, rpc_context.caller())
        return workflows_pb2.DeleteWorkflowResponse()

    async def RunWorkflow(
        self, request: workflows_pb2.RunWorkflowRequest, context: Context
    ) -> workflows_pb2.RunWorkflowResponse:
        """Starts a run, or joins that of the same request."""
        tenant = rpc_context.caller()
        with self._starts.enter(tenant):
            plan = await self._plan(request, tenant)
            inputs = await inputs_of(plan.definition, request.inputs, self._images, tenant)
            created = await self._runs.start(
                plan, inputs, key=request.idempotency_key, tenant=tenant
            )
        return workflows_pb2.RunWorkflowResponse(run_id=created.run_id, joined=created.joined)

    async def GetRun(
        self, request: workflows_pb2.GetRunRequest, context: Context
    ) -> workflows_pb2.GetRunResponse:
        """How a run stands, and what it gave."""
        tenant = rpc_context.caller()
        with ExitStack() as held:
            # Only what is large takes a place: many may ask how their runs stand meanwhile.
            run, steps = await self._runs.read(
                request.run_id,
                tenant,
                lambda: held.enter_context(self._outputs.reading(tenant)),
            )
            return await self._outputs.message(run, steps)

    async def ListRuns(
        self, request: workflows_pb2.ListRunsRequest, context: Context
    ) -> workflows_pb2.ListRunsResponse:
        """A page of runs."""
        page = await self._runs.page(
            request.page_size,
            request.page_token,
            state=run_messages.state_named(request.state),
            workflow=request.workflow,
            tenant=rpc_context.caller(),
        )
        runs = [run_messages.run_info(run) for run in page.runs]
        return workflows_pb2.ListRunsResponse(runs=runs, next_page_token=page.next_page_token)

    async def WatchRun(
        self, request: workflows_pb2.WatchRunRequest, context: Context
    ) -> AsyncIterator[workflows_pb2.WatchRunResponse]:
        """Streams events to the end of the run."""
        watching = self._runs.watch(request.run_id, request.after_event, rpc_context.caller())
        async with aclosing(watching) as events:
            async for event in events:
                yield workflows_pb2.WatchRunResponse(event=run_messages.run_event(event))

    async def CancelRun(
        self, request: workflows_pb2.CancelRunRequest, context: Context
    ) -> workflows_pb2.CancelRunResponse:
        """Calls a run off."""
        await self._runs.cancel(request.run_id, rpc_context.caller())
        return workflows_pb2.CancelRunResponse()

    async def ResumeRun(
        self, request: workflows_pb2.ResumeRunRequest, context: Context
    ) -> workflows_pb2.ResumeRunResponse:
        """Takes up a run that failed or was cancelled."""
        await self._runs.resume(request.run_id, rpc_context.caller())
        return workflows_pb2.ResumeRunResponse()

    async def RerunRun(
        self, request: workflows_pb2.RerunRunRequest, context: Context
    ) -> workflows_pb2.RerunRunResponse:
        """Does a run again from its beginning."""
        created = await self._runs.rerun(
            request.run_id, key=request.idempotency_key, tenant=rpc_context.caller()
        )
        return workflows_pb2.RerunRunResponse(run_id=created.run_id, joined=created.joined)

    async def GetRunOutput(
        self, request: workflows_pb2.GetRunOutputRequest, context: Context
    ) -> AsyncIterator[workflows_pb2.GetRunOutputResponse]:
        """Streams the JSON of an output."""
        tenant = rpc_context.caller()
        with self._outputs.reading(tenant):
            run = await self._runs.own(request.run_id, tenant)
            async with aclosing(self._outputs.output(run, request.output)) as chunks:
                async for chunk in chunks:
                    yield workflows_pb2.GetRunOutputResponse(chunk=chunk)

    async def GetRunFile(
        self, request: workflows_pb2.GetRunFileRequest, context: Context
    ) -> AsyncIterator[workflows_pb2.GetRunFileResponse]:
        """Streams a file that a run gave."""
        tenant = rpc_context.caller()
        with self._outputs.reading(tenant):
            run = await self._runs.own(request.run_id, tenant)
            async with aclosing(self._outputs.file(run, request.key)) as chunks:
                async for chunk in chunks:
                    yield workflows_pb2.GetRunFileResponse(chunk=chunk)

    async def _plan(self, request: workflows_pb2.RunWorkflowRequest, tenant: str) -> KeptPlan:
        match request.WhichOneof("workflow"):
            case "kept":
                return await self._kept.plan(request.kept, tenant)
            case "written":
                return await self._kept.written(request.written, tenant)
        raise InvalidInput("there is no workflow", field="workflow", limit="kept, or written")
