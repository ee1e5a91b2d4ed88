"""What a run is given: read, images looked up, all that cannot be used refused before it begins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import Value as WireValue

from earthgptx.imagery.errors import ImageryError
from earthgptx.imagery.header import ImageHeader
from earthgptx.imagery.modality import Modality, check_modality
from services.gateway.image_catalogue import ImageCatalogue
from services.gateway.workflows.definitions import refused
from shared.errors import InvalidInput, NotFound
from shared.image_records import KeptImage, scene_of
from workflow_language import Definition, Diagnostic, WorkflowInvalid
from workflow_language.document import Json
from workflow_language.inputs import read_inputs
from workflow_language.plain_values import document_of
from workflow_language.values import SceneView, Value

LIMIT_BYTES = 256 * 1024


async def inputs_of(
    definition: Definition, given: Mapping[str, WireValue], images: ImageCatalogue, tenant: str
) -> dict[str, Value]:
    """The inputs of a run of that workflow.

    Raises:
        InvalidInput: One that the workflow has not, a missing one, a value not of its type, an
            image the tenant has not or that cannot be of its sensor; or all are too large.
        StageUnavailable: The object store cannot be reached.
    """
    found: dict[str, KeptImage] = {}

    async def find(image_id: str) -> SceneView | None:
        try:
            image = found[image_id] = await images.find(image_id, tenant=tenant)
        except NotFound:
            return None
        return scene_of(image)

    _check_size(given)
    try:
        values = await read_inputs(definition, _json_of(given), find)
        _check_modalities(definition, values, found)
    except WorkflowInvalid as error:
        raise refused(error) from None
    return values


def _check_size(given: Mapping[str, WireValue]) -> None:
    size_bytes = sum(value.ByteSize() for value in given.values())
    if size_bytes > LIMIT_BYTES:
        raise InvalidInput(
            f"the inputs have {size_bytes:,} bytes", field="inputs", limit=f"{LIMIT_BYTES:,} bytes"
        )


def _json_of(given: Mapping[str, WireValue]) -> dict[str, Json]:
    plain = {name: MessageToDict(value) for name, value in given.items()}
    try:
        return cast(dict[str, Json], document_of(plain).value)
    except WorkflowInvalid as error:
        raise refused(error, "inputs") from None


def _check_modalities(
    definition: Definition, values: Mapping[str, Value], found: Mapping[str, KeptImage]
) -> None:
    faults: list[Diagnostic] = []
    for name, value in values.items():
        modality = cast(Modality | None, definition.inputs[name].modality or None)
        for scene in _scenes_in(value):
            try:
                record = found[scene.image_id].record
                check_modality(ImageHeader(**record.header_fields()), modality)
            except ImageryError as error:
                faults.append(Diagnostic("bad_value", str(error), field=f"inputs.{name}"))
    if faults:
        raise WorkflowInvalid(faults)


def _scenes_in(value: Value) -> Iterator[SceneView]:
    if isinstance(value, SceneView):
        yield value
    elif isinstance(value, tuple):
        for each in value:
            yield from _scenes_in(each)
