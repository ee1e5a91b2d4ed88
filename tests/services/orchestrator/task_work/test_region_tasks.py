from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
import shapely
from PIL import Image
from shapely.geometry import shape

from earthgptx.imagery.masks import decode_rle, encode_rle
from services.orchestrator.task_work.outlines import parts_of
from services.orchestrator.task_work.pictures import drawn_png
from services.orchestrator.task_work.views import Frame
from shared.errors import InvalidInput, NotFound
from tests.earthgptx.imagery.files import UTM_10M, tiff
from tests.services.orchestrator.task_work.conftest import Workplace
from tests.services.pictures import png
from workflow_language.region_sets import Drawn, Region
from workflow_language.values import MaskPixels, SceneView, Table

HEIGHT_PX, WIDTH_PX = 64, 96


def mask(box: tuple[int, int, int, int], image_id: str = "", **more: Any) -> Region:
    """A box with a hole in its middle where it is larger than 8 px."""
    x0, y0, x1, y1 = box
    mask_HW = np.zeros((HEIGHT_PX, WIDTH_PX), bool)
    mask_HW[y0:y1, x0:x1] = True
    mask_HW[y0 + 4 : y1 - 4, x0 + 4 : x1 - 4] = False
    pixels = MaskPixels(*encode_rle(mask_HW))
    return Region(tuple(map(float, box)), mask=pixels, image_id=image_id, **more)


@pytest.fixture
async def on_earth(workplace: Workplace) -> SceneView:
    """96 x 64 px of 10 m in UTM zone 33."""
    pixels = np.full((3, HEIGHT_PX, WIDTH_PX), 90, np.uint8)
    return await workplace.scene(tiff(pixels, **UTM_10M))


async def test_regions_are_measured_on_the_ground(
    workplace: Workplace, on_earth: SceneView
) -> None:
    ring = mask((10, 10, 40, 30), on_earth.image_id, label="dock")
    thin = Region((10, 10, 50, 12), "pier", score=0.5, image_id=on_earth.image_id)
    tilted = Region(
        (0, 0, 20, 20),
        drawn=Drawn("polygon", ((10, 0), (20, 10), (10, 20), (0, 10))),
        image_id=on_earth.image_id,
    )
    given = await workplace.run("measure", regions=(ring, thin, tilted))
    known: Any = given["regions"]
    assert [region.area_px for region in known] == [600 - 22 * 12, 80, 200]
    for region in known:
        assert region.area_m2 == pytest.approx(region.area_px * 100, rel=0.002)
    assert [r.length_m for r in known] == pytest.approx([300, 400, 100 * 2**0.5], rel=0.002)
    assert given["total_area_m2"] == pytest.approx(sum(region.area_m2 for region in known))
    table: Any = given["table"]
    assert table.rows[1] == ("pier", 0.5, 10, 10, 50, 12, 80, known[1].area_m2, known[1].length_m)


async def test_without_a_place_on_earth_pixels_remain(workplace: Workplace) -> None:
    nowhere = await workplace.scene(png(96, 64))
    in_a_picture = Region((0, 0, 4, 3), image_id=nowhere.image_id, area_m2=9.0)
    given = await workplace.run("measure", regions=(in_a_picture, Region((0, 0, 2, 2))))
    assert [(r.area_px, r.area_m2) for r in given["regions"]] == [(12, None), (4, None)]  # type: ignore[union-attr]
    assert given["total_area_m2"] == 0


async def test_regions_of_an_image_that_is_gone_are_not_measured(workplace: Workplace) -> None:
    with pytest.raises(NotFound):
        await workplace.run(
            "measure", regions=(Region((0, 0, 2, 2), image_id="sha256:" + "0" * 64),)
        )


async def test_masks_that_overlap_become_the_mask_of_both(workplace: Workplace) -> None:
    left, right = mask((0, 0, 20, 8), score=0.5), mask((10, 0, 30, 8), score=0.8)
    given = await workplace.run("merge", regions=((left,), (right, Region((50, 0, 60, 9)))))
    both, alone = given["regions"]  # type: ignore[misc]
    assert both.box_xyxy_px == (0, 0, 30, 8) and both.score == 0.8
    assert decode_rle(HEIGHT_PX, WIDTH_PX, both.mask.counts).sum() == 30 * 8
    assert alone.mask is None


async def test_regions_are_counted_by_label(workplace: Workplace) -> None:
    ship, car = Region((0, 0, 1, 1), "ship"), Region((0, 0, 1, 1), "car")
    given = await workplace.run("count", regions=((ship, car), (), (ship,)))
    assert given == {
        "number": 3,
        "by_label": Table(("label", "number"), (("ship", 2), ("car", 1))),
    }


async def test_regions_are_sorted_and_cut(workplace: Workplace) -> None:
    regions = tuple(Region((0, 0, 1, 1), str(n), score=n / 10) for n in (3, 9, 5))
    first = await workplace.run("sort", regions=regions, at_most=2)
    assert [region.label for region in first["regions"]] == ["9", "5"]  # type: ignore[union-attr]
    last = await workplace.run("sort", regions=regions, order="ascending", by="label")
    assert [region.label for region in last["regions"]] == ["3", "5", "9"]  # type: ignore[union-attr]


