"""A mask on the scene's own pixels, as a Cloud Optimized GeoTIFF.

One band of class numbers: 0 where nothing was found, then the classes in their order, and the
highest value the type holds where the scene has no data. Where things lie over each other the
smaller one is seen. Written block by block; blocks in which nothing lies are left out of the file.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
import rasterio
import rasterio.shutil
import shapely
from affine import Affine
from rasterio.errors import NotGeoreferencedWarning
from rasterio.features import rasterize
from rasterio.windows import Window

from earthgptx.exports.findings import Findings
from earthgptx.imagery.draw import COLOURS
from earthgptx.imagery.errors import ImageryError
from earthgptx.imagery.header import open_with_gdal
from earthgptx.imagery.read import ValidHW
from earthgptx.scenes.header import SceneHeader
from earthgptx.scenes.objects import SceneObject
from earthgptx.scenes.pieces import united
from earthgptx.scenes.whole_file import whole_file

# What is drawn at once; a multiple of a block.
_PART_PX = 2048
_BLOCK_PX = 512
_MOST_CLASSES = 65_534
_CLASS_TAG = "CLASS_"

Labels: TypeAlias = np.dtype[np.uint8] | np.dtype[np.uint16]
LabelsHW: TypeAlias = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]


class HasGaps(Protocol):
    """What knows where a scene has data (`earthgptx.scenes.scene.Scene`)."""

    @property
    def may_have_gaps(self) -> bool:
        """False where every pixel has data."""

    def valid(self, window: Window) -> ValidHW | None:
        """Where a window of whole pixels has data: bool [H, W]; None where everywhere."""


def class_numbers(result: Findings) -> dict[str, int]:
    """From 1, in the order of the classes' names."""
    labels = sorted({found.label for found in result.objects if found.is_mask})
    return {label: number for number, label in enumerate(labels, start=1)}


def numbers_in(mask: bytes) -> dict[str, int]:
    """The classes of a mask that `write_mask_cog` wrote, as the file itself tells them.

    Raises:
        ImageryError: it is no TIFF (field "image").
    """
    with open_with_gdal(mask, "GTiff") as dataset:
        tags: dict[str, str] = dataset.tags(1)
    named = (tag.removeprefix(_CLASS_TAG) for tag in tags if tag.startswith(_CLASS_TAG))
    return {tags[f"{_CLASS_TAG}{number}"]: number for number in sorted(map(int, named))}


def write_mask_cog(
    result: Findings, scene: HasGaps, path: Path, *, overwrite: bool = False
) -> None:
    """Writes the masks; things of which only a box is known are left out.

    Args:
        result: what was found.
        scene: where it has no data; an open scene tells.
        path: the file to make.
        overwrite: replace a file of that name.

    Raises:
        FileExistsError: there is such a file.
        ImageryError: more than 65,534 classes (field "classes").
        OSError: it cannot be written; nothing is left of it.
    """
    numbers = class_numbers(result)
    if len(numbers) > _MOST_CLASSES:
        raise ImageryError("classes", f"are {len(numbers)}", f"{_MOST_CLASSES} in one mask")
    dtype: Labels = np.dtype(np.uint8) if len(numbers) < 255 else np.dtype(np.uint16)
    with whole_file(path, overwrite=overwrite) as unfinished, warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        plain = unfinished.with_name("plain.tif")
        with rasterio.Env(GDAL_PAM_ENABLED="NO", GDAL_CACHEMAX=128 * 1024 * 1024):
            with rasterio.open(plain, "w", **_profile(result.header, dtype)) as dataset:
                _describe(dataset, numbers, dtype)
                for window, labels_HW in _parts(result, scene, numbers, dtype):
                    dataset.write(labels_HW, 1, window=window)
            rasterio.shutil.copy(
                plain,
                unfinished,
                driver="COG",
                COMPRESS="DEFLATE",
                BLOCKSIZE=_BLOCK_PX,
                OVERVIEW_RESAMPLING="NEAREST",
                BIGTIFF="IF_SAFER",
            )


def _profile(header: SceneHeader, dtype: Labels) -> dict[str, Any]:
    """A tiled TIFF on the scene's grid, from which the COG is made."""
    return {
        "driver": "GTiff",
        "width": header.width_px,
        "height": header.height_px,
        "count": 1,
        "dtype": dtype,
        "crs": header.crs or None,
        "transform": Affine(*header.transform) if header.transform else None,
        "nodata": np.iinfo(dtype).max,
        "tiled": True,
        "blockxsize": _BLOCK_PX,
        "blockysize": _BLOCK_PX,
        "compress": "DEFLATE",
        "BIGTIFF": "IF_SAFER",
    }


def _describe(dataset: rasterio.io.DatasetWriter, numbers: dict[str, int], dtype: Labels) -> None:
    dataset.set_band_description(1, "class")
    dataset.update_tags(1, **{f"{_CLASS_TAG}{number}": label for label, number in numbers.items()})
    colours = {number: (*COLOURS[(number - 1) % len(COLOURS)], 255) for number in numbers.values()}
    dataset.write_colormap(1, {0: (0, 0, 0, 0), **colours, int(np.iinfo(dtype).max): (0, 0, 0, 0)})


def _parts(
    result: Findings, scene: HasGaps, numbers: dict[str, int], dtype: Labels
) -> Iterator[tuple[Window, LabelsHW]]:
    """All of the mask, part by part."""
    drawn = [found for found in result.objects if found.is_mask]
    tree = shapely.STRtree([found.shape_px for found in drawn])
    header = result.header
    for y in range(0, header.height_px, _PART_PX):
        for x in range(0, header.width_px, _PART_PX):
            width, height = min(_PART_PX, header.width_px - x), min(_PART_PX, header.height_px - y)
            box = (x, y, x + width, y + height)
            here = [drawn[i] for i in tree.query(shapely.box(*box), predicate="intersects")]
            labels_HW = _drawn(here, box, numbers, dtype)
            valid_HW = scene.valid(Window(x, y, width, height)) if scene.may_have_gaps else None
            if valid_HW is not None:
                labels_HW[~valid_HW] = np.iinfo(dtype).max
            yield Window(x, y, width, height), labels_HW


def _drawn(
    found: list[SceneObject],
    box_xyxy_px: tuple[int, int, int, int],
    numbers: dict[str, int],
    dtype: Labels,
) -> LabelsHW:
    """Things inside a box, the smallest last."""
    x0, y0, x1, y1 = box_xyxy_px
    box = shapely.box(*box_xyxy_px)
    shapes = [
        (shape, numbers[one.label])
        for one in sorted(found, key=lambda one: (-one.area_px, one.number))
        if (shape := united([one.shape_px.intersection(box)])) is not None
    ]
    if not shapes:
        return np.zeros((y1 - y0, x1 - x0), dtype)
    labels_HW: LabelsHW = rasterize(
        shapes,
        out_shape=(y1 - y0, x1 - x0),
        transform=Affine.translation(x0, y0),
        fill=0,
        dtype=dtype,
    )
    return labels_HW
