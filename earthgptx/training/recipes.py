"""Recipes: a recipe is a function that trains one preset. Its docstring is its command."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from earthgptx.data.coco_folder import read_coco_folder, split_by_group
from earthgptx.data.labelled_image import MODALITIES, LabelledImage
from earthgptx.data.synthetic.scene import generate_scene
from earthgptx.data.vocabulary import template_corpus, train_bpe_tokenizer
from earthgptx.model.language_model import Words
from earthgptx.model.presets import ModelConfig, write_config
from earthgptx.model.presets import nano as nano_config
from earthgptx.training.crops import CropSettings, learn_from_crops
from earthgptx.training.export import BEFORE_REFINEMENT
from earthgptx.training.loop import train
from earthgptx.training.mixture import (
    Mixture,
    MixturePart,
    folder_source,
    folder_source_by_label,
    synthetic_source,
)
from earthgptx.training.network import MaskQueries, TrainingNetwork
from earthgptx.training.pictures import Shown, shown_of_image
from earthgptx.training.processes import Processes
from earthgptx.training.samples import SampleSettings
from earthgptx.training.settings import LoopSettings
from earthgptx.words import plural

# Share of each source; ships_sar is evaluation only (its licence) and is not among them.
SHARES = {
    "synthetic-optical": 0.17,
    "synthetic-sar": 0.17,
    "synthetic-infrared": 0.25,
    "hit_uav": 0.13,
    "mstar_chips": 0.13,
    "buildings": 0.06,
    "trees_nir": 0.01,
    "mstar_scenes": 0.01,
    "flood_sar": 0.01,
    "solar_panels": 0.02,
    "forest": 0.01,
    "roads": 0.01,
    "vehicles": 0.02,
}
# Small things in heat are what is found worst.
REFINEMENT_SHARES = SHARES | {
    "synthetic-optical": 0.16,
    "synthetic-sar": 0.15,
    "synthetic-infrared": 0.22,
    "hit_uav": 0.2,
    "buildings": 0.08,
}
CLOSE_LOOKS_SHARES = SHARES | {
    "synthetic-optical": 0.19,
    "synthetic-sar": 0.18,
    "synthetic-infrared": 0.18,
    "hit_uav": 0.15,
    "mstar_chips": 0.14,
    "buildings": 0.08,
}
# The second time they are for what was told apart worst: real things, and heat.
HARD_CLOSE_LOOKS_SHARES = CLOSE_LOOKS_SHARES | {
    "synthetic-optical": 0.12,
    "synthetic-sar": 0.13,
    "synthetic-infrared": 0.20,
    "hit_uav": 0.20,
    "mstar_chips": 0.26,
    "buildings": 0.02,
}
# Substances have no box to look at closely.
WITHOUT_CLOSE_LOOKS = frozenset({"flood_sar", "forest", "roads"})
SCENE_SIDES_PX = (256, 256, 256, 384)
VALIDATION_FRACTION = 0.2
SPLIT_SEED = 0


@dataclass(frozen=True)
class CloseLooks:
    """One pass of the conv expert over crops.

    Attributes:
        shares: of the sources.
        by_label: real sources show their rare labels as often as their frequent ones.
    """

    crops: CropSettings
    shares: Mapping[str, float]
    by_label: bool


NANO_CLOSE_LOOKS = (
    CloseLooks(CropSettings(steps=7000), CLOSE_LOOKS_SHARES, by_label=False),
    CloseLooks(
        CropSettings(
            steps=3000,
            # Chips fill a view: seen in close looks at another scale, what was learnt is lost.
            whole_side_px=128,
            whole_share=(0.52, 0.64),
            part_probability=0.35,
            learning_rate=1e-3,
        ),
        HARD_CLOSE_LOOKS_SHARES,
        by_label=True,
    ),
)

# Instances are told apart once masks are there; until then it would be time lost.
FIRST_MASKS = MaskQueries(most_counted=0)
# With both experts frozen a step has time for more masks.
REFINED_MASKS = MaskQueries(
    most_seg=24, most_meant=32, most_region=8, most_counted=24, meant_beside_words=True
)
# Steps of refinement for each step before it.
REFINEMENT = 0.5


def nano(
    folder: Path, data: Path | None, steps: int, seed: int, processes: Processes | None = None
) -> None:
    """``earthgptx train nano --out runs/nano --data DIR``: about 9.8 M parameters.

    Args:
        folder: checkpoints, log and the finished weights; training goes on where it left off.
        data: folder of COCO-style folders (hit_uav, mstar_chips, ...); None trains on synthetic
            scenes alone.
        steps: optimiser steps of 16 images between close looks and refinement.
        seed: of weights, samples and marks.
        processes: None trains in this process alone, on the CPU.
    """
    processes = processes or Processes(on_cpu=True)
    torch.manual_seed(seed)
    config = nano_config()
    words = start_run(folder, config)
    network = TrainingNetwork(config, queries=FIRST_MASKS)
    bear_names(network, words)
    for number, looks in enumerate(NANO_CLOSE_LOOKS, start=1):
        parts = all_parts(data, folder, looks.shares, looks.by_label)
        parts = [part for part in parts if part.name not in WITHOUT_CLOSE_LOOKS]
        path = folder / f"close_looks_{number}.safetensors"
        learn_from_crops(network.image_encoder, parts, looks.crops, seed + number, path, processes)
    settings = LoopSettings(steps=steps, batch_size=16, words_from=0.3)
    mixture = Mixture(
        all_parts(data, folder, SHARES, by_label=True),
        SampleSettings(config.view_side_px, config.grid_side),
        seed,
        settings.steps * settings.batch_size,
    )
    before = folder / BEFORE_REFINEMENT
    train(network, mixture, words, settings, before, processes, shown=shown())
    refined = refinement(round(steps * REFINEMENT))
    parts = all_parts(data, folder, REFINEMENT_SHARES, by_label=True)
    refine(network, words, parts, refined, seed + 1, folder, processes)


def refinement(steps: int, batch_size: int = 16) -> LoopSettings:
    """How ``refine`` learns: slower than before, and words from the first step."""
    return LoopSettings(
        steps=steps,
        batch_size=batch_size,
        learning_rate=7e-4,
        words_from=0.0,
        settling_steps=0,
        decay_from=0.4,
    )


def refine(
    network: TrainingNetwork,
    words: Words,
    parts: Sequence[MixturePart],
    settings: LoopSettings,
    seed: int,
    folder: Path,
    processes: Processes,
) -> None:
    """What was seen and said before, better drawn, and its instances: both experts rest."""
    network.image_encoder.requires_grad_(False)
    network.queries = REFINED_MASKS
    train_refined(network, words, parts, settings, seed, folder, processes)


def train_refined(
    network: TrainingNetwork,
    words: Words,
    parts: Sequence[MixturePart],
    settings: LoopSettings,
    seed: int,
    folder: Path,
    processes: Processes | None,
) -> None:
    """Trains on samples of refinement: tiles of larger images, and many masks."""
    samples = SampleSettings(
        network.config.view_side_px,
        network.config.grid_side,
        zoom_probability=0.4,
        tile_probability=0.5,
        most_whole_labels=4,
        most_qualified=8,
    )
    mixture = Mixture(parts, samples, seed, settings.steps * settings.batch_size)
    train(network, mixture, words, settings, folder, processes, shown=shown())


def bear_names(network: TrainingNetwork, words: Words) -> None:
    """Tallies bear their labels' names, one or many, as a question says them."""
    tallies = network.reasoner.tallies
    if tallies is not None:
        labels = network.config.tallied_labels
        tallies.bear_names([words.name_ids((label, plural(label))) for label in labels])


