"""Farmland, desert, forest and industry."""

from __future__ import annotations

import math

from earthgptx.data.synthetic import ground
from earthgptx.data.synthetic.canvas import Paint
from earthgptx.data.synthetic.colours import jitter
from earthgptx.data.synthetic.geometry import Pose, ellipse, winding
from earthgptx.data.synthetic.layouts.accents import accents
from earthgptx.data.synthetic.layouts.traffic import traffic
from earthgptx.data.synthetic.materials import Material
from earthgptx.data.synthetic.objects.roads import highway
from earthgptx.data.synthetic.objects.sports import baseball_field
from earthgptx.data.synthetic.objects.works import TANK_COLOURS, chimney, storage_tank, windmill
from earthgptx.data.synthetic.site import Site


def _windmills(site: Site, count: int, height: float) -> None:
    lean_back = site.conditions.sun_angle + math.pi
    for _ in range(count):
        place = site.spot(height * 0.72, height * 0.5)
        if place is not None:
            foot = Pose(place.x, place.y, lean_back).child(-height * 0.3, 0)
            windmill(site, foot, height * site.rng.uniform(0.9, 1.1))


def wind_park(site: Site) -> None:
    """Windmills over fields, grass, hills or desert."""
    rng = site.rng
    rng.choice((ground.farmland, ground.farmland, ground.grassland, ground.desert))(site)
    count = rng.choice((1, 1, 2, 3, 4, 5))
    height = rng.uniform(50, 96) if count < 3 else rng.uniform(34, 50)
    site.set_scale("windmill", height)
    if rng.random() < 0.5:
        path = winding(rng, rng.uniform(0, math.pi), rng.uniform(5, 25))
        site.canvas.band(path, 4, Paint(jitter(rng, ground.SOIL[2]), Material.SOIL))
    _windmills(site, count, height)
    accents(site, ("tanks", "cars", "baseball"), 0.3)
    ground.trees(site, rng.randint(0, 10))


def farm(site: Site) -> None:
    """Fields with a farmstead, ponds, irrigation circles; a vehicle, windmill, tank or diamond."""
    rng = site.rng
    ground.farmland(site)
    site.set_scale("storage tank", 34)
    if rng.random() < 0.4:
        place = site.spot(40, 20)
        if place is not None:
            crop = Paint(jitter(rng, rng.choice(ground.CROPS)), Material.CROP)
            radius = rng.uniform(28, 38)
            site.canvas.polygon(place.at(ellipse(radius, radius, n=40)), crop)
    wanted = rng.choice(("windmill", "tank", "vehicle", "diamond", "tank"))
    if wanted == "windmill":
        _windmills(site, rng.randint(1, 2), rng.uniform(40, 60))
    elif wanted == "tank":
        _tanks(site, rng.randint(1, 4), rng.uniform(9, 16))
    elif wanted == "diamond":
        place = site.spot(40)
        if place is not None:
            baseball_field(site, place.child(-24, 0), 52)
    else:
        angle = rng.uniform(0, math.pi)
        path = winding(rng, angle, 0.0)
        highway(site, path, 20, 2)
        traffic(site, path, 18, rng.randint(1, 3), rng.uniform(13, 17))
        for k in range(-6, 7):
            step = Pose(128, 128, angle).child(k * 25, 0)
            site.claim(step.x, step.y, 18)
    ground.pond(site, rng.uniform(8, 17))
    ground.scattered_buildings(site, rng.randint(1, 5), (10, 24))
    ground.trees(site, rng.randint(0, 14))


def _tanks(site: Site, count: int, radius: float) -> None:
    colour = site.rng.choice(TANK_COLOURS)
    for _ in range(count):
        place = site.spot(radius * 1.2, radius * 1.2)
        if place is not None:
            own = colour if site.rng.random() < 0.8 else site.rng.choice(TANK_COLOURS)
            storage_tank(site, place, radius, own, site.rng.random() < 0.35)


