"""Tall and round things of industry: storage tanks, chimneys, windmills; and dams."""

from __future__ import annotations

import math

import numpy as np

from earthgptx.data.synthetic.canvas import Paint
from earthgptx.data.synthetic.colours import jitter, paint_for, shade
from earthgptx.data.synthetic.geometry import Points, Pose, arc, blob, ellipse, rect, strip
from earthgptx.data.synthetic.materials import Material
from earthgptx.data.synthetic.site import Site

TANK_COLOURS = ("white", "white", "white", "grey", "green", "brown", "red", "blue")


def storage_tank(site: Site, pose: Pose, radius: float, colour: str, floating: bool) -> None:
    """A round tank: cone roof with seams, or a sunken floating roof with a shadowed inside."""
    rng, canvas = site.rng, site.canvas
    rgb = paint_for(rng, colour)
    tall = radius * 0.5
    heat = rng.randint(-30, 34)
    with canvas.instance("storage tank", colour):
        canvas.disc(pose.x, pose.y, radius, Paint(shade(rgb, 0.8), Material.TANK, tall, heat))
        lid = Paint(rgb, Material.TANK, tall * (0.62 if floating else 1.0), heat)
        canvas.disc(pose.x, pose.y, radius * 0.9, lid)
        if floating:
            away = site.conditions.sun_angle + math.pi
            inner = Pose(pose.x, pose.y, away)
            rim = arc(radius * 0.9, -1.3, 1.3, 12)
            crescent = np.concatenate((rim, rim[::-1] * (0.72, 1.0)))
            canvas.polygon(
                inner.at(crescent), Paint(shade(rgb, 0.42), Material.TANK, tall * 0.6, heat - 20)
            )
        else:
            seams = [pose.at(((0, 0), (radius * 0.88 * math.cos(a), radius * 0.88 * math.sin(a))))
                     for a in np.arange(8) * math.pi / 4]  # fmt: skip
            canvas.marking(seams, shade(rgb, 0.86))
        canvas.marking([Pose(pose.x, pose.y).at(ellipse(radius * 0.9, radius * 0.9))],
                       shade(rgb, 0.6), closed=True)  # fmt: skip
        canvas.wire([pose.at(arc(radius, 0.0, 1.2, 6))], Paint(None, Material.METAL, tall), 1.4)


def chimney(site: Site, pose: Pose, height: float, width: float) -> None:
    """A stack leaning away from the picture's nadir: banded shaft, dark mouth, plume, shadow."""
    rng, canvas = site.rng, site.canvas
    sun = site.conditions.sun_angle
    lean = Pose(pose.x, pose.y, sun + math.pi + rng.uniform(-0.9, 0.9))
    top = width * 0.62
    shaft = np.array(((0, width / 2), (height, top / 2), (height, -top / 2), (0, -width / 2)))
    thrown = height * rng.uniform(0.9, 1.3)
    canvas.cast(
        Pose(pose.x, pose.y, sun).at(
            np.array(((0, width / 2), (thrown, top / 2), (thrown, -top / 2), (0, -width / 2)))
        )
    )
    banded = rng.random() < 0.55
    base = (
        (214, 206, 198) if banded else jitter(rng, rng.choice(((168, 160, 152), (150, 96, 78))), 8)
    )
    with canvas.instance("chimney"):
        canvas.disc(pose.x, pose.y, width / 2, Paint(shade(base, 0.9), Material.MASONRY, 4, 20))
        canvas.polygon(lean.at(shaft), Paint(base, Material.MASONRY, 5, 30))
        side = np.array(((0, width / 2), (height, top / 2), (height, top * 0.1), (0, width * 0.1)))
        canvas.polygon(lean.at(side), Paint(shade(base, 0.8), Material.MASONRY, 5, 30))
        if banded:
            for k in range(1, 6, 2):
                a, b = height * k / 6, height * (k + 1) / 6
                wa, wb = (width + (top - width) * v / height for v in (a, b))
                ring = np.array(((a, wa / 2), (b, wb / 2), (b, -wb / 2), (a, -wa / 2)))
                canvas.polygon(lean.at(ring), Paint((190, 44, 40), Material.MASONRY, 5, 34))
        mouth = lean.child(height, 0)
        canvas.disc(mouth.x, mouth.y, top * 0.62, Paint(shade(base, 1.08), Material.MASONRY, 9, 60))
        canvas.disc(mouth.x, mouth.y, top * 0.42, Paint((46, 42, 42), Material.HOT, 2))
    if rng.random() < 0.6:
        _plume(site, mouth, top)


