"""Which square of a scene is looked at, and where the scene's pixels lie in a picture of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from earthgptx.imagery.question_window import question_window
from earthgptx.imagery.windows import Window, whole_image
from earthgptx.scenes.pieces import is_cut_off
from workflow_language.region_sets import BoxXyxyPx, Seen
from workflow_language.values import SceneView

# The largest input of any expert of the published presets.
CUT_SIDE_PX = 1024


@dataclass(frozen=True, slots=True)
class Frame:
    """A picture of a part of a scene: `scale` of its pixels are one of the scene."""

    x0_px: float
    y0_px: float
    scale: float

    def to_picture(self, box_xyxy_px: BoxXyxyPx) -> BoxXyxyPx:
        """A box of the scene in pixels of the picture."""
        x0, y0, x1, y1 = box_xyxy_px
        return (
            (x0 - self.x0_px) * self.scale,
            (y0 - self.y0_px) * self.scale,
            (x1 - self.x0_px) * self.scale,
            (y1 - self.y0_px) * self.scale,
        )

    def to_scene(self, box_xyxy_px: BoxXyxyPx) -> BoxXyxyPx:
        """A box of the picture in pixels of the scene."""
        x0, y0, x1, y1 = box_xyxy_px
        return (
            x0 / self.scale + self.x0_px,
            y0 / self.scale + self.y0_px,
            x1 / self.scale + self.x0_px,
            y1 / self.scale + self.y0_px,
        )


def window_of(view: SceneView) -> Window:
    """The square the model looks at: around the part, or the whole scene."""
    if view.window_xyxy_px is None:
        return whole_image(view.width_px, view.height_px)
    x0, y0, x1, y1 = view.window_xyxy_px
    side_px = max(x1 - x0, y1 - y0)
    return Window(x0 - (side_px - (x1 - x0)) / 2, y0 - (side_px - (y1 - y0)) / 2, side_px)


def closer_window(
    view: SceneView, boxes_xyxy_px: Sequence[BoxXyxyPx], question: str = ""
) -> Window:
    """Close to the boxes, as the public API looks at marks; never farther away than the view.

    Args:
        view: the scene, or a part of it.
        boxes_xyxy_px: in pixels of the scene.
        question: about what is in them; empty where it is to be outlined.
    """
    whole = window_of(view)
    closer = question_window(question, boxes_xyxy_px, view.width_px, view.height_px)
    return closer if closer.side_px < whole.side_px else whole


def seen_in(view: SceneView, box_xyxy_px: BoxXyxyPx | None = None) -> Seen:
    """How what is found in a view is seen there; of a box also whether the view cuts it."""
    if view.window_xyxy_px is None:
        return Seen(view.extent_xyxy_px)
    window, size_px = window_of(view), (view.width_px, view.height_px)
    seen = replace(seen_through(window), trusted_xyxy_px=view.trusted_xyxy_px)
    if box_xyxy_px is None:
        return seen
    pixel_px = window.side_px / (view.shown_px or min(window.side_px, CUT_SIDE_PX))
    cut = is_cut_off(box_xyxy_px, seen.window_xyxy_px, size_px, pixel_px)
    return replace(seen, cut=cut)


def seen_through(window: Window) -> Seen:
    """How a thing is seen that a window of its own was laid around."""
    x0, y0, side_px = window.x0_px, window.y0_px, window.side_px
    return Seen((x0, y0, x0 + side_px, y0 + side_px))


def frame_of(view: SceneView, picture_width_px: int) -> Frame:
    """Where the scene lies in a picture of the view (`ImageAccess.pixels`)."""
    if view.window_xyxy_px is None:
        return Frame(0.0, 0.0, picture_width_px / view.width_px)
    window = window_of(view)
    return Frame(window.x0_px, window.y0_px, picture_width_px / window.side_px)
