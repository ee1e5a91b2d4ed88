"""Ships, and harbors to tie them up in."""

from __future__ import annotations

import math

import numpy as np

from earthgptx.data.synthetic import ground
from earthgptx.data.synthetic.canvas import Paint
from earthgptx.data.synthetic.colours import jitter, paint_for, shade
from earthgptx.data.synthetic.geometry import Points, Pose, rect
from earthgptx.data.synthetic.materials import Material
from earthgptx.data.synthetic.site import Site

SHIP_COLOURS = ("white", "white", "grey", "red", "blue", "green", "orange", "brown", "black")
CONTAINER_COLOURS = ("red", "blue", "green", "orange", "white", "brown")


def _hull(beam: float) -> Points:
    half = beam / 2
    return np.array(
        ((0.5, 0), (0.42, half * 0.5), (0.30, half), (-0.42, half), (-0.5, half * 0.8),
         (-0.5, -half * 0.8), (-0.42, -half), (0.30, -half), (0.42, -half * 0.5))
    )  # fmt: skip


def ship(site: Site, pose: Pose, length: float, wake: bool = False) -> None:
    """One ship or boat heading along the pose."""
    rng, canvas = site.rng, site.canvas
    beam = rng.uniform(0.2, 0.3) if length > 34 else rng.uniform(0.28, 0.36)
    colour = rng.choice(SHIP_COLOURS)
    rgb = paint_for(rng, colour)
    if wake:
        foam = np.array(
            (
                (-0.48, beam * 0.3),
                (-1.5, beam * 1.0),
                (-1.6, 0),
                (-1.5, -beam),
                (-0.48, -beam * 0.3),
            )
        )
        pale = (104, 136, 142)
        canvas.polygon(pose.at(foam, length), Paint(pale, Material.WATER))
        canvas.marking([pose.at(foam[:2], length), pose.at(foam[3:], length)], (206, 216, 220))
    high = max(1.5, length * 0.06)
    with canvas.instance("ship", colour):
        canvas.polygon(pose.at(_hull(beam), length), Paint(rgb, Material.HULL, high))
        deck = Paint(shade(rgb, 0.86 if colour == "white" else 1.12), Material.HULL, high)
        canvas.polygon(pose.at(_hull(beam) * (0.9, 0.72), length), deck)
        bridge_x = -0.36 if length > 34 else rng.choice((-0.18, 0.0))
        house = Paint((226, 226, 222) if colour != "white" else (120, 126, 134), Material.METAL,
                      high * 1.9, heat=20)  # fmt: skip
        canvas.polygon(pose.at(rect(0.12, beam * 0.62, bridge_x), length), house)
        if length > 34:
            _cargo(site, pose, length, beam, high)
        canvas.polygon(
            pose.at(rect(0.04, beam * 0.22, bridge_x - 0.07), length),
            Paint((60, 58, 58), Material.HOT, high * 2.1),
        )


def _cargo(site: Site, pose: Pose, length: float, beam: float, high: float) -> None:
    rng, canvas = site.rng, site.canvas
    style = rng.random()
    if style < 0.35:
        for x in np.arange(-0.22, 0.30, 0.13):
            hatch = pose.at(rect(0.085, beam * 0.42, x), length)
            canvas.marking([hatch], (70, 66, 64), closed=True)
    elif style < 0.6:
        for x in np.arange(-0.22, 0.30, 0.11):
            paint = paint_for(rng, rng.choice(CONTAINER_COLOURS))
            canvas.polygon(
                pose.at(rect(0.06, beam * 0.36, x), length),
                Paint(paint, Material.METAL, high * 1.4),
            )
    else:
        canvas.marking([pose.at(((-0.26, 0), (0.36, 0)), length)], (90, 86, 84))


def harbor(site: Site, quay: Pose, marina: bool) -> list[Pose]:
    """Quay along the local x axis with water at negative y; returns berths alongside it.

    A marina has finger piers, a port has wide moles; both are one object.
    """
    rng, canvas = site.rng, site.canvas
    slab = Paint(jitter(rng, rng.choice(ground.CONCRETE), 8), Material.DECK, 1.5)
    plank = Paint(jitter(rng, (168, 152, 128), 10), Material.DECK, 1.5)
    berths: list[Pose] = []
    reach = rng.uniform(60, 92)
    pitch = rng.uniform(66, 76) if marina else rng.uniform(74, 100)
    width = 5.0 if marina else rng.uniform(14, 20)
    along = np.arange(-pitch * 1.5, pitch * 1.6, pitch) + rng.uniform(-8, 8)
    with canvas.instance("harbor"):
        canvas.polygon(quay.at(rect(330, 22, 0, 11)), slab)
        for x in along:
            canvas.polygon(
                quay.at(rect(width, reach, x, -reach / 2 + 1)), plank if marina else slab
            )
        if marina:
            for x in along:
                for y in np.arange(-reach + 2, -10, 20):
                    canvas.polygon(quay.at(rect(36, 2.2, x, y)), plank)
    for x in along:
        for side in (-1, 1):
            if marina:
                berths += [
                    quay.child(x + side * 17.5, y, math.pi * (side < 0))
                    for y in np.arange(-reach + 12, -8, 20)
                ]
            else:
                turn = -math.pi / 2
                berths.append(quay.child(x + side * (width / 2 + 9), -reach * 0.52, turn))
    if not marina:
        _cranes_and_boxes(site, quay)
    return berths


def _cranes_and_boxes(site: Site, quay: Pose) -> None:
    rng, canvas = site.rng, site.canvas
    for x in range(-140, 140, 15):
        for y in (27.0, 34.0, 41.0):
            if rng.random() < 0.7:
                paint = paint_for(rng, rng.choice(CONTAINER_COLOURS))
                canvas.polygon(quay.at(rect(12, 5, x, y)), Paint(paint, Material.METAL, 3))
    for _ in range(rng.randint(1, 3)):
        at = rng.uniform(-90, 90)
        boom = [quay.at(((at, 16), (at, -12)))]
        canvas.wire(boom, Paint((196, 150, 50), Material.METAL, 8), 2)
