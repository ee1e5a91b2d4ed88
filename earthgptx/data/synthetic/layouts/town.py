"""Streets, sports grounds, stadiums, golf courses."""

from __future__ import annotations

import math

from earthgptx.data.synthetic import ground
from earthgptx.data.synthetic.canvas import Paint
from earthgptx.data.synthetic.colours import jitter
from earthgptx.data.synthetic.geometry import Pose, rect, winding
from earthgptx.data.synthetic.layouts.accents import accents
from earthgptx.data.synthetic.layouts.traffic import parked, traffic
from earthgptx.data.synthetic.materials import Material
from earthgptx.data.synthetic.objects.arenas import golf_course, ground_track_field, stadium
from earthgptx.data.synthetic.objects.roads import highway, parking_rows
from earthgptx.data.synthetic.objects.sports import baseball_field, basketball_court, tennis_court
from earthgptx.data.synthetic.site import Site


def residential(site: Site) -> None:
    """Blocks of houses between streets, cars on these, perhaps a court in a block."""
    rng = site.rng
    ground.cover(site, Material.GRASS, ground.PLAIN + ground.GRASS[:2])
    grid = Pose(128, 128, rng.uniform(0, math.pi))
    block = rng.uniform(74, 128)
    street = rng.uniform(18, 28)
    site.set_scale("road", street * 2)
    streets = []
    for k in (-1.5, -0.5, 0.5, 1.5):
        for turn in (0.0, math.pi / 2):
            middle = grid.child(0, k * block) if turn == 0 else grid.child(k * block, 0)
            path = winding(rng, grid.angle + turn, 0.0, (middle.x, middle.y))
            highway(site, path, street, 2)
            streets.append(path)
    court = rng.random() < 0.5
    room = block - street * 1.3
    for row in (-1, 0, 1):
        for column in (-1, 0, 1):
            middle = grid.child(column * block, row * block)
            if court and row == column == 0:
                _block_court(site, middle, room)
            else:
                _houses(site, middle, room)
    length = max(15.0, street * 0.62)
    for path in rng.sample(streets, 3):
        traffic(site, path, street, rng.choice((0, 1, 2, 3)), length)


def _block_court(site: Site, middle: Pose, room: float) -> None:
    rng = site.rng
    length = min(room * 0.8, 74)
    if rng.random() < 0.5:
        tennis_court(site, middle, length)
    else:
        basketball_court(site, middle, length)


