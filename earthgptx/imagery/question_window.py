"""How close a question is looked at: what is to be named wants its surroundings, what is to be
drawn wants to be large.
"""

from __future__ import annotations

from collections.abc import Sequence

from earthgptx.imagery.masks import BoxXyxyPx
from earthgptx.imagery.windows import MIN_SIDE_PX, Window, choose_window
from earthgptx.words import asks_to_draw

# About a view's own side: pixels are not blown up to be talked about.
LEAST_SIDE_TO_TELL_PX = 224


def least_side_px(question: str) -> int:
    """How close a question may be looked at; without words, what is marked is to be drawn."""
    return MIN_SIDE_PX if not question or asks_to_draw(question) else LEAST_SIDE_TO_TELL_PX


def question_window(
    question: str, extents_xyxy_px: Sequence[BoxXyxyPx], width_px: int, height_px: int
) -> Window:
    """What is looked at where nobody says how close (ZOOM_AUTO).

    Args:
        question: empty where masks of the regions are all that is wanted.
        extents_xyxy_px: of each region, as for ``choose_window``.
        width_px: of the full image.
        height_px: of the full image.
    """
    return choose_window(extents_xyxy_px, width_px, height_px, least_side_px(question))
