"""The mixture: which image is sample ``index`` of a seeded, endless, resumable stream.

Sample ``index`` depends on the seed and the index alone, so a resumed training sees what an
uninterrupted one would have seen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from torch.utils.data import Dataset

from earthgptx.data.labelled_image import LabelledImage, Modality
from earthgptx.data.records import InstructionRecord
from earthgptx.data.synthetic.scene import generate_scene
from earthgptx.training.record_samples import sample_of_record
from earthgptx.training.samples import SampleSettings, TrainingSample, make_sample

# Seeds below are for evaluation; training never draws them.
FIRST_TRAINING_SEED = 1_000_000

# What is drawn: an image whose labels templates ask about, or a question with its answer.
Drawn = LabelledImage | InstructionRecord
Source = Callable[[np.random.Generator], Drawn]
ImageSource = Callable[[np.random.Generator], LabelledImage]


def synthetic_source(modality: Modality, sides_px: Sequence[int]) -> ImageSource:
    """A source of endless synthetic scenes of one modality."""

    def draw(rng: np.random.Generator) -> LabelledImage:
        seed = FIRST_TRAINING_SEED + int(rng.integers(2**40))
        return generate_scene(seed, int(rng.choice(sides_px))).labelled(modality)

    return draw


def folder_source(drawn: Sequence[Drawn]) -> Source:
    """A source that picks one of ``drawn``."""

    def draw(rng: np.random.Generator) -> Drawn:
        return drawn[int(rng.integers(len(drawn)))]

    return draw


def folder_source_by_label(images: Sequence[LabelledImage]) -> ImageSource:
    """A source that picks a label first, then one of the images that show it.

    What is rare in a set is seen as often as what is frequent.
    """
    of_label: dict[str, list[LabelledImage]] = {}
    for image in images:
        for label in {thing.label for thing in image.objects} or {image.image_label or ""}:
            of_label.setdefault(label, []).append(image)
    labels = sorted(of_label)

    def draw(rng: np.random.Generator) -> LabelledImage:
        showing = of_label[labels[int(rng.integers(len(labels)))]]
        return showing[int(rng.integers(len(showing)))]

    return draw


@dataclass(frozen=True)
class MixturePart:
    """One source with its share of the samples (shares need not add up to one)."""

    name: str
    source: Source
    share: float


def drawn_part(parts: Sequence[MixturePart], rng: np.random.Generator) -> MixturePart:
    """One part, by its share."""
    shares = np.array([part.share for part in parts], float)
    return parts[int(rng.choice(len(parts), p=shares / shares.sum()))]


class Mixture(Dataset[TrainingSample]):
    """A map-style stream of ``length`` samples."""

    def __init__(
        self, parts: Sequence[MixturePart], settings: SampleSettings, seed: int, length: int
    ) -> None:
        self._parts = list(parts)
        self._settings = settings
        self._seed = seed
        self._length = length

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> TrainingSample:
        rng = np.random.default_rng((self._seed, index))
        drawn = drawn_part(self._parts, rng).source(rng)
        if isinstance(drawn, InstructionRecord):
            return sample_of_record(drawn, rng, self._settings)
        return make_sample(drawn, rng, self._settings)
