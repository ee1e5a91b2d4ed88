"""Images to ask about."""

from __future__ import annotations

import io

from PIL import Image

from earthgptx.data.synthetic.scene import generate_scene

SIDE_PX = 384


def scene_png(seed: int) -> bytes:
    """A synthetic optical scene of SIDE_PX by SIDE_PX as a PNG file; another for every seed."""
    file = io.BytesIO()
    Image.fromarray(generate_scene(seed, SIDE_PX).render("optical")).save(file, "png")
    return file.getvalue()
