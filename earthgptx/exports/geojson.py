"""GeoJSON (RFC 7946): longitude and latitude, outer rings counterclockwise, one feature a thing.

A scene without a CRS has no place on the earth: its coordinates are pixels, which a foreign member
(section 6.1) of the collection says.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from shapely.geometry import mapping

from earthgptx.exports.simpler import simpler_shape
from earthgptx.imagery.place import NO_PLACE
from earthgptx.imagery.polygons import DEFAULT_TOLERANCE_PX
from earthgptx.scenes.ground import Ground
from earthgptx.scenes.interpret import SceneResult
from earthgptx.scenes.objects import SceneObject
from earthgptx.scenes.pieces import Shape
from earthgptx.scenes.whole_file import whole_file


def write_geojson(
    result: SceneResult,
    path: Path,
    *,
    tolerance_px: float = DEFAULT_TOLERANCE_PX,
    overwrite: bool = False,
) -> None:
    """Writes the things found, feature by feature.

    Args:
        result: what was found.
        path: the file to make.
        tolerance_px: how far an outline may move; 0 keeps every corner.
        overwrite: replace a file of that name.

    Raises:
        FileExistsError: there is such a file.
        OSError: it cannot be written; nothing is left of it.
    """
    ground = Ground(result.header)
    about = {
        "scene": result.header.name,
        "coordinates": "longitude and latitude, WGS 84" if ground.is_known else NO_PLACE,
        "simplified_by_px": tolerance_px,
        "resampling": result.resampling,
    }
    with (
        whole_file(path, overwrite=overwrite) as unfinished,
        unfinished.open("w", encoding="utf-8") as file,
    ):
        file.write(f'{{"type": "FeatureCollection", "earthgptx": {json.dumps(about)},')
        file.write(' "features": [')
        for index, found in enumerate(result.objects):
            file.write(",\n" if index else "\n")
            feature = _feature(found, simpler_shape(found, tolerance_px), ground)
            file.write(json.dumps(feature, ensure_ascii=False, allow_nan=False))
        file.write("\n]}\n")


def _feature(found: SceneObject, shape_px: Shape, ground: Ground) -> dict[str, Any]:
    """A null geometry (section 3.2) only where a shape vanishes on a grid of a centimetre."""
    shape = ground.lonlat(shape_px) if ground.is_known else shape_px
    return {
        "type": "Feature",
        "id": found.number,
        "geometry": None if shape is None else mapping(shape),
        "properties": {
            "class": found.label,
            "score": round(found.score, 4),
            "area_m2": None if found.area_m2 is None else round(found.area_m2, 3),
            "area_px": round(found.area_px, 2),
            "caption": found.caption,
            "outline": "mask" if found.is_mask else "box",
            "box_xyxy_px": [round(side, 2) for side in found.box_xyxy_px],
        },
    }
