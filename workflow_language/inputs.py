"""What a run is given, checked against what its workflow declares, before anything runs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import replace

from workflow_language.compiler.literals import article
from workflow_language.definition import LIMIT_ITEMS, Definition, Input
from workflow_language.diagnostics import Code, Diagnostic, WorkflowInvalid, did_you_mean
from workflow_language.document import Json, text_fault
from workflow_language.field_reader import LIMIT_TEXT
from workflow_language.value_json import NotOfType
from workflow_language.values import SceneView, Value
from workflow_language.written_values import image_ids_in, read_written

# The scene of an image id; None if there is no such image.
FindScene = Callable[[str], Awaitable[SceneView | None]]


async def read_inputs(
    definition: Definition, given: Mapping[str, Json], find: FindScene
) -> dict[str, Value]:
    """The inputs of a run.

    Args:
        definition: of the workflow.
        given: by name, as written (`written_values`); regions, masks, tables and files also as the
            JSON that another run gave. What is not given, or null, has its default.
        find: looks an uploaded image up.

    Returns:
        A value for each input of the definition.

    Raises:
        WorkflowInvalid: every fault that was found, each with the input's name.
    """
    faults = [_unknown(name, definition) for name in given if name not in definition.inputs]
    written = {
        name: given[name] if given.get(name) is not None else declared.default
        for name, declared in definition.inputs.items()
    }
    wanted = {
        image_id
        for name, declared in definition.inputs.items()
        for image_id in image_ids_in(written[name], declared.type)
    }
    found = await asyncio.gather(*(find(image_id) for image_id in wanted))
    scenes = {scene.image_id: scene for scene in found if scene is not None}
    values: dict[str, Value] = {}
    for name, declared in definition.inputs.items():
        try:
            values[name] = _value(written[name], declared, scenes)
        except NotOfType as error:
            faults.append(_fault(name, written[name], declared, str(error)))
    if faults:
        raise WorkflowInvalid(faults)
    return values


def _value(json: Json, declared: Input, scenes: Mapping[str, SceneView]) -> Value:
    if json is None:
        raise NotOfType("is not given")
    items = len(json) if isinstance(json, list) else 0
    most = declared.at_most or LIMIT_ITEMS
    if items > most:
        raise NotOfType(f"has {items:,} items, more than {most:,}")
    for text in _texts_in(json):
        if len(text) > LIMIT_TEXT:
            raise NotOfType(f"has a text of {len(text):,} characters, more than {LIMIT_TEXT:,}")
        if fault := text_fault(text):
            raise NotOfType(fault)
    if declared.modality:
        scenes = {id_: replace(scene, modality=declared.modality) for id_, scene in scenes.items()}
    return read_written(json, declared.type, scenes)


def _texts_in(json: Json) -> Iterator[str]:
    if isinstance(json, str):
        yield json
    elif isinstance(json, list):
        for each in json:
            yield from _texts_in(each)
    elif isinstance(json, dict) and "mask" not in json:
        # The code of a mask is as long as it must be.
        for each in json.values():
            yield from _texts_in(each)


def _unknown(name: str, definition: Definition) -> Diagnostic:
    message = f"{definition.name} has no input {name[:60]}"
    advice = did_you_mean(name, definition.inputs)
    return Diagnostic("unknown_field", message, advice, field=f"inputs.{name[:60]}")


def _fault(name: str, json: Json, declared: Input, message: str) -> Diagnostic:
    code: Code = "missing_input" if json is None else "type_mismatch"
    about = declared.description or article(declared.type)
    return Diagnostic(code, message, f"{name} is {about}", field=f"inputs.{name}")
