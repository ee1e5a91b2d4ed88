"""export_geopackage, export_mask_cog: what was found in one scene, on the scene's own grid."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from rasterio.windows import Window

from earthgptx.exports.mask_cog import HasGaps, write_mask_cog
from earthgptx.imagery.read import ValidHW
from services.orchestrator.task_work.arguments import Arguments, number_in, regions_in, view_in
from services.orchestrator.task_work.context import TaskContext
from services.orchestrator.task_work.findings import findings_of
from shared.errors import InvalidInput, StageUnavailable
from shared.image_records import KeptImage
from shared.tensors.files import LIMIT_BYTES
from workflow_language.region_sets import Region
from workflow_language.values import Value

GEOPACKAGE = "application/geopackage+sqlite3"
COG = "image/tiff; application=geotiff; profile=cloud-optimized"
# It is written part by part; more would keep the one drawing thread from everybody else.
MOST_COG_PIXELS = 1_000_000_000

# Opened by the thread that draws: a scene is of one thread.
OpenGaps = Callable[[], AbstractContextManager[HasGaps]]


async def export_geopackage(context: TaskContext, arguments: Arguments) -> Mapping[str, Value]:
    """Writes regions of one scene as a layer in its CRS; in pixels, and so said, without one."""
    scene = await context.image(view_in(arguments, "scene").image_id)
    regions, tolerance_px = regions_in(arguments, "regions"), number_in(arguments, "simplify_px")
    data = await context.draw(_geopackage, regions, scene, tolerance_px)
    return {"file": await context.write(".gpkg", GEOPACKAGE, data)}


async def export_mask_cog(context: TaskContext, arguments: Arguments) -> Mapping[str, Value]:
    """Writes masks of one scene as classes on its pixels, the smaller above the larger."""
    view, masks = view_in(arguments, "scene"), regions_in(arguments, "masks")
    if view.width_px * view.height_px > MOST_COG_PIXELS:
        raise InvalidInput(
            f"the scene is {view.width_px} x {view.height_px} px",
            field="scene",
            limit=f"{MOST_COG_PIXELS} px; export_geopackage writes outlines of larger scenes",
        )
    scene = await context.image(view.image_id)
    gaps = await _gaps_of(context, scene, view.modality)
    return {"file": await context.write(".tif", COG, await context.draw(_cog, masks, scene, gaps))}


async def _gaps_of(context: TaskContext, scene: KeptImage, modality: str) -> OpenGaps:
    if scene.record.by_window:
        return partial(context.parts.images.opened, scene, modality)
    known = _KnownGaps(await context.parts.images.valid(scene))
    return lambda: nullcontext(known)


@dataclass(frozen=True)
class _KnownGaps:
    """Where an image that was decoded has data: bool [H, W]; None: everywhere."""

    valid_HW: ValidHW | None

    @property
    def may_have_gaps(self) -> bool:
        return self.valid_HW is not None

    def valid(self, window: Window) -> ValidHW | None:
        if self.valid_HW is None:
            return None
        part_HW: ValidHW = self.valid_HW[window.toslices()]
        return part_HW


def _geopackage(regions: Sequence[Region], scene: KeptImage, tolerance_px: float) -> bytes:
    # Only here: pyogrio is of the extra `scenes`.
    from earthgptx.exports.geopackage import write_geopackage

    found = findings_of(regions, scene, "regions")
    return _content(lambda path: write_geopackage(found, path, tolerance_px=tolerance_px), ".gpkg")


def _cog(masks: Sequence[Region], scene: KeptImage, gaps: OpenGaps) -> bytes:
    found = findings_of(masks, scene, "masks")
    with gaps() as known:
        return _content(lambda path: write_mask_cog(found, known, path), ".tif")


def _content(write: Callable[[Path], None], ending: str) -> bytes:
    """What was written into a file of the local disk, for a while.

    Raises:
        InvalidInput: It is larger than a file may be.
        StageUnavailable: The disk fails.
    """
    try:
        with TemporaryDirectory(prefix="earthgptx-") as folder:
            path = Path(folder) / f"written{ending}"
            write(path)
            size_bytes = path.stat().st_size
            if size_bytes > LIMIT_BYTES:
                limit = f"{LIMIT_BYTES} bytes"
                raise InvalidInput(f"the file has {size_bytes} bytes", field="file", limit=limit)
            return path.read_bytes()
    except OSError as error:
        what = error.strerror or "an error of the disk"
        raise StageUnavailable(f"the file cannot be written: {what}") from error
