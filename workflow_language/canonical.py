"""The one form of a definition that all its spellings share, and the digest of it."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from workflow_language.definition import ITEM, Definition, Input, Step
from workflow_language.document import Json
from workflow_language.duration import written_duration


def document_form(definition: Definition) -> dict[str, Json]:
    """The definition in the language's own fields; what is as ever is left out."""
    document: dict[str, Any] = {
        "workflow": definition.name,
        "description": definition.description,
        "inputs": {name: _input(each) for name, each in definition.inputs.items()},
        "defaults": _policy(dict(definition.defaults)),
        "steps": [_step(step) for step in definition.steps],
        "outputs": dict(definition.outputs),
    }
    return _said(document)


def canonical_json(definition: Definition) -> str:
    """Compact ASCII JSON, keys in order: equal definitions give equal text, however written."""
    return json.dumps(document_form(definition), sort_keys=True, separators=(",", ":"))


def digest(definition: Definition) -> str:
    """The identity of this version: "sha256:<hex>" of the canonical JSON."""
    return f"sha256:{hashlib.sha256(canonical_json(definition).encode()).hexdigest()}"


def _input(given: Input) -> dict[str, Json]:
    said = _said(
        {
            "type": str(given.type),
            "description": given.description,
            "at_most": given.at_most,
            "modality": given.modality,
        }
    )
    # An empty default is one all the same: without it the input would have to be given.
    return said if given.default is None else said | {"default": given.default}


def _step(step: Step) -> dict[str, Json]:
    return _said(
        {
            "id": step.id,
            "task": step.task,
            "with": dict(step.arguments),
            "for_each": step.for_each,
            "as": step.item if step.item != ITEM else None,
            "at_most": step.at_most,
            "when": step.when,
            **_policy(dict(step.own_policy)),
        }
    )


def _policy(said: dict[str, Json]) -> dict[str, Json]:
    seconds = said.pop("deadline_s", None)
    if isinstance(seconds, int | float):
        said["deadline"] = written_duration(seconds)
    return said


def _said(fields: dict[str, Any]) -> dict[str, Json]:
    """Without what says nothing; False and 0 say something."""
    return {name: value for name, value in fields.items() if value not in (None, "", {}, [])}
