"""One scene looked at, exported once for all tests that read the files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from earthgptx.exports.export import export_scene
from earthgptx.exports.model_facts import ModelFacts
from earthgptx.scenes.interpret import SceneResult, interpret_scene
from earthgptx.scenes.scene import Scene, open_scene
from earthgptx.scenes.tile_plan import plan_tiles
from tests.earthgptx.scenes.generated import (
    UTM_HALF_METRE,
    ThresholdModel,
    blobs,
    picture_of,
    write_scene,
)

MADE_AT = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
MODEL = ModelFacts("nano", "38d6ca1e8219", "EarthGPT-X", "./weights/nano")


@dataclass(frozen=True)
class Exported:
    """A scene with its truth, what was found, and its files."""

    scene: Scene
    truth_HW: npt.NDArray[np.bool_]
    result: SceneResult
    files: dict[str, Path]


@pytest.fixture(scope="package")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exported]:
    folder = tmp_path_factory.mktemp("exported")
    truth_HW = blobs(700, 900, seed=1)
    # A strip without data, so that gaps are seen in the mask.
    picture = picture_of(truth_HW)
    picture[:, :, 800:] = 0
    truth_HW[:, 800:] = False
    path = write_scene(folder / "tanks.tif", picture, nodata=0, **UTM_HALF_METRE)
    with open_scene(path) as scene:
        result = interpret_scene(
            scene,
            plan_tiles(scene.header, 256),
            ThresholdModel(),
            describe=lambda overview: f"tanks on {overview.gsd_m:.2g} m pixels",
        )
        files = export_scene(result, scene, MODEL, folder / "out", made_at=MADE_AT)
        yield Exported(scene, truth_HW, result, files)
