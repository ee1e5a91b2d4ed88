"""Questions about a whole image: nobody drew on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np

from earthgptx.data.instructions.describe import (
    brief_caption,
    detailed_caption,
    grounded_caption,
    phrase_of,
    ways_to_single_out,
)
from earthgptx.data.instructions.facts import Facts, gather_facts
from earthgptx.data.instructions.instruction import Instruction
from earthgptx.data.instructions.kinds import made_by_share
from earthgptx.data.instructions.phrasings import fill
from earthgptx.data.labelled_image import LabelledImage
from earthgptx.words import MOST_COUNTED, a, at, counted, plural

# Most tiles of a scene hold nothing of what is looked for.
ABSENT_SHARE_DETECT = 0.3
ABSENT_SHARE_SEGMENT = 0.15
# About as often as substances are among what is there.
STUFF_SHARE = 0.35

Item = TypeVar("Item")
Maker = Callable[[Facts, np.random.Generator], Instruction | None]


def make_plain(
    image: LabelledImage,
    rng: np.random.Generator,
    count: int,
    shares: Mapping[str, float] | None = None,
) -> list[Instruction]:
    """``count`` instructions about the image (fewer where little is known of it).

    Args:
        image: truth in the pixels the model will see (already cut, turned and mirrored).
        rng: all randomness.
        count: how many.
        shares: how often each kind in ``MAKERS`` is made, where not as often as there.
    """
    facts = gather_facts(image)
    return made_by_share(MAKERS, shares, count, rng, lambda maker: maker(facts, rng))


def _pick(rng: np.random.Generator, items: Sequence[Item]) -> Item:
    return items[int(rng.integers(len(items)))]


def scene_class(facts: Facts, rng: np.random.Generator) -> Instruction | None:
    """What scene, or what vehicle, the image shows."""
    image = facts.image
    if image.image_label:
        return Instruction("image_class", fill("image_label", rng), image.image_label)
    if image.scene:
        return Instruction("image_class", fill("scene", rng), image.scene)
    return None


def brief(facts: Facts, rng: np.random.Generator) -> Instruction | None:
    """A brief caption."""
    return Instruction("caption", fill("brief", rng), brief_caption(facts))


def detailed(facts: Facts, rng: np.random.Generator) -> Instruction | None:
    """A detailed caption."""
    return Instruction("caption_detailed", fill("detailed", rng), detailed_caption(facts))


def presence(facts: Facts, rng: np.random.Generator) -> Instruction | None:
    """Yes or no, in equal parts; "no" only for labels of which every instance is known."""
    present = sorted(facts.things.keys() | facts.stuff.keys())
    absent = facts.absent_labels()
    if rng.random() < 0.5:
        if not present or not absent:
            return None
        label, answer = _pick(rng, present), "yes"
    else:
        if facts.image.absent_stuff and rng.random() < STUFF_SHARE:
            absent = sorted(facts.image.absent_stuff)
        if not absent:
            return None
        label, answer = _pick(rng, absent), "no"
    question = fill("presence", rng, a=a(label), plural=plural(label), label=label)
    return Instruction("presence", question, answer)


def count(facts: Facts, rng: np.random.Generator) -> Instruction | None:
    """How many of a label; zero sometimes."""
    present = facts.countable_labels()
    absent = facts.absent_labels()
    if absent and (not present or rng.random() < 0.12):
        label, number = _pick(rng, absent), 0
    elif present:
        label = _pick(rng, present)
        number = len(facts.things[label])
    else:
        return None
    if number > MOST_COUNTED:
        return None
    return Instruction("count", fill("count", rng, plural=plural(label)), str(number))


def compare(facts: Facts, rng: np.random.Generator) -> Instruction | None:
    """Which of two labels is more frequent."""
    labels = facts.countable_labels()
    if len(labels) < 2:
        return None
    first, second = (labels[int(i)] for i in rng.choice(len(labels), 2, replace=False))
    one, two = len(facts.things[first]), len(facts.things[second])
    answer = "equal" if one == two else plural(first if one > two else second)
    question = fill("compare", rng, first=plural(first), second=plural(second))
    return Instruction("compare", question, answer)


def where(facts: Facts, rng: np.random.Generator) -> Instruction | None:
    """The place of something that is there once."""
    single = [(label, i[0]) for label, i in facts.things.items() if len(i) == 1]
    if not single:
        return None
    label, index = _pick(rng, single)
    return Instruction("where", fill("where", rng, label=label), facts.places[index])


def colour(facts: Facts, rng: np.random.Generator) -> Instruction | None:
    """The colour of something that is there once."""
    coloured = [
        (label, facts.colour(i[0]))
        for label, i in facts.things.items()
        if len(i) == 1 and facts.colour(i[0])
    ]
    if not coloured:
        return None
    label, word = _pick(rng, coloured)
    return Instruction("colour", fill("colour", rng, label=label), str(word))


def refer_one(facts: Facts, rng: np.random.Generator) -> Instruction | None:
    """Segment one object by an expression that fits it alone."""
    things = [i for indices in facts.things.values() for i in indices if facts[i].mask]
    if not things:
        return None
    index = _pick(rng, things)
    ways = ways_to_single_out(facts, index)
    if not ways or not facts.is_exhaustive(facts[index].label):
        return None
    way = _pick(rng, ways)
    question = fill("segment", rng, phrase=f"the {way.words}")
    answer = f"<p>{way.words}</p>[SEG]"
    return Instruction("segment", question, answer, ((index,),), (way.qualifier,))


def refer_all(facts: Facts, rng: np.random.Generator) -> Instruction | None:
    """Segment every instance of a label, or a substance; "no ships" where there are none."""
    if (none := _none(facts, rng, ABSENT_SHARE_SEGMENT, "segment")) is not None:
        return none
    groups = [(label, i, True) for label, i in facts.things.items() if facts.is_drawable(label)]
    groups += [(label, i, False) for label, i in facts.stuff.items()]
    groups = [g for g in groups if facts.all_masked(g[1])]
    if not groups:
        return None
    label, indices, countable = _pick(rng, groups)
    phrase = plural(label) if countable and len(indices) > 1 else label
    asked = f"all {plural(label)}" if countable and rng.random() < 0.7 else f"the {phrase}"
    question = fill("segment", rng, phrase=asked)
    return Instruction("segment", question, f"<p>{phrase}</p>[SEG]", (indices,))


def grounded(facts: Facts, rng: np.random.Generator) -> Instruction | None:
    """A caption with masks."""
    made = grounded_caption(facts)
    if made is None:
        return None
    return Instruction("grounded_caption", fill("grounded", rng), made[0], made[1])


def detect(facts: Facts, rng: np.random.Generator) -> Instruction | None:
    """How many of one label, and a mask whose instances are asked for; "no ships" for none."""
    if (none := _none(facts, rng, ABSENT_SHARE_DETECT, "detect")) is not None:
        return none
    labels = facts.countable_labels()
    if not labels:
        return None
    label = _pick(rng, labels)
    indices = facts.things[label]
    answer = f"<p>{counted(len(indices), label)}</p>[SEG]"
    question = fill("detect", rng, plural=plural(label))
    return Instruction("detect", question, answer, (indices,))


def _none(facts: Facts, rng: np.random.Generator, share: float, task: str) -> Instruction | None:
    """Now and then: nothing of what is asked for is there."""
    absent = facts.absent_labels()
    if not absent or rng.random() >= share:
        return None
    name = plural(_pick(rng, absent))
    question = fill(task, rng, plural=name, phrase=f"all {name}")
    return Instruction(task, question, f"no {name}")


def what_is_at(facts: Facts, rng: np.random.Generator) -> Instruction | None:
    """What lies at a place where there is one thing only."""
    things = [i for indices in facts.things.values() for i in indices]
    places = [facts.places[i] for i in things]
    alone = [i for i in things if places.count(facts.places[i]) == 1]
    if not alone:
        return None
    index = _pick(rng, alone)
    question = fill("what_is_at", rng, at=at(facts.places[index]))
    return Instruction("what_is_at", question, phrase_of(facts, index))


MAKERS: dict[str, tuple[Maker, float]] = {
    "scene_class": (scene_class, 1.0),
    "brief": (brief, 0.5),
    "detailed": (detailed, 0.3),
    "presence": (presence, 3.4),
    "count": (count, 3.4),
    "compare": (compare, 0.4),
    "where": (where, 0.5),
    "colour": (colour, 0.3),
    "what_is_at": (what_is_at, 0.3),
    "refer_one": (refer_one, 2.4),
    "refer_all": (refer_all, 2.0),
    "grounded": (grounded, 0.4),
    "detect": (detect, 1.0),
}
