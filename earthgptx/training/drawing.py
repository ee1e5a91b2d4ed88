"""What is drawn, practised: masks of clicks above all, and small things found in tiles.

The mask decoder learns alone: whatever is said stays what it is, to the bit.
"""

from __future__ import annotations

from functools import partial

from earthgptx.data.instructions.plain import MAKERS
from earthgptx.training.learning import LearningPart
from earthgptx.training.network import MaskQueries
from earthgptx.training.practice import Practice
from earthgptx.training.recipes import SHARES
from earthgptx.training.samples import SampleSettings

# Questions that masks answer.
QUESTION_SHARES = dict.fromkeys(MAKERS, 0.0) | {
    "refer_one": 2.4,
    "refer_all": 2.0,
    "grounded": 0.4,
    "detect": 2.4,
}
# A click says least of what is meant; by boxes masks are good.
MARK_WEIGHTS = (0.24, 0.52, 0.14, 0.05, 0.05)
# The smaller, the more is seen of what is small: people in heat are five pixels wide.
TILE_SIDES = (0.45, 1.5)

DRAWING = Practice(
    parts=frozenset({LearningPart.MASK_DECODER}),
    shares=SHARES
    | {
        "synthetic-optical": 0.2,
        "synthetic-sar": 0.14,
        "synthetic-infrared": 0.32,
        "hit_uav": 0.2,
        # They have no masks.
        "mstar_chips": 0.0,
        "mstar_scenes": 0.0,
        "buildings": 0.08,
    },
    queries=MaskQueries(most_seg=28, most_meant=0, most_region=40, most_counted=28),
    samples=partial(
        SampleSettings,
        zoom_probability=0.4,
        tile_probability=0.6,
        plain_count=3,
        plain_shares=QUESTION_SHARES,
        # Regions are marked, and nothing is asked of them.
        marked_count=0,
        mark_weights=MARK_WEIGHTS,
        tile_sides=TILE_SIDES,
    ),
    seed_offset=4,
)
