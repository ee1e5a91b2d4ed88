"""How a scene is shown: alike in all tiles, at the model's resolution, whatever its size."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st

from earthgptx.imagery.display import to_display
from earthgptx.imagery.errors import ImageryError
from earthgptx.imagery.modality import Modality
from earthgptx.imagery.read import read_image
from earthgptx.imagery.windows import Window, cut_window
from earthgptx.scenes.header import SceneHeader
from earthgptx.scenes.interpret import interpret_scene
from earthgptx.scenes.model import TileInstance
from earthgptx.scenes.overview import look_over
from earthgptx.scenes.scene import open_scene
from earthgptx.scenes.tile_plan import plan_tiles
from earthgptx.scenes.tile_view import view_tile, view_window
from tests.earthgptx.imagery.files import tiff
from tests.earthgptx.scenes.generated import UTM_HALF_METRE, ThresholdModel, write_scene

RNG = np.random.default_rng(11)
# Hundredths of a kelvin in 16 bits, as thermal cameras write them.
CENTIKELVIN = {"said": {"units": ["K"], "scales": [0.01], "offsets": [0]}}


def slope(height: int = 600, width: int = 800) -> np.ndarray:
    """[1, H, W] uint16 that gets brighter to the right, with noise: no tile has all its values."""
    return (np.linspace(200, 9000, width) + RNG.integers(0, 80, (height, width)))[None].astype(
        np.uint16
    )


def header(width: int = 2000, height: int = 1500, gsd_m: float = 0.5) -> SceneHeader:
    return SceneHeader("GTiff", width, height, 3, "uint8", "EPSG:32633", gsd_m, 0)


def test_overlapping_tiles_show_the_same_pixels(tmp_path: Path) -> None:
    path = write_scene(tmp_path / "slope.tif", slope(), **UTM_HALF_METRE)
    with open_scene(path) as scene:
        plan = plan_tiles(scene.header, 256)
        stretch = look_over(scene).stretch
        views = {
            (tile.row, tile.column): view_tile(scene, stretch, plan, tile) for tile in plan.tiles()
        }
    left, right = views[0, 0], views[0, 1]
    assert left is not None and right is not None
    shared = 256 - (right.tile.x0_px - left.tile.x0_px)
    assert shared >= 64
    assert np.array_equal(left.pixels_HWC[:, -shared:], right.pixels_HWC[:, :shared])
    # Stretched by its own values each tile would go from black to white.
    assert left.pixels_HWC.max() < 120


@pytest.mark.parametrize(
    ("dtype", "modality", "bands"),
    [
        ("uint16", "optical", 4),
        ("float32", "sar", 2),
        ("uint16", "infrared", 1),
        ("uint8", None, 3),
    ],
)
def test_a_small_scene_is_shown_as_an_image_is(
    dtype: str, modality: str | None, bands: int, tmp_path: Path
) -> None:
    values = (RNG.gamma(2, 40, (bands, 300, 280)) + 1).clip(0, 255).astype(dtype)
    path = write_scene(tmp_path / "small.tif", values, **UTM_HALF_METRE)
    image = to_display(read_image(path.read_bytes()), modality)  # type: ignore[arg-type]
    with open_scene(path, modality) as scene:  # type: ignore[arg-type]
        overview = look_over(scene, modality)  # type: ignore[arg-type]
        plan = plan_tiles(scene.header, 128)
        view = view_tile(scene, overview.stretch, plan, next(iter(plan.tiles())))
    assert overview.note == image.band_note
    assert np.array_equal(overview.pixels_HWC, image.pixels_HWC)
    assert view is not None
    assert np.array_equal(view.pixels_HWC, cut_window(image.pixels_HWC, Window(0, 0, 128), 128))


@pytest.mark.parametrize(
    ("modality", "said", "note"),
    [
        ("infrared", {"names": ("",), **CENTIKELVIN}, "thermal 6.0 to 16.0 degC (percentiles"),
        (None, {"names": ("", "quality"), "said": {"units": ["K", ""]}}, "band 1 of 2 as grey"),
        ("optical", {"names": ("B03", "B04", "B08")}, "false colour: red band 3 (nir), green"),
        (
            None,
            {"names": ("",) * 5, "wavelengths_um": (0.44, 0.49, 0.56, 0.665, 0.84)},
            "bands 4, 3, 2 of 5 as red, green, blue",
        ),
    ],
)
def test_a_small_scene_is_shown_as_an_image_is_by_what_its_file_says(
    modality: Modality | None, said: dict[str, Any], note: str, tmp_path: Path
) -> None:
    values = RNG.normal(28_415, 100, (len(said["names"]), 200, 180)).astype(np.uint16)
    path = tmp_path / "said.tif"
    path.write_bytes(tiff(values, **said, **UTM_HALF_METRE))
    image = to_display(read_image(path.read_bytes()), modality)
    assert image.band_note.startswith(note)
    with open_scene(path, modality) as scene:
        overview = look_over(scene, modality)
        view = view_window(scene, overview.stretch, Window(40, 50, 128), 128)
    assert overview.note == image.band_note
    assert np.array_equal(overview.pixels_HWC, image.pixels_HWC)
    assert view is not None
    assert np.array_equal(view.pixels_HWC, cut_window(image.pixels_HWC, Window(40, 50, 128), 128))


def test_a_band_that_is_asked_for_is_shown_as_the_temperature_that_it_is(tmp_path: Path) -> None:
    values = RNG.normal(28_415, 100, (3, 100, 100)).astype(np.uint16)
    path = tmp_path / "asked.tif"
    said = {"units": ["", "", "K"], "scales": [1, 1, 0.01], "offsets": [0, 0, 0]}
    path.write_bytes(tiff(values, said=said, **UTM_HALF_METRE))
    with open_scene(path, bands=(3,)) as scene:
        assert "asked; thermal 6.0 to 16.0 degC (" in look_over(scene).note
    with open_scene(path, bands=(3, 2, 1)) as scene:
        assert "degC" not in look_over(scene).note


def test_the_overview_is_averaged_and_knows_its_scale(tmp_path: Path) -> None:
    values = np.zeros((1, 1000, 2000), np.uint8)
    values[0, ::2] = 200
    with open_scene(write_scene(tmp_path / "a.tif", values, **UTM_HALF_METRE)) as scene:
        overview = look_over(scene, side_px=500)
    assert overview.pixels_HWC.shape == (250, 500, 3)
    assert overview.factor == 4 and overview.gsd_m == 2
    assert (overview.pixels_HWC == 100).all()


def test_a_tile_at_the_models_resolution_shows_what_lies_there(tmp_path: Path) -> None:
    values = np.zeros((1, 1024, 1024), np.uint8)
    values[0, 512:576, 256:320] = 255
    with open_scene(write_scene(tmp_path / "a.tif", values, **UTM_HALF_METRE)) as scene:
        stretch = look_over(scene).stretch
        for gsd_m, tile_px in ((2.0, 64), (0.25, 256)):
            plan = plan_tiles(scene.header, tile_px, gsd_m)
            assert plan.gsd_m == gsd_m
            for tile in plan.tiles():
                view = view_tile(scene, stretch, plan, tile)
                assert view is not None and view.gsd_m == gsd_m
                seen_m2 = (view.pixels_HWC[..., 0] / 255).sum() * gsd_m**2
                x0, y0, x1, y1 = tile.window_xyxy_px
                there_m2 = (values[0, y0:y1, x0:x1] / 255).sum() * 0.25
                assert seen_m2 == pytest.approx(there_m2, abs=3)


@given(
    st.integers(64, 5000),
    st.integers(64, 5000),
    st.integers(64, 700),
    st.floats(0.02, 0.5),
    st.floats(0, 0.99),
    st.sampled_from([0.0, 0.1, 0.5, 1.7]),
)
@settings(deadline=None)
def test_every_pixel_is_trusted_by_a_tile_and_tiles_stay_inside(
    width: int, height: int, tile_px: int, overlap: float, offset: float, model_gsd_m: float
) -> None:
    plan = plan_tiles(header(width, height), tile_px, model_gsd_m, overlap, offset)
    for length, starts in ((width, plan.xs_px), (height, plan.ys_px)):
        assert starts[0] == 0 and list(starts) == sorted(set(starts))
        assert all(start + plan.side_px <= max(length, plan.side_px) for start in starts)
    first_row = [tile.trusted_xyxy_px for tile in plan.tiles() if tile.row == 0]
    assert first_row[0][0] == 0 and first_row[-1][2] == width
    assert all(left[2] > right[0] for left, right in pairwise(first_row))
    assert len(plan) == sum(1 for _ in plan.tiles())


@pytest.mark.parametrize(
    ("gsd_m", "model_gsd_m", "side_px", "told"),
    [
        (0.5, 0.0, 512, "none: pixels are shown as they are"),
        (0.5, 0.5, 512, "none: 0.5 m a pixel is what the model is best at"),
        (0.1, 0.5, 2560, "averaged over areas, 0.1 m to 0.5 m a pixel"),
        (0.8, 0.4, 256, "enlarged, bilinear, 0.8 m to 0.4 m a pixel"),
        (10.0, 0.5, 128, "enlarged, bilinear, 10 m to 2.5 m a pixel (the model's 0.5 m); not more"),
        (0.0, 0.5, 512, "none: the scene's ground sampling is not known"),
    ],
)
def test_the_resampling_is_told(gsd_m: float, model_gsd_m: float, side_px: int, told: str) -> None:
    plan = plan_tiles(header(gsd_m=gsd_m), 512, model_gsd_m)
    assert plan.side_px == side_px and plan.resampling.startswith(told)


@pytest.mark.parametrize(
    "wrong",
    [{"overlap": 0.0}, {"overlap": 0.6}, {"tile_px": 8}, {"offset": 1.0}, {"model_gsd_m": -1}],
)
def test_plans_that_cannot_be_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ImageryError, match="tiles"):
        plan_tiles(header(), **wrong)  # type: ignore[arg-type]


def test_tiles_without_data_are_not_shown_and_nothing_is_found_in_gaps(tmp_path: Path) -> None:
    values = np.full((1, 512, 1024), 200, np.uint8)
    values[:, :, 500:] = 0
    path = write_scene(tmp_path / "half.tif", values, nodata=0, **UTM_HALF_METRE)
    model = ThresholdModel(brightness=90)
    told: list[tuple[int, int]] = []
    with open_scene(path) as scene:
        plan = plan_tiles(scene.header, 128)
        result = interpret_scene(
            scene, plan, model, batch_tiles=4, on_progress=lambda *at: told.append(at)
        )
    assert result.empty_tiles > 0
    assert sum(model.batch_sizes) + result.empty_tiles == len(plan)
    assert max(model.batch_sizes) == 4 and told[-1] == (len(plan), len(plan))
    (found,) = result.objects
    assert found.area_px == 512 * 500 and found.shape_px.bounds == (0, 0, 500, 512)


def test_a_scene_smaller_than_a_tile_is_one_tile(tmp_path: Path) -> None:
    values = np.full((3, 40, 90), 200, np.uint8)
    with open_scene(write_scene(tmp_path / "tiny.tif", values, **UTM_HALF_METRE)) as scene:
        result = interpret_scene(
            scene, plan_tiles(scene.header, 512), ThresholdModel(brightness=90)
        )
    assert len(result.plan) == 1
    (found,) = result.objects
    assert found.shape_px.bounds == (0, 0, 90, 40)


def test_a_model_that_answers_for_too_few_tiles_is_found_out(tmp_path: Path) -> None:
    path = write_scene(tmp_path / "a.tif", np.full((3, 300, 300), 9, np.uint8))
    answers: list[list[TileInstance]] = [[]]
    with open_scene(path) as scene, pytest.raises(ImageryError, match="1 tiles"):
        interpret_scene(scene, plan_tiles(scene.header, 128), lambda views: answers)


def test_values_in_degrees_and_web_mercator_are_measured_on_the_ground(tmp_path: Path) -> None:
    # The same field of 100 x 100 m at 60 degrees north, in both.
    mask = np.full((1, 200, 200), 50, np.uint8)
    mask[0, 50:150, 50:150] = 250
    metre = 1 / 111_412
    places = {
        "EPSG:4326": Affine(metre * 111_412 / 55_800, 0, 10, 0, -metre, 60),
        "EPSG:3857": Affine(2, 0, 1_113_195, 0, -2, 8_399_738),
    }
    for crs, transform in places.items():
        path = write_scene(tmp_path / f"{crs[5:]}.tif", mask, crs=crs, transform=transform)
        with open_scene(path) as scene:
            assert scene.header.gsd_m == pytest.approx(1, rel=0.01)
            (found,) = interpret_scene(
                scene, plan_tiles(scene.header, 128), ThresholdModel()
            ).objects
        assert found.area_px == pytest.approx(10_000, rel=0.05)
        assert found.area_m2 == pytest.approx(found.area_px, rel=0.01)
