"""What is said of marks, practised: regions' tokens and the language model learn.

Prompt encoder and mask decoder rest, so masks of marks stay what they are, to the bit.
"""

from __future__ import annotations

from functools import partial

from earthgptx.training.learning import LearningPart
from earthgptx.training.network import MaskQueries
from earthgptx.training.practice import Practice
from earthgptx.training.recipes import SHARES
from earthgptx.training.samples import SampleSettings

# Names are known, of scribbles in heat least; places, colours and what they make up are told
# rightly if practised, and how two things lie to each other only with a lot of practice.
QUESTION_SHARES = {
    "classify_one": 2.2,
    "classify_all": 0.8,
    "caption_brief": 2.5,
    "caption_detailed": 1.0,
    "colour": 1.5,
    "named": 0.8,
    "place": 1.0,
    "relate": 2.5,
    "mark_to_mask": 0.3,
}
MARK_WEIGHTS = (0.26, 0.17, 0.42, 0.09, 0.06)

REGIONS = Practice(
    parts=frozenset({LearningPart.REGIONS, LearningPart.LANGUAGE}),
    # Colours show in optical images alone.
    shares=SHARES
    | {
        "synthetic-optical": 0.37,
        "synthetic-sar": 0.14,
        "synthetic-infrared": 0.26,
        "hit_uav": 0.1,
        "mstar_chips": 0.05,
        "buildings": 0.03,
    },
    # Enough that [SEG] goes on meaning what the resting mask decoder draws.
    queries=MaskQueries(most_seg=12, most_meant=0, most_region=0, most_counted=0),
    samples=partial(
        SampleSettings,
        zoom_probability=0.35,
        tile_probability=0.5,
        plain_count=4,
        marked_shares=QUESTION_SHARES,
        mark_weights=MARK_WEIGHTS,
    ),
    seed_offset=3,
)
