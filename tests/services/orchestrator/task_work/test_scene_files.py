"""GeoPackage, mask and STAC item of a run, opened by others than who wrote them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio.raw
import pystac
import pytest
import rasterio
import shapely
from pystac.extensions.classification import ClassificationExtension
from pystac.extensions.file import FileExtension
from pystac.extensions.mlm import AssetGeneralMLMExtension, MLMExtension
from pystac.extensions.projection import ProjectionExtension
from pystac.validation.stac_validator import JsonSchemaSTACValidator
from rasterio.errors import NotGeoreferencedWarning
from rio_cogeo import cog_validate

from earthgptx.imagery.masks import encode_rle
from services.orchestrator.task_work import scene_files
from shared.errors import InvalidInput, NotFound, StageUnavailable
from tests.earthgptx.imagery.files import UTM_10M, tiff
from tests.services.orchestrator.task_work.conftest import Workplace
from tests.services.pictures import png
from workflow_language.region_sets import Region
from workflow_language.values import File, MaskPixels, SceneView

HEIGHT_PX, WIDTH_PX = 64, 96


def mask(box: tuple[int, int, int, int], image_id: str = "", **more: Any) -> Region:
    """A box with a hole of 2 px in its middle where it is larger than 8 px."""
    x0, y0, x1, y1 = box
    mask_HW = np.zeros((HEIGHT_PX, WIDTH_PX), bool)
    mask_HW[y0:y1, x0:x1] = True
    mask_HW[y0 + 4 : y1 - 4, x0 + 4 : x1 - 4] = False
    pixels = MaskPixels(*encode_rle(mask_HW))
    return Region(tuple(map(float, box)), mask=pixels, image_id=image_id, **more)


@pytest.fixture
async def on_earth(workplace: Workplace) -> SceneView:
    """96 x 64 px of 10 m in UTM zone 33, without data in the last 6 columns."""
    pixels = np.full((3, HEIGHT_PX, WIDTH_PX), 90, np.uint8)
    pixels[:, :, 90:] = 0
    return await workplace.scene(tiff(pixels, nodata=0, **UTM_10M))


def layer(data: bytes, tmp_path: Path) -> tuple[dict[str, Any], Any, dict[str, Any]]:
    path = tmp_path / "read.gpkg"
    path.write_bytes(data)
    meta, _, wkb, columns = pyogrio.raw.read(path)
    return meta, shapely.from_wkb(wkb), dict(zip(meta["fields"], columns, strict=True))


async def test_a_geopackage_has_the_scenes_crs_attributes_and_holes(
    workplace: Workplace, on_earth: SceneView, tmp_path: Path
) -> None:
    ring = mask((10, 10, 40, 30), on_earth.image_id, label="dock", caption="wet", score=0.5)
    by_hand = Region((0, 0, 9, 4))
    given = await workplace.run("export_geopackage", scene=on_earth, regions=((ring,), (by_hand,)))
    file: Any = given["file"]
    assert (file.name, file.media_type) == ("step-3.gpkg", "application/geopackage+sqlite3")
    meta, shapes, table = layer(workplace.read(file), tmp_path)
    assert meta["crs"] == "EPSG:32633" and meta["geometry_type"] == "MultiPolygon"
    assert shapely.is_valid(shapes).all()
    assert len(shapely.get_parts(shapes[0])[0].interiors) == 1
    assert shapes[0].bounds == (500_100, 5_399_700, 500_400, 5_399_900)
    assert list(table["class"]) == ["dock", "unlabelled"]
    assert list(table["caption"]) == ["wet", ""] and list(table["outline"]) == ["mask", "box"]
    assert table["score"][0] == 0.5 and np.isnan(table["score"][1])
    assert table["area_m2"] == pytest.approx([(600 - 22 * 12) * 100, 3600], rel=0.002)


async def test_a_geopackage_without_a_place_is_in_pixels_and_says_so(
    workplace: Workplace, tmp_path: Path
) -> None:
    nowhere = await workplace.scene(png(WIDTH_PX, HEIGHT_PX))
    ring = mask((10, 10, 30, 30), nowhere.image_id, label="dock")
    given = await workplace.run("export_geopackage", scene=nowhere, regions=(ring,))
    _, shapes, table = layer(workplace.read(given["file"]), tmp_path)
    assert shapes[0].bounds == (10, 10, 30, 30) and np.isnan(table["area_m2"]).all()
    about = pyogrio.read_info(tmp_path / "read.gpkg")["layer_metadata"]
    assert "coordinates are pixels" in str(about) and nowhere.image_id in str(about)


async def test_of_nothing_there_is_an_empty_layer(
    workplace: Workplace, on_earth: SceneView, tmp_path: Path
) -> None:
    given = await workplace.run("export_geopackage", scene=on_earth, regions=())
    _, shapes, table = layer(workplace.read(given["file"]), tmp_path)
    assert len(shapes) == 0 and "class" in table


@pytest.mark.parametrize("task", ["export_geopackage", "export_mask_cog", "export_stac"])
async def test_what_is_of_another_scene_or_a_scene_that_is_gone_is_refused(
    workplace: Workplace, on_earth: SceneView, task: str
) -> None:
    elsewhere = mask((0, 0, 9, 9), "sha256:" + "0" * 64)
    found: Any = {"masks": (elsewhere,), "regions": (elsewhere,), "files": (), "weights": "./w"}
    with pytest.raises(InvalidInput, match="another scene"):
        await workplace.run(task, scene=on_earth, **found)
    gone = SceneView(elsewhere.image_id, WIDTH_PX, HEIGHT_PX)
    with pytest.raises(NotFound):
        await workplace.run(task, scene=gone, **found)


async def test_a_mask_is_a_cog_on_the_scenes_pixels(
    workplace: Workplace, on_earth: SceneView, tmp_path: Path
) -> None:
    pier, dock = mask((20, 20, 24, 24), label="pier"), mask((10, 10, 95, 60), label="dock")
    given = await workplace.run("export_mask_cog", scene=on_earth, masks=((pier,), (dock,)))
    file: Any = given["file"]
    path = tmp_path / file.name
    path.write_bytes(workplace.read(file))
    assert path.name == "step-3.tif" and file.media_type.endswith("profile=cloud-optimized")
    assert cog_validate(path, strict=True, quiet=True)[0]
    with rasterio.open(path) as written:
        labels_HW = written.read(1)
        assert written.crs == UTM_10M["crs"] and written.transform == UTM_10M["transform"]
        assert written.tags(1)["CLASS_1"] == "dock" and written.tags(1)["CLASS_2"] == "pier"
        assert written.nodata == 255
    truth_HW = np.zeros((HEIGHT_PX, WIDTH_PX), np.uint8)
    truth_HW[10:60, 10:95] = 1
    truth_HW[14:56, 14:91] = 0
    truth_HW[20:24, 20:24] = 2
    truth_HW[:, 90:] = 255
    assert np.array_equal(labels_HW, truth_HW)


async def test_a_mask_needs_neither_a_crs_nor_anything_found(
    workplace: Workplace, tmp_path: Path
) -> None:
    nowhere = await workplace.scene(png(WIDTH_PX, HEIGHT_PX))
    given = await workplace.run("export_mask_cog", scene=nowhere, masks=())
    path = tmp_path / "mask.tif"
    path.write_bytes(workplace.read(given["file"]))
    with pytest.warns(NotGeoreferencedWarning), rasterio.open(path) as written:
        assert written.crs is None and not written.read(1).any()


async def test_a_mask_of_a_scene_too_large_is_refused_before_it_is_drawn(
    workplace: Workplace,
) -> None:
    with pytest.raises(InvalidInput, match="40000 x 30000 px"):
        await workplace.run("export_mask_cog", scene=SceneView("any", 40_000, 30_000), masks=())


async def test_a_disk_that_fails_is_named_so(
    workplace: Workplace, on_earth: SceneView, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "not there"))
    with pytest.raises(StageUnavailable, match="cannot be written"):
        await workplace.run("export_mask_cog", scene=on_earth, masks=())


async def test_a_file_larger_than_may_be_kept_is_refused(
    workplace: Workplace, on_earth: SceneView, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scene_files, "LIMIT_BYTES", 100)
    with pytest.raises(InvalidInput, match="the file has") as refused:
        await workplace.run("export_geopackage", scene=on_earth, regions=())
    assert refused.value.limit == "100 bytes"


async def stac_item(
    workplace: Workplace, scene: SceneView, files: tuple[File, ...], **more: Any
) -> tuple[pystac.Item, File]:
    given = await workplace.run("export_stac", scene=scene, files=files, **more)
    file: Any = given["file"]
    content = json.loads(workplace.read(file))
    JsonSchemaSTACValidator().validate_core(
        content, pystac.STACObjectType.ITEM, content["stac_version"]
    )
    return pystac.Item.from_dict(content), file


async def test_a_stac_item_tells_of_the_scene_the_model_and_the_files(
    workplace: Workplace, on_earth: SceneView
) -> None:
    dock = mask((10, 10, 40, 30), label="dock")
    cog: Any = (await workplace.run("export_mask_cog", scene=on_earth, masks=(dock,)))["file"]
    png_file: Any = (await workplace.run("render", image=on_earth, regions=()))["file"]
    report: Any = (
        await workplace.run("export_report", title="x", parts=(png_file,), format="html")
    )["file"]
    item, file = await stac_item(
        workplace,
        on_earth,
        (cog, report),
        regions=((dock,), (Region((0, 0, 1, 1)),)),
        weights="https://models.example/nano",
        version="38d6",
        description="a harbour",
    )
    assert file.name == "step-3.stac.json" and item.id == "step-3"
    assert [each.name for each in file.beside] == [cog.name, report.name, png_file.name]
    assert item.geometry is not None and item.properties["description"] == "a harbour"
    assert item.properties["earthgptx:counts"] == {"dock": 1, "unlabelled": 1}
    assert item.common_metadata.gsd == pytest.approx(10, rel=0.01)
    projection = ProjectionExtension.ext(item)
    assert projection.code == "EPSG:32633" and projection.shape == [HEIGHT_PX, WIDTH_PX]
    model = MLMExtension.ext(item)
    assert model.mlm_name == "EarthGPT-X" and model.input[0].input.shape == [-1, -1, -1, 3]
    weights = item.assets["model"]
    assert weights.href == "https://models.example/nano" and weights.roles == ["mlm:model"]
    assert AssetGeneralMLMExtension.ext(weights).artifact_type is not None
    assert set(item.assets) == {cog.name, report.name, "model"}
    for each in (cog, report):
        asset, data = item.assets[each.name], workplace.read(each)
        assert (asset.href, asset.media_type) == (f"./{each.name}", each.media_type)
        told = FileExtension.ext(asset)
        assert told.checksum == "1220" + hashlib.sha256(data).hexdigest()
        assert told.size == len(data)
    classes = ClassificationExtension.ext(item.assets[cog.name]).classes
    assert classes is not None and [(c.value, c.name) for c in classes] == [
        (0, "nothing"),
        (1, "dock"),
    ]


async def test_an_item_of_a_scene_without_a_place_has_no_geometry(workplace: Workplace) -> None:
    nowhere = await workplace.scene(png(WIDTH_PX, HEIGHT_PX))
    item, _ = await stac_item(workplace, nowhere, (), regions=(), weights="./weights")
    assert item.geometry is None and item.bbox is None


async def test_files_that_are_gone_cannot_be_told_of(
    workplace: Workplace, on_earth: SceneView
) -> None:
    gone = File("map.geojson", "application/geo+json", 9, "no key")
    with pytest.raises(NotFound):
        await workplace.run(
            "export_stac", scene=on_earth, regions=(), files=(gone,), weights="./weights"
        )
