"""From a document to a definition: every field has its place and form, or is refused by name."""

from __future__ import annotations

from collections.abc import Mapping

from workflow_language.definition import (
    ITEM,
    LIMIT_INPUTS,
    LIMIT_ITEMS,
    LIMIT_OUTPUTS,
    LIMIT_STEPS,
    MODALITIES,
    Definition,
    Input,
    Step,
)
from workflow_language.diagnostics import Path, did_you_mean
from workflow_language.document import Document, Json
from workflow_language.field_reader import FieldReader, Refusals, name_fault
from workflow_language.policies import POLICY_FIELDS, policy_of, read_policy
from workflow_language.value_types import IMAGE, NAMED, SCENE, TEXT, innermost, parse_type

TOP_FIELDS = ("workflow", "description", "inputs", "defaults", "steps", "outputs")
INPUT_FIELDS = ("type", "description", "default", "at_most", "modality")
STEP_FIELDS = ("id", "task", "with", "for_each", "as", "at_most", "when", *POLICY_FIELDS)
_WORKFLOW_NAME = r"[a-z][a-z0-9_-]{0,62}"


def read_definition(document: Document, refusals: Refusals) -> Definition:
    """The definition as far as it can be read; what cannot is among the refusals."""
    top = FieldReader(document, (), refusals)
    top.only(TOP_FIELDS)
    name = top.text("workflow", required=True, pattern=_WORKFLOW_NAME)
    defaults = read_policy(top.inside("defaults"), alone=True)
    return Definition(
        name=name,
        description=top.text("description"),
        inputs=_inputs(top),
        defaults=defaults,
        steps=_steps(top, defaults),
        outputs=_outputs(top),
    )


def _inputs(top: FieldReader) -> dict[str, Input]:
    inputs: dict[str, Input] = {}
    for name, value in top.mapping("inputs", LIMIT_INPUTS).items():
        path: Path = ("inputs", name)
        if fault := name_fault(name):
            top.refuse("bad_value", path, fault, at_key=True)
        # The short form: `scene: image`.
        if isinstance(value, str):
            inputs[name] = _of_type(top, value, path)
        else:
            inputs[name] = _input(FieldReader(top.document, path, top.refusals))
    return inputs


def _input(reader: FieldReader) -> Input:
    reader.only(INPUT_FIELDS)
    kind = _of_type(reader, reader.text("type", required=True), (*reader.path, "type"))
    modality = reader.text("modality", choices=MODALITIES)
    if modality and innermost(kind.type) not in (SCENE, IMAGE):
        reader.refuse("bad_value", (*reader.path, "modality"), f"a {kind.type} is of no sensor")
    at_most = reader.whole("at_most", 1, LIMIT_ITEMS)
    if at_most is not None and kind.type.item is None:
        reader.refuse("bad_value", (*reader.path, "at_most"), f"a {kind.type} holds no items")
    return Input(
        type=kind.type,
        description=reader.text("description"),
        default=reader.value("default"),
        at_most=at_most,
        modality=modality,
    )


def _of_type(reader: FieldReader, words: str, path: Path) -> Input:
    kind = parse_type(words)
    if kind is None and words:
        item = words.removeprefix("list of ")
        advice = did_you_mean(item, NAMED)
        reader.refuse("bad_value", path, f"there is no type {words[:60]!r}", advice)
    return Input(kind or TEXT)


def _steps(top: FieldReader, defaults: Mapping[str, Json]) -> tuple[Step, ...]:
    items = top.items("steps", LIMIT_STEPS, required=True)
    steps = []
    for position in range(len(items)):
        path: Path = ("steps", position)
        steps.append(_step(FieldReader(top.document, path, top.refusals), defaults))
    return tuple(steps)


def _step(reader: FieldReader, defaults: Mapping[str, Json]) -> Step:
    reader.step = reader.said("id")
    reader.only(STEP_FIELDS)
    id_ = reader.text("id", required=True)
    if id_ and (fault := name_fault(id_)):
        reader.refuse("bad_value", (*reader.path, "id"), fault)
    item = reader.text("as") or ITEM
    if item != ITEM and (fault := name_fault(item)):
        reader.refuse("bad_value", (*reader.path, "as"), fault)
    for_each = reader.value("for_each")
    if for_each is None:
        for name in ("as", "at_most", "in_flight"):
            if reader.value(name) is not None:
                advice = "say for_each, or leave it out"
                reader.refuse(
                    "bad_value", (*reader.path, name), "has a meaning only with for_each", advice
                )
    own_policy = read_policy(reader)
    return Step(
        id=id_,
        task=reader.text("task", required=True),
        arguments=reader.mapping("with", LIMIT_INPUTS),
        for_each=for_each,
        item=item,
        at_most=reader.whole("at_most", 1, LIMIT_ITEMS),
        when=reader.text("when"),
        own_policy=own_policy,
        policy=policy_of({**defaults, **own_policy}),
    )


def _outputs(top: FieldReader) -> dict[str, str]:
    outputs: dict[str, str] = {}
    for name, value in top.mapping("outputs", LIMIT_OUTPUTS, required=True).items():
        path: Path = ("outputs", name)
        if fault := name_fault(name):
            top.refuse("bad_value", path, fault, at_key=True)
        if isinstance(value, str):
            outputs[name] = value
        else:
            advice = "name a step's output, such as $ships.regions"
            top.refuse("bad_value", path, "is no reference", advice)
    return outputs
