"""Scenes for evaluation, drawn anew from seeds that training never draws."""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from pathlib import Path

from earthgptx.data.coco_writer import write_coco_folder
from earthgptx.data.labelled_image import MODALITIES, Modality
from earthgptx.data.synthetic.scene import generate_scene

PREFIX = "synthetic-"
FIRST_SEED = 900_000
# A fifth of them is evaluated; baselines learn from the rest.
SCENES = 800


def draw_scenes(out_dir: Path, folders: Sequence[str], processes: int) -> None:
    """Writes the scenes of those folders that are not there, one modality a process."""
    missing = [
        modality
        for modality in MODALITIES
        if PREFIX + modality in folders
        and not (out_dir / (PREFIX + modality) / "annotations.json").exists()
    ]
    if not missing:
        return
    # A forked process would inherit torch's threads.
    with multiprocessing.get_context("spawn").Pool(min(processes, len(missing))) as pool:
        pool.starmap(_draw, [(out_dir / (PREFIX + m), m, SCENES) for m in missing])


def _draw(folder: Path, modality: Modality, count: int) -> None:
    scenes = (generate_scene(FIRST_SEED + n).labelled(modality) for n in range(count))
    write_coco_folder(scenes, folder)