def start_run(folder: Path, config: ModelConfig) -> Words:
    """Makes the folder of a run with its configuration and, once, a tokenizer of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    write_config(config, folder / "config.json")
    path = folder / "tokenizer.json"
    if not path.exists():
        train_bpe_tokenizer(template_corpus(), config.language.vocab_size).save(str(path))
    return Words.read(path)


def shown() -> list[Shown]:
    """Questions about scenes that training never draws, one of each modality."""
    return [
        each
        for seed, modality in enumerate(MODALITIES, start=1)
        for each in shown_of_image(generate_scene(seed, 256).labelled(modality), seed)
    ]


def all_parts(
    data: Path | None, folder: Path, shares: Mapping[str, float], by_label: bool
) -> list[MixturePart]:
    """Synthetic scenes, and the real sets where there are any."""
    return synthetic_parts(shares) + (real_parts(data, folder, shares, by_label) if data else [])


def synthetic_parts(shares: Mapping[str, float] = SHARES) -> list[MixturePart]:
    """Endless scenes in the three renderings."""
    return [
        MixturePart(name, synthetic_source(modality, SCENE_SIDES_PX), shares[name])
        for modality in MODALITIES
        if (name := f"synthetic-{modality}")
    ]


def real_parts(
    data: Path, folder: Path, shares: Mapping[str, float], by_label: bool
) -> list[MixturePart]:
    """The training side of every real set that is there; writes what was used beside the log."""
    parts, used = [], {}
    source = folder_source_by_label if by_label else folder_source
    for name, share in shares.items():
        if not (data / name / "annotations.json").exists():
            continue
        images, _ = split_by_group(read_coco_folder(data / name), VALIDATION_FRACTION, SPLIT_SEED)
        labelled = [image for image in images if image.objects or image.image_label]
        if labelled:
            parts.append(MixturePart(name, source(labelled), share))
            used[name] = _summary(labelled)
    (folder / "data.json").write_text(json.dumps(used, indent=1) + "\n")
    return parts


def _summary(images: list[LabelledImage]) -> dict[str, object]:
    labels = Counter(thing.label for image in images for thing in image.objects)
    labels.update(image.image_label for image in images if image.image_label)
    return {"images": len(images), "licence": images[0].licence, "labels": dict(labels)}