def tank_farm(site: Site) -> None:
    """Rows of equal storage tanks in bunds, on paved or bare ground."""
    rng = site.rng
    ground.cover(site, *rng.choice(((Material.CONCRETE, ground.PLAIN), (Material.SOIL, ground.SOIL),
                                    (Material.GRASS, ground.GRASS))))  # fmt: skip
    columns, rows = rng.randint(1, 4), rng.randint(1, 3)
    radius = min(rng.uniform(11, 30), 108 / max(columns, rows) / 1.3)
    site.set_scale("storage tank", radius * 2)
    middle = Pose(rng.uniform(112, 144), rng.uniform(112, 144), rng.uniform(0, math.pi))
    colour, floating = rng.choice(TANK_COLOURS), rng.random() < 0.4
    pitch = radius * rng.uniform(2.35, 2.7)
    bund = Paint(jitter(rng, ground.CONCRETE[0], 10), Material.CONCRETE)
    for row in range(rows):
        for column in range(columns):
            if rng.random() < 0.1 and columns * rows > 2:
                continue
            at = middle.child((column - (columns - 1) / 2) * pitch, (row - (rows - 1) / 2) * pitch)
            if not ground.inside_frame(at.x, at.y, radius * 0.8):
                continue
            site.claim(at.x, at.y, radius * 1.3)
            site.canvas.disc(at.x, at.y, radius * 1.14, bund)
            own = colour if rng.random() < 0.8 else rng.choice(TANK_COLOURS)
            storage_tank(site, at, radius * rng.uniform(0.86, 1.0), own, floating)
    if rng.random() < 0.5:
        ground.pond(site, radius)
    accents(site, ("cars", "basketball", "tennis"), 0.3)
    if rng.random() < 0.2:
        _chimneys(site, 1)
    ground.scattered_buildings(site, rng.randint(1, 7), (14, 34))


def _chimneys(site: Site, count: int) -> None:
    rng = site.rng
    tall, width = rng.uniform(34, 74), rng.uniform(11, 17)
    for _ in range(count):
        place = site.spot(tall * 0.62, tall * 0.5)
        if place is not None:
            foot = Pose(place.x, place.y, site.conditions.sun_angle).child(tall * 0.3, 0)
            chimney(site, foot, tall * rng.uniform(0.9, 1.1), width)


def works(site: Site) -> None:
    """A plant: large halls, chimneys, a few tanks."""
    rng = site.rng
    ground.cover(site, Material.CONCRETE, ground.PLAIN)
    site.set_scale("chimney", 60)
    _chimneys(site, rng.choice((1, 1, 2, 3)))
    if rng.random() < 0.3:
        _tanks(site, rng.randint(1, 3), rng.uniform(9, 15))
    ground.scattered_buildings(site, rng.randint(4, 10), (24, 60))
    ground.scattered_buildings(site, rng.randint(2, 6), (10, 20))
    ground.trees(site, rng.randint(0, 10))


def forest(site: Site) -> None:
    """Closed forest with one thing in it."""
    rng = site.rng
    ground.woodland(site)
    wanted = rng.choice(("windmill", "chimney", "road", "windmill", "chimney"))
    if wanted == "windmill":
        _windmills(site, rng.randint(1, 3), rng.uniform(44, 70))
    elif wanted == "chimney":
        _chimneys(site, 1)
        ground.scattered_buildings(site, rng.randint(1, 3), (20, 44))
    else:
        path = winding(rng, rng.uniform(0, math.pi), rng.uniform(0, 20))
        highway(site, path, 26, 2)
        traffic(site, path, 24, rng.randint(1, 4), rng.uniform(14, 19))


def desert_post(site: Site) -> None:
    """Sand with a few tanks, vehicles or stacks."""
    rng = site.rng
    ground.desert(site)
    wanted = rng.choice(("tank", "vehicle", "chimney", "tank"))
    if wanted == "tank":
        radius = rng.uniform(13, 26)
        site.set_scale("storage tank", radius * 2)
        _tanks(site, rng.randint(1, 5), radius)
    elif wanted == "chimney":
        _chimneys(site, rng.randint(1, 2))
    else:
        path = winding(rng, rng.uniform(0, math.pi), rng.uniform(0, 24))
        highway(site, path, 30, 2)
        traffic(site, path, 28, rng.randint(1, 4), rng.uniform(16, 24))
    ground.scattered_buildings(site, rng.randint(0, 4), (12, 26))
