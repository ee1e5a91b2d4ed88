"""Whether all of a file is there, before hours are spent on it."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import rasterio
from rasterio.windows import Window

from earthgptx.imagery.errors import DamagedImage
from earthgptx.scenes.envi_pair import is_pair, read_pair

_WHOLE = "a whole file"
# Where a NITF header has the length of the file (MIL-STD-2500C, table A-1; the same in 2500A).
_NITF_LENGTH = slice(342, 354)


def refuse_half_files(dataset: rasterio.DatasetReader, path: Path) -> None:
    """Refuses a file that ends too soon or was never finished.

    A TIFF's table of blocks is compared with the size of the file. Blocks that were never written
    are gaps if the file declares a nodata value (sparse files are made so), else a file whose
    writer stopped half way: GDAL would show zeros there. Others have their size compared (ENVI,
    NITF) and their last pixel read.

    Raises:
        DamagedImage: it is such a file (field "image").
        RasterioError: its last pixel cannot be read.
    """
    if dataset.driver == "GTiff":
        _refuse_half_tiff(dataset, path.stat().st_size)
        return
    if dataset.driver == "ENVI":
        end_bytes = read_pair(path).end_bytes if is_pair(path) else path.stat().st_size
        _refuse_short_envi(dataset, end_bytes)
    if dataset.driver == "NITF":
        _refuse_short_nitf(path)
    dataset.read(1, window=Window(dataset.width - 1, dataset.height - 1, 1, 1))


def _refuse_half_tiff(dataset: rasterio.DatasetReader, size_bytes: int) -> None:
    separate = dataset.tags(ns="IMAGE_STRUCTURE").get("INTERLEAVE") == "BAND"
    blocks, missing = 0, 0
    for band in sorted({1, dataset.count}) if separate else (1,):
        height, width = dataset.block_shapes[band - 1]
        for row in range(math.ceil(dataset.height / height)):
            for column in range(math.ceil(dataset.width / width)):
                blocks += 1
                end = _block_end(dataset, band, column, row)
                missing += end is None
                if end is not None and end > size_bytes:
                    raise DamagedImage(
                        "image",
                        f"is cut short: it has {size_bytes} bytes, and a block ends at {end}",
                        _WHOLE,
                    )
    if missing and dataset.nodata is None:
        raise DamagedImage(
            "image",
            f"is half written: {missing} of {blocks} blocks are not there",
            "a whole file, or a nodata value for what is left out on purpose",
        )


def _block_end(dataset: rasterio.DatasetReader, band: int, column: int, row: int) -> int | None:
    """Where a block ends in the file; None if it was never written."""
    place = f"{column}_{row}"
    offset = dataset.get_tag_item(f"BLOCK_OFFSET_{place}", "TIFF", bidx=band)
    size = dataset.get_tag_item(f"BLOCK_SIZE_{place}", "TIFF", bidx=band)
    return None if offset is None or size is None else int(offset) + int(size)


def _refuse_short_envi(dataset: rasterio.DatasetReader, size_bytes: int) -> None:
    described = dataset.tags(ns="ENVI")
    if described.get("file_compression", "0").strip() != "0":
        return
    pixel_bytes = sum(np.dtype(dtype).itemsize for dtype in dataset.dtypes)
    offset = described.get("header_offset", "0").strip()
    needed = dataset.width * dataset.height * pixel_bytes + (int(offset) if offset.isdigit() else 0)
    if size_bytes < needed:
        raise DamagedImage(
            "image", f"is cut short: it has {size_bytes} bytes of {needed}", f"{needed} bytes"
        )


def _refuse_short_nitf(path: Path) -> None:
    with path.open("rb") as file:
        told = file.read(_NITF_LENGTH.stop)[_NITF_LENGTH]
    size_bytes = path.stat().st_size
    # All nines: its writer did not know (streaming).
    if told.isdigit() and told != b"9" * 12 and size_bytes < int(told):
        raise DamagedImage(
            "image", f"is cut short: it has {size_bytes} bytes of {int(told)}", f"{int(told)} bytes"
        )
