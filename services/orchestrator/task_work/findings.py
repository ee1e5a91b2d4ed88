"""Regions of one scene as the things that files of it are written of."""

from __future__ import annotations

import math
from collections.abc import Sequence

from earthgptx.exports.findings import SceneFindings
from earthgptx.scenes.ground import Ground
from earthgptx.scenes.header import SceneHeader
from earthgptx.scenes.objects import SceneObject
from services.orchestrator.task_work.resampling import resampling_of
from services.orchestrator.task_work.shapes import shape_of
from shared.errors import InvalidInput
from shared.image_records import KeptImage
from workflow_language.region_sets import Region
from workflow_language.values import MaskPixels

# Of a thing of which nobody has said what it is.
UNLABELLED = "unlabelled"


def findings_of(regions: Sequence[Region], scene: KeptImage, field: str) -> SceneFindings:
    """The regions with their outlines and areas, numbered from 1 in their order.

    Args:
        regions: of the scene, or written out by hand in its pixels.
        scene: it; it goes by its id, for its name is not known.
        field: the task's input they are of.

    Raises:
        ImageryError: A mask is malformed, or a region reaches where the CRS has no place.
        InvalidInput: A region is of another scene.
    """
    if any(each.image_id not in ("", scene.image_id) for each in regions):
        raise InvalidInput(
            "some of what was found is of another scene", field=field, limit="one scene a file"
        )
    header = SceneHeader(**scene.record.header_fields(), name=scene.image_id)
    ground = Ground(header)
    numbered = enumerate(regions, start=1)
    things = tuple(_thing(number, each, ground) for number, each in numbered)
    return SceneFindings(header, things, resampling_of(regions, {scene.image_id: header}))


def _thing(number: int, region: Region, ground: Ground) -> SceneObject:
    shape_px = shape_of(region)
    return SceneObject(
        number,
        region.label or UNLABELLED,
        math.nan if region.score is None else region.score,
        region.caption or "",
        shape_px,
        isinstance(region.mask, MaskPixels),
        ground.area_m2(shape_px),
        tile_count=1,
    )
