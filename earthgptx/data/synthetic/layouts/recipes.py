"""The scene types, how often each is drawn, and the word each is known by."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Final, NamedTuple

from earthgptx.data.synthetic.layouts import air, land, town, transport, water
from earthgptx.data.synthetic.site import Site


class Recipe(NamedTuple):
    """A scene word, a relative weight, and the layout that draws it."""

    scene: str
    weight: float
    lay_out: Callable[[Site], None]


RECIPES: Final[tuple[Recipe, ...]] = (
    Recipe("airport", 4, air.airport_view),
    Recipe("airport", 3, air.apron_near),
    Recipe("airfield", 1, air.grass_strip),
    Recipe("sea", 2, water.open_sea),
    Recipe("coast", 2, water.coast),
    Recipe("harbor", 6, water.port),
    Recipe("river", 6, water.river),
    Recipe("river", 1, water.canal),
    Recipe("reservoir", 6, water.reservoir),
    Recipe("highway", 6, transport.interchange),
    Recipe("highway", 6, transport.tolled),
    Recipe("highway", 6, transport.rest_stop),
    Recipe("highway", 1, transport.highway_only),
    Recipe("parking lot", 1.5, transport.parking_lot),
    Recipe("railway", 6, transport.railway),
    Recipe("residential area", 3, town.residential),
    Recipe("sports complex", 4, town.court_group),
    Recipe("sports complex", 5, town.sports_ground),
    Recipe("sports complex", 2, town.diamonds),
    Recipe("sports complex", 3, town.track_near),
    Recipe("stadium", 6, town.stadium_near),
    Recipe("golf course", 6, town.golf),
    Recipe("farmland", 4, land.wind_park),
    Recipe("farmland", 2, land.farm),
    Recipe("industrial area", 4, land.tank_farm),
    Recipe("industrial area", 5, land.works),
    Recipe("forest", 2, land.forest),
    Recipe("desert", 1.5, land.desert_post),
)
SCENES: Final[tuple[str, ...]] = tuple(dict.fromkeys(recipe.scene for recipe in RECIPES))


def choose(rng: Random) -> Recipe:
    """A recipe drawn by weight."""
    return rng.choices(RECIPES, [recipe.weight for recipe in RECIPES])[0]
