"""What the sensor saw, as it is said beside an image, and whether the image can be that."""

from __future__ import annotations

from typing import Literal

import numpy as np

from earthgptx.imagery.errors import ImageryError
from earthgptx.imagery.header import ImageHeader
from earthgptx.imagery.read import Raster
from earthgptx.imagery.stretch import evenly_sampled

Modality = Literal["optical", "sar", "infrared"]
MODALITIES: tuple[Modality, ...] = ("optical", "sar", "infrared")

# Radar and thermal sensors deliver a few polarisations or one band, not a spectrum.
MAX_BANDS_NOT_OPTICAL = 4
# A pixel is coloured if its channels differ by more than JPEG makes of grey; an image is, if this
# share of its pixels are.
_COLOURED_BY = 16
_COLOURED_SHARE = 0.01


def check_modality(image: Raster | ImageHeader, modality: Modality | None) -> None:
    """Refuses an image that cannot be what it is said to be.

    Args:
        image: from the header alone only bands can be counted; pixels also tell colour.
        modality: what the sensor saw; None (not known) fits every image.

    Raises:
        ImageryError: an unknown modality, more than 4 bands, or a colour picture, said to be of
            radar or thermal infrared (field "modality").
    """
    if modality is None or modality == "optical":
        return
    if modality not in MODALITIES:
        raise ImageryError("modality", f"{modality!r} is none", ", ".join(MODALITIES))
    header = image.header if isinstance(image, Raster) else image
    if header.band_count > MAX_BANDS_NOT_OPTICAL:
        raise ImageryError(
            "modality",
            f"is {modality}, but the image has {header.band_count} bands; say optical",
            f"{MAX_BANDS_NOT_OPTICAL} bands for {modality}",
        )
    if isinstance(image, Raster) and not _shows_heat(image, modality) and _is_coloured(image):
        raise ImageryError(
            "modality",
            f"is {modality}, but the image is a colour picture; say optical, or give one band",
            f"grey for {modality}",
        )


def _shows_heat(image: Raster, modality: Modality) -> bool:
    """Beside the colours of a camera of both kinds lies the band that is shown."""
    return modality == "infrared" and any(m.role == "thermal" for m in image.band_meanings)


def _is_coloured(image: Raster) -> bool:
    bands_CHW = image.bands_CHW
    if len(bands_CHW) < 3 or bands_CHW.dtype != np.uint8:
        return False
    sample = evenly_sampled(bands_CHW[:3]).astype(np.int16)
    return bool((np.ptp(sample, axis=0) > _COLOURED_BY).mean() > _COLOURED_SHARE)
