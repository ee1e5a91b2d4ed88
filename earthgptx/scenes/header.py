"""What a scene says about itself, judged before its pixels are read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import numpy as np
import rasterio

from earthgptx.imagery.band_meaning import RED_GREEN_BLUE, BandMeaning, band_meanings
from earthgptx.imagery.errors import ImageryError
from earthgptx.imagery.header import (
    BAND_DTYPES,
    ImageFormat,
    ImageHeader,
    colour_bands,
    is_palette,
    refuse_unread_kinds,
)
from earthgptx.imagery.place import place_of


@dataclass(frozen=True)
class SceneLimits:
    """What is refused from the header alone.

    Attributes:
        max_side_px: the longer side.
        max_bands: bands without alpha, however few of them are shown.
        max_block_bytes: what has to be decoded at once; a compressed TIFF may be one block.
    """

    max_side_px: int = 1_000_000
    max_bands: int = 1_000
    max_block_bytes: int = 128 * 1024 * 1024


@dataclass(frozen=True)
class SceneHeader(ImageHeader):
    """What a scene says about itself; ``format`` is the name of GDAL's driver.

    Attributes:
        name: of the file, without folders.
        band_meanings: what the file says of each band.
        nodata: the value that means no data; None if none is declared.
        overview_factors: how many times smaller the file's own overviews are.
        block_wh_px: width and height of what is decoded at once.
        acquired: when the sensor saw it, where the file says so.
        notes: what a user should know about this file, in words.
    """

    name: str = ""
    band_meanings: tuple[BandMeaning, ...] = ()
    nodata: float | None = None
    overview_factors: tuple[int, ...] = ()
    block_wh_px: tuple[int, int] = (0, 0)
    acquired: datetime | None = None
    notes: tuple[str, ...] = ()


def read_header(dataset: rasterio.DatasetReader, path: Path, limits: SceneLimits) -> SceneHeader:
    """The header of an open scene.

    Raises:
        ImageryError: of a kind that is not read (CMYK, several pages, an element type other than
            ``BAND_DTYPES``), over a limit, or placed off the earth (field "image").
    """
    refuse_unread_kinds(dataset)
    _refuse_over_limits(dataset, limits)
    place = place_of(dataset)
    notes = place.notes
    if is_palette(dataset):
        notes = (*notes, "palette shown as its colours")
    shown = colour_bands(dataset)
    height, width = dataset.block_shapes[0]
    return SceneHeader(
        # The driver is one of open.Driver; a plain TIFF keeps the word the images have for it.
        format=cast(
            ImageFormat, "TIFF" if dataset.driver == "GTiff" and not place.crs else dataset.driver
        ),
        width_px=dataset.width,
        height_px=dataset.height,
        band_count=3 if is_palette(dataset) else len(shown),
        band_dtype=dataset.dtypes[0],
        crs=place.crs,
        gsd_m=place.gsd_m,
        size_bytes=path.stat().st_size,
        transform=place.transform,
        name=path.name,
        band_meanings=RED_GREEN_BLUE if is_palette(dataset) else band_meanings(dataset, shown),
        nodata=dataset.nodata,
        overview_factors=tuple(dataset.overviews(1)),
        block_wh_px=(width, height),
        acquired=_acquired(dataset),
        notes=notes,
    )


def _refuse_over_limits(dataset: rasterio.DatasetReader, limits: SceneLimits) -> None:
    if max(dataset.width, dataset.height) > limits.max_side_px:
        size = f"is {dataset.width} x {dataset.height} px"
        raise ImageryError("image", size, f"sides of {limits.max_side_px} px")
    if dataset.count > limits.max_bands:
        raise ImageryError("image", f"has {dataset.count} bands", f"{limits.max_bands} bands")
    if dataset.dtypes[0] not in BAND_DTYPES:
        advice = "; give its amplitude" if dataset.dtypes[0].startswith("complex") else ""
        raise ImageryError(
            "image", f"has elements of type {dataset.dtypes[0]}{advice}", ", ".join(BAND_DTYPES)
        )
    _refuse_large_blocks(dataset, limits)


def _refuse_large_blocks(dataset: rasterio.DatasetReader, limits: SceneLimits) -> None:
    height, width = dataset.block_shapes[0]
    together = dataset.tags(ns="IMAGE_STRUCTURE").get("INTERLEAVE") == "PIXEL"
    pixel_bytes = np.dtype(dataset.dtypes[0]).itemsize * (dataset.count if together else 1)
    if width * height * pixel_bytes > limits.max_block_bytes:
        raise ImageryError(
            "image",
            f"is stored in blocks of {width} x {height} px, each decoded as a whole; rewrite it in "
            "tiles (gdal_translate -of COG)",
            f"blocks of {limits.max_block_bytes} bytes",
        )


def _acquired(dataset: rasterio.DatasetReader) -> datetime | None:
    """As GDAL's IMAGERY metadata or a NITF header say it, in UTC."""
    told = (
        (dataset.tags(ns="IMAGERY").get("ACQUISITIONDATETIME"), "%Y-%m-%d %H:%M:%S"),
        (dataset.tags().get("NITF_IDATIM"), "%Y%m%d%H%M%S"),
    )
    for text, form in told:
        try:
            return datetime.strptime(text.strip(), form).replace(tzinfo=UTC) if text else None
        except ValueError:
            continue
    return None
