"""Highways with what stands along them, parking lots, railways."""

from __future__ import annotations

import math

import numpy as np

from earthgptx.data.synthetic import ground
from earthgptx.data.synthetic.canvas import Paint
from earthgptx.data.synthetic.colours import jitter
from earthgptx.data.synthetic.geometry import Pose, rect, winding
from earthgptx.data.synthetic.layouts.accents import accents
from earthgptx.data.synthetic.layouts.traffic import parked, traffic
from earthgptx.data.synthetic.materials import Material
from earthgptx.data.synthetic.objects.rail import track, train_station
from earthgptx.data.synthetic.objects.roads import (
    highway,
    overpass,
    parking_rows,
    service_area,
    toll_station,
)
from earthgptx.data.synthetic.site import Site


def _open_land(site: Site) -> None:
    site.rng.choice((ground.grassland, ground.farmland, ground.woodland, ground.desert))(site)


def _dressed(site: Site, middle: Pose, reach: float) -> None:
    """Trees, houses and a second subject away from the road along ``middle``."""
    for k in range(-6, 7):
        step = middle.child(k * 26, 0)
        site.claim(step.x, step.y, reach)
    accents(site, ("tanks", "windmill", "tennis", "cars", "chimney"), 0.4)
    ground.scattered_buildings(site, site.rng.randint(0, 6), (9, 20))
    ground.trees(site, site.rng.randint(0, 16))


def interchange(site: Site) -> None:
    """Two highways crossing, the upper one on a deck."""
    rng = site.rng
    _open_land(site)
    width = rng.uniform(27, 42)
    site.set_scale("road", width)
    angle = rng.uniform(0, math.pi)
    other = angle + math.pi / 2 + rng.uniform(-0.45, 0.45)
    x, y = rng.uniform(96, 160), rng.uniform(96, 160)
    lower, upper = winding(rng, other, 0.0, (x, y)), winding(rng, angle, 0.0, (x, y))
    highway(site, lower, width * rng.uniform(0.85, 1.1))
    length = max(15.0, width * 0.48)
    traffic(site, lower, width, rng.choice((0, 0, 1, 2)), length)
    highway(site, upper, width)
    overpass(site, Pose(x, y, angle), other, width, rng.random() < 0.5)
    traffic(site, upper, width, rng.choice((0, 1, 2, 3)), length)
    site.claim(x, y, width * 3.4)
    for heading in (angle, other):
        for k in range(-7, 8):
            step = Pose(x, y, heading).child(k * 24, 0)
            site.claim(step.x, step.y, width * 0.9)
    accents(site, ("tanks", "windmill", "tennis", "cars", "baseball"), 0.4)
    ground.scattered_buildings(site, rng.randint(0, 6), (9, 20))
    ground.trees(site, rng.randint(0, 12))


def tolled(site: Site) -> None:
    """An expressway with a toll plaza and its queues."""
    rng = site.rng
    _open_land(site)
    angle = rng.uniform(0, math.pi)
    middle = Pose(rng.uniform(100, 156), rng.uniform(100, 156), angle)
    width = rng.uniform(28, 38)
    site.set_scale("road", width)
    path = winding(rng, angle, 0.0, (middle.x, middle.y))
    highway(site, path, width)
    toll_station(site, middle, width, rng.randint(5, 8))
    site.claim(middle.x, middle.y, 26)
    traffic(site, path, width * 1.3, rng.choice((0, 1, 2, 3, 4)), rng.uniform(15, 18))
    _dressed(site, middle, 58)


def rest_stop(site: Site) -> None:
    """An expressway with a service area on one side or on both."""
    rng = site.rng
    _open_land(site)
    angle = rng.uniform(0, math.pi)
    middle = Pose(rng.uniform(108, 148), rng.uniform(108, 148), angle)
    width = rng.uniform(24, 32)
    site.set_scale("road", width)
    path = winding(rng, angle, 0.0, (middle.x, middle.y))
    ramp = Paint(jitter(rng, ground.ROAD[1], 6), Material.ROAD)
    deep, long = rng.uniform(72, 90), rng.uniform(130, 165)
    for side in (1, -1) if rng.random() < 0.35 else (rng.choice((-1, 1)),):
        near = width / 2 + 7
        for end in (-1, 1):
            leg = middle.at(
                np.array(((end * 110, side * 4.0), (end * long * 0.42, side * (near + 14))))
            )
            site.canvas.band(leg, 8, ramp)
        area = middle.child(0, side * (near + deep / 2), 0.0 if side > 0 else math.pi)
        car = rng.uniform(14.5, 17)
        bays = service_area(site, area, long, deep, car)
        parked(site, bays, rng.choice((0, 2, 3, 4, 5)), car)
    highway(site, path, width)
    traffic(site, path, width, rng.choice((0, 0, 1, 2)), rng.uniform(14.5, 17))
    _dressed(site, middle, 96)


def highway_only(site: Site) -> None:
    """A highway with near traffic and nothing else on it."""
    rng = site.rng
    _open_land(site)
    angle = rng.uniform(0, math.pi)
    width = rng.uniform(44, 96)
    site.set_scale("road", width)
    path = winding(rng, angle, rng.uniform(0, 16))
    highway(site, path, width, rng.choice((2, 4)) if width < 64 else 4)
    traffic(site, path, width, rng.randint(1, 7), width * rng.uniform(0.34, 0.46))
    _dressed(site, Pose(128, 128, angle), width * 0.9)


def parking_lot(site: Site) -> None:
    """Marked bays with cars, seen near."""
    rng = site.rng
    tar = rng.choice(ground.ROAD)
    ground.cover(site, Material.ASPHALT, (tar,))
    car = rng.uniform(18, 60)
    site.set_scale("vehicle", car)
    middle = Pose(128, 128, rng.uniform(-math.pi, math.pi))
    rows = max(1, round(200 / (car * 2.1)))
    bays = parking_rows(site, middle, 330, rows, car)
    if rng.random() < 0.5:
        side = rng.choice((-1, 1))
        strip_pose = middle.child(0, side * rng.uniform(104, 120))
        kerb = Paint(jitter(rng, ground.GRASS[0], 8), Material.GRASS)
        site.canvas.polygon(strip_pose.at(rect(420, 44)), kerb)
        bays = [b for b in bays if math.hypot(b.x - 128, b.y - 128) < 96]
    parked(site, bays, rng.randint(1, 13), car * rng.uniform(0.86, 0.98))


def railway(site: Site) -> None:
    """A train station, or only lines through the land."""
    rng = site.rng
    rng.choice((ground.grassland, ground.farmland, ground.grassland))(site)
    pose = Pose(rng.uniform(112, 144), rng.uniform(112, 144), rng.uniform(0, math.pi))
    tracks, pitch = rng.randint(6, 12), rng.uniform(8.5, 11)
    site.set_scale("road", pitch * 3)
    reach = tracks * pitch / 2
    for k in (-1, 0, 1):
        line = pose.at(
            np.array(((-300.0, k * pitch * 1.4), (0.0, k * pitch * 1.4), (300.0, k * pitch * 1.4)))
        )
        track(site, line)
    train_station(site, pose, rng.uniform(150, 230), tracks, pitch)
    for k in range(-7, 8):
        step = pose.child(k * 24, -12)
        site.claim(step.x, step.y, reach + 26)
    accents(site, ("tanks", "cars", "chimney", "tennis", "basketball"), 0.5)
    ground.scattered_buildings(site, rng.randint(4, 14), (12, 26))
    ground.trees(site, rng.randint(0, 20))
