"""A scene larger than a view, asked tile by tile with the trained model, and its files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import shapely

from earthgptx.data.synthetic.scene import generate_scene
from earthgptx.model.pipeline import EarthGptX
from earthgptx.scenes.ground import Ground
from earthgptx.scenes.model import TileView
from earthgptx.scenes.scene import open_scene
from earthgptx.scenes.tile_plan import Tile
from earthgptx.survey.command import survey
from earthgptx.survey.tile_model import AskingTileModel
from tests.earthgptx.scenes.generated import UTM_HALF_METRE, write_scene

SIDE_PX = 384


@pytest.fixture(scope="module")
def scene_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An airfield or the like, with a place on the earth."""
    image = generate_scene(31, SIDE_PX).labelled("optical")
    bands_CHW = np.moveaxis(image.load_pixels(), 2, 0)
    path = tmp_path_factory.mktemp("scene") / "field.tif"
    return write_scene(path, np.ascontiguousarray(bands_CHW), **UTM_HALF_METRE)


def test_every_file_is_there_and_things_lie_in_the_scene(
    scene_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    command = [str(scene_file), "--for", "building", "--for", "vehicle", "--out", str(out)]
    assert survey([*command, "--modality", "optical", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["tiles"] == 4
    assert told["description"]
    assert set(told["found"]) <= {"building", "vehicle"}
    assert all(Path(path).is_file() for path in told["files"].values())
    collection = json.loads(Path(told["files"]["geojson"]).read_text())
    assert len(collection["features"]) == sum(told["found"].values())
    with open_scene(scene_file, "optical", None) as scene:
        whole = Ground(scene.header).lonlat(shapely.box(0, 0, SIDE_PX, SIDE_PX))
    assert whole is not None
    near = whole.buffer(1e-6)
    for feature in collection["features"]:
        assert near.contains(shapely.geometry.shape(feature["geometry"]))


def test_a_second_survey_into_the_same_place_is_refused_until_told(
    scene_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [str(scene_file), "--for", "ship", "--out", str(tmp_path), "--files", "geojson"]
    assert survey(command) == 0
    assert survey(command) == 2
    assert "field.objects.geojson" in capsys.readouterr().err
    assert survey([*command, "--overwrite"]) == 0


def test_a_substance_on_both_sides_of_missing_data_is_two_parts() -> None:
    image = generate_scene(34, SIDE_PX).labelled("optical")
    pixels_HWC = image.load_pixels().copy()
    valid_HW = np.ones((SIDE_PX, SIDE_PX), np.bool_)
    valid_HW[::96] = False
    pixels_HWC[~valid_HW] = 0
    # A river.
    labels = ("water",)
    tile = Tile(0, 0, 0, 0, SIDE_PX, (0, 0, SIDE_PX, SIDE_PX))
    model = AskingTileModel(EarthGptX.load(Path("weights/nano")), labels, "optical", 0.0)
    masks = []
    for valid in (None, valid_HW):
        (found,) = model([TileView(tile, pixels_HWC, valid, 0.5)])
        masks.append([each.mask_HW for each in found if each.mask_HW is not None])
    blind, seeing = masks
    assert any((mask & ~valid_HW).any() for mask in blind)
    assert seeing and not any((mask & ~valid_HW).any() for mask in seeing)
    assert len(seeing) > len(blind)


def test_what_is_no_scene_is_refused_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.tif"
    broken.write_bytes(b"II*\0")
    assert survey([str(broken), "--for", "ship", "--out", str(tmp_path / "out")]) == 2
    assert "earthgptx survey:" in capsys.readouterr().err
