"""Vehicles set on roads and into parking bays."""

from __future__ import annotations

import math

import numpy as np

from earthgptx.data.synthetic import ground
from earthgptx.data.synthetic.geometry import Points, Pose
from earthgptx.data.synthetic.objects.roads import vehicle
from earthgptx.data.synthetic.site import Site


def traffic(site: Site, path: Points, width: float, count: int, length: float) -> None:
    """Up to ``count`` vehicles along ``path``, right-hand traffic.

    None touches another or stands on a claimed place.

    Args:
        site: where.
        path: middle of the road.
        width: of the carriageway.
        count: how many are wanted.
        length: of a car.
    """
    rng = site.rng
    legs = np.hypot(*np.diff(path, axis=0).T)
    run = np.concatenate(((0.0,), np.cumsum(legs)))
    placed: list[tuple[float, float]] = []
    for _ in range(count * 6):
        if len(placed) >= count:
            return
        at = rng.uniform(0, float(run[-1]))
        x, y = float(np.interp(at, run, path[:, 0])), float(np.interp(at, run, path[:, 1]))
        ahead = min(float(run[-1]), at + 2)
        dx = float(np.interp(ahead, run, path[:, 0])) - x
        dy = float(np.interp(ahead, run, path[:, 1])) - y
        side = rng.choice((-1, 1))
        lane = Pose(x, y, math.atan2(dy, dx)).child(0, side * width * rng.choice((0.16, 0.3)))
        if not site.is_free(lane.x, lane.y, 0.0):
            continue
        near = any(math.hypot(lane.x - a, lane.y - b) < length * 1.25 for a, b in placed)
        if near or not ground.inside_frame(lane.x, lane.y, length * 0.5):
            continue
        placed.append((lane.x, lane.y))
        vehicle(site, Pose(lane.x, lane.y, lane.angle + (math.pi if side < 0 else 0.0)), length)


def parked(site: Site, bays: list[Pose], count: int, length: float) -> None:
    """Up to ``count`` cars in randomly chosen bays."""
    chosen = [bay for bay in bays if ground.inside_frame(bay.x, bay.y, length * 0.5)]
    site.rng.shuffle(chosen)
    for bay in chosen[:count]:
        turn = site.rng.uniform(-0.06, 0.06)
        vehicle(site, Pose(bay.x, bay.y, bay.angle + turn), length, "car")
