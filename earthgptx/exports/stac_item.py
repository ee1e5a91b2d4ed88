"""A STAC item (1.1) for the files of one scene, with the extensions for machine learning.

mlm: the model that made them, with an asset of the role ``mlm:model`` for its weights.
classification: what the mask's values are. projection and file: the scene's grid, sizes and
checksums of the files. Not label: it is unmaintained, and pystac warns of it.

The item's geometry is the scene's footprint; a scene without a CRS has none.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pystac
import shapely
from pystac.extensions import mlm
from pystac.extensions.classification import Classification, ClassificationExtension
from pystac.extensions.file import FileExtension
from pystac.extensions.projection import ProjectionExtension
from pystac.extensions.raster import DataType
from shapely.geometry import mapping

from earthgptx.exports.class_summary import summarise
from earthgptx.exports.findings import Findings
from earthgptx.exports.item_facts import ItemAsset, ShownToModel
from earthgptx.exports.mask_cog import class_numbers
from earthgptx.exports.model_facts import ModelFacts
from earthgptx.scenes.ground import Ground
from earthgptx.scenes.header import SceneHeader
from earthgptx.scenes.interpret import SceneResult
from earthgptx.scenes.whole_file import whole_file

# Key of the asset: its media type and roles.
_ASSETS: dict[str, tuple[str, tuple[str, ...]]] = {
    "geojson": (pystac.MediaType.GEOJSON, ("data",)),
    "geopackage": (pystac.MediaType.GEOPACKAGE, ("data",)),
    "mask": (pystac.MediaType.COG, ("data",)),
    "overlay": (pystac.MediaType.PNG, ("overview",)),
    "report-markdown": ("text/markdown", ("metadata",)),
    "report-html": (pystac.MediaType.HTML, ("metadata",)),
}
# Multihash: sha2-256, 32 bytes.
_SHA256_PREFIX = "1220"
# Of a class: letters, digits, "-" and "_".
_NOT_IN_NAMES = re.compile(r"[^0-9A-Za-z_-]+")


def write_stac_item(
    result: SceneResult,
    model: ModelFacts,
    files: Mapping[str, Path],
    path: Path,
    *,
    made_at: datetime,
    scene_href: str = "",
    overwrite: bool = False,
) -> None:
    """Writes the item beside the files it describes.

    Args:
        result: what was found.
        model: what found it.
        files: by the keys of ``earthgptx.exports.export.FILES``; they exist, in the item's folder.
        path: the file to make.
        made_at: when; with a time zone. Also the item's time where the file does not say when the
            sensor saw the scene, and then ``earthgptx:datetime`` says so.
        scene_href: where the scene is, for a ``derived_from`` link; empty: nothing is said.
        overwrite: replace a file of that name.

    Raises:
        FileExistsError: there is such a file.
        OSError: it cannot be written; nothing is left of it.
    """
    shown = ShownToModel(
        result.plan.tile_px,
        f"{result.overview.note or 'bands as they are'}; resampling: {result.resampling}",
        result.plan.overlap_px,
    )
    assets = {key: _asset(key, file, result) for key, file in sorted(files.items())}
    name = path.name.removesuffix(".stac.json")
    text = stac_item_text(
        result, model, shown, assets, name, made_at, result.description, scene_href
    )
    with whole_file(path, overwrite=overwrite) as unfinished:
        unfinished.write_text(text, encoding="utf-8")


def stac_item_text(
    found: Findings,
    model: ModelFacts,
    shown: ShownToModel,
    assets: Mapping[str, ItemAsset],
    name: str,
    made_at: datetime,
    description: str = "",
    scene_href: str = "",
) -> str:
    """The item as JSON, ending in a line feed.

    Args:
        found: things in one scene.
        model: what found them.
        shown: what the model saw.
        assets: files in the item's folder, by their keys; "model" is the item's own.
        name: the item's id.
        made_at: as ``write_stac_item``.
        description: the scene in words; may be empty.
        scene_href: as ``write_stac_item``.
    """
    item = _item(found, name, made_at, description)
    if scene_href:
        item.add_link(pystac.Link("derived_from", scene_href, title=found.header.name))
    _add_projection(item, found.header)
    _add_model(item, model, shown)
    for key, asset in assets.items():
        _add_file(item, key, asset)
    return json.dumps(item.to_dict(include_self_link=False), ensure_ascii=False, indent=2) + "\n"


def _asset(key: str, file: Path, result: SceneResult) -> ItemAsset:
    media_type, roles = _ASSETS[key]
    classes = class_numbers(result) if key == "mask" else None
    return ItemAsset(file.name, media_type, roles, file.stat().st_size, _sha256(file), classes)


def _add_file(item: pystac.Item, key: str, told: ItemAsset) -> None:
    asset = pystac.Asset(
        f"./{quote(told.name)}", media_type=told.media_type, roles=list(told.roles)
    )
    item.add_asset(key, asset)
    FileExtension.ext(asset, add_if_missing=True).apply(
        checksum=_SHA256_PREFIX + told.sha256, size=told.size_bytes
    )
    if told.classes is not None:
        classification = ClassificationExtension.ext(asset, add_if_missing=True)
        classification.classes = _classes(told.classes)


def _item(found: Findings, name: str, made_at: datetime, description: str) -> pystac.Item:
    header = found.header
    footprint = Ground(header).lonlat(shapely.box(0, 0, header.width_px, header.height_px))
    item = pystac.Item(
        name,
        None if footprint is None else mapping(footprint),
        None if footprint is None else _bbox(footprint),
        header.acquired or made_at,
        {"created": made_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")},
    )
    if description:
        item.properties["description"] = description
    item.properties["earthgptx:counts"] = {one.label: one.count for one in summarise(found)}
    if header.acquired is None:
        item.properties["earthgptx:datetime"] = "of processing: the scene does not say its own"
    if header.gsd_m:
        item.common_metadata.gsd = header.gsd_m
    if header.notes:
        item.properties["earthgptx:notes"] = list(header.notes)
    return item


def _bbox(footprint: shapely.Geometry) -> list[float]:
    """West, south, east, north; west is greater across the antimeridian (RFC 7946, 5.2)."""
    west, south, east, north = footprint.bounds
    if (west, east) == (-180.0, 180.0) and len(shapely.get_parts(footprint)) > 1:
        halves = [part.bounds for part in shapely.get_parts(footprint)]
        west = min(bounds[0] for bounds in halves if bounds[0] >= 0)
        east = max(bounds[2] for bounds in halves if bounds[2] <= 0)
    return [west, south, east, north]


def _add_projection(item: pystac.Item, header: SceneHeader) -> None:
    projection = ProjectionExtension.ext(item, add_if_missing=True)
    projection.shape = [header.height_px, header.width_px]
    if header.transform is None:
        return
    projection.transform = list(header.transform)
    if header.crs.startswith("EPSG:"):
        projection.code = header.crs
    else:
        projection.wkt2 = header.crs


def _classes(numbers: Mapping[str, int]) -> list[Classification]:
    """The mask's values; a class keeps its own words as the title."""
    names: set[str] = {"nothing"}
    classes = [Classification.create(0, name="nothing", description="nothing was found here")]
    for label, number in numbers.items():
        name = _NOT_IN_NAMES.sub("-", label).strip("-")
        # Labels that differ only in what a name has no room for ("a/b", "a b").
        name = f"class-{number}" if not name or name in names else name
        names.add(name)
        classes.append(Classification.create(number, name=name, title=label, description=label))
    return classes


