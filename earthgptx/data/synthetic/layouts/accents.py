"""Second subjects: small groups of other classes put into what space a layout left free.

Without them the scene type would give the objects away.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from earthgptx.data.synthetic import ground
from earthgptx.data.synthetic.canvas import Paint
from earthgptx.data.synthetic.colours import jitter
from earthgptx.data.synthetic.geometry import Pose, rect
from earthgptx.data.synthetic.layouts.traffic import parked
from earthgptx.data.synthetic.materials import Material
from earthgptx.data.synthetic.objects.roads import parking_rows
from earthgptx.data.synthetic.objects.sports import baseball_field, basketball_court, tennis_court
from earthgptx.data.synthetic.objects.works import TANK_COLOURS, chimney, storage_tank, windmill
from earthgptx.data.synthetic.site import Site


def _tennis(site: Site) -> None:
    length = site.rng.uniform(36, 46)
    place = site.spot(length * 0.58)
    if place is not None:
        tennis_court(site, place, length)


def _basketball(site: Site) -> None:
    length = site.rng.uniform(34, 42)
    place = site.spot(length * 0.6)
    if place is not None:
        basketball_court(site, place, length)


def _baseball(site: Site) -> None:
    reach = site.rng.uniform(28, 38)
    place = site.spot(reach)
    if place is not None:
        baseball_field(site, place.child(-reach * 0.62, 0), reach * 1.3)


def _tanks(site: Site) -> None:
    radius = site.rng.uniform(10, 16)
    colour = site.rng.choice(TANK_COLOURS)
    for _ in range(site.rng.randint(1, 3)):
        place = site.spot(radius * 1.2, radius * 1.2)
        if place is not None:
            storage_tank(site, place, radius, colour, site.rng.random() < 0.35)


def _windmill(site: Site) -> None:
    height = site.rng.uniform(36, 52)
    place = site.spot(height * 0.7, height * 0.5)
    if place is not None:
        back = Pose(place.x, place.y, site.conditions.sun_angle + math.pi)
        windmill(site, back.child(-height * 0.3, 0), height)


def _chimney(site: Site) -> None:
    tall = site.rng.uniform(36, 56)
    place = site.spot(tall * 0.6, tall * 0.5)
    if place is not None:
        back = Pose(place.x, place.y, site.conditions.sun_angle + math.pi)
        chimney(site, back.child(-tall * 0.3, 0), tall, site.rng.uniform(11, 15))


def _car_park(site: Site) -> None:
    """A paved lot, with or without cars: also what a court is not."""
    rng = site.rng
    car = rng.uniform(15, 19)
    long, deep = rng.uniform(46, 70), car * rng.choice((1.6, 3.7))
    place = site.spot(math.hypot(long, deep) / 2)
    if place is None:
        return
    tar = Paint(jitter(rng, rng.choice(ground.ROAD), 8), Material.ASPHALT)
    site.canvas.polygon(place.at(rect(long, deep)), tar)
    bays = parking_rows(site, place, long * 0.9, 1 if deep < car * 2 else 2, car)
    parked(site, bays, rng.choice((0, 1, 2, 3)), car * 0.95)


ACCENTS: Final[dict[str, Callable[[Site], None]]] = {
    "tennis": _tennis,
    "basketball": _basketball,
    "baseball": _baseball,
    "tanks": _tanks,
    "windmill": _windmill,
    "chimney": _chimney,
    "cars": _car_park,
}


def accents(site: Site, kinds: tuple[str, ...], share: float = 0.5) -> None:
    """With probability ``share`` draw one or two of ``kinds`` (keys of ACCENTS) in free places."""
    if site.rng.random() < share:
        for kind in site.rng.sample(kinds, min(len(kinds), site.rng.choice((1, 1, 2)))):
            ACCENTS[kind](site)
