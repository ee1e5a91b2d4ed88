"""What the gateway notes of a scene from its header is what the stages will be shown."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from services.gateway.scene_files import examine
from tests.earthgptx.imagery.files import UTM_10M, tiff


@pytest.mark.parametrize(
    ("names", "as_is"),
    [
        (("", "", ""), True),
        (("red", "green", "blue"), True),
        (("blue", "green", "red"), False),
        (("nir", "red", "green"), False),
    ],
)
def test_bands_that_change_places_are_not_shown_as_they_are(
    names: tuple[str, ...], as_is: bool, tmp_path: Path
) -> None:
    path = tmp_path / "scene.tif"
    path.write_bytes(tiff(np.full((3, 64, 64), 9, np.uint8), names, **UTM_10M))
    assert examine(path).shown_as_is == as_is
