"""Opening a scene's file: by one driver of a short list, with nothing of GDAL reaching out.

The driver is told from the first bytes and it alone is tried, so a VRT, a WMS description or
anything else that points elsewhere is refused whatever its name is. Only local files are opened
(no ``/vsi...`` path), network is off, and no sidecar file is read but the header that ENVI needs;
it may be in one TAR with the raw file (``earthgptx.scenes.envi_pair``).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Literal

import rasterio
from rasterio._err import CPLE_BaseError
from rasterio.errors import NotGeoreferencedWarning, RasterioError

from earthgptx.imagery.errors import DamagedImage, ImageryError
from earthgptx.imagery.header import GDAL_OPTIONS
from earthgptx.scenes.envi_pair import HEADER_START, beside_each_other, is_pair
from earthgptx.scenes.tar_members import HOW_TO_PACK

Driver = Literal["GTiff", "JP2OpenJPEG", "NITF", "ENVI"]

ACCEPTED = (
    "GeoTIFF (COG, BigTIFF), JPEG 2000, NITF, or ENVI with its .hdr beside it or in one TAR with it"
)
_STARTS: tuple[tuple[bytes, Driver], ...] = (
    (b"II*\0", "GTiff"),
    (b"MM\0*", "GTiff"),
    (b"II+\0", "GTiff"),
    (b"MM\0+", "GTiff"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JP2OpenJPEG"),
    (b"\xff\x4f\xff\x51", "JP2OpenJPEG"),
    (b"NITF0", "NITF"),
    (b"NSIF0", "NITF"),
)
# GDAL would take a twentieth of the machine's memory for decoded blocks.
_CACHE_BYTES = 128 * 1024 * 1024


def driver_of(path: Path) -> Driver:
    """The driver for a file, told from its first bytes.

    Raises:
        ImageryError: no such file, empty, or of no format that is read (field "image").
    """
    if not path.is_file():
        raise ImageryError("image", f"{path.name or path} is no file here", "a local file")
    with path.open("rb") as file:
        start = file.read(16)
    if not start:
        raise ImageryError("image", f"{path.name} is empty", ACCEPTED)
    for magic, driver in _STARTS:
        if start.startswith(magic):
            return driver
    if is_pair(path) or _envi_header(path) is not None:
        return "ENVI"
    if start.startswith(HEADER_START):
        raise ImageryError(
            "image",
            f"{path.name} is the header of an ENVI scene without its pixels",
            f"the file that it describes, or {HOW_TO_PACK}",
        )
    raise ImageryError("image", f"{path.name} is of no known format", ACCEPTED)


def _envi_header(path: Path) -> Path | None:
    """The text header of an ENVI file: NAME.hdr or NAME.EXT.hdr."""
    for header in (path.with_suffix(".hdr"), path.with_name(path.name + ".hdr")):
        if header != path and header.is_file():
            with header.open("rb") as file:
                if file.read(len(HEADER_START)) == HEADER_START:
                    return header
    return None


@contextmanager
def open_dataset(path: Path) -> Iterator[rasterio.DatasetReader]:
    """The file as a dataset, GDAL's cache of blocks kept small meanwhile.

    Raises:
        ImageryError: see ``driver_of``. ``DamagedImage`` where the driver cannot open it.
        OSError: the local disk fails.
    """
    driver = driver_of(path)
    options = {**GDAL_OPTIONS, "GDAL_CACHEMAX": _CACHE_BYTES}
    if driver == "ENVI":
        options["GDAL_DISABLE_READDIR_ON_OPEN"] = "TRUE"
    # Absolute: a name with a colon is no command to a driver then.
    as_it_is = nullcontext(path.resolve())
    packed = driver == "ENVI" and is_pair(path)
    with rasterio.Env(**options), beside_each_other(path) if packed else as_it_is as readable:
        with damage_named(), warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            dataset = rasterio.open(readable, driver=driver)
        with dataset:
            yield dataset


@contextmanager
def damage_named() -> Iterator[None]:
    """GDAL's errors inside the block become ``DamagedImage``."""
    try:
        yield
    except ImageryError:
        raise
    # Damaged files also come out of rasterio as its private errors and as undecodable tags.
    except (RasterioError, CPLE_BaseError, ValueError) as error:
        raise DamagedImage("image", f"is damaged: {error}", "a whole file") from None
