"""Questions about marked regions; all questions of a set share the same marks."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from earthgptx.data.instructions.describe import phrase_of, region_caption
from earthgptx.data.instructions.facts import Facts, gather_facts
from earthgptx.data.instructions.instruction import Instruction, MarkedSet
from earthgptx.data.instructions.kinds import made_by_share
from earthgptx.data.instructions.phrasings import fill
from earthgptx.data.instructions.relations import relation_phrase
from earthgptx.data.labelled_image import LabelledImage
from earthgptx.words import a

MOST_REGIONS = 4
# How many regions a set marks: one is what people do most.
REGION_COUNT_SHARES = (0.45, 0.25, 0.18, 0.12)

Objects = tuple[int, ...]
Maker = Callable[[Facts, Objects, np.random.Generator], Instruction | None]


def make_marked(
    image: LabelledImage,
    rng: np.random.Generator,
    count: int,
    shares: Mapping[str, float] | None = None,
) -> MarkedSet:
    """Instructions about one to four marked objects; none where nothing can be marked.

    Args:
        image: what is looked at, with its truth.
        rng: decides what is marked and asked.
        count: most of them.
        shares: how often each kind in ``MAKERS`` is made, where not as often as there.
    """
    facts = gather_facts(image)
    if not facts.things:
        return MarkedSet((), ())
    objects = _choose(facts, 1 + int(rng.choice(MOST_REGIONS, p=REGION_COUNT_SHARES)), rng)
    made = made_by_share(MAKERS, shares, count, rng, lambda maker: maker(facts, objects, rng))
    return MarkedSet(objects, tuple(made))


def _choose(facts: Facts, wanted: int, rng: np.random.Generator) -> Objects:
    """Objects to mark: a label first, then one of its instances, so that rare labels are seen."""
    left = {label: list(indices) for label, indices in facts.things.items()}
    chosen: list[int] = []
    while left and len(chosen) < wanted:
        label = sorted(left)[int(rng.integers(len(left)))]
        chosen.append(left[label].pop(int(rng.integers(len(left[label])))))
        if not left[label]:
            del left[label]
    return tuple(chosen)


def _one(objects: Objects, rng: np.random.Generator) -> tuple[int, str]:
    place = int(rng.integers(len(objects)))
    return objects[place], f"<Region {place + 1}>"


def classify_one(facts: Facts, objects: Objects, rng: np.random.Generator) -> Instruction | None:
    """The label of one region."""
    index, region = _one(objects, rng)
    return Instruction("refer_class", fill("refer_class", rng, region=region), facts[index].label)


def classify_all(facts: Facts, objects: Objects, rng: np.random.Generator) -> Instruction | None:
    """SPHINX-V's form: one line a region."""
    if len(objects) < 2:
        return None
    lines = [f"Region {k + 1}: {facts[i].label}" for k, i in enumerate(objects)]
    return Instruction("refer_class_all", fill("refer_class_all", rng), "\n".join(lines))


def caption_brief(facts: Facts, objects: Objects, rng: np.random.Generator) -> Instruction | None:
    """A brief caption of one region."""
    index, region = _one(objects, rng)
    question = fill("region_brief", rng, region=region)
    return Instruction("region_caption", question, region_caption(facts, index, False))


def caption_detailed(
    facts: Facts, objects: Objects, rng: np.random.Generator
) -> Instruction | None:
    """A detailed caption of one region."""
    index, region = _one(objects, rng)
    question = fill("region_detailed", rng, region=region)
    return Instruction("region_caption_detailed", question, region_caption(facts, index, True))


def is_it(facts: Facts, objects: Objects, rng: np.random.Generator) -> Instruction | None:
    """Whether a region is of a label."""
    index, region = _one(objects, rng)
    label, answer = facts[index].label, "yes"
    if rng.random() < 0.5:
        others = sorted((facts.image.exhaustive | facts.things.keys()) - {label})
        if not others:
            return None
        label, answer = others[int(rng.integers(len(others)))], "no"
    question = fill("is_it", rng, region=region, a=a(label))
    return Instruction("region_presence", question, answer)


def colour(facts: Facts, objects: Objects, rng: np.random.Generator) -> Instruction | None:
    """The colour of a region."""
    index, region = _one(objects, rng)
    word = facts.colour(index)
    if word is None:
        return None
    return Instruction("region_colour", fill("region_colour", rng, region=region), word)


def place(facts: Facts, objects: Objects, rng: np.random.Generator) -> Instruction | None:
    """Where in the image a region lies."""
    index, region = _one(objects, rng)
    question = fill("region_place", rng, region=region)
    return Instruction("region_place", question, facts.places_in_whole[index])


def relate(facts: Facts, objects: Objects, rng: np.random.Generator) -> Instruction | None:
    """How two of the regions lie to each other, or all to the first."""
    if len(objects) < 2:
        return None
    if len(objects) > 2 and rng.random() < 0.3:
        clauses = [
            relation_phrase(facts, i, objects[0], (f"<Region {k + 1}>", "<Region 1>"))
            for k, i in enumerate(objects)
            if k
        ]
        known = [c for c in clauses if c]
        if len(known) < len(objects) - 1:
            return None
        return Instruction("relate_all", fill("relate_all", rng), ", ".join(known))
    first, second = (int(i) for i in rng.choice(len(objects), 2, replace=False))
    names = (f"<Region {first + 1}>", f"<Region {second + 1}>")
    clause = relation_phrase(facts, objects[first], objects[second], names)
    if clause is None:
        return None
    question = fill("relate", rng, first=names[0], second=names[1])
    return Instruction("relate", question, clause)


def mark_to_mask(facts: Facts, objects: Objects, rng: np.random.Generator) -> Instruction | None:
    """Segment what is marked, by way of the language model."""
    index, region = _one(objects, rng)
    if facts[index].mask is None:
        return None
    question = fill("segment_region", rng, region=region)
    return Instruction("segment_region", question, f"<p>{facts[index].label}</p>[SEG]", ((index,),))


def named(facts: Facts, objects: Objects, rng: np.random.Generator) -> Instruction | None:
    """The label with its colour."""
    index, region = _one(objects, rng)
    if facts.colour(index) is None:
        return None
    question = fill("region_name", rng, region=region)
    return Instruction("region_name", question, phrase_of(facts, index))


MAKERS: dict[str, tuple[Maker, float]] = {
    "classify_one": (classify_one, 3.0),
    "classify_all": (classify_all, 1.2),
    "caption_brief": (caption_brief, 0.7),
    "caption_detailed": (caption_detailed, 0.6),
    "is_it": (is_it, 0.5),
    "colour": (colour, 0.3),
    "place": (place, 0.3),
    "relate": (relate, 2.0),
    "mark_to_mask": (mark_to_mask, 0.8),
    "named": (named, 0.2),
}
