"""Airports from afar and aprons from near."""

from __future__ import annotations

import math

from earthgptx.data.synthetic import ground
from earthgptx.data.synthetic.canvas import Paint
from earthgptx.data.synthetic.colours import jitter
from earthgptx.data.synthetic.geometry import Pose, rect
from earthgptx.data.synthetic.materials import Material
from earthgptx.data.synthetic.objects.aviation import airplane, airport
from earthgptx.data.synthetic.objects.roads import vehicle
from earthgptx.data.synthetic.site import Site


def _parked(site: Site, row: Pose, count: int, length: float, pitch: float) -> None:
    kind = site.rng.choice(("airliner", "airliner", "prop", "delta", None))
    turn = site.rng.choice((-1, 1)) * math.pi / 2 + site.rng.uniform(-0.3, 0.3)
    for k in range(count):
        place = row.child((k - (count - 1) / 2) * pitch, 0, turn)
        reach = length * 0.55
        if ground.inside_frame(place.x, place.y, reach * 0.8) and site.is_free(
            place.x, place.y, reach * 0.8
        ):
            site.claim(place.x, place.y, reach * 0.8)
            airplane(site, place, length * site.rng.uniform(0.92, 1.08), kind)


def airport_view(site: Site) -> None:
    """Runway, taxiway and apron with parked airplanes, and perhaps one on the runway."""
    rng = site.rng
    (ground.desert if rng.random() < 0.2 else ground.grassland)(site)
    length = rng.uniform(22, 38)
    site.set_scale("airplane", length)
    axis = Pose(128, 128, rng.uniform(-math.pi, math.pi)).child(rng.uniform(-20, 20), -62)
    apron = airport(site, axis, rng.uniform(15, 24), length * 1.5)
    _parked(site, apron, rng.randint(0, 5), length, length * 1.25)
    if rng.random() < 0.35:
        spot = axis.child(rng.uniform(-40, 40), 0)
        if ground.inside_frame(spot.x, spot.y, length * 0.6):
            airplane(site, spot, length)
    for _ in range(4):
        site.claim(apron.x, apron.y, 100)
    ground.trees(site, rng.randint(0, 14))


def apron_near(site: Site) -> None:
    """A paved apron filling most of the picture, airplanes in one or two rows."""
    rng = site.rng
    ground.grassland(site)
    rows = rng.choice((1, 1, 2))
    length = rng.uniform(46, 86) if rows == 1 else rng.uniform(34, 54)
    site.set_scale("airplane", length)
    middle = Pose(128, 128, rng.uniform(-math.pi, math.pi))
    pale = jitter(rng, rng.choice(ground.CONCRETE), 10)
    canvas = site.canvas
    with canvas.instance("airport"):
        slab = rect(400, rng.uniform(190, 240))
        canvas.polygon(middle.at(slab), Paint(pale, Material.CONCRETE))
        joints = [middle.at(((-200, y), (200, y))) for y in range(-80, 81, 20)]
        canvas.marking(joints, jitter(rng, pale, 4))
        canvas.marking([middle.at(((-200, 0), (200, 0)))], (210, 180, 60))
    count = rng.randint(1, 4) if rows == 1 else rng.randint(2, 4)
    for row in range(rows):
        y = (row - (rows - 1) / 2) * length * 1.5
        _parked(site, middle.child(0, y), count, length, length * rng.uniform(1.1, 1.3))
    for _ in range(rng.choice((0, 0, 1, 2))):
        place = site.spot(9, 16)
        if place is not None:
            vehicle(site, place, rng.uniform(14, 18), "truck")


def grass_strip(site: Site) -> None:
    """A small field with airplanes parked on bare ground: no airport in sight."""
    rng = site.rng
    (ground.desert if rng.random() < 0.6 else ground.grassland)(site)
    length = rng.uniform(30, 70)
    site.set_scale("airplane", length)
    for _ in range(rng.randint(1, 6)):
        place = site.spot(length * 0.56)
        if place is not None:
            airplane(site, place, length * rng.uniform(0.85, 1.15))
    ground.scattered_buildings(site, rng.randint(0, 3), (14, 30))
    ground.trees(site, rng.randint(0, 8))
