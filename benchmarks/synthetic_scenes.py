"""How fast synthetic scenes are made on one core, truth included, and each of their renderings."""

from __future__ import annotations

import time

import cv2

from benchmarks.figures import Figure, Given, at_least, latency
from earthgptx.data.labelled_image import MODALITIES
from earthgptx.data.synthetic.scene import generate_scene

ROUNDS = 300
SIDE_PX = 256
WARM_UP = 4
# A hundred scenes a second on two cores, one rendering of each.
TARGET = at_least(50)


def run(given: Given, *, side_px: int = SIDE_PX) -> list[Figure]:
    """Makes as many scenes as there are rounds, each in every rendering."""
    cv2.setNumThreads(1)
    # Noise tiles are made by the first scenes.
    for seed in range(WARM_UP):
        _make(seed, side_px)
    made_s = [_make(seed, side_px) for seed in range(given.rounds or ROUNDS)]
    figures = [latency(part, [spent_s[part] for spent_s in made_s]) for part in made_s[0]]
    for renderings in (*((modality,) for modality in MODALITIES), tuple(MODALITIES)):
        total_s = sum(spent_s[part] for spent_s in made_s for part in ("scene", *renderings))
        name = f"scenes with {', '.join(renderings)}"
        per_s = len(made_s) / total_s
        target = TARGET if len(renderings) == 1 else None
        made = len(made_s)
        figures.append(Figure(name=name, value=per_s, unit="1/s", samples=made, target=target))
    return figures


def _make(seed: int, side_px: int) -> dict[str, float]:
    """Seconds for "scene" and for each modality's rendering."""
    start = time.perf_counter()
    scene = generate_scene(seed, side_px)
    spent_s = {"scene": time.perf_counter() - start}
    for modality in MODALITIES:
        start = time.perf_counter()
        scene.render(modality)
        spent_s[modality] = time.perf_counter() - start
    return spent_s
