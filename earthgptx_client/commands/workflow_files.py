"""A workflow file of the command line: compiled here, its faults told by file, line and column."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from earthgptx_client.errors import INVALID_INPUT

if TYPE_CHECKING:
    from workflow_language import Plan, WorkflowInvalid


@dataclass(frozen=True)
class WorkflowFile:
    """A workflow that could run: as it was written, and as it is meant."""

    text: str
    plan: Plan


def compiled(file: Path, as_json: bool) -> WorkflowFile | None:
    """The workflow in `file`; None if it is refused, which has been told, also as JSON if wanted.

    Raises:
        OSError: the file cannot be read.
    """
    # Imported here: the other subcommands start faster without the language.
    from workflow_language import WorkflowInvalid, compile_text

    content = _read(file)
    try:
        plan = compile_text(content)
    except WorkflowInvalid as error:
        _tell(error, file, as_json)
        return None
    return WorkflowFile(content.decode("utf-8-sig"), plan)


def _read(file: Path) -> bytes:
    from workflow_language.document import LIMIT_BYTES

    with file.open("rb") as stream:
        # One byte more tells that there is more; the rest of a huge file is not wanted.
        return stream.read(LIMIT_BYTES + 1)


def _tell(error: WorkflowInvalid, file: Path, as_json: bool) -> None:
    faults = error.diagnostics
    for fault in faults:
        print(f"{file}:{fault}", file=sys.stderr)
    if as_json:
        number = f"{len(faults)} fault{'' if len(faults) == 1 else 's'}"
        about = {
            "code": INVALID_INPUT,
            "message": f"{number} in {file}",
            "field": faults[0].field or None,
            "flag": "FILE",
            "limit": None,
            "retryable": False,
        }
        listed = [fault.to_json() for fault in faults]
        print(json.dumps({"error": about, "diagnostics": listed}))
