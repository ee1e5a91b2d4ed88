"""The tokenizer's words: a byte-level BPE learnt on the templates' own text.

Digits and the signs of box text are tokens of their own, so that numbers are spelt digit by digit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from earthgptx.data.instructions import make_marked, make_plain
from earthgptx.data.labelled_image import LabelledImage, LabelledObject
from earthgptx.data.synthetic.classes import LABELS, STUFF_LABELS
from earthgptx.data.synthetic.layouts.recipes import SCENES
from earthgptx.data.synthetic.scene import generate_scene

SPECIAL_TOKENS = (
    "<pad>",
    "<bos>",
    "<eos>",
    "<image>",
    "</image>",
    "<optical>",
    "<sar>",
    "<infrared>",
    "<unknown>",
    "<region>",
    "[SEG]",
    "<p>",
    "</p>",
)
# Labels of real sets that the generator never draws.
OTHER_LABELS = (
    *("person", "car", "bicycle", "other vehicle", "building", "tree", "solar panel", "forest"),
    *("road", "flood", "truck", "bus", "minibus", "cyclist", "2s1", "bmp2", "brdm2", "btr60"),
    *("btr70", "d7", "t62", "t72", "zil131", "zsu234"),
)
# Everything the nano weights can be asked about: things and substances, and whole images.
OBJECT_LABELS = tuple(dict.fromkeys((*LABELS, *STUFF_LABELS, *OTHER_LABELS)))
IMAGE_WORDS = tuple(dict.fromkeys((*SCENES, *OTHER_LABELS)))
CORPUS_SEED = 7_000_000


def template_corpus(scenes: int = 700) -> Iterator[str]:
    """Deterministic template text about scenes, and about labels that no scene shows."""
    rng = np.random.default_rng(0)
    for number in range(scenes):
        modality = ("optical", "sar", "infrared")[number % 3]
        scene = generate_scene(CORPUS_SEED + number, 256)
        yield from _text_of(scene.labelled(modality), rng)  # type: ignore[arg-type]
    for _ in range(6):
        for label in OTHER_LABELS:
            yield from _text_of(_placeholder(label, rng), rng)


def _text_of(image: LabelledImage, rng: np.random.Generator) -> Iterator[str]:
    for instruction in (*make_plain(image, rng, 6), *make_marked(image, rng, 6).instructions):
        yield instruction.question + "\n"
        yield instruction.answer


def _placeholder(label: str, rng: np.random.Generator) -> LabelledImage:
    boxes = rng.uniform(0, 200, (3, 2))
    things = tuple(LabelledObject(label, (x, y, x + 20.0, y + 20.0)) for x, y in boxes)
    return LabelledImage(
        image_id=label,
        source="words",
        licence="CC0-1.0",
        modality="infrared",
        width_px=256,
        height_px=256,
        load_pixels=lambda: np.zeros((256, 256, 1), np.uint8),
        objects=things,
        exhaustive=frozenset(OTHER_LABELS),
        image_label=label if label[-1].isdigit() else None,
    )


def train_bpe_tokenizer(corpus: Iterable[str], vocab_size: int) -> Tokenizer:
    """A byte-level BPE tokenizer with the model's special tokens first."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r"[\[\],;.0-9]"), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(corpus, trainer)
    return tokenizer
