"""Workflows and what is wrong with them as public messages."""

from __future__ import annotations

import json

from google.protobuf.json_format import ParseDict

from protos.earthgptx.v1.workflow_definition_pb2 import WorkflowDefinition
from protos.earthgptx.v1.workflows_pb2 import (
    GetWorkflowResponse,
    ValidateWorkflowResponse,
    WorkflowDiagnostic,
    WorkflowInfo,
    WorkflowVersion,
)
from shared.workflow_catalogue import Stored, StoredDefinition
from workflow_language import Diagnostic, Plan, digest


def valid(plan: Plan) -> ValidateWorkflowResponse:
    """That a workflow could run, and what it takes and gives."""
    return ValidateWorkflowResponse(
        digest=digest(plan.definition),
        most_runs=plan.most_runs,
        input_types={name: str(each.type) for name, each in plan.definition.inputs.items()},
        output_types={name: str(use.type) for name, use in plan.outputs.items()},
    )


def diagnostic(fault: Diagnostic) -> WorkflowDiagnostic:
    """One fault."""
    return WorkflowDiagnostic(**fault.to_json())


def version(stored: Stored) -> WorkflowVersion:
    """One version of a workflow."""
    return WorkflowVersion(
        version=stored.version, digest=stored.digest, created_at_ms=stored.created_at_ms
    )


def workflow_info(stored: Stored) -> WorkflowInfo:
    """What is known of a workflow by one version of it."""
    return WorkflowInfo(name=stored.name, description=stored.description, version=version(stored))


def kept_workflow(found: StoredDefinition, versions: list[Stored]) -> GetWorkflowResponse:
    """A workflow as it was kept."""
    return GetWorkflowResponse(
        workflow=workflow_info(found.stored),
        definition=ParseDict(json.loads(found.definition), WorkflowDefinition()),
        versions=[version(each) for each in versions],
    )
