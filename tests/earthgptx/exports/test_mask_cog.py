"""The mask lies on the scene's own pixels, and is a COG by another's judgement."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio
from rio_cogeo import cog_validate

from earthgptx.exports.mask_cog import class_numbers, write_mask_cog
from tests.earthgptx.exports.conftest import Exported
from tests.earthgptx.scenes.generated import iou


def test_it_is_a_valid_cog_aligned_to_the_scene(exported: Exported) -> None:
    valid, errors, warnings = cog_validate(exported.files["mask"], strict=True, quiet=True)
    assert valid and not errors and not warnings
    with (
        rasterio.open(exported.files["mask"]) as mask,
        rasterio.open(exported.scene.path) as scene,
    ):
        assert mask.shape == scene.shape
        assert mask.transform == scene.transform and mask.crs == scene.crs
        assert mask.overviews(1)


def test_values_are_classes_nothing_and_no_data(exported: Exported) -> None:
    with rasterio.open(exported.files["mask"]) as mask:
        labels = mask.read(1)
        assert mask.nodata == 255
        assert mask.tags(1)["CLASS_1"] == "tank"
        assert mask.descriptions == ("class",)
        assert mask.colormap(1)[1][3] == 255
    assert class_numbers(exported.result) == {"tank": 1}
    assert set(np.unique(labels)) == {0, 1, 255}
    assert (labels[:, 800:] == 255).all() and (labels[:, :800] != 255).all()
    assert iou(labels == 1, exported.truth_HW) > 0.97
    assert (labels == 1).sum() == sum(found.area_px for found in exported.result.objects)


def test_a_mask_that_is_there_stays_and_nothing_else_is_left(
    exported: Exported, tmp_path: Path
) -> None:
    path = tmp_path / "mask.tif"
    write_mask_cog(exported.result, exported.scene, path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["mask.tif"]
