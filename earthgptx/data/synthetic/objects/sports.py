"""Courts and diamonds with their real line markings."""

from __future__ import annotations

import math

import numpy as np

from earthgptx.data.synthetic.canvas import Paint
from earthgptx.data.synthetic.colours import Rgb, jitter, mixed, paint_for
from earthgptx.data.synthetic.geometry import Points, Pose, arc, ellipse, moved, rect
from earthgptx.data.synthetic.materials import Material
from earthgptx.data.synthetic.site import Site

WHITE: Rgb = (236, 236, 232)
FENCE = Paint((96, 102, 98), Material.FENCE, 1.2)
COURT_COLOURS = ("green", "green", "blue", "blue", "red", "orange", "brown", "grey")


def tennis_court(site: Site, pose: Pose, length: float, colour: str | None = None) -> None:
    """A fenced court, ``length`` fence to fence; singles and doubles lines, service boxes, net."""
    rng, canvas = site.rng, site.canvas
    word = colour or rng.choice(COURT_COLOURS)
    rgb = paint_for(rng, word)
    width = length * 0.5
    play, side = length * 0.66, length * 0.305
    with canvas.instance("tennis court", word):
        canvas.polygon(pose.at(rect(length, width)), Paint(rgb, Material.COURT))
        inner = jitter(rng, rgb, 10)
        canvas.polygon(pose.at(rect(play, side)), Paint(inner, Material.COURT, heat=6))
        singles, service = side * 0.375, play * 0.27
        lines = [pose.at(((-play / 2, s * singles), (play / 2, s * singles))) for s in (-1, 1)]
        lines += [pose.at(((s * service, -singles), (s * service, singles))) for s in (-1, 1)]
        lines.append(pose.at(((-service, 0), (service, 0))))
        canvas.marking([pose.at(rect(play, side))], WHITE, closed=True)
        canvas.marking(lines, WHITE)
        net = [pose.at(((0, -side * 0.56), (0, side * 0.56)))]
        canvas.wire(net, Paint((58, 60, 60), Material.FENCE, 0.8))
        canvas.wire([pose.at(rect(length, width))], FENCE, closed=True)


def basketball_court(site: Site, pose: Pose, length: float) -> None:
    """Painted floor with keys, arcs and centre circle; a hoop on a post at either end."""
    rng, canvas = site.rng, site.canvas
    word = rng.choice(("orange", "orange", "brown", "green", "blue", "red", "grey"))
    rgb = paint_for(rng, word)
    key_word = rng.choice([c for c in ("red", "blue", "green", "orange", "grey") if c != word])
    key = paint_for(rng, key_word)
    # On a small court whole-pixel lines would outshine the paint that gives the colour word.
    line = mixed(WHITE, rgb, 0.5 if length < 44 else 0.2)
    width = length * 0.56
    with canvas.instance("basketball court", word):
        canvas.polygon(pose.at(rect(length, width)), Paint(rgb, Material.COURT))
        reach, half = length * 0.17, length * 0.47
        three: list[Points] = []
        for s in (-1, 1):
            lane = rect(reach, width * 0.28, s * (half - reach / 2))
            canvas.polygon(pose.at(lane), Paint(key, Material.COURT, heat=-10))
            three.append(pose.at(lane))
            turn = 0.0 if s < 0 else math.pi
            bow = moved(arc(width * 0.42, turn - math.pi / 2, turn + math.pi / 2, 12), s * half, 0)
            three.append(pose.at(bow))
        canvas.marking(three, line)
        border = [
            pose.at(rect(length * 0.94, width * 0.92)),
            pose.at(ellipse(width * 0.12, width * 0.12)),
        ]
        canvas.marking(border, line, closed=True)
        canvas.marking([pose.at(((0, -width * 0.46), (0, width * 0.46)))], line)
        hoop = Paint((226, 226, 222), Material.METAL, 2.5)
        for s in (-1, 1):
            board = rect(max(1.6, length * 0.02), max(4.0, width * 0.14), s * length * 0.475)
            canvas.polygon(pose.at(board), hoop)
            end = s * length / 2
            canvas.wire([pose.at(((end, -width / 2), (end, width / 2)))], FENCE)


def baseball_field(site: Site, pose: Pose, radius: float) -> None:
    """A quarter-circle field with its home plate at the pose, outfield along the local x axis."""
    rng, canvas = site.rng, site.canvas
    turf = jitter(rng, (92, 136, 70), 12)
    dirt = jitter(rng, rng.choice(((176, 122, 78), (188, 142, 96), (160, 104, 66))), 8)
    quarter = math.pi / 4
    fan = np.concatenate((((-radius * 0.08, 0.0),), arc(radius, -quarter, quarter, 18)))
    infield = np.concatenate((((-radius * 0.05, 0.0),), arc(radius * 0.56, -quarter, quarter, 12)))
    diamond = np.array(((0.07, 0), (0.27, 0.2), (0.47, 0), (0.27, -0.2)))
    with canvas.instance("baseball field"):
        canvas.polygon(pose.at(fan), Paint(turf, Material.TURF))
        canvas.polygon(pose.at(infield), Paint(dirt, Material.SOIL))
        canvas.disc(pose.x, pose.y, radius * 0.11, Paint(dirt, Material.SOIL))
        canvas.polygon(pose.at(diamond, radius), Paint(turf, Material.TURF))
        mound = pose.child(radius * 0.27, 0)
        canvas.disc(mound.x, mound.y, max(1.6, radius * 0.035), Paint(dirt, Material.SOIL))
        foul = [
            pose.at(((0, 0), (math.cos(a) * radius, math.sin(a) * radius)))
            for a in (-quarter, quarter)
        ]
        canvas.marking(foul, WHITE)
        for x, y in ((0.07, 0), (0.27, 0.2), (0.47, 0), (0.27, -0.2)):
            base = pose.child(x * radius, y * radius)
            canvas.disc(base.x, base.y, max(0.8, radius * 0.014), Paint(WHITE, Material.SOIL))
        canvas.wire([pose.at(arc(radius, -quarter, quarter, 18))], FENCE, 1.4)
        backstop = arc(radius * 0.13, math.pi - 1.0, math.pi + 1.0, 8)
        canvas.wire([pose.at(backstop)], FENCE, 1.4)
