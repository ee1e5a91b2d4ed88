"""The workflow language: what product teams write, checked before it runs (docs/workflows.md).

Text becomes a `Document` (values with places), then a `Definition` (the right form), then a `Plan`;
or `WorkflowInvalid` says every fault and where it is.
"""

from workflow_language.builder import ITEM, Value, Workflow
from workflow_language.canonical import canonical_json, digest
from workflow_language.compiler.compile import compile_document, compile_text
from workflow_language.compiler.plan import Plan, PlannedStep
from workflow_language.definition import Definition
from workflow_language.diagnostics import Diagnostic, WorkflowInvalid

__all__ = [
    "ITEM",
    "Definition",
    "Diagnostic",
    "Plan",
    "PlannedStep",
    "Value",
    "Workflow",
    "WorkflowInvalid",
    "canonical_json",
    "compile_document",
    "compile_text",
    "digest",
]
