"""Surroundings: what lies under and around the labelled things."""

from __future__ import annotations

import math

import numpy as np

from earthgptx.data.synthetic.canvas import Paint
from earthgptx.data.synthetic.colours import Rgb, jitter
from earthgptx.data.synthetic.geometry import EXTENT, Points, Pose, blob, ellipse, rect
from earthgptx.data.synthetic.materials import Material
from earthgptx.data.synthetic.site import Site

GRASS: tuple[Rgb, ...] = ((98, 116, 66), (112, 122, 78), (84, 106, 60), (128, 126, 86))
FOREST: tuple[Rgb, ...] = ((48, 70, 42), (56, 80, 46), (42, 62, 44))
SOIL: tuple[Rgb, ...] = ((146, 120, 90), (128, 104, 80), (158, 136, 106))
SAND: tuple[Rgb, ...] = ((204, 178, 134), (192, 164, 122), (214, 192, 152))
CROPS: tuple[Rgb, ...] = (
    (104, 134, 62), (138, 146, 74), (174, 162, 96), (82, 112, 54), (150, 126, 88), (190, 174, 116),
)  # fmt: skip
WATER: tuple[Rgb, ...] = ((36, 66, 92), (44, 80, 92), (30, 54, 80), (52, 84, 84), (40, 88, 110))
ROAD: tuple[Rgb, ...] = ((92, 92, 94), (108, 106, 104), (80, 82, 86))
CONCRETE: tuple[Rgb, ...] = ((176, 172, 164), (162, 160, 156), (186, 184, 176))
PLAIN: tuple[Rgb, ...] = ((134, 130, 120), (122, 124, 112), (144, 136, 124))
ROOFS: tuple[Rgb, ...] = (
    (150, 84, 66), (134, 132, 130), (178, 176, 172), (112, 96, 88), (160, 110, 84), (98, 110, 124),
    (204, 202, 198), (124, 72, 58),
)  # fmt: skip
WHOLE = np.array(((-9.0, -9.0), (265.0, -9.0), (265.0, 265.0), (-9.0, 265.0)))


def cover(site: Site, material: Material, colours: tuple[Rgb, ...]) -> Rgb:
    """Fill the whole scene; returns the colour used."""
    rgb = jitter(site.rng, site.rng.choice(colours), 10)
    site.canvas.polygon(WHOLE, Paint(rgb, material))
    return rgb


def grassland(site: Site) -> None:
    """Grass with drier and greener patches."""
    cover(site, Material.GRASS, GRASS)
    for _ in range(site.rng.randint(2, 5)):
        patch = Pose(site.rng.uniform(0, 256), site.rng.uniform(0, 256)).at(
            blob(site.rng, site.rng.uniform(20, 60))
        )
        site.canvas.polygon(patch, Paint(jitter(site.rng, site.rng.choice(GRASS)), Material.GRASS))


def farmland(site: Site, angle: float | None = None) -> None:
    """Rectangular fields in a turned grid, with plough rows."""
    rng, canvas = site.rng, site.canvas
    cover(site, Material.CROP, CROPS)
    grid = Pose(128, 128, rng.uniform(0, math.pi) if angle is None else angle)
    y = -190.0
    while y < 190:
        deep = rng.uniform(30, 90)
        x = -190.0 + rng.uniform(-30, 0)
        while x < 190:
            wide = rng.uniform(40, 120)
            _field(site, grid.child(x + wide / 2, y + deep / 2), wide, deep)
            x += wide
        y += deep
    if rng.random() < 0.4:
        canvas.band(grid.at(((-200, 0), (200, 0))), 3, Paint(jitter(rng, SOIL[2]), Material.SOIL))


def _field(site: Site, pose: Pose, wide: float, deep: float) -> None:
    if math.hypot(pose.x - 128, pose.y - 128) > 190 + max(wide, deep) / 2:
        return
    rng = site.rng
    rgb = jitter(rng, rng.choice(CROPS), 10)
    material = Material.SOIL if rng.random() < 0.15 else Material.CROP
    site.canvas.polygon(
        pose.at(rect(wide - 1.5, deep - 1.5)), Paint(rgb, material, heat=rng.randint(-14, 14))
    )
    if rng.random() < 0.5:
        pitch = rng.uniform(3.5, 6.0)
        rows = np.arange(-deep / 2 + 2, deep / 2 - 1, pitch)
        paths = [pose.at(((-wide / 2 + 1, r), (wide / 2 - 1, r))) for r in rows]
        tone = rng.choice((0.88, 1.1))
        site.canvas.marking(paths, (int(rgb[0] * tone), int(rgb[1] * tone), int(rgb[2] * tone)))


