"""Seas, harbors, rivers with bridges, reservoirs behind dams."""

from __future__ import annotations

import math

import numpy as np

from earthgptx.data.synthetic import ground
from earthgptx.data.synthetic.canvas import Paint
from earthgptx.data.synthetic.colours import jitter
from earthgptx.data.synthetic.geometry import Points, Pose, blob, offset, winding
from earthgptx.data.synthetic.layouts.accents import accents
from earthgptx.data.synthetic.layouts.traffic import traffic
from earthgptx.data.synthetic.materials import Material
from earthgptx.data.synthetic.objects.marine import harbor, ship
from earthgptx.data.synthetic.objects.roads import bridge, highway
from earthgptx.data.synthetic.objects.works import dam
from earthgptx.data.synthetic.site import Site


def open_sea(site: Site) -> None:
    """Ships on open water, near and few or far and many."""
    rng = site.rng
    ground.sea(site)
    count = rng.choice((1, 1, 2, 3, 4, 5, 6, 7, 8, 9))
    length = rng.uniform(32, 52) if count > 3 else rng.uniform(34, 110)
    site.set_scale("ship", length)
    heading = rng.uniform(-math.pi, math.pi)
    together = rng.random() < 0.4
    for _ in range(count):
        own = max(26.0, length * rng.uniform(0.7, 1.25))
        place = site.spot(own * 0.52)
        if place is not None:
            turn = heading + rng.uniform(-0.1, 0.1) if together else place.angle
            ship(site, Pose(place.x, place.y, turn), own, rng.random() < 0.45)


def coast(site: Site) -> None:
    """A shore with a beach, ships off it, perhaps buildings on land."""
    rng = site.rng
    ground.sea(site)
    angle = rng.uniform(-math.pi, math.pi)
    edge = Pose(128, 128, angle).child(rng.uniform(15, 60), 0)
    wave = np.linspace(-220, 220, 30)
    curve = 12 * np.sin(wave / rng.uniform(22, 50)) + 8 * np.sin(wave / 17)
    land = np.stack((curve, wave), axis=1)
    inland = edge.at(np.concatenate((land, ((300, 220), (300, -220)))))
    ground.shore(
        site,
        inland,
        *rng.choice(((Material.GRASS, ground.GRASS), (Material.FOREST, ground.FOREST))),
    )
    for step in range(9):
        shore = edge.child(62 + rng.uniform(-5, 5), (step - 4) * 45)
        site.claim(shore.x, shore.y, 55)
    length = rng.uniform(30, 58)
    site.set_scale("ship", length)
    for _ in range(rng.randint(1, 6)):
        place = site.spot(length * 0.55, tries=40)
        if place is not None:
            ship(site, place, length * rng.uniform(0.85, 1.2), rng.random() < 0.4)
    site.taken.clear()
    for step in range(9):
        shore = edge.child(-46, (step - 4) * 45)
        site.claim(shore.x, shore.y, 62)
    accents(site, ("tanks", "windmill", "cars", "tennis"), 0.5)
    ground.scattered_buildings(site, rng.randint(0, 7), (9, 20))


def port(site: Site) -> None:
    """A quay with piers or moles, ships alongside and some under way."""
    rng = site.rng
    ground.sea(site)
    marina = rng.random() < 0.5
    quay = Pose(128, 128, rng.choice((0.0, 1.571, 3.142, -1.571)) + rng.uniform(-0.4, 0.4)).child(
        rng.uniform(-20, 20), rng.uniform(22, 60)
    )
    town = jitter(rng, rng.choice(ground.PLAIN), 8)
    back = np.array(((-300.0, 20), (300, 20), (300, 400), (-300, 400)))
    site.canvas.polygon(quay.at(back), Paint(town, Material.CONCRETE))
    berths = harbor(site, quay, marina)
    length = rng.uniform(24, 28) if marina else rng.uniform(38, 56)
    site.set_scale("ship", length * (2.5 if marina else 0.5))
    rng.shuffle(berths)
    wanted = rng.randint(0, 9) if marina else rng.randint(0, 4)
    for berth in berths:
        if wanted and ground.inside_frame(berth.x, berth.y, length * 0.5):
            ship(site, berth, length * rng.uniform(0.85, 1.0))
            wanted -= 1
    if rng.random() < 0.4:
        away = quay.child(rng.uniform(-70, 70), -rng.uniform(118, 140), 0.3)
        if ground.inside_frame(away.x, away.y, length * 0.55):
            ship(site, away, max(20.0, length), True)
    for step in range(-4, 5):
        line = quay.child(step * 40, 0)
        site.claim(line.x, line.y, 48)
        outer = quay.child(step * 60, -110)
        site.claim(outer.x, outer.y, 80)
    accents(site, ("tanks", "tanks", "cars", "chimney"), 0.5)
    ground.scattered_buildings(site, rng.randint(2, 8), (14, 34))


def _land(site: Site) -> None:
    site.rng.choice((ground.grassland, ground.farmland, ground.woodland, ground.grassland))(site)


def _river_at(site: Site, path: Points, width: float) -> None:
    rng = site.rng
    site.canvas.band(path, width * 1.16, Paint(jitter(rng, ground.SOIL[2]), Material.SOIL))
    site.canvas.band(path, width, ground.water_paint(site))


