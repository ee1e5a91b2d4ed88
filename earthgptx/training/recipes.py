"""Recipes: a recipe is a function that trains one preset. Its docstring is its command."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import torch

from earthgptx.data.coco_folder import read_coco_folder, split_by_group
from earthgptx.data.labelled_image import LabelledImage
from earthgptx.data.vocabulary import template_corpus, train_bpe_tokenizer
from earthgptx.model.language_model import Words
from earthgptx.model.presets import nano as nano_config
from earthgptx.model.presets import write_config
from earthgptx.training.crops import CropSettings, learn_from_crops
from earthgptx.training.loop import LoopSettings, train
from earthgptx.training.mixture import (
    Mixture,
    MixturePart,
    folder_source,
    synthetic_source,
)
from earthgptx.training.network import TrainingNetwork
from earthgptx.training.samples import SampleSettings

# Share of each source; ships_sar is evaluation only (its licence) and is not among them.
SYNTHETIC_SHARES = {"optical": 0.19, "sar": 0.18, "infrared": 0.18}
REAL_SHARES = {
    "hit_uav": 0.15,
    "mstar_chips": 0.14,
    "buildings": 0.08,
    "trees_nir": 0.01,
    "mstar_scenes": 0.01,
    "flood_sar": 0.01,
    "solar_panels": 0.02,
    "forest": 0.01,
    "roads": 0.01,
    "vehicles": 0.02,
}
# Substances have no box to look at closely.
WITHOUT_CLOSE_LOOKS = frozenset({"flood_sar", "forest", "roads"})
SCENE_SIDES_PX = (256, 256, 256, 384)
VALIDATION_FRACTION = 0.2
SPLIT_SEED = 0


def nano(folder: Path, data: Path | None, steps: int, seed: int) -> None:
    """``earthgptx train nano --out runs/nano --data DIR``: about 9.6 M parameters.

    Args:
        folder: checkpoints, log and the finished weights; training goes on where it left off.
        data: folder of COCO-style folders (hit_uav, mstar_chips, ...); None trains on synthetic
            scenes alone.
        steps: optimiser steps of 16 images.
        seed: of weights, samples and marks.
    """
    torch.manual_seed(seed)
    config = nano_config()
    folder.mkdir(parents=True, exist_ok=True)
    write_config(config, folder / "config.json")
    if not (folder / "tokenizer.json").exists():
        tokenizer = train_bpe_tokenizer(template_corpus(), config.language.vocab_size)
        tokenizer.save(str(folder / "tokenizer.json"))
    settings = LoopSettings(steps=steps, batch_size=16)
    parts = synthetic_parts() + (real_parts(data, folder) if data else [])
    mixture = Mixture(
        parts,
        SampleSettings(config.view_side_px, config.grid_side),
        seed,
        settings.steps * settings.batch_size,
    )
    network = TrainingNetwork(config)
    looked_at = [part for part in parts if part.name not in WITHOUT_CLOSE_LOOKS]
    learn_from_crops(network.image_encoder, looked_at, CropSettings(), seed + 1, folder)
    train(network, mixture, Words.read(folder / "tokenizer.json"), settings, folder)


def synthetic_parts() -> list[MixturePart]:
    """Endless scenes in the three renderings."""
    return [
        MixturePart(f"synthetic-{modality}", synthetic_source(modality, SCENE_SIDES_PX), share)  # type: ignore[arg-type]
        for modality, share in SYNTHETIC_SHARES.items()
    ]


def real_parts(data: Path, folder: Path) -> list[MixturePart]:
    """The training side of every real set that is there; writes what was used beside the log."""
    parts, used = [], {}
    for name, share in REAL_SHARES.items():
        if not (data / name / "annotations.json").exists():
            continue
        images, _ = split_by_group(read_coco_folder(data / name), VALIDATION_FRACTION, SPLIT_SEED)
        labelled = [image for image in images if image.objects or image.image_label]
        if labelled:
            parts.append(MixturePart(name, folder_source(labelled), share))
            used[name] = _summary(labelled)
    (folder / "data.json").write_text(json.dumps(used, indent=1) + "\n")
    return parts


def _summary(images: list[LabelledImage]) -> dict[str, object]:
    labels = Counter(thing.label for image in images for thing in image.objects)
    labels.update(image.image_label for image in images if image.image_label)
    return {"images": len(images), "licence": images[0].licence, "labels": dict(labels)}


RECIPES = {"nano": nano}
