"""Train stations and plain railway lines."""

from __future__ import annotations

import numpy as np

from earthgptx.data.synthetic.canvas import Paint
from earthgptx.data.synthetic.colours import jitter, paint_for, shade
from earthgptx.data.synthetic.geometry import Points, Pose, offset, rect
from earthgptx.data.synthetic.materials import Material
from earthgptx.data.synthetic.site import Site

BALLAST = (132, 120, 108)
RAIL = Paint((92, 78, 70), Material.RAIL, 0.5)


def track(site: Site, path: Points, gauge: float = 2.6) -> None:
    """Two rails on a ballast bed along ``path``."""
    bed = Paint(jitter(site.rng, BALLAST, 6), Material.BALLAST)
    site.canvas.band(path, gauge * 2.4, bed)
    site.canvas.wire([offset(path, s * gauge / 2) for s in (-1, 1)], RAIL)


def train_station(site: Site, pose: Pose, length: float, tracks: int, pitch: float) -> None:
    """Parallel tracks along the local x axis between platforms, roofs over these, a hall beside."""
    rng, canvas = site.rng, site.canvas
    wide = tracks * pitch
    bed = Paint(jitter(rng, BALLAST, 8), Material.BALLAST)
    pale = jitter(rng, (190, 186, 178), 8)
    roof = paint_for(rng, rng.choice(("white", "blue", "grey", "green", "red")))
    with canvas.instance("train station"):
        canvas.polygon(pose.at(rect(length, wide + pitch)), bed)
        lines: list[Points] = []
        platforms: list[float] = []
        for k in range(tracks):
            y = (k - (tracks - 1) / 2) * pitch
            if k % 3 == 1:
                platforms.append(y)
                continue
            for s in (-1, 1):
                rail = y + s * pitch * 0.17
                lines.append(pose.at(((-length / 2, rail), (length / 2, rail))))
        canvas.wire(lines, RAIL)
        for y in platforms:
            deck = rect(length * 0.84, pitch * 0.86, 0, y)
            canvas.polygon(pose.at(deck), Paint(pale, Material.CONCRETE, 1.5))
            shelter = rect(length * rng.uniform(0.45, 0.7), pitch * 0.74, 0, y)
            canvas.polygon(pose.at(shelter), Paint(roof, Material.METAL, 4, -10))
            ridge = pose.at(((-length * 0.22, y), (length * 0.22, y)))
            canvas.marking([ridge], shade(roof, 0.7))
        _trains(site, pose, length, tracks, pitch)
        hall_y = -(wide + pitch) / 2 - 11
        canvas.polygon(
            pose.at(rect(length * 0.42, 22, 0, hall_y)), Paint(shade(roof, 0.92), Material.ROOF, 9)
        )
        canvas.polygon(
            pose.at(rect(length * 0.14, 26, 0, hall_y)), Paint(shade(roof, 1.05), Material.ROOF, 11)
        )
        if rng.random() < 0.6:
            bridge_x = rng.uniform(-0.2, 0.2) * length
            span = rect(7, wide + pitch + 8, bridge_x)
            canvas.polygon(pose.at(span), Paint(shade(roof, 0.84), Material.METAL, 7))


def _trains(site: Site, pose: Pose, length: float, tracks: int, pitch: float) -> None:
    """Standing trains: rows of wagons, part of the station (the class list has no train)."""
    rng = site.rng
    free = [k for k in range(tracks) if k % 3 != 1]
    for k in rng.sample(free, rng.randint(0, max(1, len(free) // 3))):
        y = (k - (tracks - 1) / 2) * pitch
        body = paint_for(rng, rng.choice(("white", "blue", "green", "grey", "red")))
        start = rng.uniform(-0.45, -0.1) * length
        for x in np.arange(start, start + rng.uniform(0.3, 0.5) * length, 23.0):
            wagon = Paint(body, Material.METAL, 2.5, 8)
            site.canvas.polygon(pose.at(rect(21, pitch * 0.5, float(x), y)), wagon)
