"""How fast synthetic scenes are made: ``python -m benchmarks.synthetic_scenes --count 300``.

Prints milliseconds a scene for each part and scenes a second on one core, truth included, with
one rendering and with all three.
"""

from __future__ import annotations

import argparse
import time

import cv2

from earthgptx.data.labelled_image import MODALITIES
from earthgptx.data.synthetic.scene import generate_scene


def measure(count: int, size_px: int) -> dict[str, float]:
    """Mean seconds for "scene" and for each modality's rendering, noise tiles already made."""
    for seed in range(4):
        for modality in MODALITIES:
            generate_scene(seed, size_px).render(modality)
    spent_s = dict.fromkeys(("scene", *MODALITIES), 0.0)
    for seed in range(count):
        start = time.perf_counter()
        scene = generate_scene(seed, size_px)
        spent_s["scene"] += time.perf_counter() - start
        for modality in MODALITIES:
            start = time.perf_counter()
            scene.render(modality)
            spent_s[modality] += time.perf_counter() - start
    return {part: total / count for part, total in spent_s.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--size-px", type=int, default=256)
    given = parser.parse_args()
    cv2.setNumThreads(1)
    mean_s = measure(given.count, given.size_px)
    for part, seconds in mean_s.items():
        print(f"{part:10s} {seconds * 1e3:6.2f} ms")
    for modality in MODALITIES:
        print(f"{modality + ' only':16s} {1 / (mean_s['scene'] + mean_s[modality]):6.0f} scenes/s")
    print(f"{'all three':16s} {1 / sum(mean_s.values()):6.0f} scenes/s")


if __name__ == "__main__":
    main()
