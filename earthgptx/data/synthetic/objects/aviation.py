"""Airplanes, and the paved ground they stand on."""

from __future__ import annotations

import numpy as np

from earthgptx.data.synthetic import ground
from earthgptx.data.synthetic.canvas import Paint
from earthgptx.data.synthetic.colours import Rgb, jitter, paint_for, shade
from earthgptx.data.synthetic.geometry import Points, Pose, ellipse, rect
from earthgptx.data.synthetic.materials import Material
from earthgptx.data.synthetic.site import Site

PLANE_COLOURS = ("white",) * 6 + ("grey",) * 2 + ("blue", "red", "yellow", "green", "orange")


def _mirrored(half: tuple[tuple[float, float], ...]) -> Points:
    return np.array(half + tuple((x, -y) for x, y in reversed(half)))


AIRLINER_WINGS = _mirrored(((0.16, 0.04), (-0.13, 0.47), (-0.20, 0.48), (-0.07, 0.05)))
AIRLINER_TAIL = _mirrored(((-0.36, 0.02), (-0.47, 0.17), (-0.51, 0.17), (-0.46, 0.02)))
PROP_WINGS = _mirrored(((0.16, 0.04), (0.15, 0.50), (0.02, 0.50), (0.0, 0.04)))
PROP_TAIL = _mirrored(((-0.38, 0.02), (-0.39, 0.17), (-0.49, 0.17), (-0.49, 0.02)))
DELTA_WINGS = _mirrored(((0.22, 0.04), (-0.30, 0.36), (-0.40, 0.36), (-0.38, 0.04)))
DELTA_TAIL = _mirrored(((-0.38, 0.03), (-0.48, 0.15), (-0.52, 0.15), (-0.48, 0.03)))
FUSELAGE = _mirrored(
    ((0.50, 0.0), (0.47, 0.03), (0.40, 0.052), (-0.28, 0.052), (-0.42, 0.03), (-0.52, 0.008))
)
SHAPES = {
    "airliner": (AIRLINER_WINGS, AIRLINER_TAIL, 1.0),
    "prop": (PROP_WINGS, PROP_TAIL, 1.15),
    "delta": (DELTA_WINGS, DELTA_TAIL, 1.1),
}


def airplane(site: Site, pose: Pose, length: float, kind: str | None = None) -> None:
    """One airplane heading along the pose; ``length`` nose to tail."""
    rng, canvas = site.rng, site.canvas
    colour = rng.choice(PLANE_COLOURS)
    rgb = paint_for(rng, colour)
    chosen = kind or rng.choice(("airliner", "airliner", "airliner", "prop", "delta"))
    wings, tail, stout = SHAPES[chosen]
    high = max(1.0, length * 0.05)
    dim = shade(rgb, 0.93)
    with canvas.instance("airplane", colour):
        canvas.polygon(pose.at(wings, length), Paint(dim, Material.METAL, high))
        if chosen == "airliner" and length > 20:
            engine = Paint(shade(rgb, 0.7), Material.METAL, high, heat=40)
            for side in (-1, 1):
                nacelle = ellipse(0.065, 0.026, 0.06, side * 0.18, 10)
                canvas.polygon(pose.at(nacelle, length), engine)
        canvas.polygon(
            pose.at(FUSELAGE * (1.0, stout), length), Paint(rgb, Material.METAL, high * 1.5)
        )
        canvas.polygon(pose.at(tail, length), Paint(dim, Material.METAL, high * 1.6))
        if length > 26:
            window = rect(0.02, 0.06, 0.43)
            canvas.marking([pose.at(window, length)], (40, 44, 50), closed=True)


def runway(site: Site, pose: Pose, length: float, width: float, rgb: Rgb) -> None:
    """A runway along the pose with threshold bars and a dashed middle line."""
    canvas = site.canvas
    canvas.polygon(pose.at(rect(length, width)), Paint(rgb, Material.ASPHALT))
    white = (226, 226, 222)
    dashes = [
        pose.at(((x, 0.0), (x + 7.0, 0.0)))
        for x in np.arange(-length / 2 + 22, length / 2 - 20, 14)
    ]
    canvas.marking(dashes, white)
    for end in (-1, 1):
        x = end * (length / 2 - 8)
        bars = [
            pose.at(((x - 4, y), (x + 4, y))) for y in np.linspace(-width * 0.36, width * 0.36, 6)
        ]
        canvas.marking(bars, white, 1.4)
    edges = [
        pose.at(((-length / 2, s * width * 0.45), (length / 2, s * width * 0.45))) for s in (-1, 1)
    ]
    canvas.marking(edges, white, 0.8)


def airport(site: Site, axis: Pose, runway_width: float, apron_deep: float) -> Pose:
    """Runway, taxiway, apron and terminal as one object; returns the middle of the apron."""
    rng, canvas = site.rng, site.canvas
    dark = jitter(rng, rng.choice(ground.ROAD), 10)
    pale = jitter(rng, rng.choice(ground.CONCRETE), 8)
    taxi_y = runway_width * 0.5 + rng.uniform(16, 26)
    apron_y = taxi_y + 6 + apron_deep / 2
    apron_long = rng.uniform(130, 190)
    slab = Paint(pale, Material.CONCRETE)
    with canvas.instance("airport"):
        canvas.band(axis.at(((-300, taxi_y), (300, taxi_y))), 9, slab)
        canvas.polygon(axis.at(rect(apron_long, apron_deep, 0, apron_y - 3)), slab)
        for x in (-90.0, -20.0, 70.0):
            canvas.band(axis.at(((x, 0), (x + 14, taxi_y))), 8, slab)
        runway(site, axis, rng.choice((230.0, 420.0)), runway_width, dark)
        canvas.marking([axis.at(((-300, taxi_y), (300, taxi_y)))], (214, 184, 60))
    terminal = axis.child(0, apron_y + apron_deep / 2 + 7)
    ground.building(site, terminal, apron_long * 0.6, 16, 7)
    return axis.child(0, apron_y)
