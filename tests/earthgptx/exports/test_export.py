"""Files appear whole or not at all, never in place of others, and say what people should know."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image

from earthgptx.exports.export import FILES, export_scene
from earthgptx.exports.report import report_html, report_markdown
from earthgptx.imagery.errors import ImageryError
from earthgptx.scenes.interpret import interpret_scene
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


def test_all_kinds_are_written_and_nothing_beside_them(exported: Exported) -> None:
    folder = exported.files["stac"].parent
    assert set(exported.files) == set(FILES)
    assert sorted(folder.iterdir()) == sorted(exported.files.values())


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize("place", [{}, UTM_HALF_METRE])
@pytest.mark.parametrize("largest_px", [0, 40])
def test_all_kinds_are_written_of_any_scene(
    place: dict[str, object], largest_px: int, tmp_path: Path
) -> None:
    picture = picture_of(blobs(256, 300, largest_px=largest_px))
    with open_scene(write_scene(tmp_path / "a.tif", picture, **place)) as scene:
        result = interpret_scene(scene, plan_tiles(scene.header, 128), ThresholdModel())
        files = export_scene(result, scene, MODEL, tmp_path / "out", made_at=MADE_AT)
    assert bool(result.objects) == bool(largest_px)
    assert sorted((tmp_path / "out").iterdir()) == sorted(files.values())
    text = files["report-markdown"].read_text()
    assert ("Nothing." in text) != bool(largest_px)
    assert ("no place on the earth" in text) != bool(place)
    assert ("| tank |" in text and "not known" in text) == (bool(largest_px) and not place)
    with rasterio.open(files["mask"]) as mask:
        assert mask.shape == (256, 300) and mask.read(1).any() == bool(largest_px)


def test_files_that_are_there_are_kept_unless_told(exported: Exported) -> None:
    folder = exported.files["stac"].parent
    before = {path: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(FileExistsError, match="may be overwritten"):
        export_scene(exported.result, exported.scene, MODEL, folder, made_at=MADE_AT)
    export_scene(exported.result, exported.scene, MODEL, folder, made_at=MADE_AT, overwrite=True)
    after = {path: path.read_bytes() for path in folder.iterdir()}
    changing = {exported.files["geopackage"], exported.files["stac"]}
    assert {p: d for p, d in after.items() if p not in changing} == {
        p: d for p, d in before.items() if p not in changing
    }


def test_two_scenes_of_one_name_do_not_share_files(exported: Exported, tmp_path: Path) -> None:
    export_scene(exported.result, exported.scene, MODEL, tmp_path, kinds=["geojson"])
    kinds = ["overlay", "geojson"]
    with pytest.raises(FileExistsError):
        export_scene(exported.result, exported.scene, MODEL, tmp_path, kinds=kinds)
    assert [path.name for path in tmp_path.iterdir()] == ["tanks.objects.geojson"]
    export_scene(exported.result, exported.scene, MODEL, tmp_path, name="second", kinds=kinds)
    assert len(list(tmp_path.iterdir())) == 3


def test_the_scene_itself_is_never_replaced(tmp_path: Path) -> None:
    path = write_scene(tmp_path / "a.mask.tif", picture_of(blobs(256, 256)), **UTM_HALF_METRE)
    data = path.read_bytes()
    with open_scene(path) as scene:
        result = interpret_scene(scene, plan_tiles(scene.header, 256), lambda views: [[]])
        with pytest.raises(ImageryError, match="would replace the scene"):
            export_scene(result, scene, MODEL, tmp_path, name="a", overwrite=True)
    assert path.read_bytes() == data and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["../a", "a/b", ".."])
def test_a_name_does_not_leave_the_folder(name: str, exported: Exported, tmp_path: Path) -> None:
    with pytest.raises(ImageryError, match="without folders"):
        export_scene(exported.result, exported.scene, MODEL, tmp_path, name=name)
    with pytest.raises(ImageryError, match="kinds"):
        export_scene(exported.result, exported.scene, MODEL, tmp_path, kinds=["shapefile"])
    assert list(tmp_path.iterdir()) == []


def test_the_overlay_is_a_picture_with_colour_where_things_are(exported: Exported) -> None:
    with Image.open(exported.files["overlay"]) as picture:
        drawn = np.asarray(picture.convert("RGB")).astype(int)
    assert drawn.shape[1] == 900
    truth = exported.truth_HW[:, :800]
    colour = np.ptp(drawn[:700, :800], axis=2)
    assert np.median(colour[truth]) > 40 and np.median(colour[~truth]) == 0


def test_the_report_tells_what_was_found_and_how(exported: Exported) -> None:
    text = exported.files["report-markdown"].read_text()
    count = len(exported.result.objects)
    assert f"| tank | {count} |" in text
    assert "tanks on 0\\.5 m pixels" in text
    assert "none\\: pixels are shown as they are" in text
    assert "![what was found](tanks.overlay.png)" in text
    assert "2026\\-11\\-25 12\\:00 UTC" in text


class Tags(HTMLParser):
    """Collects what the page is made of."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_names_from_files_and_models_are_text_in_the_report(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script> | [x](javascript:1) ![y](z) `a` *b*\n# head"
    path = write_scene(tmp_path / "a<b>&c.tif", picture_of(blobs(256, 256)), **UTM_HALF_METRE)
    with open_scene(path) as scene:
        seen = [[TileInstance(evil, 0.5, None, (1, 1, 9, 9))]]
        result = interpret_scene(
            scene, plan_tiles(scene.header, 256), lambda views: seen, describe=lambda _: evil
        )
    markdown = report_markdown(result, MODEL, {}, MADE_AT)
    page = Tags()
    page.feed(report_html(markdown, result.header.name))
    assert not {"script", "a", "img", "code", "em"} & set(page.tags)
    assert page.tags.count("h1") == 1 and page.tags.count("table") == 2
    assert page.text.count(" ".join(evil.split())) == 2
    assert page.text.count("a<b>&c.tif") == 2
