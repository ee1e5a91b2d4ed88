"""Files that strangers send, as bytes: those that must be refused and odd ones that must not."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

import numpy as np

from tests.earthgptx.imagery.files import encode, north_up, png_header, scene, tiff
from tests.services.pictures import png


@dataclass(frozen=True)
class BadFile:
    """A file, and what the refusal says would have done."""

    data: bytes
    limit: str
    says: str = ""


def bomb_png(width_px: int, height_px: int) -> bytes:
    """A whole and valid PNG of one bit a pixel: some kilobytes that unpack to all those pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + checksum

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width_px, height_px, 1, 0, 0, 0, 0))
    rows = zlib.compress(bytes((1 + width_px // 8) * height_px), 1)
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def floats_with_a_hole() -> bytes:
    bands_CHW = np.ones((1, 64, 64), np.float32)
    bands_CHW[0, 3, 3] = np.nan
    return tiff(bands_CHW)


def placed(crs: str, pixel: float) -> bytes:
    return tiff(np.ones((1, 64, 64), "u1"), crs=crs, transform=north_up(500, 500, pixel))


_JPEG = encode(scene(200, 200), "JPEG")
_TIFF = tiff(scene(200, 200).transpose(2, 0, 1), compress="deflate")

BAD_FILES: dict[str, BadFile] = {
    "not an image": BadFile(b"I am no picture. " * 40, "PNG, JPEG or TIFF", "no known format"),
    "another format": BadFile(b"GIF89a" + bytes(5000), "PNG, JPEG or TIFF", "no known format"),
    "a page of HTML": BadFile(b"<!DOCTYPE html><html></html>", "PNG, JPEG or TIFF"),
    "truncated PNG": BadFile(png()[:3000], "a whole PNG", "cut short"),
    "truncated JPEG": BadFile(_JPEG[: len(_JPEG) // 2], "a whole PNG, JPEG"),
    "truncated TIFF": BadFile(_TIFF[: len(_TIFF) // 2], "JPEG or TIFF"),
    "only a header": BadFile(png()[:60], "a whole PNG"),
    "0 x 0": BadFile(png_header(0, 0), "at least 1 x 1 px", "0 x 0 px"),
    "0 px high": BadFile(png_header(64, 0), "at least 1 x 1 px", "64 x 0 px"),
    "12000 x 12000 bomb": BadFile(bomb_png(12_000, 12_000), "100000000 px", "12000 x 12000"),
    "too wide": BadFile(png_header(40_000, 10), "30000 px", "40000 x 10"),
    "CMYK JPEG": BadFile(encode(scene(), "JPEG", mode="CMYK"), "RGB", "CMYK"),
    "CMYK TIFF": BadFile(tiff(np.ones((4, 8, 8), "u1"), photometric="CMYK"), "RGB", "CMYK"),
    "NaN floats": BadFile(floats_with_a_hole(), "finite values", "NaN"),
    "40 bands": BadFile(tiff(np.zeros((40, 8, 8), "u1")), "32 bands", "40 bands"),
    "complex": BadFile(tiff(np.ones((1, 8, 8), "complex64")), "float32", "complex64"),
    "doubles": BadFile(tiff(np.ones((1, 8, 8), "float64")), "float32", "float64"),
    "pixels of 90 km": BadFile(placed("EPSG:32633", 90_000), "0.001 to 10000 m", "on the ground"),
    "pixels of a micrometre": BadFile(placed("EPSG:32633", 1e-6), "0.001 to 10000 m"),
    "metres as degrees": BadFile(placed("EPSG:4326", 10), "on the earth", "not in its CRS"),
    "all transparent": BadFile(encode(np.zeros((8, 8, 4), np.uint8), "PNG"), "one valid pixel"),
}

# What looks odd and is none the less an image; and how the caller is told what was made of it.
ODD_FILES: dict[str, tuple[bytes, str]] = {
    "1-bit PNG": (encode(scene(), "PNG", mode="1"), "one bit shown as black and white"),
    "1-bit TIFF": (
        tiff((scene()[None, ..., 0] > 127).astype(np.uint8), nbits=1),
        "shown as",
    ),
    "palette": (encode(scene(), "PNG", mode="P"), "palette shown as its colours"),
    "one pixel": (png(1, 1), ""),
    "8 bands": (tiff(np.ones((8, 16, 16), "u1")), "bands 1, 2, 3 of 8 as red, green, blue"),
}