def woodland(site: Site) -> None:
    """Closed forest with a clearing or two."""
    cover(site, Material.FOREST, FOREST)
    for _ in range(site.rng.randint(0, 2)):
        patch = Pose(site.rng.uniform(0, 256), site.rng.uniform(0, 256)).at(
            blob(site.rng, site.rng.uniform(14, 36))
        )
        site.canvas.polygon(patch, Paint(jitter(site.rng, GRASS[0]), Material.GRASS))


def desert(site: Site) -> None:
    """Sand with darker and rocky patches."""
    cover(site, Material.SAND, SAND)
    for _ in range(site.rng.randint(2, 6)):
        patch = Pose(site.rng.uniform(0, 256), site.rng.uniform(0, 256)).at(
            blob(site.rng, site.rng.uniform(12, 60), 0.4)
        )
        rock = site.rng.random() < 0.3
        rgb = jitter(site.rng, SOIL[0] if rock else site.rng.choice(SAND), 8)
        site.canvas.polygon(patch, Paint(rgb, Material.ROCK if rock else Material.SAND))


def sea(site: Site) -> None:
    """Open water."""
    cover(site, Material.WATER, WATER)


def water_paint(site: Site) -> Paint:
    """Water of one colour."""
    return Paint(jitter(site.rng, site.rng.choice(WATER), 6), Material.WATER)


def shore(site: Site, inland: Points, material: Material, colours: tuple[Rgb, ...]) -> None:
    """Land inside ``inland`` with a beach or rocks along its edge."""
    rng = site.rng
    beach = Paint(jitter(rng, rng.choice(SAND)), Material.SAND)
    site.canvas.polygon(inland, beach)
    middle = inland.mean(axis=0)
    site.canvas.polygon(
        (inland - middle) * 0.95 + middle, Paint(jitter(rng, rng.choice(colours)), material)
    )


def trees(site: Site, count: int, radius: tuple[float, float] = (2.5, 5.5)) -> None:
    """Single trees away from claimed places."""
    for _ in range(count):
        r = site.rng.uniform(*radius)
        x, y = site.rng.uniform(0, 256), site.rng.uniform(0, 256)
        if site.is_free(x, y, r):
            rgb = jitter(site.rng, site.rng.choice(FOREST), 12)
            site.canvas.polygon(
                Pose(x, y).at(blob(site.rng, r, 0.2, 12)), Paint(rgb, Material.TREE, r * 0.8)
            )


def pond(site: Site, radius: float) -> None:
    """A round pond: what a storage tank is not."""
    place = site.spot(radius + 3, 0)
    if place is None:
        return
    bank = Paint(jitter(site.rng, GRASS[2]), Material.GRASS)
    site.canvas.polygon(Pose(place.x, place.y).at(ellipse(radius + 2, radius + 2)), bank)
    site.canvas.polygon(Pose(place.x, place.y).at(blob(site.rng, radius, 0.06)), water_paint(site))


def building(site: Site, pose: Pose, length: float, width: float, height: float) -> None:
    """A plain building: flat, gabled, or with roof machinery. Never a labelled object."""
    rng, canvas = site.rng, site.canvas
    rgb = jitter(rng, rng.choice(ROOFS), 10)
    canvas.polygon(pose.at(rect(length, width)), Paint(rgb, Material.ROOF, height))
    style = rng.random()
    if style < 0.4:
        dark = (int(rgb[0] * 0.78), int(rgb[1] * 0.78), int(rgb[2] * 0.78))
        canvas.polygon(
            pose.at(rect(length, width / 2, 0, width / 4)), Paint(dark, Material.ROOF, height)
        )
    elif style < 0.75 and min(length, width) > 9:
        for _ in range(rng.randint(1, 4)):
            x, y = rng.uniform(-0.35, 0.35) * length, rng.uniform(-0.35, 0.35) * width
            unit = Paint(jitter(rng, (170, 170, 170), 30), Material.ROOF, height + 1.5)
            canvas.polygon(pose.at(rect(rng.uniform(2, 4), rng.uniform(2, 4), x, y)), unit)
    if style > 0.6:
        canvas.marking([pose.at(rect(length - 1, width - 1))], (214, 212, 206), closed=True)


def scattered_buildings(site: Site, count: int, length: tuple[float, float]) -> None:
    """Buildings in free places, all along one street direction."""
    heading = site.rng.uniform(0, math.pi)
    for _ in range(count):
        long = site.rng.uniform(*length)
        wide = long * site.rng.uniform(0.4, 0.9)
        place = site.spot(math.hypot(long, wide) / 2 + 2, 4, 12)
        if place is not None:
            turn = heading + site.rng.choice((0.0, math.pi / 2))
            building(site, Pose(place.x, place.y, turn), long, wide, site.rng.uniform(3, 9))


def inside_frame(x: float, y: float, margin: float = 0.0) -> bool:
    """Whether a point lies in the scene, ``margin`` away from its edges."""
    return margin <= x <= EXTENT - margin and margin <= y <= EXTENT - margin