def _add_model(item: pystac.Item, model: ModelFacts, shown: ShownToModel) -> None:
    side_px = shown.side_px
    view = mlm.InputStructure.create(
        shape=[-1, side_px, side_px, 3],
        dim_order=["batch", "height", "width", "channel"],
        data_type=DataType.UINT8,
    )
    masks = mlm.ResultStructure.create(
        shape=[-1, side_px, side_px],
        dim_order=["instance", "height", "width"],
        data_type=DataType.UINT8,
    )
    tasks = [mlm.TaskType(task) for task in model.tasks]
    one_grid = shown.overlap_px is not None
    grid = {"tile_px": side_px, "overlap_px": shown.overlap_px} if one_grid else {}
    mlm.MLMExtension.ext(item, add_if_missing=True).apply(
        name=model.name,
        architecture=model.architecture,
        tasks=tasks,
        input=[
            mlm.ModelInput.create(
                name="tile",
                bands=[],
                input=view,
                description=shown.note,
            )
        ],
        output=[mlm.ModelOutput.create(name="instances", tasks=tasks, result=masks, classes=[])],
        hyperparameters=mlm.Hyperparameters.create(version=model.version, **grid),
    )
    weights = pystac.Asset(
        model.weights_href, title=f"{model.name} {model.version}", roles=["mlm:model"]
    )
    item.add_asset("model", weights)
    mlm.AssetGeneralMLMExtension.ext(weights, add_if_missing=True).apply(
        artifact_type=model.artifact_type
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
