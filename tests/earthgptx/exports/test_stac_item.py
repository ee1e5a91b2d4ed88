"""The item holds to STAC and to what the extensions ask for.

Core is validated by pystac's own schemas, offline. The extensions' schemas are not in any package:
what they demand is asked here, rule by rule, and their readers read every field back.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pystac
import pytest
from affine import Affine
from pystac.extensions.classification import ClassificationExtension
from pystac.extensions.file import FileExtension
from pystac.extensions.mlm import AssetGeneralMLMExtension, MLMExtension
from pystac.extensions.projection import ProjectionExtension
from pystac.validation.stac_validator import JsonSchemaSTACValidator
from shapely.geometry import shape

from earthgptx.exports.export import export_scene
from earthgptx.exports.model_facts import ModelFacts
from earthgptx.exports.stac_item import write_stac_item
from earthgptx.imagery.errors import ImageryError
from earthgptx.scenes.interpret import SceneResult, interpret_scene
from earthgptx.scenes.model import TileInstance
from earthgptx.scenes.scene import open_scene
from earthgptx.scenes.tile_plan import plan_tiles
from tests.earthgptx.exports.conftest import MADE_AT, MODEL, Exported
from tests.earthgptx.scenes.generated import (
    UTM_HALF_METRE,
    ThresholdModel,
    blobs,
    picture_of,
    write_scene,
)


def validated(path: Path) -> pystac.Item:
    content = json.loads(path.read_text())
    JsonSchemaSTACValidator().validate_core(
        content, pystac.STACObjectType.ITEM, content["stac_version"]
    )
    return pystac.Item.from_dict(content)


def test_the_core_is_valid_and_placed(exported: Exported) -> None:
    item = validated(exported.files["stac"])
    assert item.id == "tanks" and item.datetime == MADE_AT
    assert "of processing" in item.properties["earthgptx:datetime"]
    assert item.geometry is not None and item.bbox is not None
    footprint = shape(item.geometry)
    assert footprint.is_valid and footprint.bounds == tuple(item.bbox)
    assert 13 < footprint.centroid.x < 14 and 52 < footprint.centroid.y < 53
    assert item.common_metadata.gsd == 0.5


def test_the_projection_is_the_scenes(exported: Exported) -> None:
    projection = ProjectionExtension.ext(validated(exported.files["stac"]))
    assert projection.code == "EPSG:32633" and projection.shape == [700, 900]
    assert projection.transform == [0.5, 0, 390_000, 0, -0.5, 5_820_000]


def test_classes_and_counts_are_told(exported: Exported) -> None:
    item = validated(exported.files["stac"])
    assert item.properties["description"] == "tanks on 0.5 m pixels"
    assert item.properties["earthgptx:counts"] == {"tank": len(exported.result.objects)}
    classes = ClassificationExtension.ext(item.assets["mask"]).classes
    assert classes is not None
    assert [(c.value, c.name, c.title) for c in classes] == [
        (0, "nothing", None),
        (1, "tank", "tank"),
    ]


def test_classes_whose_names_would_be_the_same_stay_apart(tmp_path: Path) -> None:
    labels = ["a b", "a/b", "ü", "nothing"]
    path = write_scene(tmp_path / "scene.tif", picture_of(blobs(256, 256)), **UTM_HALF_METRE)
    masks = np.zeros((4, 256, 256), np.bool_)
    for index in range(4):
        masks[index, 60 * index : 60 * index + 20] = True
    seen = [[TileInstance(label, 0.5, mask) for label, mask in zip(labels, masks, strict=True)]]
    with open_scene(path) as scene:
        result = interpret_scene(scene, plan_tiles(scene.header, 256), lambda views: seen)
        files = export_scene(result, scene, MODEL, tmp_path, kinds=["mask", "stac"])
    classes = ClassificationExtension.ext(validated(files["stac"]).assets["mask"]).classes
    assert classes is not None
    assert sorted(c.title for c in classes if c.title) == sorted(labels)
    assert len({c.name for c in classes}) == 5
    assert all(c.name and re.fullmatch("[0-9A-Za-z_-]+", c.name) for c in classes)


def test_the_model_is_told_as_the_mlm_extension_wants_it(exported: Exported) -> None:
    item = validated(exported.files["stac"])
    model = MLMExtension.ext(item)
    assert (model.mlm_name, model.architecture) == ("nano", "EarthGPT-X")
    assert model.tasks == ["instance-segmentation", "object-detection"]
    assert model.input[0].input.shape == [-1, 256, 256, 3]
    assert "resampling: none" in (model.input[0].description or "")
    assert model.output[0].name == "instances"
    weights = [asset for asset in item.assets.values() if "mlm:model" in (asset.roles or [])]
    assert len(weights) == 1
    assert AssetGeneralMLMExtension.ext(weights[0]).artifact_type == "safetensors.torch.save_file"
    with_artifact = [a for a in item.assets.values() if "mlm:artifact_type" in a.extra_fields]
    assert with_artifact == weights


def test_every_file_is_an_asset_with_its_checksum(exported: Exported) -> None:
    item = validated(exported.files["stac"])
    folder = exported.files["stac"].parent
    assert set(item.assets) == {*exported.files, "model"} - {"stac"}
    for key, asset in item.assets.items():
        if key == "model":
            continue
        data = (folder / asset.href).read_bytes()
        file = FileExtension.ext(asset)
        assert file.size == len(data)
        assert file.checksum == "1220" + hashlib.sha256(data).hexdigest()


def item_of(tmp_path: Path, **place: object) -> tuple[pystac.Item, SceneResult]:
    path = write_scene(tmp_path / "scene.tif", picture_of(blobs(256, 300, largest_px=40)), **place)
    with open_scene(path) as scene:
        result = interpret_scene(scene, plan_tiles(scene.header, 128), ThresholdModel())
    write_stac_item(
        result, MODEL, {}, tmp_path / "a.stac.json", made_at=MADE_AT, scene_href="./scene.tif"
    )
    return validated(tmp_path / "a.stac.json"), result


def test_a_scene_without_crs_has_no_geometry_and_says_why(tmp_path: Path) -> None:
    item, _ = item_of(tmp_path)
    assert item.geometry is None and item.bbox is None
    assert "no CRS" in item.properties["earthgptx:notes"][0]
    assert [link.href for link in item.links if link.rel == "derived_from"] == ["./scene.tif"]


def test_a_scene_across_the_antimeridian_is_cut_there(tmp_path: Path) -> None:
    place = {"crs": "EPSG:4326", "transform": Affine(0.001, 0, 179.9, 0, -0.001, 10)}
    item, result = item_of(tmp_path, **place)
    assert item.geometry is not None and item.geometry["type"] == "MultiPolygon"
    assert item.bbox == pytest.approx([179.9, 10 - 0.256, -179.8, 10])
    assert all(found.area_m2 and found.area_m2 < 1e9 for found in result.objects)


def test_a_name_the_extension_has_no_room_for_is_refused() -> None:
    with pytest.raises(ImageryError, match=r"model\.name"):
        ModelFacts("n/1", "1", "EarthGPT-X", "./weights")
