"""Workflows of a tenant: checked, kept, listed and started (docs/workflows.md)."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import grpc

from earthgptx_client.calls import Caller, NamedCalls
from earthgptx_client.json_values import from_wire, to_wire
from protos.earthgptx.v1 import workflows_pb2, workflows_pb2_grpc


@dataclass(frozen=True)
class Kept:
    """A workflow that the suite keeps; version 0 is the newest."""

    name: str
    version: int = 0


@dataclass(frozen=True)
class Diagnostic:
    """One fault of a workflow; `line` and `column` from 1, 0 where there is no text."""

    code: str
    message: str
    advice: str
    step: str
    field: str
    line: int
    column: int


@dataclass(frozen=True)
class Validation:
    """What the suite says of a workflow.

    Attributes:
        diagnostics: every fault; none if it could run, and only then the rest is there.
        digest: "sha256:<hex>" of the definition.
        most_runs: of steps, items of `for_each` counted.
        input_types: by name, such as "list of image".
        output_types: by name.
    """

    diagnostics: tuple[Diagnostic, ...]
    digest: str
    most_runs: int
    input_types: Mapping[str, str]
    output_types: Mapping[str, str]


@dataclass(frozen=True)
class WorkflowVersion:
    """One version of a kept workflow."""

    version: int
    digest: str
    created_at_ms: int


@dataclass(frozen=True)
class WorkflowInfo:
    """What is known of a kept workflow by one version of it."""

    name: str
    description: str
    version: WorkflowVersion


@dataclass(frozen=True)
class KeptDefinition:
    """A kept workflow.

    Attributes:
        info: of the version that was asked for.
        definition: of that version, in the language's own fields.
        versions: all that are kept, the newest first.
    """

    info: WorkflowInfo
    definition: dict[str, Any]
    versions: tuple[WorkflowVersion, ...]


@dataclass(frozen=True)
class StartedRun:
    """A run that is recorded; `joined` says that it was there before, by its idempotency key."""

    run_id: str
    joined: bool


class Workflows:
    """Safe to use from several threads; every method raises `ClientError`."""

    def __init__(self, channel: grpc.Channel, caller: Caller) -> None:
        """Belongs to a `Client`, whose `workflows` it is."""
        self._call = NamedCalls("Workflows", workflows_pb2_grpc.WorkflowsStub(channel), caller)

    def validate(self, text: str, *, timeout_s: float | None = None) -> Validation:
        """Whether the suite could run a workflow written as YAML or JSON."""
        request = workflows_pb2.ValidateWorkflowRequest(workflow=_written(text))
        told = self._call("ValidateWorkflow", request, timeout_s)
        faults = (
            Diagnostic(f.code, f.message, f.advice, f.step, f.field, f.line, f.column)
            for f in told.diagnostics
        )
        return Validation(
            tuple(faults),
            told.digest,
            told.most_runs,
            dict(told.input_types),
            dict(told.output_types),
        )

    def create(self, text: str, *, timeout_s: float | None = None) -> tuple[WorkflowInfo, bool]:
        """Keeps a workflow under its name; says which version it is and whether it is new."""
        request = workflows_pb2.CreateWorkflowRequest(workflow=_written(text))
        told = self._call("CreateWorkflow", request, timeout_s)
        return _info(told.workflow), told.created

    def get(self, name: str, version: int = 0, *, timeout_s: float | None = None) -> KeptDefinition:
        """A kept workflow; version 0 is the newest."""
        kept = workflows_pb2.KeptWorkflow(name=name, version=version)
        told = self._call("GetWorkflow", workflows_pb2.GetWorkflowRequest(workflow=kept), timeout_s)
        versions = tuple(_version(each) for each in told.versions)
        return KeptDefinition(_info(told.workflow), from_wire(told.definition), versions)

    def list(self, *, timeout_s: float | None = None) -> Iterator[WorkflowInfo]:
        """The newest version of each kept workflow, by name; `timeout_s` is for each page."""
        token = ""
        while True:
            request = workflows_pb2.ListWorkflowsRequest(page_token=token)
            page = self._call("ListWorkflows", request, timeout_s)
            yield from map(_info, page.workflows)
            token = page.next_page_token
            if not token:
                return

    def delete(self, name: str, *, timeout_s: float | None = None) -> None:
        """Forgets a workflow with all its versions; one that is not there is no error."""
        request = workflows_pb2.DeleteWorkflowRequest(name=name)
        self._call("DeleteWorkflow", request, timeout_s)

    def run(
        self,
        workflow: str | Kept,
        inputs: Mapping[str, Any],
        *,
        idempotency_key: str | None = None,
        timeout_s: float | None = None,
    ) -> StartedRun:
        """Starts a run; it goes on without the caller.

        Args:
            workflow: YAML or JSON, or one that the suite keeps.
            inputs: by name, JSON values; uploaded images as `Client.upload` returns them.
            idempotency_key: a repeated request with it joins the run of the first; None makes a
                new one, so that retries of this call are one run.
            timeout_s: for the call, not for the run.
        """
        key = uuid.uuid4().hex if idempotency_key is None else idempotency_key
        wire = {name: to_wire(value, f"inputs.{name}") for name, value in inputs.items()}
        if isinstance(workflow, Kept):
            kept = workflows_pb2.KeptWorkflow(name=workflow.name, version=workflow.version)
            request = workflows_pb2.RunWorkflowRequest(kept=kept, inputs=wire, idempotency_key=key)
        else:
            request = workflows_pb2.RunWorkflowRequest(
                written=_written(workflow), inputs=wire, idempotency_key=key
            )
        told = self._call("RunWorkflow", request, timeout_s)
        return StartedRun(told.run_id, told.joined)


def _written(text: str) -> workflows_pb2.WrittenWorkflow:
    return workflows_pb2.WrittenWorkflow(text=text)


def _version(message: workflows_pb2.WorkflowVersion) -> WorkflowVersion:
    return WorkflowVersion(message.version, message.digest, message.created_at_ms)


def _info(message: workflows_pb2.WorkflowInfo) -> WorkflowInfo:
    return WorkflowInfo(message.name, message.description, _version(message.version))
