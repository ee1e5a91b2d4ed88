"""Scenes made on the spot, with what is in them, and a model that sees it: a real, small one."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import rasterio
from affine import Affine
from hypothesis import strategies as st
from rasterio.errors import NotGeoreferencedWarning
from rasterio.features import rasterize

from earthgptx.scenes.interpret import SceneResult
from earthgptx.scenes.model import TileInstance, TileView

# Half a metre a pixel near Berlin.
UTM_HALF_METRE = {"crs": "EPSG:32633", "transform": Affine(0.5, 0, 390_000, 0, -0.5, 5_820_000)}

# x, y, width and height of some, in a scene of 300 px.
RECTANGLES = st.lists(
    st.tuples(st.integers(0, 270), st.integers(0, 270), st.integers(3, 90), st.integers(3, 90)),
    min_size=1,
    max_size=4,
)


def painted(rectangles: Sequence[tuple[int, int, int, int]]) -> npt.NDArray[np.uint8]:
    """The rectangles as ones, [300, 300]."""
    truth_HW = np.zeros((300, 300), np.uint8)
    for x, y, width, height in rectangles:
        truth_HW[y : y + height, x : x + width] = 1
    return truth_HW


def write_scene(path: Path, bands_CHW: npt.NDArray[Any], **profile: Any) -> Path:
    """A file of any driver; GeoTIFF in blocks of 256 unless told otherwise."""
    count, height, width = bands_CHW.shape
    described: dict[str, Any] = {"driver": "GTiff"}
    if "driver" not in profile and "tiled" not in profile and min(height, width) >= 256:
        described |= {"tiled": True, "blockxsize": 256, "blockysize": 256}
    names = profile.pop("names", ())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(
            path,
            "w",
            **{**described, **profile},
            count=count,
            height=height,
            width=width,
            dtype=bands_CHW.dtype,
        ) as dataset:
            dataset.write(bands_CHW)
            for number, name in enumerate(names, start=1):
                dataset.set_band_description(number, name)
    return path


def blobs(height: int, width: int, seed: int = 0, largest_px: int = 170) -> npt.NDArray[np.bool_]:
    """Discs from small to larger than a tile, none near another, every second one with a hole."""
    rng = np.random.default_rng(seed)
    mask = np.zeros((height, width), np.uint8)
    grown = np.zeros_like(mask)
    for radius in (170, 120, 80, *[40] * 4, *[20] * 10, *[9] * 20):
        if radius > largest_px:
            continue
        for _ in range(200):
            x, y = int(rng.integers(0, width)), int(rng.integers(0, height))
            trial = cv2.circle(np.zeros_like(mask), (x, y), radius + 12, 1, -1)
            if not (trial & grown).any():
                break
        else:
            continue
        grown |= trial
        cv2.circle(mask, (x, y), radius, 1, -1)
        if (x + y) % 2:
            cv2.circle(mask, (x, y), radius // 2, 0, -1)
    return mask > 0


def picture_of(mask_HW: npt.NDArray[np.bool_], seed: int = 0) -> npt.NDArray[np.uint8]:
    """[3, H, W]: bright where the mask is, on dark ground, with noise."""
    rng = np.random.default_rng(seed)
    noise = rng.integers(-18, 19, mask_HW.shape)
    values = np.where(mask_HW, 190, 70) + noise
    return np.repeat(values.astype(np.uint8)[None], 3, axis=0)


class ThresholdModel:
    """Sees bright things: blurs (so that it needs surroundings), cuts at a brightness, calls each
    connected part a thing, and overlooks what is smaller than ``least_px``."""

    def __init__(self, *, boxes_only: bool = False, brightness: int = 130, least_px: int = 40):
        self.boxes_only = boxes_only
        self.brightness = brightness
        self.least_px = least_px
        self.batch_sizes: list[int] = []

    def __call__(self, views: Sequence[TileView]) -> list[Iterator[TileInstance]]:
        self.batch_sizes.append(len(views))
        return [self._look(view) for view in views]

    def _look(self, view: TileView) -> Iterator[TileInstance]:
        blurred = cv2.GaussianBlur(view.pixels_HWC[..., 0], (0, 0), 1.5)
        bright = (blurred > self.brightness).astype(np.uint8)
        count, labels, stats, _ = cv2.connectedComponentsWithStats(bright, connectivity=4)
        for number in range(1, count):
            x, y, width, height, area = stats[number].tolist()
            if area < self.least_px:
                continue
            box = (float(x), float(y), float(x + width), float(y + height))
            mask = None if self.boxes_only else labels == number
            yield TileInstance("tank", 0.9, mask, box, f"{area} px")


def mask_of(result: SceneResult) -> npt.NDArray[np.bool_]:
    """All things of a result on the scene's pixels."""
    shape = (result.header.height_px, result.header.width_px)
    if not result.objects:
        return np.zeros(shape, np.bool_)
    return rasterize([found.shape_px for found in result.objects], out_shape=shape) > 0


def iou(one: npt.NDArray[np.bool_], other: npt.NDArray[np.bool_]) -> float:
    return float((one & other).sum() / (one | other).sum())
