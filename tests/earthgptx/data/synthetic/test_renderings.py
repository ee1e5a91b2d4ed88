"""What the three sensors must show of the same ground."""

from __future__ import annotations

import math
from dataclasses import replace
from random import Random

import numpy as np
import pytest

from earthgptx.data.synthetic.canvas import Canvas, Paint
from earthgptx.data.synthetic.conditions import Conditions, draw_conditions
from earthgptx.data.synthetic.geometry import Pose, rect
from earthgptx.data.synthetic.materials import APPEARANCE, Material
from earthgptx.data.synthetic.noise import TILE_PX, crop
from earthgptx.data.synthetic.optical import render_optical
from earthgptx.data.synthetic.relief import shadow_mask
from earthgptx.data.synthetic.sar import render_sar
from earthgptx.data.synthetic.thermal import render_infrared

CENTRE = np.s_[118:138, 108:148, 0]


def ship_at_sea() -> Canvas:
    canvas = Canvas(256)
    canvas.polygon(Pose(128, 128).at(rect(300, 300)), Paint((36, 66, 92), Material.WATER))
    with canvas.instance("ship", "white"):
        canvas.polygon(Pose(128, 128).at(rect(60, 30)), Paint((230, 230, 230), Material.HULL, 4))
    return canvas


def conditions(**given: object) -> Conditions:
    return replace(draw_conditions(Random(3)), **given)  # type: ignore[arg-type]


def test_a_ship_shines_on_a_dark_sea_in_radar() -> None:
    shown = render_sar(ship_at_sea(), conditions(), Random(1))
    assert shown[CENTRE].mean() > 3 * shown[:60, :60].mean()


def test_water_is_cold_by_day_and_warmer_than_grass_by_night() -> None:
    canvas = Canvas(256)
    canvas.polygon(Pose(64, 128).at(rect(128, 256)), Paint((36, 66, 92), Material.WATER))
    shown = {
        night: render_infrared(canvas, conditions(night=night, inverted=False), Random(1))
        for night in (False, True)
    }
    assert shown[False][:, :100].mean() < shown[False][:, 156:].mean() - 20
    assert shown[True][:, :100].mean() > shown[True][:, 156:].mean() + 20


def test_black_hot_turns_the_infrared_picture_over() -> None:
    canvas = ship_at_sea()
    plain = render_infrared(canvas, conditions(night=False, inverted=False), Random(1))
    turned = render_infrared(canvas, conditions(night=False, inverted=True), Random(1))
    assert plain[CENTRE].mean() > plain[:60, :60].mean() + 20
    assert turned[CENTRE].mean() < turned[:60, :60].mean() - 20


@pytest.mark.parametrize("angle", [0.0, 0.7, math.pi / 2, math.pi, -2.2])
def test_a_tower_throws_its_shadow_along_the_light(angle: float) -> None:
    height = np.zeros((128, 128), np.uint8)
    height[60:68, 60:68] = 40
    shadow = shadow_mask(height, angle, 1.0)
    ys, xs = np.nonzero(shadow)
    assert math.hypot(xs.mean() - 63.5, ys.mean() - 63.5) == pytest.approx(12, abs=4)
    turn = math.atan2(ys.mean() - 63.5, xs.mean() - 63.5) - angle
    assert abs(math.remainder(turn, 2 * math.pi)) < 0.15
    assert not shadow[60:68, 60:68].any()


def test_flat_ground_has_no_shadow() -> None:
    assert not shadow_mask(np.zeros((32, 32), np.uint8), 0.3, 1.0).any()


@pytest.mark.parametrize("look", range(4))
def test_radar_lights_the_near_wall_and_darkens_behind(look: int) -> None:
    canvas = Canvas(256)
    canvas.polygon(Pose(128, 128).at(rect(60, 60)), Paint((120, 120, 120), Material.ROOF, 12))
    shown = render_sar(canvas, conditions(look=look), Random(1))[..., 0]
    sides = {0: shown[110:146, 94:101], 2: shown[110:146, 155:162],
             1: shown[94:101, 110:146], 3: shown[155:162, 110:146]}  # fmt: skip
    assert sides[look].mean() > 2 * sides[(look + 2) % 4].mean()


def test_the_optical_picture_shows_the_paint_and_the_shadow() -> None:
    canvas = Canvas(256)
    canvas.polygon(Pose(128, 128).at(rect(300, 300)), Paint((170, 170, 170), Material.CONCRETE))
    canvas.polygon(Pose(128, 128).at(rect(40, 40)), Paint((196, 38, 38), Material.METAL, 10))
    seen = conditions(sun_angle=0.0, shadow_ratio=1.5, haze=0.0)
    shown = render_optical(canvas, seen, Random(1)).astype(float)
    red, green, _ = shown[115:140, 115:140].mean(axis=(0, 1))
    assert red > 2.5 * green
    assert shown[115:140, 152:158].mean() < 0.65 * shown[115:140, 60:90].mean()


def test_smoke_hides_the_ground_from_the_camera_but_not_from_radar() -> None:
    canvas = ship_at_sea()
    before = render_optical(canvas, conditions(), Random(1))[CENTRE].mean()
    radar = render_sar(canvas, conditions(), Random(1))
    canvas.smoke(Pose(40, 40).at(rect(40, 40)), 255)
    hidden = render_optical(canvas, conditions(), Random(1))
    assert hidden[30:50, 30:50].mean() > 1.5 * hidden[200:220, 200:220].mean()
    assert hidden[CENTRE].mean() == pytest.approx(before, rel=0.05)
    assert np.array_equal(render_sar(canvas, conditions(), Random(1)), radar)


def test_every_material_has_an_appearance() -> None:
    assert set(APPEARANCE) == set(Material)


@pytest.mark.parametrize("size_px", [1, 255, TILE_PX, TILE_PX + 1, 2 * TILE_PX + 3])
def test_noise_comes_in_any_size(size_px: int) -> None:
    assert crop(Random(0), "fine", size_px).shape == (size_px, size_px)


@pytest.mark.parametrize("looks", [2, 6])
def test_speckle_is_multiplicative_noise_of_unit_mean(looks: int) -> None:
    speckle = crop(Random(0), f"speckle{looks}", TILE_PX)
    assert speckle.mean() == pytest.approx(1, abs=0.01)
    assert speckle.min() >= 0
    assert crop(Random(0), "speckle2", TILE_PX).std() > crop(Random(0), "speckle6", TILE_PX).std()