def _plume(site: Site, mouth: Pose, top: float) -> None:
    rng = site.rng
    wind = Pose(mouth.x, mouth.y, rng.uniform(-math.pi, math.pi))
    x, size = top * 0.8, top * 0.5
    for k in range(rng.randint(6, 11)):
        puff = wind.child(x, rng.uniform(-0.3, 0.3) * size)
        site.canvas.smoke(puff.at(blob(rng, size, 0.2, 14)), max(40, 235 - 20 * k))
        x += size * 0.8
        size *= 1.14


def windmill(site: Site, pose: Pose, height: float) -> None:
    """Slender tower seen at a slant, three blades, and their long shadow on the ground."""
    rng, canvas = site.rng, site.canvas
    sun = site.conditions.sun_angle
    lean = Pose(pose.x, pose.y, sun + math.pi + rng.uniform(-1.2, 1.2))
    blade, phase = height * rng.uniform(0.5, 0.62), rng.uniform(0, 2.1)
    foot, neck = max(3.0, height * 0.085), max(2.2, height * 0.055)
    mast = np.array(((0, foot / 2), (height, neck / 2), (height, -neck / 2), (0, -foot / 2)))
    shadow = Pose(pose.x, pose.y, sun)
    canvas.cast(shadow.at(mast * (1.15, 0.9)))
    for arm in _blades(shadow.child(height * 1.15, 0), blade, phase, foot):
        canvas.cast(arm)
    white = paint_for(rng, "white")
    with canvas.instance("windmill", "white"):
        canvas.disc(pose.x, pose.y, foot * 0.9, Paint((190, 188, 182), Material.MASONRY, 1))
        canvas.polygon(lean.at(mast), Paint(white, Material.METAL, 3))
        hub = lean.child(height, 0)
        for arm in _blades(hub, blade, phase, foot):
            canvas.polygon(arm, Paint(white, Material.METAL, 3))
        canvas.disc(hub.x, hub.y, neck * 0.8, Paint(white, Material.METAL, 4, 40))


def _blades(hub: Pose, length: float, phase: float, root: float) -> list[Points]:
    shape = np.array(((0, root * 0.36), (length * 0.3, root * 0.42), (length, 0.7),
                      (length, -0.3), (0, -root * 0.3)))  # fmt: skip
    return [hub.child(0, 0, phase + k * 2 * math.pi / 3).at(shape) for k in range(3)]


def dam(site: Site, path: Points, width: float) -> None:
    """A concrete wall along ``path``, crest road on top, spillway chutes on its lower side."""
    rng, canvas = site.rng, site.canvas
    pale = jitter(rng, (190, 188, 180), 8)
    with canvas.instance("dam", None):
        canvas.band(path, width, Paint(shade(pale, 0.86), Material.MASONRY, width * 0.35))
        middle = len(path) // 2
        lower = strip(path, width)[: len(path)]
        for k in range(middle - 3, middle + 4, 2):
            a, b = path[k], lower[k]
            chute = np.stack((a, b + (b - a) * 0.8))
            canvas.band(chute, max(4.0, width * 0.3), Paint(shade(pale, 1.08), Material.MASONRY, 2))
        canvas.band(path, width * 0.42, Paint(shade(pale, 1.12), Material.MASONRY, width * 0.5))
        canvas.marking([path], (96, 96, 96))
        for k in range(middle - 3, middle + 5, 2):
            gate = Pose(float(path[k, 0]), float(path[k, 1]))
            canvas.polygon(gate.at(rect(width * 0.3, width * 0.3)),
                           Paint((110, 112, 116), Material.METAL, width * 0.7))  # fmt: skip