def _houses(site: Site, middle: Pose, room: float) -> None:
    rng = site.rng
    if not ground.inside_frame(middle.x, middle.y, -room * 0.6):
        return
    cells = max(1, int(room // rng.uniform(20, 44)))
    cell = room / cells
    for row in range(cells):
        for column in range(cells):
            at = middle.child((column + 0.5) * cell - room / 2, (row + 0.5) * cell - room / 2)
            if rng.random() < 0.8:
                long = cell * rng.uniform(0.6, 0.86)
                ground.building(site, at, long, cell * rng.uniform(0.5, 0.8), rng.uniform(3, 8))
            elif rng.random() < 0.6:
                site.canvas.disc(
                    at.x, at.y, cell * 0.2, Paint(jitter(rng, ground.FOREST[1]), Material.TREE, 3)
                )


def _park_ground(site: Site) -> None:
    if site.rng.random() < 0.35:
        ground.cover(site, Material.CONCRETE, ground.PLAIN)
    else:
        ground.grassland(site)


def court_group(site: Site) -> None:
    """A block of equal tennis or basketball courts side by side, or a mixed pair of blocks."""
    rng = site.rng
    _park_ground(site)
    kinds = rng.choice((("tennis",), ("basketball",), ("basketball",), ("tennis", "basketball")))
    heading = rng.uniform(0, math.pi)
    length = rng.uniform(44, 74) if len(kinds) == 1 else rng.uniform(36, 52)
    site.set_scale("tennis court", length)
    for k, kind in enumerate(kinds):
        shift = (k - (len(kinds) - 1) / 2) * (length + 26)
        middle = Pose(128, 128, heading).child(shift, rng.uniform(-14, 14))
        pitch = length * 0.5 * rng.uniform(1.06, 1.22)
        count = rng.randint(1, 5) if length < 56 else rng.randint(1, 3)
        double = len(kinds) == 1 and length < 64 and rng.random() < 0.4
        shared = None if rng.random() < 0.3 else rng.choice(("green", "blue", "red", "orange"))
        for row in range(2 if double else 1):
            for n in range(count):
                dx = (row - 0.5) * length * 1.12 if double else 0.0
                at = middle.child(dx, (n - (count - 1) / 2) * pitch)
                if not ground.inside_frame(at.x, at.y, length * 0.36):
                    continue
                site.claim(at.x, at.y, length * 0.56)
                if kind == "tennis":
                    tennis_court(site, at, length, shared)
                else:
                    basketball_court(site, at, length * 0.86)
    ground.scattered_buildings(site, rng.randint(0, 6), (12, 28))
    ground.trees(site, rng.randint(0, 24))


def sports_ground(site: Site) -> None:
    """Several different fields spread over a park."""
    rng = site.rng
    _park_ground(site)
    site.set_scale("ground track field", 110)
    wanted = rng.sample(
        ("track", "baseball", "tennis", "basketball", "baseball"), rng.randint(2, 4)
    )
    for kind in sorted(wanted, key=("track", "baseball", "tennis", "basketball").index):
        reach = {"track": rng.uniform(50, 66), "baseball": rng.uniform(34, 48)}.get(
            kind, rng.uniform(22, 30)
        )
        place = site.spot(reach)
        if place is None:
            continue
        if kind == "track":
            ground_track_field(site, place, reach * 1.9)
        elif kind == "baseball":
            baseball_field(site, place.child(-reach * 0.62, 0), reach * 1.32)
        elif kind == "tennis":
            tennis_court(site, place, reach * 1.7)
        else:
            basketball_court(site, place, reach * 1.6)
    ground.scattered_buildings(site, rng.randint(0, 4), (12, 26))
    ground.trees(site, rng.randint(0, 24))


def diamonds(site: Site) -> None:
    """One large or several small baseball fields."""
    rng = site.rng
    _park_ground(site)
    count = rng.choice((1, 1, 2, 3, 4))
    reach = rng.uniform(60, 92) if count == 1 else rng.uniform(38, 52)
    site.set_scale("baseball field", reach * 1.3)
    for _ in range(count):
        place = site.spot(reach)
        if place is not None:
            baseball_field(site, place.child(-reach * 0.64, 0), reach * 1.34)
    ground.trees(site, rng.randint(0, 24))
    ground.scattered_buildings(site, rng.randint(0, 4), (10, 24))


def track_near(site: Site) -> None:
    """A running track filling much of the picture, school buildings around."""
    rng = site.rng
    _park_ground(site)
    length = rng.uniform(120, 210)
    site.set_scale("ground track field", length)
    middle = Pose(rng.uniform(108, 148), rng.uniform(108, 148), rng.uniform(0, math.pi))
    ground_track_field(site, middle, length)
    site.claim(middle.x, middle.y, length * 0.5)
    if rng.random() < 0.5:
        place = site.spot(20)
        if place is not None:
            basketball_court(site, Pose(place.x, place.y, middle.angle), 36)
    accents(site, ("tennis", "baseball", "cars"), 0.5)
    ground.scattered_buildings(site, rng.randint(2, 9), (14, 36))
    ground.trees(site, rng.randint(0, 20))


def stadium_near(site: Site) -> None:
    """A stadium with its parking lots."""
    rng = site.rng
    ground.cover(site, Material.CONCRETE, ground.PLAIN)
    length = rng.uniform(120, 180)
    site.set_scale("stadium", length)
    middle = Pose(rng.uniform(104, 152), rng.uniform(104, 152), rng.uniform(0, math.pi))
    lot = middle.child(0, length * 0.62)
    site.canvas.polygon(lot.at(rect(170, 56)), Paint(jitter(rng, ground.ROAD[0]), Material.ASPHALT))
    bays = parking_rows(site, lot, 160, 2, 15)
    stadium(site, middle, length)
    parked(site, bays, rng.choice((0, 0, 2, 4, 6)), 14.5)
    site.claim(middle.x, middle.y, length * 0.56)
    site.claim(lot.x, lot.y, 70)
    if rng.random() < 0.3:
        place = site.spot(36)
        if place is not None:
            ground_track_field(site, place, 68)
    accents(site, ("tennis", "basketball", "baseball", "cars"), 0.5)
    ground.scattered_buildings(site, rng.randint(0, 6), (14, 32))
    ground.trees(site, rng.randint(4, 26))


def golf(site: Site) -> None:
    """A golf course in woods or grassland, perhaps a club house."""
    rng = site.rng
    (ground.woodland if rng.random() < 0.55 else ground.grassland)(site)
    radius = rng.uniform(84, 124)
    site.set_scale("golf course", radius * 2)
    middle = Pose(rng.uniform(104, 152), rng.uniform(104, 152), rng.uniform(0, math.pi))
    golf_course(site, middle, radius, rng.randint(2, 4))
    site.claim(middle.x, middle.y, radius)
    accents(site, ("tennis", "tennis", "cars", "windmill"), 0.5)
    ground.scattered_buildings(site, rng.randint(0, 4), (12, 24))
