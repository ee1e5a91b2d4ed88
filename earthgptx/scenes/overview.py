"""The scene at a glance, and the rules by which all of its tiles are shown.

The stretch is fitted here, once, on pixels spread evenly over the whole scene. Were each tile
stretched by its own values, the same roof would be bright in one and dark in the next, and what is
found would end at the seam.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rasterio.windows import Window

from earthgptx.imagery.display import display_note, show
from earthgptx.imagery.errors import ImageryError
from earthgptx.imagery.modality import Modality, check_modality
from earthgptx.imagery.read import Raster
from earthgptx.imagery.stretch import Stretch, fit_stretch
from earthgptx.scenes.header import SceneHeader
from earthgptx.scenes.scene import Part, Scene

OVERVIEW_SIDE_PX = 1024
# Statistics are taken over about the square of this many pixels.
_SAMPLE_SIDE_PX = 2048
_STRIP_PX = 2048


@dataclass(frozen=True)
class Overview:
    """The whole scene, small.

    Attributes:
        pixels_HWC: uint8 [H, W, 3], averaged; 0 where there is no data.
        factor: pixels of the scene to one of these (H and W are rounded).
        gsd_m: ground sampling distance of these pixels; 0 if not known.
        stretch: how values become 8 bits, here and in every tile.
        note: what was done to show it, in words.
    """

    pixels_HWC: npt.NDArray[np.uint8]
    factor: float
    gsd_m: float
    stretch: Stretch
    note: str


def look_over(
    scene: Scene, modality: Modality | None = None, side_px: int = OVERVIEW_SIDE_PX
) -> Overview:
    """Reads the scene small and fits the stretch.

    A file without overviews of its own is read through once for the statistics and once for the
    picture; with them, only the level that fits.

    Args:
        scene: an open scene.
        modality: what the sensor saw; None is treated as optical.
        side_px: the longer side of the picture at most.

    Raises:
        ImageryError: no pixel is valid, values are not finite and not declared as nodata, or the
            scene cannot be of that modality.
    """
    stretch = scene_stretch(scene, modality)
    part = scene.read(scene.whole, shape_within(scene.header, side_px))
    longer_px = max(scene.header.width_px, scene.header.height_px)
    factor = longer_px / max(part.bands_CHW.shape[1:])
    read_note = "; ".join(scene.header.notes)
    return Overview(
        show(part.bands_CHW, part.valid_HW, scene.channels, stretch),
        factor,
        scene.header.gsd_m * factor,
        stretch,
        display_note(scene.channels, stretch, read_note, has_gaps=part.valid_HW is not None),
    )


def scene_stretch(scene: Scene, modality: Modality | None = None) -> Stretch:
    """How the scene's values become 8 bits, in the overview and in every part of it.

    Raises:
        ImageryError: as ``look_over``.
    """
    sample = scene.sample(shape_within(scene.header, _SAMPLE_SIDE_PX))
    _refuse_undeclared_gaps(scene, sample)
    if sample.valid_HW is not None and not sample.valid_HW.any():
        sample = _first_valid_strip(scene)
    _check_modality(scene, sample, modality)
    return fit_stretch(sample.bands_CHW, sample.valid_HW, modality, scene.channels.temperature)


def shape_within(header: SceneHeader, side_px: int) -> tuple[int, int]:
    """Rows and columns of the scene made so small that its longer side is ``side_px`` at most."""
    factor = max(1.0, max(header.width_px, header.height_px) / side_px)
    return max(1, round(header.height_px / factor)), max(1, round(header.width_px / factor))


def _refuse_undeclared_gaps(scene: Scene, sample: Part) -> None:
    """As ``read_image``: NaN that nobody declared is an error, not a hole."""
    nodata = scene.header.nodata
    if sample.valid_HW is None or (nodata is not None and math.isnan(nodata)):
        return
    declared_HW = scene.valid(scene.whole, sample.valid_HW.shape)
    undeclared = ~sample.valid_HW if declared_HW is None else declared_HW & ~sample.valid_HW
    if undeclared.any():
        raise ImageryError(
            "image",
            "has NaN or infinite values; declare NaN as the file's nodata value if they are gaps",
            "finite values",
        )


def _first_valid_strip(scene: Scene) -> Part:
    """Of a scene so empty that no sampled pixel was valid: rows that have some.

    Raises:
        ImageryError: there are none (field "image").
    """
    header = scene.header
    rows = max(1, _STRIP_PX * _STRIP_PX // header.width_px)
    for y in range(0, header.height_px, rows):
        window = Window(0, y, header.width_px, min(rows, header.height_px - y))
        valid_HW = scene.valid(window)
        if valid_HW is None or valid_HW.any():
            return scene.read(window)
    raise ImageryError(
        "image", "has no valid pixel: all of it is nodata or transparent", "at least one"
    )


def _check_modality(scene: Scene, sample: Part, modality: Modality | None) -> None:
    """Colour can only be told from pixels."""
    meanings = tuple(scene.header.band_meanings[band] for band in scene.channels.bands)
    check_modality(Raster(sample.bands_CHW, sample.valid_HW, scene.header, meanings), modality)
