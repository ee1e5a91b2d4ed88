"""Vehicles and what is built along roads: bridges, overpasses, toll stations, service areas."""

from __future__ import annotations

import math

import numpy as np

from earthgptx.data.synthetic import ground
from earthgptx.data.synthetic.canvas import Paint
from earthgptx.data.synthetic.colours import Rgb, jitter, paint_for, shade
from earthgptx.data.synthetic.geometry import Points, Pose, arc, offset, rect, rounded
from earthgptx.data.synthetic.materials import Material
from earthgptx.data.synthetic.site import Site

VEHICLE_COLOURS = (
    "white", "white", "white", "black", "black", "grey", "grey", "red", "red", "blue", "blue",
    "green", "yellow", "orange", "brown",
)  # fmt: skip
LINE: Rgb = (224, 224, 218)


def vehicle(site: Site, pose: Pose, length: float, kind: str | None = None) -> None:
    """Car, truck or bus heading along the pose; all get ``length``, trucks are slimmer."""
    rng, canvas = site.rng, site.canvas
    colour = rng.choice(VEHICLE_COLOURS)
    rgb = paint_for(rng, colour)
    chosen = kind or rng.choice(("car", "car", "car", "truck", "bus"))
    heat = rng.choice((-34, 16, 40, 64))
    with canvas.instance("vehicle", colour):
        if chosen == "car":
            _car(site, pose, length, rgb, heat)
        elif chosen == "truck":
            width = length * 0.36
            cab = Paint(shade(rgb, 0.9), Material.METAL, 2, heat + 20)
            canvas.polygon(pose.at(rect(length * 0.22, width * 0.9, length * 0.39)), cab)
            box = Paint(rgb, Material.METAL, 2.8, heat // 2)
            canvas.polygon(pose.at(rect(length * 0.72, width, -length * 0.12)), box)
            glass = rect(length * 0.05, width * 0.7, length * 0.45)
            canvas.polygon(pose.at(glass), Paint((36, 42, 50), Material.GLASS, 2, heat))
        else:
            width = length * 0.34
            canvas.polygon(
                pose.at(rounded(length, width, width * 0.2)), Paint(rgb, Material.METAL, 2.5, heat)
            )
            hatch = Paint(shade(rgb, 0.72), Material.METAL, 2.8, heat)
            for x in (-0.22, 0.16):
                canvas.polygon(pose.at(rect(length * 0.12, width * 0.45, length * x)), hatch)
            glass = rect(length * 0.05, width * 0.8, length * 0.45)
            canvas.polygon(pose.at(glass), Paint((36, 42, 50), Material.GLASS, 2.4, heat))


def _car(site: Site, pose: Pose, length: float, rgb: Rgb, heat: int) -> None:
    canvas = site.canvas
    width = length * 0.46
    body = rounded(length, width, width * 0.3)
    canvas.polygon(pose.at(body), Paint(rgb, Material.METAL, 1.4, heat))
    bonnet = rect(length * 0.2, width * 0.7, length * 0.36)
    canvas.polygon(pose.at(bonnet), Paint(shade(rgb, 0.95), Material.METAL, 1.2, heat + 30))
    glass = Paint((34, 40, 48), Material.GLASS, 1.6, heat)
    if length > 11:
        front = np.array(((0.27, 0.40), (0.27, -0.40), (0.15, -0.33), (0.15, 0.33)))
        rear = np.array(((-0.34, 0.36), (-0.34, -0.36), (-0.26, -0.32), (-0.26, 0.32)))
        for pane in (front, rear):
            canvas.polygon(pose.at(pane * (1, 0.46), length), glass)
        roof = rect(length * 0.38, width * 0.72, -length * 0.05)
        canvas.polygon(pose.at(roof), Paint(shade(rgb, 1.06), Material.METAL, 2.0, heat // 2))


def lanes(site: Site, path: Points, width: float, count: int, divided: bool) -> None:
    """Lane markings of a road already drawn along ``path``."""
    step = width * 0.9 / count
    edges = [offset(path, s * width * 0.45) for s in (-1, 1)]
    site.canvas.marking(edges, LINE)
    for k in range(1, count):
        at = -width * 0.45 + k * step
        if divided and k * 2 == count:
            fence = Paint((150, 150, 140), Material.FENCE, 0.6)
            site.canvas.wire([path], fence, max(1.0, width * 0.04))
            continue
        dashes = _dashes(offset(path, at), 5.0)
        site.canvas.marking(dashes, LINE)


def _dashes(path: Points, length: float) -> list[Points]:
    legs = np.hypot(*np.diff(path, axis=0).T)
    run = np.concatenate(((0.0,), np.cumsum(legs)))
    starts = np.arange(0, run[-1] - length, 2.4 * length)
    both = np.stack((starts, starts + length), axis=1)
    xs, ys = np.interp(both, run, path[:, 0]), np.interp(both, run, path[:, 1])
    return [np.stack((x, y), axis=1) for x, y in zip(xs, ys, strict=True)]


def highway(
    site: Site, path: Points, width: float, count: int = 4, material: Material = Material.ROAD
) -> Rgb:
    """A marked road with verges along ``path``; returns its colour."""
    rgb = jitter(site.rng, site.rng.choice(ground.ROAD), 8)
    verge = Paint(jitter(site.rng, ground.PLAIN[1], 8), Material.GRASS)
    site.canvas.band(path, width * 1.3, verge)
    site.canvas.band(path, width, Paint(rgb, material))
    lanes(site, path, width, count, count >= 4)
    return rgb


def bridge(site: Site, pose: Pose, length: float, width: float) -> None:
    """A deck along the local x axis with parapets, and joints over its piers."""
    rng, canvas = site.rng, site.canvas
    rgb = jitter(rng, rng.choice(((150, 148, 144), (172, 168, 160), (128, 128, 130))), 8)
    path = pose.at(np.stack((np.linspace(-length / 2, length / 2, 8), np.zeros(8)), axis=1))
    truss = rng.random() < 0.3
    with canvas.instance("bridge"):
        canvas.polygon(
            pose.at(rect(length, width * 1.16)), Paint(shade(rgb, 1.2), Material.MASONRY, 5)
        )
        canvas.polygon(
            pose.at(rect(length, width * 0.86)), Paint(shade(rgb, 0.82), Material.CONCRETE, 4)
        )
        lanes(site, path, width * 0.84, 2 if width < 22 else 4, False)
        joints = [
            pose.at(((x, -width / 2), (x, width / 2)))
            for x in np.arange(-length / 2, length / 2, 22)
        ]
        canvas.marking(joints, shade(rgb, 0.6))
        rail = Paint(shade(rgb, 1.25), Material.METAL, 6)
        canvas.wire([pose.at(((-length / 2, s * width * 0.56), (length / 2, s * width * 0.56)))
                     for s in (-1, 1)], rail, 1.4)  # fmt: skip
        if truss:
            for x in np.arange(-length / 2 + 8, length / 2, 16):
                canvas.wire([pose.at(((x, -width * 0.56), (x, width * 0.56)))], rail, 1.2)


def overpass(site: Site, upper: Pose, lower_angle: float, width: float, ramps: bool) -> None:
    """The raised deck of one road where it crosses another, with optional loop ramps.

    The two roads must be drawn already; ``upper`` heads along the raised one.
    """
    rng, canvas = site.rng, site.canvas
    rgb = jitter(rng, (162, 160, 154), 8)
    length = width * rng.uniform(3.0, 4.2)
    path = upper.at(np.stack((np.linspace(-length / 2, length / 2, 6), np.zeros(6)), axis=1))
    with canvas.instance("overpass"):
        if ramps:
            middle = (upper.angle + lower_angle) / 2
            for quadrant in rng.sample(range(4), rng.choice((2, 4))):
                _loop(site, upper, middle + quadrant * math.pi / 2, width, shade(rgb, 0.74))
        canvas.polygon(
            upper.at(rect(length, width * 1.14)), Paint(shade(rgb, 1.18), Material.MASONRY, 7)
        )
        canvas.polygon(
            upper.at(rect(length + 1, width * 0.92)),
            Paint(shade(rgb, 0.86), Material.CONCRETE, 6.5),
        )
        lanes(site, path, width * 0.9, 4, True)
        for x in (-length / 2, -length / 6, length / 6, length / 2):
            canvas.marking([upper.at(((x, -width / 2), (x, width / 2)))], shade(rgb, 0.6))


def _loop(site: Site, crossing: Pose, angle: float, width: float, rgb: Rgb) -> None:
    radius = width * 1.15
    centre = Pose(crossing.x, crossing.y, angle).child(width * 1.75, 0)
    path = centre.at(arc(radius, -math.pi * 0.8, math.pi * 0.8, 22))
    site.canvas.band(path, width * 0.34, Paint(rgb, Material.CONCRETE, 1.0))
    site.canvas.marking([offset(path, s * width * 0.15) for s in (-1, 1)], LINE)


def toll_station(site: Site, pose: Pose, road_width: float, booths: int) -> None:
    """The road along the local x axis widens to a plaza; a canopy with booths stands across it."""
    rng, canvas = site.rng, site.canvas
    wide = booths * road_width * 0.36 + road_width * 0.5
    long = wide * rng.uniform(1.25, 1.6)
    mouth = road_width / 2
    plaza = np.array(
        ((-long / 2, mouth), (-long * 0.2, wide / 2), (long * 0.2, wide / 2), (long / 2, mouth),
         (long / 2, -mouth), (long * 0.2, -wide / 2), (-long * 0.2, -wide / 2), (-long / 2, -mouth))
    )  # fmt: skip
    pale = jitter(rng, rng.choice(ground.CONCRETE), 8)
    roof = paint_for(rng, rng.choice(("white", "blue", "red", "grey", "green")))
    with canvas.instance("expressway toll station"):
        canvas.polygon(pose.at(plaza), Paint(pale, Material.CONCRETE))
        pitch = wide * 0.92 / booths
        island = Paint((222, 206, 120), Material.MASONRY, 1)
        for k in range(booths + 1):
            y = (k - booths / 2) * pitch
            canvas.polygon(pose.at(rect(long * 0.3, max(2.2, pitch * 0.2), 0, y)), island)
            fan = pose.at(
                (
                    (-long * 0.42, y * 0.5),
                    (-long * 0.16, y),
                    (long * 0.16, y),
                    (long * 0.42, y * 0.5),
                )
            )
            canvas.marking([fan], LINE)
            for x in (-long * 0.12, long * 0.12):
                booth = rect(max(3.5, pitch * 0.4), max(2.8, pitch * 0.3), x, y)
                canvas.polygon(pose.at(booth), Paint((240, 240, 240), Material.METAL, 2.5, 30))
        canopy = rect(long * 0.13, wide * 1.02)
        canvas.polygon(pose.at(canopy), Paint(roof, Material.METAL, 6, -20))
        ridge = [pose.at(((0, -wide * 0.51), (0, wide * 0.51)))]
        canvas.marking(ridge, shade(roof, 0.6))


def parking_rows(site: Site, pose: Pose, length: float, rows: int, slot: float) -> list[Pose]:
    """Marked bays along the local x axis, rows stacked along y; returns the bays' poses."""
    bays: list[Pose] = []
    wide, deep = slot * 0.62, slot * 1.15
    count = max(2, int(length / wide))
    lines: list[Points] = []
    for row in range(rows):
        y = (row - (rows - 1) / 2) * slot * 2.1
        for k in range(count + 1):
            x = (k - count / 2) * wide
            lines.append(pose.at(((x, y - deep / 2), (x, y + deep / 2))))
            if k < count:
                turn = math.pi / 2 * site.rng.choice((-1, 1))
                bays.append(pose.child(x + wide / 2, y, turn))
    site.canvas.marking(lines, LINE)
    return bays


def service_area(site: Site, pose: Pose, length: float, width: float, slot: float) -> list[Pose]:
    """Parking, a long shop building and a fuel canopy beside a road; returns the parking bays."""
    rng, canvas = site.rng, site.canvas
    tar = jitter(rng, rng.choice(ground.CONCRETE), 8)
    roof = paint_for(rng, rng.choice(("red", "blue", "orange", "white", "grey")))
    with canvas.instance("expressway service area"):
        ends = rounded(length, width, min(length, width) * 0.12)
        canvas.polygon(pose.at(ends), Paint(shade(tar, 0.82), Material.ASPHALT))
        shop = rect(length * 0.42, width * 0.17, -length * 0.04, width * 0.34)
        canvas.polygon(pose.at(shop), Paint(roof, Material.ROOF, 6))
        wing = rect(length * 0.1, width * 0.26, -length * 0.2, width * 0.3)
        canvas.polygon(pose.at(wing), Paint(shade(roof, 0.85), Material.ROOF, 7))
        fuel = rect(length * 0.17, width * 0.24, length * 0.34, width * 0.04)
        canvas.polygon(pose.at(fuel), Paint((236, 236, 234), Material.METAL, 6, -14))
        stripe = pose.at(rect(length * 0.16, width * 0.22, length * 0.34, width * 0.04))
        canvas.marking([stripe], shade(roof, 0.9), 1.4, closed=True)
        bays = parking_rows(site, pose.child(-length * 0.12, -width * 0.1), length * 0.6, 2, slot)
    return bays
