"""GeoPackage (OGC 12-128r19): one layer in the scene's own CRS, what a GIS opens as it is."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyogrio.raw
import shapely
from shapely.geometry import MultiPolygon

from earthgptx.exports.findings import Findings
from earthgptx.exports.simpler import simpler_shape
from earthgptx.imagery.place import NO_PLACE
from earthgptx.imagery.polygons import DEFAULT_TOLERANCE_PX, polygons_of
from earthgptx.scenes.ground import Ground
from earthgptx.scenes.objects import SceneObject
from earthgptx.scenes.whole_file import whole_file

LAYER = "objects"


def write_geopackage(
    result: Findings,
    path: Path,
    *,
    tolerance_px: float = DEFAULT_TOLERANCE_PX,
    overwrite: bool = False,
) -> None:
    """Writes the things found as multipolygons.

    A scene without a CRS gives pixels (y down) without a CRS, and the layer's description says so.

    Args:
        result: what was found.
        path: the file to make, ending in ".gpkg".
        tolerance_px: how far an outline may move; 0 keeps every corner.
        overwrite: replace a file of that name.

    Raises:
        FileExistsError: there is such a file.
        OSError: it cannot be written; nothing is left of it.
    """
    ground = Ground(result.header)
    objects = result.objects
    shapes = [
        MultiPolygon(polygons_of(ground.in_crs(simpler_shape(found, tolerance_px))))
        for found in objects
    ]
    fields = _fields(objects)
    place = "coordinates of the scene's CRS" if ground.is_known else NO_PLACE
    about = f"{result.header.name}: {place}; outlines simplified by {tolerance_px:g} px"
    about += f"; resampling: {result.resampling}" if result.resampling else ""
    with whole_file(path, overwrite=overwrite) as unfinished, warnings.catch_warnings():
        # That there is no CRS is said in the layer's description.
        warnings.filterwarnings("ignore", "'crs' was not provided", UserWarning)
        pyogrio.raw.write(
            unfinished,
            shapely.to_wkb(np.array(shapes, object)),
            list(fields.values()),
            list(fields),
            layer=LAYER,
            driver="GPKG",
            geometry_type="MultiPolygon",
            crs=result.header.crs or None,
            layer_options={"DESCRIPTION": about, "IDENTIFIER": LAYER},
        )


def _fields(objects: Sequence[SceneObject]) -> dict[str, npt.NDArray[Any]]:
    """The attributes, a column each; areas on unknown ground, and unknown scores, are null."""
    areas_m2 = [np.nan if found.area_m2 is None else found.area_m2 for found in objects]
    boxes_N4 = np.array([found.box_xyxy_px for found in objects], np.float64).reshape(-1, 4)
    return {
        "number": np.array([found.number for found in objects], np.int64),
        "class": np.array([found.label for found in objects], object),
        "score": np.array([found.score for found in objects], np.float64),
        "area_m2": np.array(areas_m2, np.float64),
        "area_px": np.array([found.area_px for found in objects], np.float64),
        "caption": np.array([found.caption for found in objects], object),
        "outline": np.array(["mask" if found.is_mask else "box" for found in objects], object),
        **{f"box_{side}_px": boxes_N4[:, i] for i, side in enumerate(("x0", "y0", "x1", "y1"))},
    }
