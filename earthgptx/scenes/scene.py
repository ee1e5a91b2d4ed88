"""A scene that is read by window: never more of it in memory than was asked for.

C bands, H W rows and columns of what was read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.enums import MaskFlags, Resampling
from rasterio.windows import Window

from earthgptx.imagery.channels import Channels, channels_of, choose_channels, told_composite
from earthgptx.imagery.errors import ImageryError
from earthgptx.imagery.header import ImageLimits, colour_bands, is_palette
from earthgptx.imagery.modality import Modality, check_modality
from earthgptx.imagery.read import ValidHW
from earthgptx.scenes.completeness import refuse_half_files
from earthgptx.scenes.header import SceneHeader, SceneLimits, read_header
from earthgptx.scenes.open import damage_named, open_dataset


@dataclass(frozen=True)
class Part:
    """What was read of a scene.

    Attributes:
        bands_CHW: [C, H, W] the shown bands, in the file's element type; 0 where not valid.
        valid_HW: where there is data; None where everywhere.
    """

    bands_CHW: npt.NDArray[Any]
    valid_HW: ValidHW | None


class Scene:
    """An open scene. Not for several threads at once: GDAL's datasets are not."""

    def __init__(
        self, dataset: rasterio.DatasetReader, path: Path, header: SceneHeader, channels: Channels
    ) -> None:
        """Takes an open dataset; ``open_scene`` is the way to one."""
        self._dataset = dataset
        self.path = path
        self.header = header
        self.channels = channels
        self._palette = _palette(dataset) if is_palette(dataset) else None
        numbers = colour_bands(dataset)
        self._numbers = [1] if self._palette is not None else [numbers[i] for i in channels.bands]
        self._valid_everywhere = all(
            MaskFlags.all_valid in flags for flags in dataset.mask_flag_enums
        )
        self._one_bit = dataset.tags(1, ns="IMAGE_STRUCTURE").get("NBITS") == "1"

    @property
    def may_have_gaps(self) -> bool:
        """False where every pixel has data by what the file declares."""
        return not self._valid_everywhere or self.header.band_dtype == "float32"

    def read(self, window: Window, shape_hw: tuple[int, int] | None = None) -> Part:
        """The shown bands in a window.

        Args:
            window: whole pixels, inside the scene.
            shape_hw: rows and columns of the result; averaged to it (of a palette the nearest),
                from the file's own overviews where it has them. None: as stored.

        Raises:
            DamagedImage: it cannot be read there (field "image").
        """
        averaged = shape_hw is not None and self._palette is None
        return self._read(window, shape_hw, Resampling.average if averaged else Resampling.nearest)

    def sample(self, shape_hw: tuple[int, int]) -> Part:
        """Single pixels spread evenly over the whole scene: its values, not their averages.

        Args:
            shape_hw: rows and columns of the result.

        Raises:
            DamagedImage: it cannot be read (field "image").
        """
        return self._read(self.whole, shape_hw, Resampling.nearest)

    def valid(self, window: Window, shape_hw: tuple[int, int] | None = None) -> ValidHW | None:
        """Where a window has data, by what the file declares; None where everywhere.

        Raises:
            DamagedImage: it cannot be read there (field "image").
        """
        if self._valid_everywhere:
            return None
        with damage_named():
            mask = self._dataset.dataset_mask(window=window, out_shape=shape_hw)
        valid_HW: ValidHW = mask > 0
        return None if valid_HW.all() else valid_HW

    @property
    def whole(self) -> Window:
        """All of it."""
        return Window(0, 0, self.header.width_px, self.header.height_px)

    def _read(
        self, window: Window, shape_hw: tuple[int, int] | None, resampling: Resampling
    ) -> Part:
        out_shape = None if shape_hw is None else (len(self._numbers), *shape_hw)
        with damage_named():
            bands_CHW = self._dataset.read(
                self._numbers, window=window, out_shape=out_shape, resampling=resampling
            )
        valid_HW = self.valid(window, shape_hw)
        if bands_CHW.dtype.kind == "f":
            valid_HW = _finite(bands_CHW, valid_HW)
        if self._palette is not None:
            bands_CHW = np.ascontiguousarray(self._palette[bands_CHW[0]].transpose(2, 0, 1))
        if self._one_bit:
            bands_CHW = bands_CHW * np.uint8(255)
        if valid_HW is not None:
            bands_CHW[:, ~valid_HW] = 0
        return Part(bands_CHW, valid_HW)


@contextmanager
def open_scene(
    path: Path,
    modality: Modality | None = None,
    bands: Sequence[int] | None = None,
    limits: SceneLimits | None = None,
    known_whole: bool = False,
) -> Iterator[Scene]:
    """A scene, its header judged and its file found whole.

    Args:
        path: a local file; what was uploaded is spooled first (``earthgptx.scenes.spool``).
        modality: what the sensor saw; None is treated as optical.
        bands: numbers (from 1, alpha not counted) of the bands shown as red, green and blue, or of
            the one shown as grey. None: chosen by what the file says they measured, else the first
            three.
        limits: what is refused.
        known_whole: the same bytes were found whole before; of a large scene that takes a while.

    Raises:
        ImageryError: it cannot be used (field "image", "bands" or "modality"); ``DamagedImage``
            where it is half written or cut short.
    """
    with open_dataset(path) as dataset:
        with damage_named():
            header = read_header(dataset, path, limits or SceneLimits())
            check_modality(header, modality)
            channels = _channels(header, modality, bands)
            if not known_whole:
                refuse_half_files(dataset, path)
            scene = Scene(dataset, path, header, channels)
        yield scene


def _channels(
    header: SceneHeader, modality: Modality | None, bands: Sequence[int] | None
) -> Channels:
    count = header.band_count
    if bands is None:
        most = ImageLimits().max_bands
        if count > most and told_composite(header.band_meanings, modality) is None:
            raise ImageryError(
                "bands",
                f"are {count}, and none is told to be red, green, blue; say which three to show",
                f"{most} bands of which nothing is said",
            )
        return choose_channels(header.band_meanings, header.band_dtype, modality)
    if len(bands) not in (1, 3) or not all(1 <= number <= count for number in bands):
        raise ImageryError("bands", f"are {list(bands)}", f"one or three of 1 to {count}")
    told = ", ".join(map(str, bands))
    note = f"bands {told} of {count} shown, as was asked"
    return channels_of([number - 1 for number in bands], header.band_meanings, (note,))


def _palette(dataset: rasterio.DatasetReader) -> npt.NDArray[np.uint8]:
    """Colours [N, 3] of every index the element type can hold."""
    table = np.zeros((256 if dataset.dtypes[0] == "uint8" else 65_536, 3), np.uint8)
    for index, colour in dataset.colormap(1).items():
        table[index] = colour[:3]
    return table


def _finite(bands_CHW: npt.NDArray[Any], valid_HW: ValidHW | None) -> ValidHW | None:
    finite_HW = np.isfinite(bands_CHW).all(axis=0)
    usable_HW: ValidHW = finite_HW if valid_HW is None else finite_HW & valid_HW
    return None if usable_HW.all() else usable_HW