def river(site: Site) -> None:
    """A river crossed by one or two bridges with their roads, traffic and boats."""
    rng = site.rng
    _land(site)
    angle = rng.uniform(0, math.pi)
    path = winding(rng, angle, rng.uniform(4, 16))
    width = rng.uniform(46, 88)
    site.set_scale("road", rng.uniform(12, 22))
    _river_at(site, path, width)
    deck = rng.uniform(17, 30)
    crossings = rng.choice((1, 1, 1, 2))
    for k in range(crossings):
        slide = (k - (crossings - 1) / 2) * 105 + rng.uniform(-22, 22)
        middle = Pose(128, 128, angle).child(slide, 0)
        nearest = path[int(np.argmin(np.hypot(*(path - (middle.x, middle.y)).T)))]
        across = Pose(
            float(nearest[0]), float(nearest[1]), angle + math.pi / 2 + rng.uniform(-0.2, 0.2)
        )
        _bridged_road(site, across, width, deck)
    for _ in range(rng.choice((0, 0, 1, 2))):
        at = path[rng.randint(6, 17)]
        if ground.inside_frame(at[0], at[1], 16) and site.is_free(at[0], at[1], 18):
            site.claim(at[0], at[1], 20)
            ship(site, Pose(float(at[0]), float(at[1]), angle), rng.uniform(28, 42), True)
    for step in path[::2]:
        site.claim(float(step[0]), float(step[1]), width * 0.62)
    accents(site, ("tennis", "tanks", "cars", "windmill", "baseball", "chimney"), 0.5)
    ground.scattered_buildings(site, rng.randint(0, 8), (9, 20))
    if rng.random() < 0.7:
        ground.trees(site, rng.randint(5, 20))


def _bridged_road(site: Site, across: Pose, width: float, deck: float) -> None:
    rng = site.rng
    road = across.at(np.stack((np.linspace(-260, 260, 8), np.zeros(8)), axis=1))
    shore = width / 2 + 6
    for side in (-1, 1):
        leg = across.at(np.array(((side * shore, 0.0), (side * 160, 0.0), (side * 300, 0.0))))
        highway(site, leg, deck * 0.9, 2 if deck < 22 else 4)
    bridge(site, across, width * rng.uniform(1.2, 1.4), deck)
    traffic(site, road, deck * 0.8, rng.choice((0, 0, 1, 2, 3)), max(15.0, deck * 0.66))
    for k in range(-4, 5):
        step = across.child(k * 22, 0)
        site.claim(step.x, step.y, deck * 0.75 + 3)


def reservoir(site: Site) -> None:
    """A dam wall across a valley: wide water above it, a narrow stream below."""
    rng = site.rng
    (ground.woodland if rng.random() < 0.6 else ground.grassland)(site)
    wall = Pose(128, 128, rng.uniform(-math.pi, math.pi)).child(rng.uniform(-18, 18), 0)
    half = rng.uniform(58, 92)
    bank = Paint(jitter(rng, ground.SOIL[0]), Material.SOIL)
    lake_outline = blob(rng, 1.0, 0.12) * (half * 1.25, half * 1.15)
    lake_middle = wall.child(-half * 1.02, 0)
    water = ground.water_paint(site)
    site.canvas.polygon(lake_middle.at(lake_outline * 1.06), bank)
    site.canvas.polygon(lake_middle.at(lake_outline), water)
    t = np.linspace(0, 260, 12)
    sway = rng.uniform(4, 14) * np.sin(t / 40)
    stream = wall.at(np.stack((t, sway), axis=1))
    valley = np.array(((2.0, -half * 0.8), (2.0, half * 0.8), (70.0, 14.0), (70.0, -14.0)))
    site.canvas.polygon(wall.at(valley), Paint(jitter(rng, ground.GRASS[3]), Material.GRASS))
    site.canvas.band(stream, rng.uniform(15, 24), water)
    bow = rng.choice((0.0, rng.uniform(8, 24)))
    y = np.linspace(-half, half, 15)
    crest = wall.at(np.stack((-bow * np.cos(y / half * math.pi / 2), y), axis=1)[::-1])
    site.set_scale("road", 9)
    dam(site, crest, rng.uniform(13, 22))
    if rng.random() < 0.4:
        _bridged_road(
            site, wall.child(rng.uniform(62, 88), 0, math.pi / 2), 26, rng.uniform(17, 22)
        )
    site.claim(wall.x, wall.y, half)
    site.claim(lake_middle.x, lake_middle.y, half * 1.2)
    site.claim(*wall.child(90, 0)[:2], 36)
    accents(site, ("windmill", "tanks", "cars", "baseball"), 0.35)
    if rng.random() < 0.25:
        boat = lake_middle.child(-half * 0.2, 0, rng.uniform(-3, 3))
        if ground.inside_frame(boat.x, boat.y, 14):
            ship(site, boat, rng.uniform(26, 38), True)


def canal(site: Site) -> None:
    """A straight waterway with ships in line, roads on its banks."""
    rng = site.rng
    _land(site)
    angle = rng.uniform(0, math.pi)
    path = winding(rng, angle, 0.0)
    width = rng.uniform(60, 100)
    _river_at(site, path, width)
    bank = offset(path, (width * 0.58 + 14) * rng.choice((-1, 1)))
    highway(site, bank, rng.uniform(10, 14), 2)
    length = rng.uniform(30, 64)
    site.set_scale("ship", length)
    lane = Pose(128, 128, angle)
    for k in range(rng.randint(1, 4)):
        at = lane.child((k - 1.5) * length * 1.5, rng.uniform(-0.2, 0.2) * width)
        if ground.inside_frame(at.x, at.y, length * 0.4):
            ship(site, Pose(at.x, at.y, angle), length, rng.random() < 0.5)
