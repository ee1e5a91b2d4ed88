"""export_stac: an item that tells of a scene, what was found in it, by what, in which files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from earthgptx.exports.item_facts import ItemAsset, ShownToModel
from earthgptx.exports.mask_cog import numbers_in
from earthgptx.exports.model_facts import ModelFacts
from services.orchestrator.task_work.arguments import (
    Arguments,
    ArgumentValue,
    regions_in,
    text_in,
    view_in,
)
from services.orchestrator.task_work.context import TaskContext
from services.orchestrator.task_work.findings import findings_of
from services.orchestrator.task_work.pictures import PNG
from services.orchestrator.task_work.report import HTML, MARKDOWN
from services.orchestrator.task_work.scene_files import COG
from shared.image_records import KeptImage
from workflow_language.region_sets import Region
from workflow_language.values import File, Value

STAC_ITEM = "application/geo+json"
MODEL = "EarthGPT-X"
_ROLES = {PNG: "overview", MARKDOWN: "metadata", HTML: "metadata"}
_SHOWN = "views of the scene as the steps of a workflow cut and scaled them"


async def export_stac(context: TaskContext, arguments: Arguments) -> Mapping[str, Value]:
    """Writes a STAC item; the files it tells of lie beside it."""
    files = tuple(_files_in(arguments["files"]))
    # Within a run a name is that of one file only; it has an ending, as the key "model" has none.
    assets = {file.name: await _asset(context, file) for file in files}
    scene = await context.image(view_in(arguments, "scene").image_id)
    text = await context.draw(
        _item,
        regions_in(arguments, "regions"),
        scene,
        ModelFacts(MODEL, text_in(arguments, "version"), MODEL, text_in(arguments, "weights")),
        assets,
        context.file_stem,
        text_in(arguments, "description"),
    )
    beside = {each.name: each for file in files for each in (file, *file.beside)}
    written = await context.write(".stac.json", STAC_ITEM, text.encode(), tuple(beside.values()))
    return {"file": written}


def _files_in(value: ArgumentValue) -> Iterator[File]:
    if isinstance(value, tuple):
        for each in value:
            yield from _files_in(each)
    else:
        assert isinstance(value, File)
        yield value


async def _asset(context: TaskContext, file: File) -> ItemAsset:
    data = await context.parts.files.read(file, tenant=context.tenant)
    return await context.draw(_told, file, data)


def _told(file: File, data: bytes) -> ItemAsset:
    roles = (_ROLES.get(file.media_type, "data"),)
    # Of the mask's values the mask itself tells: it may be of other regions than the item.
    classes = numbers_in(data) if file.media_type == COG else None
    sha256 = hashlib.sha256(data).hexdigest()
    return ItemAsset(file.name, file.media_type, roles, len(data), sha256, classes)


def _item(
    regions: Sequence[Region],
    scene: KeptImage,
    model: ModelFacts,
    assets: Mapping[str, ItemAsset],
    name: str,
    description: str,
) -> str:
    # Only here: pystac is of the extra `scenes`.
    from earthgptx.exports.stac_item import stac_item_text

    found = findings_of(regions, scene, "regions")
    resampling = f"; resampling: {found.resampling}" if found.resampling else ""
    shown = ShownToModel(-1, _SHOWN + resampling)
    return stac_item_text(
        found, model, shown, assets, name, datetime.now(UTC), description=description
    )