def test_a_mask_falls_into_its_connected_parts_without_specks() -> None:
    mask_HW = np.zeros((HEIGHT_PX, WIDTH_PX), bool)
    mask_HW[2:8, 3:13] = mask_HW[20:30, 60:90] = True
    mask_HW[50, 50] = True
    pixels = MaskPixels(*encode_rle(mask_HW))
    whole = Region((3, 2, 90, 51), "roof", score=0.5, mask=pixels, image_id="scene")
    large, small = parts_of(whole)
    assert (large.box_xyxy_px, large.area_px) == ((60, 20, 90, 30), 300)
    assert (small.box_xyxy_px, small.label, small.image_id) == ((3, 2, 13, 8), "roof", "scene")
    assert isinstance(small.mask, MaskPixels)
    part_HW = decode_rle(HEIGHT_PX, WIDTH_PX, small.mask.counts)
    assert (part_HW[:, :20] == mask_HW[:, :20]).all() and not part_HW[:, 20:].any()


async def test_geojson_has_longitude_and_latitude_with_holes(
    workplace: Workplace, on_earth: SceneView
) -> None:
    ring = mask((10, 10, 40, 30), on_earth.image_id, label="dock", caption="wet")
    elsewhere = Region((0, 0, 9, 9), "by hand")
    given = await workplace.run("export_geojson", regions=((ring,), (elsewhere,)), simplify_px=0)
    file: Any = given["file"]
    assert (file.name, file.media_type) == ("step-3.geojson", "application/geo+json")
    written = json.loads(workplace.read(file))
    dock, by_hand = written["features"]
    outline = shape(dock["geometry"])
    assert outline.is_valid and len(outline.interiors) == 1 and outline.exterior.is_ccw
    # 500 km east of the zone's middle is on its meridian, 15 degrees.
    assert outline.bounds == pytest.approx((15.0014, 48.75, 15.0055, 48.755), abs=0.01)
    assert dock["properties"]["label"] == "dock" and dock["properties"]["caption"] == "wet"
    assert by_hand["geometry"] is None and by_hand["properties"]["box_xyxy_px"] == [0, 0, 9, 9]
    assert written["earthgptx"]["coordinates"] == "longitude and latitude, WGS 84"


@pytest.mark.parametrize("simplify_px", [1.5, 3.0])
async def test_outlines_in_geojson_move_by_no_more_than_simplify_px(
    workplace: Workplace, simplify_px: float
) -> None:
    """Hausdorff distance between the outline along pixels' edges and what is in the file."""
    noise = np.random.default_rng(3).random((200, 300))
    blobs_HW = cv2.GaussianBlur(noise, (0, 0), 6) > 0.5
    pixels = MaskPixels(*encode_rle(blobs_HW))
    found = parts_of(Region((0, 0, 300, 200), mask=pixels))
    written = []
    for tolerance_px in (0, simplify_px):
        given = await workplace.run(
            "export_geojson", regions=(tuple(found),), simplify_px=tolerance_px
        )
        features = json.loads(workplace.read(given["file"]))["features"]
        written.append([shape(feature["geometry"]) for feature in features])
    exact, simpler = written
    vertices = [int(shapely.get_num_coordinates(outlines).sum()) for outlines in written]
    assert len(simpler) == len(found) > 10 and vertices[1] < vertices[0] / 2
    for one, other in zip(exact, simpler, strict=True):
        assert other.is_valid
        moved_px = shapely.hausdorff_distance(one.boundary, other.boundary, densify=0.1)
        assert moved_px <= simplify_px + 1e-9


async def test_geojson_without_a_place_is_in_pixels_and_says_so(workplace: Workplace) -> None:
    given = await workplace.run("export_geojson", regions=((mask((10, 10, 30, 30)),),))
    written = json.loads(workplace.read(given["file"]))
    assert "coordinates are pixels" in written["earthgptx"]["coordinates"]
    assert shapely.area(shape(written["features"][0]["geometry"])) == 400 - 144


async def test_masks_are_numbered_the_smaller_above_the_larger(workplace: Workplace) -> None:
    small, large = mask((20, 20, 24, 24), area_px=16.0), mask((10, 10, 17, 30), area_px=900.0)
    given = await workplace.run("export_masks", masks=((small, large),))
    numbers_HW = np.asarray(Image.open(io.BytesIO(workplace.read(given["file"]))))
    assert numbers_HW.dtype == np.uint16 and numbers_HW.shape == (HEIGHT_PX, WIDTH_PX)
    assert numbers_HW[22, 22] == 1 and numbers_HW[11, 11] == 2 and numbers_HW[0, 0] == 0


