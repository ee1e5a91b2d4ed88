"""What callers write to plans, or to a refusal that tells each fault and where it is."""

from __future__ import annotations

from protos.earthgptx.v1.workflows_pb2 import WrittenWorkflow
from shared.errors import InvalidInput, Violation
from workflow_language import Diagnostic, Plan, WorkflowInvalid, compile_document, compile_text
from workflow_language.document import LIMIT_BYTES
from workflow_language.proto import from_proto

# Faults travel as metadata of the call, which holds 8 KiB with everything else in it, in base64.
VIOLATIONS_LIMIT_BYTES = 3072
_MESSAGE_LIMIT_CHARACTERS = 400


def compile_written(written: WrittenWorkflow, field: str) -> Plan:
    """The plan of a workflow in either of its forms; `field` is its place in the request.

    Raises:
        WorkflowInvalid: It could not run.
        InvalidInput: It has neither form, or is too large.
    """
    match written.WhichOneof("form"):
        case "text":
            return compile_text(written.text)
        case "definition":
            if written.definition.ByteSize() > LIMIT_BYTES:
                raise InvalidInput(
                    f"the definition has {written.definition.ByteSize():,} bytes",
                    field=f"{field}.definition",
                    limit=f"{LIMIT_BYTES:,} bytes",
                )
            return compile_document(from_proto(written.definition))
    raise InvalidInput("there is no workflow", field=field, limit="a text, or a definition")


def refused(error: WorkflowInvalid, field: str = "") -> InvalidInput:
    """The suite's error with as many faults as fit; ValidateWorkflow tells all of a workflow.

    Args:
        error: What the language says.
        field: Where in the request what it speaks of is; empty for the request itself.
    """
    faults = error.diagnostics
    violations: list[Violation] = []
    size_bytes = 0
    for fault in faults:
        violation = _violation(fault, field)
        size_bytes += sum(len(part.encode()) for part in (violation.field, violation.message))
        if violations and size_bytes > VIOLATIONS_LIMIT_BYTES:
            break
        violations.append(violation)
    counted = "" if len(faults) == 1 else f"{len(faults)} faults; the first: "
    return InvalidInput(
        f"{counted}{violations[0].message}", field=violations[0].field, violations=violations
    )


def _violation(fault: Diagnostic, field: str) -> Violation:
    within = ".".join(part for part in (field, fault.step, fault.field) if part)
    return Violation(within, str(fault)[:_MESSAGE_LIMIT_CHARACTERS], fault.code.upper())
