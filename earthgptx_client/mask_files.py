"""Masks as image files.

numpy and Pillow are imported where they are needed: a client that asks for words needs neither.
"""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from earthgptx_client.errors import invalid_input
from earthgptx_client.events import GroundedMask
from earthgptx_client.whole_files import write_whole

if TYPE_CHECKING:
    from earthgptx_client.run_length import MaskHW

MAX_MASKS = 255
# As the suite's own limit: a bomb shall not go off here either.
MAX_PIXELS = 100_000_000


def read_mask_file(path: Path) -> MaskHW:
    """The mask [H, W] in an image file: what is neither black nor transparent is inside.

    Raises:
        ClientError: it cannot be read as an image, or is too large.
    """
    import numpy as np
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            if image.width * image.height > MAX_PIXELS:
                limit = f"{MAX_PIXELS:,} px"
                raise invalid_input(f"{path} is {image.width} x {image.height} px", "mask", limit)
            values = np.asarray(image if image.mode != "1" else image.convert("L"))
            has_alpha = image.mode in ("RGBA", "LA")
    except (UnidentifiedImageError, Image.DecompressionBombError, SyntaxError, ValueError):
        raise invalid_input(f"{path} is not an image", "mask") from None
    except OSError as error:
        reason = error.strerror or "the file is damaged"
        raise invalid_input(f"cannot read {path}: {reason}", "mask") from None
    nonzero_HWC = np.atleast_3d(values).astype(np.bool_)
    if has_alpha:
        nonzero_HWC = nonzero_HWC[..., :-1] & nonzero_HWC[..., -1:]
    return np.asarray(nonzero_HWC.any(axis=-1), dtype=np.bool_)


def write_mask_png(
    masks: Sequence[GroundedMask], path: Path, width_px: int, height_px: int
) -> None:
    """One mask: 255 inside, 0 outside. Several: the number of the mask (from 1), in colours.

    Raises:
        ClientError: more than 255 masks.
        OSError: the file cannot be written; nothing is left of it.
    """
    import io

    import numpy as np
    from PIL import Image

    if len(masks) > MAX_MASKS:
        raise invalid_input(f"{len(masks)} masks in one file", "out", f"{MAX_MASKS} masks")
    labels_HW = np.zeros((height_px, width_px), dtype=np.uint8)
    for number, mask in enumerate(masks, start=1):
        labels_HW[mask.to_array()] = number
    if len(masks) <= 1:
        picture = Image.fromarray(labels_HW * np.uint8(255))
    else:
        picture = Image.fromarray(labels_HW)
        picture.putpalette(_palette(len(masks)))
    encoded = io.BytesIO()
    picture.save(encoded, format="PNG")
    write_whole(path, encoded.getvalue())


def _palette(count: int) -> list[int]:
    colours = [0, 0, 0]
    for number in range(count):
        # The golden ratio spreads any number of hues evenly.
        rgb = colorsys.hsv_to_rgb((0.08 + number * 0.618034) % 1.0, 0.75, 1.0)
        colours += [round(channel * 255) for channel in rgb]
    return colours
