"""Running tracks, stadiums and golf courses."""

from __future__ import annotations

import math

import numpy as np

from earthgptx.data.synthetic import ground
from earthgptx.data.synthetic.canvas import Paint
from earthgptx.data.synthetic.colours import Rgb, jitter, paint_for, shade
from earthgptx.data.synthetic.geometry import Points, Pose, blob, ellipse, oval, rect, rounded
from earthgptx.data.synthetic.materials import Material
from earthgptx.data.synthetic.objects.sports import FENCE, WHITE
from earthgptx.data.synthetic.site import Site


def pitch(site: Site, pose: Pose, length: float, width: float) -> None:
    """Mown football pitch with its lines."""
    rng, canvas = site.rng, site.canvas
    turf = jitter(rng, (84, 142, 66), 12)
    canvas.polygon(pose.at(rect(length, width)), Paint(turf, Material.TURF))
    stripes = 8
    pale = Paint(shade(turf, 1.12), Material.TURF)
    for k in range(0, stripes, 2):
        x = -length / 2 + (k + 0.5) * length / stripes
        canvas.polygon(pose.at(rect(length / stripes, width, x)), pale)
    lines = [
        pose.at(rect(length * 0.94, width * 0.9)),
        pose.at(ellipse(width * 0.14, width * 0.14)),
    ]
    for s in (-1, 1):
        lines.append(pose.at(rect(length * 0.14, width * 0.5, s * length * 0.4)))
    canvas.marking(lines, WHITE, closed=True)
    canvas.marking([pose.at(((0, -width * 0.45), (0, width * 0.45)))], WHITE)


def ground_track_field(site: Site, pose: Pose, length: float) -> None:
    """Oval running track with lanes around a pitch; no stands."""
    rng, canvas = site.rng, site.canvas
    rubber = paint_for(rng, rng.choice(("red", "red", "red", "brown", "orange", "blue")))
    rubber = shade(rubber, 0.92)
    width = length * rng.uniform(0.5, 0.56)
    lanes = length * 0.075
    with canvas.instance("ground track field"):
        canvas.polygon(pose.at(oval(length, width)), Paint(rubber, Material.TRACK))
        rings = [
            pose.at(oval(length - 2 * d, width - 2 * d))
            for d in np.linspace(0.0, lanes, max(3, min(6, int(lanes / 2.2))))
        ]
        canvas.marking(rings, (232, 214, 206), closed=True)
        canvas.wire([pose.at(oval(length, width))], FENCE, closed=True)
        inner_long, inner_wide = length - 2 * lanes, width - 2 * lanes
        grass = Paint(jitter(rng, (96, 138, 74), 10), Material.TURF)
        canvas.polygon(pose.at(oval(inner_long, inner_wide)), grass)
        pitch(site, pose, inner_long * 0.66, inner_wide * 0.86)


def stadium(site: Site, pose: Pose, length: float) -> None:
    """High stands, often roofed, in a closed ring or two sides around a pitch."""
    rng, canvas = site.rng, site.canvas
    width = length * rng.uniform(0.72, 0.86)
    roof_word = rng.choice(("white", "grey", "white", "blue", "red"))
    roof = paint_for(rng, roof_word)
    seats = paint_for(rng, rng.choice(("blue", "red", "grey", "orange", "yellow", "green")))
    tall = length * 0.09
    outline = _bowl(rng.random() < 0.5, length, width)
    with canvas.instance("stadium"):
        canvas.polygon(pose.at(outline), Paint(roof, Material.ROOF, tall))
        ribs = [
            pose.at(np.stack((outline[k] * 0.76, outline[k])))
            for k in range(0, len(outline), max(1, len(outline) // 26))
        ]
        canvas.marking(ribs, shade(roof, 0.66))
        for k, grow in enumerate((0.80, 0.73, 0.66)):
            rgb = shade(seats, 1.05 - 0.16 * k)
            canvas.polygon(
                pose.at(outline * grow), Paint(rgb, Material.STANDS, tall * (0.6 - 0.2 * k))
            )
        canvas.polygon(pose.at(outline * 0.60), Paint((120, 124, 112), Material.TURF))
        pitch(site, pose, length * 0.45, width * 0.40)


def _bowl(round_one: bool, length: float, width: float) -> Points:
    if round_one:
        return ellipse(length / 2, width / 2, n=44)
    return rounded(length, width, width * 0.32)


def golf_course(site: Site, pose: Pose, radius: float, holes: int) -> None:
    """Rough with pale fairways, putting greens, bunkers and a pond, all one object."""
    rng, canvas = site.rng, site.canvas
    rough = jitter(rng, (88, 120, 64), 8)
    fairway: Rgb = jitter(rng, (128, 172, 84), 8)
    with canvas.instance("golf course"):
        canvas.polygon(pose.at(blob(rng, radius, 0.14)), Paint(rough, Material.GRASS))
        lane = radius * 1.5 / holes
        for k in range(holes):
            y = (k - (holes - 1) / 2) * lane
            half = 0.78 * math.sqrt(max(0.1, radius**2 - y**2))
            _hole(site, pose.child(0, y, rng.uniform(-0.12, 0.12)), half, lane, fairway)
        if rng.random() < 0.7:
            wet = pose.child(rng.uniform(-0.4, 0.4) * radius, lane * rng.choice((-0.5, 0.5)))
            canvas.polygon(
                wet.at(blob(rng, radius * 0.12)), Paint(jitter(rng, ground.WATER[1]), Material.POOL)
            )
        for k in range(holes - 1):
            y = (k - (holes - 2) / 2) * lane
            for x in np.arange(-0.7 * radius, 0.7 * radius, 9):
                if rng.random() < 0.6:
                    tree = pose.child(x + rng.uniform(-3, 3), y + rng.uniform(-2, 2))
                    canvas.disc(
                        tree.x, tree.y, rng.uniform(2, 4),
                        Paint(jitter(rng, ground.FOREST[1]), Material.TREE, 2.5),
                    )  # fmt: skip


def _hole(site: Site, pose: Pose, half: float, lane: float, fairway: Rgb) -> None:
    rng, canvas = site.rng, site.canvas
    t = np.linspace(-half, half, 12)
    bend = rng.uniform(-0.22, 0.22) * lane * np.sin(t / half * 2)
    canvas.band(pose.at(np.stack((t, bend), axis=1)), lane * 0.46, Paint(fairway, Material.TURF))
    end = rng.choice((-1, 1))
    green = pose.child(end * half, 0)
    size = lane * 0.26
    canvas.polygon(
        green.at(blob(rng, size, 0.12)), Paint(shade(fairway, 1.16), Material.TURF, heat=-16)
    )
    sand = Paint(jitter(rng, (232, 218, 178), 6), Material.SAND)
    for _ in range(rng.randint(2, 4)):
        a, far = rng.uniform(0, 6.3), size * rng.uniform(1.3, 1.7)
        bunker = green.child(far * math.cos(a), far * math.sin(a))
        canvas.polygon(bunker.at(blob(rng, max(2.6, size * 0.42), 0.3)), sand)
    flag = green.child(0, 0)
    canvas.disc(flag.x, flag.y, 0.9, Paint((240, 240, 236), Material.FENCE, 2))
