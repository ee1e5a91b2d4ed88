"""The language as JSON Schema (draft 2020-12), made from the registry of tasks.

An editor that knows the schema completes and checks as one types; types, references and bounds are
the compiler's. `workflow.schema.json` beside this file is it, for those without Python; when a task
changes: `earthgptx workflow schema > workflow_language/workflow.schema.json`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflow_language.compiler.literals import IMAGE_ID, MAX_VERTICES
from workflow_language.definition import (
    LIMIT_IN_FLIGHT,
    LIMIT_INPUTS,
    LIMIT_ITEMS,
    LIMIT_OUTPUTS,
    LIMIT_RETRIES,
    LIMIT_STEPS,
    MODALITIES,
    PRIORITIES,
)
from workflow_language.references import NAME, REFERENCE
from workflow_language.tasks.registry import TASKS
from workflow_language.tasks.task import Parameter, Task
from workflow_language.value_types import (
    ANY,
    BOOLEAN,
    CONDITION,
    FIELD,
    IMAGE,
    LIMIT_LIST_DEPTH,
    NAMED,
    NUMBER,
    REGION,
    REGION_FIELDS,
    SCENE,
    TEXT,
    ValueType,
)

Schema = dict[str, Any]
_REFERENCE: Schema = {"$ref": "#/$defs/reference"}
_TYPE = rf"^(list of ){{0,{LIMIT_LIST_DEPTH}}}({'|'.join(NAMED)})$"


def workflow_schema(tasks: Mapping[str, Task] = TASKS) -> Schema:
    """The schema of a workflow with these tasks."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:earthgptx:workflow:v1",
        "title": "EarthGPT-X workflow",
        **_fields(
            {
                "workflow": {"type": "string", "pattern": "^[a-z][a-z0-9_-]{0,62}$"},
                "description": {"type": "string"},
                "inputs": _named({"$ref": "#/$defs/input"}, LIMIT_INPUTS),
                "defaults": _fields(_policy()),
                "steps": {
                    "type": "array",
                    "items": {"$ref": "#/$defs/step"},
                    "minItems": 1,
                    "maxItems": LIMIT_STEPS,
                },
                "outputs": {**_named(_REFERENCE, LIMIT_OUTPUTS), "minProperties": 1},
            },
            required=["workflow", "steps", "outputs"],
        ),
        "$defs": {
            "name": {"type": "string", "pattern": f"^{NAME}$", "not": {"const": "item"}},
            "reference": {"type": "string", "pattern": f"^{REFERENCE.pattern}$"},
            "region": _region(),
            "input": _input(),
            "step": _step(tasks),
        },
    }


def _input() -> Schema:
    kind = {"type": "string", "pattern": _TYPE}
    long = _fields(
        {
            "type": kind,
            "description": {"type": "string"},
            "default": {"not": {"type": "null"}},
            "at_most": _whole(1, LIMIT_ITEMS),
            "modality": {"enum": list(MODALITIES)},
        },
        required=["type"],
    )
    return {"anyOf": [kind, long]}


def _step(tasks: Mapping[str, Task]) -> Schema:
    fields = {
        "id": {"$ref": "#/$defs/name"},
        "task": {"enum": list(tasks)},
        "with": {"type": "object"},
        "for_each": {"anyOf": [_REFERENCE, {"type": "array", "minItems": 1}]},
        "as": {"type": "string", "pattern": f"^{NAME}$"},
        "at_most": _whole(1, LIMIT_ITEMS),
        "when": {"type": "string"},
        **_policy(),
    }
    alone = {name: ["for_each"] for name in ("as", "at_most", "in_flight")}
    return {
        **_fields(fields, required=["id", "task"]),
        "dependentRequired": alone,
        "allOf": [_with(task) for task in tasks.values()],
    }


def _with(task: Task) -> Schema:
    """What a step with this task says under `with`."""
    required = [each.name for each in task.parameters if each.required]
    arguments = _fields({each.name: _argument(each) for each in task.parameters}, required)
    return {
        "if": {"properties": {"task": {"const": task.name}}, "required": ["task"]},
        "then": {
            "description": task.doc,
            "properties": {"with": arguments},
            "required": ["with"] if required else [],
        },
    }


def _argument(parameter: Parameter) -> Schema:
    described: Schema = {"description": parameter.doc}
    if parameter.default is not None:
        described["default"] = parameter.default
    return described | _value(parameter.type, parameter)


def _value(kind: ValueType, parameter: Parameter) -> Schema:
    if kind == ANY:
        return {"not": {"type": "null"}}
    if kind in (TEXT, CONDITION):
        text: Schema = {"enum": list(parameter.choices)} if parameter.choices else {}
        return {"anyOf": [text, _REFERENCE]} if text else {"type": "string"}
    if kind == FIELD:
        return {"enum": list(REGION_FIELDS)}
    if kind in (NUMBER, BOOLEAN):
        literal = _number(parameter) if kind == NUMBER else {"type": "boolean"}
        return {"anyOf": [literal, _REFERENCE]}
    ways: list[Schema] = [_REFERENCE]
    if kind in (IMAGE, SCENE):
        ways.append({"type": "string", "pattern": f"^{IMAGE_ID}$"})
    if kind == REGION:
        ways.append({"$ref": "#/$defs/region"})
    if kind.item is not None:
        item = _value(kind.item, parameter)
        ways += [item, {"type": "array", "items": item}]
    return {"anyOf": ways}


def _number(parameter: Parameter) -> Schema:
    number: Schema = {"type": "integer" if parameter.whole else "number"}
    if parameter.minimum is not None:
        number["minimum"] = parameter.minimum
    if parameter.maximum is not None:
        number["maximum"] = parameter.maximum
    return number


def _region() -> Schema:
    position = {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}
    box = {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 4}
    positions = {"type": "array", "items": position, "maxItems": MAX_VERTICES}
    shapes = {
        "point": position,
        "box": box,
        "polygon": {**positions, "minItems": 3},
        "scribble": {**positions, "minItems": 1},
    }
    return {
        **_fields({**shapes, "label": {"type": "string"}}),
        "oneOf": [{"required": [shape]} for shape in shapes],
    }


def _policy() -> Schema:
    return {
        "in_flight": _whole(1, LIMIT_IN_FLIGHT),
        "retries": _whole(0, LIMIT_RETRIES),
        "deadline": {"type": "string", "pattern": r"^\d{1,6}(\.\d{1,9})?(ms|s|m|h)$"},
        "priority": {"enum": list(PRIORITIES)},
    }


def _whole(least: int, most: int) -> Schema:
    return {"type": "integer", "minimum": least, "maximum": most}


def _named(value: Schema, limit: int) -> Schema:
    return {
        "type": "object",
        "propertyNames": {"$ref": "#/$defs/name"},
        "additionalProperties": value,
        "maxProperties": limit,
    }


def _fields(fields: Schema, required: list[str] | None = None) -> Schema:
    described: Schema = {
        "type": "object",
        "properties": fields,
        "additionalProperties": False,
    }
    return described | ({"required": required} if required else {})
