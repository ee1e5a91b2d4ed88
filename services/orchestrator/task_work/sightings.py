"""What the stages look at: the image of a view, or a cut of it.

It is cut where the scene is too large, or is to be shown at a ground sampling that was asked for.

Questions and marks go in, boxes and masks come out in pixels of the scene, whichever it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from earthgptx.imagery.mask_scaling import rle_in_scene
from earthgptx.imagery.masks import decode_rle, encode_rle, rle_area_px, rle_box_xyxy_px
from earthgptx.imagery.windows import Window, whole_image
from services.orchestrator.task_work.context import TaskContext
from services.orchestrator.task_work.pictures import mask_in_picture
from services.orchestrator.task_work.views import CUT_SIDE_PX, Frame, window_of
from shared.errors import InvalidInput
from shared.image_records import ImageRecord, KeptImage
from shared.interpretation.boxes import BoxPx
from shared.interpretation.events import MaskDrawn
from workflow_language.region_sets import Region
from workflow_language.values import MaskPixels, SceneView


@dataclass(frozen=True, slots=True)
class Sighting:
    """A window of a scene before the stages.

    Attributes:
        image: What they read: the scene itself, or a cut.
        window: What they look at, in pixels of `image`.
        scene: The record of the scene.
        frame: Where the scene lies in the cut; None: `image` is the scene.
    """

    image: KeptImage
    window: Window
    scene: ImageRecord
    frame: Frame | None

    @property
    def pixel_px(self) -> float:
        """Side of a pixel of `image`, in pixels of the scene."""
        return 1.0 if self.frame is None else 1 / self.frame.scale

    def marked(self, region: Region) -> Region:
        """The region as it lies in `image`.

        Raises:
            InvalidInput: It lies outside the cut.
        """
        if self.frame is None:
            return region
        frame, size_px = self.frame, float(self.image.record.width_px)
        box = frame.to_picture(region.box_xyxy_px)
        if box[0] >= size_px or box[1] >= size_px or box[2] <= 0 or box[3] <= 0:
            raise InvalidInput("a region lies outside what is looked at", field="regions")
        drawn = region.drawn
        if drawn is not None:
            points = [frame.to_picture((x, y, x, y)) for x, y in drawn.vertices_xy_px]
            inside = tuple((_clip(x, size_px), _clip(y, size_px)) for x, y, *_ in points)
            drawn = replace(drawn, vertices_xy_px=inside)
        x0, y0, x1, y1 = (_clip(side, size_px) for side in box)
        return replace(region, box_xyxy_px=(x0, y0, x1, y1), drawn=drawn, mask=self._mask(region))

    def box(self, box_xyxy_px: BoxPx) -> BoxPx | None:
        """A box of the answer in pixels of the scene, clipped; None if nothing is left."""
        if self.frame is None:
            return box_xyxy_px
        width, height = float(self.scene.width_px), float(self.scene.height_px)
        x0, y0, x1, y1 = self.frame.to_scene(box_xyxy_px)
        x0, x1, y0, y1 = _clip(x0, width), _clip(x1, width), _clip(y0, height), _clip(y1, height)
        return (x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None

    def mask(self, drawn: MaskDrawn) -> MaskDrawn:
        """A mask of the answer in pixels of the scene.

        Raises:
            ImageryError: It is in too many pieces (field "mask").
        """
        if self.frame is None:
            return drawn
        height_px, width_px = self.scene.height_px, self.scene.width_px
        mask_HW = decode_rle(drawn.height_px, drawn.width_px, drawn.counts)
        if valid_counts := self.image.record.valid_counts:
            # Where there is no data there is nothing, whatever the model makes of the black.
            mask_HW &= decode_rle(drawn.height_px, drawn.width_px, valid_counts)
        counts = rle_in_scene(
            mask_HW,
            self.frame.x0_px,
            self.frame.y0_px,
            1 / self.frame.scale,
            height_px,
            width_px,
        )
        return replace(
            drawn,
            height_px=height_px,
            width_px=width_px,
            counts=counts,
            area_px=rle_area_px(height_px, width_px, counts),
            box_xyxy_px=rle_box_xyxy_px(height_px, width_px, counts),
        )

    def _mask(self, region: Region) -> MaskPixels | None:
        """The region's pixels in the cut; None if it has none, or they cannot be seen there."""
        if self.frame is None or not isinstance(region.mask, MaskPixels):
            return None
        size_px = self.image.record.width_px
        mask_HW = mask_in_picture([region], self.frame, (size_px, size_px))
        return MaskPixels(*encode_rle(mask_HW)) if np.any(mask_HW) else None


async def sight(context: TaskContext, view: SceneView, window: Window) -> Sighting | None:
    """What the stages look at for a window of a scene; None where there is no data at all.

    Raises:
        NotFound: The tenant has no such image.
        InvalidInput, QueueFull, StageUnavailable: The scene cannot be read, or a cut not be kept.
    """
    scene = await context.image(view.image_id)
    shown_px = view.shown_px if window == window_of(view) else None
    if not scene.record.by_window and shown_px in (None, window.side_px):
        if not await context.parts.images.has_data(scene, view.modality, window):
            return None
        return Sighting(scene, window, scene.record, None)
    if shown_px is None:
        shown_px = min(CUT_SIDE_PX, max(1, round(window.side_px)))
    cut = await context.parts.images.cut(scene, view.modality, window, shown_px)
    if cut is None:
        return None
    side_px = cut.record.width_px
    frame = Frame(window.x0_px, window.y0_px, side_px / window.side_px)
    return Sighting(cut, whole_image(side_px, side_px), scene.record, frame)


def _clip(value: float, most: float) -> float:
    return min(max(value, 0.0), most)
