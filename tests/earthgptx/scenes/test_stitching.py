"""Things whole, each once, wherever the grid lies."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from earthgptx.imagery.errors import ImageryError
from earthgptx.scenes.ground import Ground
from earthgptx.scenes.header import SceneHeader
from earthgptx.scenes.interpret import SceneResult, interpret_scene
from earthgptx.scenes.model import TileInstance, TileView
from earthgptx.scenes.overview import look_over
from earthgptx.scenes.pieces import Piece, pieces_of
from earthgptx.scenes.scene import open_scene
from earthgptx.scenes.stitching import Stitcher
from earthgptx.scenes.tile_plan import TilePlan, plan_tiles
from earthgptx.scenes.tile_view import view_tile
from tests.earthgptx.scenes.generated import (
    RECTANGLES,
    UTM_HALF_METRE,
    ThresholdModel,
    blobs,
    iou,
    mask_of,
    painted,
    picture_of,
    write_scene,
)

HEIGHT, WIDTH = 900, 1150
PLAIN = SceneHeader("TIFF", 300, 300, 3, "uint8", "", 0.0, 0)


@pytest.fixture(scope="module")
def truth() -> np.ndarray:
    return blobs(HEIGHT, WIDTH)


@pytest.fixture(scope="module")
def path(truth: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scene") / "tanks.tif"
    return write_scene(path, picture_of(truth), **UTM_HALF_METRE)


def looked_at(
    path: Path, model: ThresholdModel, tile_px: int = 256, gsd_m: float = 0.0, offset: float = 0.0
) -> SceneResult:
    with open_scene(path) as scene:
        plan = plan_tiles(scene.header, tile_px, gsd_m, offset=offset)
        return interpret_scene(scene, plan, model)


def parts(mask_HW: np.ndarray) -> int:
    return cv2.connectedComponents(mask_HW.astype(np.uint8), connectivity=4)[0] - 1


def test_each_thing_is_found_once_and_whole(path: Path, truth: np.ndarray) -> None:
    result = looked_at(path, ThresholdModel())
    assert len(result.objects) == parts(truth)
    assert iou(mask_of(result), truth) > 0.97
    assert max(found.tile_count for found in result.objects) > 4
    assert [found.number for found in result.objects] == list(range(1, len(result.objects) + 1))


def test_tiles_give_what_one_look_at_all_gives(path: Path) -> None:
    tiled = mask_of(looked_at(path, ThresholdModel()))
    at_once = mask_of(looked_at(path, ThresholdModel(), tile_px=1150))
    # Not 1: what a tile sees of a thing may be too small for this model.
    assert iou(tiled, at_once) > 0.999


@pytest.mark.parametrize("gsd_m", [0.0, 1.0, 0.3])
def test_a_grid_moved_by_half_a_tile_changes_less_than_two_percent(
    path: Path, truth: np.ndarray, gsd_m: float
) -> None:
    one, moved = (
        looked_at(path, ThresholdModel(), gsd_m=gsd_m, offset=offset) for offset in (0.0, 0.5)
    )
    assert one.plan.xs_px != moved.plan.xs_px
    assert len(one.objects) == len(moved.objects)
    assert iou(mask_of(one), mask_of(moved)) > 0.98
    assert iou(mask_of(one), truth) > 0.9


def test_holes_are_kept_where_tiles_meet_in_them(path: Path, truth: np.ndarray) -> None:
    largest = max(looked_at(path, ThresholdModel()).objects, key=lambda found: found.area_px)
    assert largest.tile_count > 1
    (holes,) = [p.interiors for p in shapely.get_parts(shapely.MultiPolygon([largest.shape_px]))]
    outside = cv2.connectedComponents((~truth).astype(np.uint8), connectivity=4)[0] - 2
    assert len(holes) == 1 and outside >= 1
    assert shapely.is_valid(largest.shape_px)


def test_boxes_of_one_thing_become_one_box(tmp_path: Path) -> None:
    # Not larger than a tile: cut through, a ring is two arcs, and no box tells that they are one.
    truth = blobs(HEIGHT, WIDTH, largest_px=40)
    path = write_scene(tmp_path / "tanks.tif", picture_of(truth))
    result = looked_at(path, ThresholdModel(boxes_only=True))
    stats = cv2.connectedComponentsWithStats(truth.astype(np.uint8), connectivity=4)[2]
    wanted = sorted(tuple(s[:4].tolist()) for s in stats[1:])
    found = sorted(
        (round(x0), round(y0), round(x1 - x0), round(y1 - y0))
        for x0, y0, x1, y1 in (o.box_xyxy_px for o in result.objects)
    )
    assert len(found) == len(wanted)
    assert np.abs(np.array(found) - np.array(wanted)).max() <= 3


def test_tiles_come_in_any_order_and_twice(path: Path) -> None:
    model = ThresholdModel()
    with open_scene(path) as scene:
        plan = plan_tiles(scene.header, 256)
        stretch = look_over(scene).stretch
        views = [view_tile(scene, stretch, plan, tile) for tile in plan.tiles()]
        order = np.random.default_rng(3).permutation([*range(len(views)), 0, 5])
        stitcher = Stitcher[Piece]()
        for index in order:
            view = views[index]
            assert view is not None
            stitcher.add(view.tile, pieces_of(view, model([view])[0], plan))
        shuffled = stitcher.objects(Ground(scene.header))
    in_order = looked_at(path, ThresholdModel()).objects
    assert [o.box_xyxy_px for o in shuffled] == [o.box_xyxy_px for o in in_order]
    assert all(a.shape_px.equals(b.shape_px) for a, b in zip(shuffled, in_order, strict=True))


def view_of(plan: TilePlan, column: int) -> TileView:
    tile = next(tile for tile in plan.tiles() if (tile.row, tile.column) == (0, column))
    return TileView(tile, np.zeros((plan.tile_px, plan.tile_px, 3), np.uint8), None, 0.0)


def boxed(plan: TilePlan, *of_columns: list[TileInstance]) -> list[tuple[float, ...]]:
    stitcher = Stitcher[Piece]()
    for column, instances in enumerate(of_columns):
        stitcher.add(column, pieces_of(view_of(plan, column), instances, plan))
    return [found.box_xyxy_px for found in stitcher.objects(Ground(PLAIN))]


def test_the_better_of_two_boxes_in_one_tile_stays_and_another_class_does_too() -> None:
    plan = plan_tiles(PLAIN, 128)
    seen = [
        TileInstance("ship", 0.5, None, (10, 10, 50, 50)),
        TileInstance("ship", 0.8, None, (12, 10, 52, 50)),
        TileInstance("pier", 0.4, None, (12, 10, 52, 50)),
        TileInstance("ship", 0.7, None, (60, 10, 90, 50)),
    ]
    assert boxed(plan, seen) == [(12, 10, 52, 50), (12, 10, 52, 50), (60, 10, 90, 50)]


def test_a_box_that_a_tile_cuts_gives_way_to_the_whole_one() -> None:
    plan = plan_tiles(PLAIN, 128)
    # The second tile begins at 96: the first sees a part of the thing, with the better score.
    cut = [TileInstance("ship", 0.9, None, (100, 10, 128, 40))]
    whole = [TileInstance("ship", 0.6, None, (4, 10, 60, 40))]
    assert boxed(plan, cut, whole) == [(100, 10, 156, 40)]


def test_neighbours_that_both_tiles_see_stay_two() -> None:
    plan = plan_tiles(PLAIN, 128)
    first = [TileInstance("car", 0.9, None, (100, y, 120, y + 10)) for y in (10, 24)]
    second = [TileInstance("car", 0.9, None, (4, y, 24, y + 10)) for y in (10, 24)]
    assert boxed(plan, first, second) == [(100, 10, 120, 20), (100, 24, 120, 34)]


@settings(max_examples=30, deadline=None)
@given(
    RECTANGLES,
    st.sampled_from([0.1, 0.25, 0.5]),
    st.sampled_from([0.0, 0.3, 0.5]),
)
def test_an_exact_model_gives_back_exactly_what_is_there(
    rectangles: list[tuple[int, int, int, int]], overlap: float, offset: float
) -> None:
    plan = plan_tiles(PLAIN, 96, overlap=overlap, offset=offset)
    assert_given_back(painted(rectangles), plan)


def test_ragged_things_whose_holes_touch_at_corners_are_given_back_too() -> None:
    noise = np.random.default_rng(2).random((300, 300)) < 0.55
    noise[110:] = noise[:, 110:] = False
    assert_given_back(noise.astype(np.uint8), plan_tiles(PLAIN, 96))


def assert_given_back(truth: np.ndarray, plan: TilePlan) -> None:
    """By a model that sees each connected part as it is: as many things, valid, pixel for pixel."""
    count, labels = cv2.connectedComponents(truth, connectivity=4)
    stitcher = Stitcher[Piece]()
    for tile in plan.tiles():
        x0, y0, x1, y1 = tile.window_xyxy_px
        seen = labels[y0:y1, x0:x1]
        instances = (TileInstance("it", 1.0, seen == n) for n in np.unique(seen[seen > 0]))
        view = TileView(tile, np.zeros((96, 96, 3), np.uint8), None, 0.0)
        stitcher.add(tile, pieces_of(view, instances, plan))
    found = stitcher.objects(Ground(PLAIN))
    assert len(found) == count - 1
    assert sum(one.area_px for one in found) == truth.sum()
    assert all(one.shape_px.is_valid for one in found)


@pytest.mark.parametrize(
    ("instance", "told"),
    [
        (TileInstance("ship", 0.5), "neither mask nor box"),
        (TileInstance("ship", 1.5, None, (0, 0, 9, 9)), "score 1.5"),
        (TileInstance("ship", float("nan"), None, (0, 0, 9, 9)), "score nan"),
        (TileInstance("ship", 0.5, None, (9, 0, 9, 9)), "box"),
        (TileInstance("ship", 0.5, np.zeros((5, 5), np.bool_)), "mask"),
    ],
)
def test_what_is_no_instance_is_refused(instance: TileInstance, told: str) -> None:
    plan = plan_tiles(PLAIN, 128)
    with pytest.raises(ImageryError, match=told):
        list(pieces_of(view_of(plan, 0), [instance], plan))
