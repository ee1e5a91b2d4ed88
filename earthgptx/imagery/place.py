"""Where a file says that its image lies on the earth, judged before anybody leans on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
import rasterio

from earthgptx.imagery.errors import ImageryError
from earthgptx.imagery.georeference import (
    AffineTransform,
    ground_sampling_distance_m,
    pixels_to_lonlat,
)

NO_PLACE = "coordinates are pixels of the scene (origin at its top left corner, x right, y down)"
# Finer and coarser ground sampling is taken for a wrong transform.
LEAST_GSD_M = 0.001
MOST_GSD_M = 10_000.0


@dataclass(frozen=True)
class Place:
    """Where an image lies.

    Attributes:
        transform: pixels to coordinates of the crs; None where it has no place.
        crs: "EPSG:<code>" or WKT; empty where it has none.
        gsd_m: ground sampling distance in its middle, to three digits; 0 where it is not known.
        notes: why it has no place, in words.
    """

    transform: AffineTransform | None = None
    crs: str = ""
    gsd_m: float = 0.0
    notes: tuple[str, ...] = ()


def place_of(dataset: rasterio.DatasetReader) -> Place:
    """Where an open file says that it lies.

    Raises:
        ImageryError: its pixels are absurd on the ground, or off the earth (field "image").
    """
    _refuse_absurd_pixels(_nominal_gsd_m(dataset))
    transform = cast(AffineTransform, tuple(dataset.transform)[:6])
    if dataset.crs is None or dataset.transform.is_identity:
        missing = "no CRS" if dataset.crs is None else "a CRS but no transform"
        if dataset.gcps[0] or dataset.rpcs:
            missing += " (its ground control points or RPCs are not used; warp it first)"
        return Place(notes=(f"has {missing}: {NO_PLACE}, areas are in pixels",))
    crs = crs_name(dataset.crs)
    width, height = dataset.width, dataset.height
    middle = (width / 2, height / 2)
    corners = [(0, 0), (width, 0), (width, height), (0, height), middle]
    lonlat = pixels_to_lonlat(corners, transform, crs)
    if lonlat is None:
        return Place(notes=(f"its CRS has no place on the earth there: {NO_PLACE}",))
    # A scene that crosses the antimeridian may go on to 360 degrees.
    if (np.abs(lonlat[:, 0]) > 361).any() or (np.abs(lonlat[:, 1]) > 90.001).any():
        raise ImageryError(
            "image",
            f"lies at longitude {lonlat[0, 0]:g}, latitude {lonlat[0, 1]:g}: its transform is not "
            f"in its CRS ({crs})",
            "a place on the earth",
        )
    gsd_m = ground_sampling_distance_m(middle, transform, crs)
    _refuse_absurd_pixels(gsd_m)
    return Place(transform, crs, gsd_m)


def crs_name(crs: rasterio.CRS) -> str:
    """As "EPSG:<code>", or WKT where it has no code."""
    code = crs.to_epsg()
    return f"EPSG:{code}" if code else crs.to_wkt()


def _refuse_absurd_pixels(gsd_m: float | None) -> None:
    if gsd_m is not None and not LEAST_GSD_M <= gsd_m <= MOST_GSD_M:
        raise ImageryError(
            "image",
            f"has pixels of {gsd_m:g} m on the ground: its transform or CRS is wrong",
            f"{LEAST_GSD_M:g} to {MOST_GSD_M:g} m",
        )


def _nominal_gsd_m(dataset: rasterio.DatasetReader) -> float | None:
    """By the transform alone, where the CRS is a projection.

    The ground is no help there: with absurd pixels the image leaves what the CRS can place.
    """
    if dataset.crs is None or not dataset.crs.is_projected or dataset.transform.is_identity:
        return None
    _, metres = dataset.crs.linear_units_factor
    return float(abs(dataset.transform.determinant) ** 0.5 * metres)