@pytest.mark.parametrize(
    "masks",
    [(), (mask((0, 0, 4, 4), "one"), mask((0, 0, 4, 4), "two"))],
    ids=["none", "of two scenes"],
)
async def test_only_masks_of_one_scene_make_a_picture(
    workplace: Workplace, masks: tuple[Region, ...]
) -> None:
    with pytest.raises(InvalidInput):
        await workplace.run("export_masks", masks=(masks,))


async def test_a_table_becomes_a_file_that_reads_back(workplace: Workplace) -> None:
    table = Table(("label", "number"), (('a "ship", small', 2), ("car\nred", 0.5), (None, True)))
    written = workplace.read((await workplace.run("export_csv", table=table))["file"])
    assert b"\r\n" in written
    read = list(csv.reader(io.StringIO(written.decode(), newline="")))
    assert read == [
        ["label", "number"],
        ['a "ship", small', "2"],
        ["car\nred", "0.5"],
        ["", "True"],
    ]


async def test_a_picture_shows_regions_where_they_are(workplace: Workplace) -> None:
    scene = await workplace.scene(png(96, 64))
    found = mask((40, 30, 70, 60), scene.image_id, label="ship")
    given = await workplace.run("render", image=scene, regions=((found,),), labels=False)
    file: Any = given["file"]
    assert (file.name, file.media_type) == ("step-3.png", "image/png")
    shown = np.asarray(Image.open(io.BytesIO(workplace.read(file))))
    plain = await workplace.run("render", image=scene, regions=())
    bare = np.asarray(Image.open(io.BytesIO(workplace.read(plain["file"]))))
    ys, xs = np.nonzero((shown != bare).any(axis=2))
    scale = shown.shape[1] / 96
    around = (xs.min() / scale, ys.min() / scale, xs.max() / scale, ys.max() / scale)
    assert around == pytest.approx((40, 30, 70, 60), abs=1.5)


@pytest.mark.parametrize(("style", "middle_differs"), [("outline", False), ("filled", True)])
def test_masks_are_tinted_or_only_outlined(style: str, middle_differs: bool) -> None:
    grey = np.full((640, 960, 3), 90, np.uint8)
    whole = np.zeros((HEIGHT_PX, WIDTH_PX), bool)
    whole[20:60, 20:60] = True
    region = Region((20, 20, 60, 60), mask=MaskPixels(*encode_rle(whole)))
    shown = Image.open(io.BytesIO(drawn_png(grey, Frame(0, 0, 10), [region], style, True)))
    pixels = np.asarray(shown)
    assert (pixels[400, 400] != 90).any() == middle_differs
    assert (pixels[395:405, 195:205] != 90).any()


def test_many_masks_and_those_beyond_the_picture_are_drawn_too() -> None:
    grey = np.full((320, 480, 3), 90, np.uint8)
    many = [mask((x, 30, x + 4, 34), label="roof") for x in range(0, 60)]
    shown = np.asarray(
        Image.open(io.BytesIO(drawn_png(grey, Frame(30, 20, 12), many, "filled", False)))
    )
    scale = shown.shape[1] / 480
    assert (shown[round(150 * scale), : round(200 * scale)] != 90).any(axis=1).mean() > 0.9


def test_of_a_large_mask_only_what_the_picture_shows_is_enlarged() -> None:
    """As a whole it would take 400 GB."""
    side_px = 5000
    counts = encode_rle(np.ones((side_px, side_px), bool))[2]
    lake = Region((0, 0, side_px, side_px), "lake", mask=MaskPixels(side_px, side_px, counts))
    shore = Frame(4990, 4990, 64)
    grey = np.full((1024, 1024, 3), 90, np.uint8)
    shown = Image.open(io.BytesIO(drawn_png(grey, shore, [lake], "filled", False)))
    pixels = np.asarray(shown)
    assert (pixels[:600, :600] != 90).any(axis=2).all()
    assert (pixels[700:, 700:] == 90).all()


async def test_a_mask_whose_box_is_wrong_harms_nobody(workplace: Workplace) -> None:
    """As another run's JSON, written by hand, may have it."""
    right = mask((10, 10, 17, 30))
    for box in ((-50.0, -50.0, 500.0, 500.0), (200.0, 200.0, 210.0, 210.0), (3.2, 3.2, 3.4, 3.4)):
        wrong = replace(right, box_xyxy_px=box)
        scene = await workplace.scene(png(96, 64))
        await workplace.run("export_masks", masks=((wrong,),))
        await workplace.run("measure", regions=(wrong,))
        await workplace.run("export_geojson", regions=((wrong,),))
        await workplace.run("render", image=scene, regions=((wrong,),))


def test_what_lies_beyond_the_view_leaves_no_tag_in_it() -> None:
    grey = np.full((768, 768, 3), 90, np.uint8)
    far = [Region((500, 500, 520, 520), "ship", score=0.9), Region((-9, 0, 0, 9), "car")]
    shown = Image.open(io.BytesIO(drawn_png(grey, Frame(0, 0, 8), far, "outline", True)))
    assert (np.asarray(shown) == 90).all()
