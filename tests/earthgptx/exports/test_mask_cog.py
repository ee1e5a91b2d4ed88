"""The mask lies on the scene's own pixels, and is a COG by another's judgement."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio
from rio_cogeo import cog_validate

from earthgptx.exports.mask_cog import class_numbers, numbers_in, write_mask_cog
from earthgptx.scenes.interpret import interpret_scene
from earthgptx.scenes.model import TileInstance
from earthgptx.scenes.scene import open_scene
from earthgptx.scenes.tile_plan import plan_tiles
from tests.earthgptx.exports.conftest import Exported
from tests.earthgptx.scenes.generated import UTM_HALF_METRE, iou, write_scene


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


def test_more_classes_than_a_byte_holds_are_told_apart(tmp_path: Path) -> None:
    path = write_scene(tmp_path / "a.tif", np.full((3, 256, 256), 9, np.uint8), **UTM_HALF_METRE)
    masks = np.zeros((300, 256, 256), np.bool_)
    for index in range(300):
        y, x = divmod(index, 20)
        masks[index, 12 * y : 12 * y + 8, 12 * x : 12 * x + 8] = True
    seen = [TileInstance(f"class {index:03}", 0.5, mask) for index, mask in enumerate(masks)]
    with open_scene(path) as scene:
        result = interpret_scene(scene, plan_tiles(scene.header, 256), lambda views: [seen])
        write_mask_cog(result, scene, tmp_path / "mask.tif")
    with rasterio.open(tmp_path / "mask.tif") as mask:
        labels = mask.read(1)
        assert mask.dtypes == ("uint16",) and mask.nodata == 65_535
        assert mask.tags(1)["CLASS_300"] == "class 299"
    assert numbers_in((tmp_path / "mask.tif").read_bytes()) == class_numbers(result)
    assert np.array_equal(labels, (masks * np.arange(1, 301)[:, None, None]).sum(axis=0))


def test_the_smaller_of_two_things_is_seen(tmp_path: Path) -> None:
    path = write_scene(tmp_path / "a.tif", np.full((3, 256, 256), 9, np.uint8), **UTM_HALF_METRE)
    large, small = np.zeros((2, 256, 256), np.bool_)
    large[10:200, 10:200] = True
    small[50:60, 50:60] = True
    seen = [TileInstance("ship", 0.9, small), TileInstance("harbour", 0.5, large)]
    with open_scene(path) as scene:
        result = interpret_scene(scene, plan_tiles(scene.header, 256), lambda views: [seen])
        write_mask_cog(result, scene, tmp_path / "mask.tif")
    with rasterio.open(tmp_path / "mask.tif") as mask:
        labels = mask.read(1)
    assert (labels[small] == 2).all() and (labels[large & ~small] == 1).all()


def test_nothing_but_the_mask_is_left(exported: Exported, tmp_path: Path) -> None:
    path = tmp_path / "mask.tif"
    write_mask_cog(exported.result, exported.scene, path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["mask.tif"]
