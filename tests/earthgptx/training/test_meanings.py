"""A mask means a label, a label with a qualifier, or nothing the decoder was taught."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from earthgptx.data.instructions.facts import Facts, gather_facts
from earthgptx.data.instructions.plain import make_plain
from earthgptx.data.instructions.qualifiers import QUALIFIERS
from earthgptx.data.labelled_image import LabelledImage, LabelledObject
from earthgptx.data.synthetic.scene import generate_scene
from earthgptx.data.vocabulary import OBJECT_LABELS
from earthgptx.training.meanings import (
    NO_MEANING,
    Meaning,
    MeantMasks,
    joined,
    meaning_of,
    meanings_in,
    picked,
)

SHIP, WATER, BUILDING = (OBJECT_LABELS.index(label) for label in ("ship", "water", "building"))


def number(qualifier: str) -> int:
    return QUALIFIERS.index(qualifier) + 1


@pytest.fixture
def facts() -> Facts:
    things = (
        LabelledObject("ship", (0.0, 0.0, 10.0, 10.0), colour="red"),
        LabelledObject("ship", (80.0, 80.0, 100.0, 100.0), colour="red"),
        LabelledObject("ship", (45.0, 45.0, 55.0, 55.0), colour="blue"),
        LabelledObject("water", (0.0, 0.0, 100.0, 100.0), stuff=True),
        LabelledObject("car", (5.0, 50.0, 9.0, 54.0)),
        LabelledObject("building", (60.0, 5.0, 70.0, 15.0)),
        LabelledObject("building", (60.0, 25.0, 80.0, 45.0)),
    )
    image = LabelledImage(
        image_id="i",
        source="test",
        licence="CC0-1.0",
        modality="optical",
        width_px=100,
        height_px=100,
        load_pixels=lambda: np.zeros((100, 100, 3), np.uint8),
        objects=things,
        exhaustive=frozenset({"ship"}),
        mostly_annotated=frozenset({"building"}),
    )
    return gather_facts(image)


def test_all_of_a_label_means_the_label(facts: Facts) -> None:
    assert meaning_of(facts, (2, 0, 1), "") == Meaning(SHIP)
    assert meaning_of(facts, (3,), "") == Meaning(WATER)


def test_a_part_means_its_qualifier_or_nothing(facts: Facts) -> None:
    assert meaning_of(facts, (2,), "blue") == Meaning(SHIP, number("blue"))
    assert meaning_of(facts, (0, 1), "") == NO_MEANING


def test_what_mostly_is_annotated_is_drawn_as_a_whole_but_not_told_apart(facts: Facts) -> None:
    assert meaning_of(facts, (5, 6), "") == Meaning(BUILDING)
    assert [meaning for meaning, _ in meanings_in(facts)["building"]] == [Meaning(BUILDING)]
    assert "building" not in facts.countable_labels()


def test_what_may_not_be_all_there_is_means_nothing(facts: Facts) -> None:
    assert meaning_of(facts, (4,), "") == NO_MEANING
    assert "car" not in meanings_in(facts)


def test_a_qualifier_picks_what_it_says_and_never_everything(facts: Facts) -> None:
    picked = {meaning.qualifier: set(indices) for meaning, indices in meanings_in(facts)["ship"]}
    assert picked[0] == {0, 1, 2}
    assert picked[number("red")] == {0, 1}
    assert picked[number("blue")] == picked[number("centre")] == {2}
    assert picked[number("largest")] == picked[number("bottommost")] == {1}
    assert picked[number("leftmost")] == picked[number("top left")] == {0}
    assert all(indices < {0, 1, 2} for qualifier, indices in picked.items() if qualifier)
    assert number("smallest") not in picked


def test_questions_name_the_things_that_their_qualifier_picks() -> None:
    rng = np.random.default_rng(0)
    qualified = 0
    for seed in range(30):
        facts = gather_facts(generate_scene(seed).labelled("optical"))
        known = {pair for each in meanings_in(facts).values() for pair in map(_pair, each)}
        for made in make_plain(facts.image, rng, 12):
            for target, qualifier in zip(made.seg_targets, made.seg_qualifiers, strict=False):
                if qualifier:
                    qualified += 1
                    assert (meaning_of(facts, target, qualifier), frozenset(target)) in known
    assert qualified > 10


def _pair(found: tuple[Meaning, tuple[int, ...]]) -> tuple[Meaning, frozenset[int]]:
    return found[0], frozenset(found[1])


def masks(count: int, boxes: int) -> MeantMasks:
    """So many masks with so many boxes each, numbered."""
    numbers_Q = torch.arange(count)
    return MeantMasks(
        images_Q=numbers_Q,
        labels_Q=numbers_Q,
        qualifiers_Q=numbers_Q,
        masks_QGG=numbers_Q.view(-1, 1, 1).expand(-1, 2, 2).float(),
        boxes_QI4=torch.ones(count, boxes, 4),
        counted_Q=numbers_Q > 0,
    )


def test_masks_of_several_sources_are_one_list_with_boxes_filled_up_by_zeros() -> None:
    together = joined([masks(2, boxes=1), masks(3, boxes=4)])
    assert together.images_Q.tolist() == [0, 1, 0, 1, 2]
    assert together.boxes_QI4.shape == (5, 4, 4)
    assert together.boxes_QI4[0, 1:].abs().sum() == 0
    assert together.boxes_QI4[2:].min() == 1


def test_some_of_the_masks_keep_what_belongs_to_them() -> None:
    some = picked(masks(4, boxes=2), torch.tensor([3, 1]))
    assert some.labels_Q.tolist() == [3, 1]
    assert some.masks_QGG[:, 0, 0].tolist() == [3.0, 1.0]
