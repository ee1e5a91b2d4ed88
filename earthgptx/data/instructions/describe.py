"""Phrases and captions: what can be said of one object, of a group, of the whole image."""

from __future__ import annotations

from earthgptx.data.instructions.facts import Facts
from earthgptx.data.instructions.qualifiers import Qualified, qualified
from earthgptx.words import a, at, listed, plural, some

MODALITY_WORDS = {"optical": "optical", "sar": "sar", "infrared": "thermal"}


def phrase_of(facts: Facts, index: int) -> str:
    """``red ship`` where the colour shows, else ``ship``."""
    colour = facts.colour(index)
    label = facts[index].label
    return f"{colour} {label}" if colour else label


def ways_to_single_out(facts: Facts, index: int) -> list[Qualified]:
    """Expressions that fit this object and no other one in the image.

    One that is alone of its label needs no qualifier: "" stands for none.
    """
    label = facts[index].label
    same = facts.things.get(label, (index,))
    if len(same) > 1:
        return [way for way in qualified(facts, label) if way.indices == (index,)]
    ways = [Qualified(label, "", (index,))]
    colour = facts.colour(index)
    if colour:
        ways.append(Qualified(f"{colour} {label}", "", (index,)))
    return ways


def inventory(facts: Facts) -> list[tuple[str, tuple[int, ...]]]:
    """What is there, the largest first: (noun phrase, indices)."""
    groups = []
    for label, indices in facts.things.items():
        exact = facts.is_exhaustive(label)
        if len(indices) == 1:
            groups.append((a(phrase_of(facts, indices[0])), indices))
        else:
            groups.append((some(label, len(indices), exact), indices))
    groups += [
        (label if label in ("water", "forest") else a(label), indices)
        for label, indices in facts.stuff.items()
    ]
    return sorted(groups, key=lambda g: -sum(facts.areas_unit[i] for i in g[1]))


def brief_caption(facts: Facts) -> str:
    """One sentence: the scene and its main things."""
    image = facts.image
    kind = MODALITY_WORDS[image.modality]
    main = listed([phrase for phrase, group in inventory(facts) if group[0] in _things(facts)][:3])
    if image.scene and main:
        return f"{a(image.scene)} with {main}."
    if image.scene:
        return f"{a(image.scene)}."
    if image.image_label:
        return f"{a(kind)} image of {a(image.image_label)}."
    return f"{a(kind)} image of {main}." if main else f"{a(kind)} image without marked objects."


def _things(facts: Facts) -> set[int]:
    return {i for indices in facts.things.values() for i in indices}


def detailed_caption(facts: Facts) -> str:
    """A sentence on the whole and one on each of the main things."""
    kind = MODALITY_WORDS[facts.image.modality]
    scene = facts.image.scene
    if facts.image.image_label:
        return f"this {kind} image shows {a(facts.image.image_label)} in the centre."
    head = f"this {kind} image shows {a(scene)}." if scene else f"this is {a(kind)} image."
    sentences = [head]
    for phrase, indices in inventory(facts)[:5]:
        verb = "are" if len(indices) > 1 else "is"
        if len(indices) == 1 and indices[0] in _things(facts):
            sentences.append(f"there is {phrase} {at(facts.places[indices[0]])}.")
        else:
            sentences.append(f"there {verb} {phrase}.")
    return " ".join(sentences)


def grounded_caption(facts: Facts) -> tuple[str, tuple[tuple[int, ...], ...]] | None:
    """A caption in which each phrase has its mask; None where masks are missing."""
    groups = [g for g in inventory(facts) if facts.all_masked(g[1])][:4]
    if not groups:
        return None
    phrases = [f"<p>{phrase}</p>[SEG]" for phrase, _ in groups]
    scene = facts.image.scene
    verb = "are" if len(groups[0][1]) > 1 else "is"
    head = f"{a(scene)} with " if scene else f"there {verb} "
    return head + listed(phrases) + ".", tuple(indices for _, indices in groups)


def region_caption(facts: Facts, index: int, detailed: bool) -> str:
    """What a marked object is; detailed with its size, place and a neighbour."""
    brief = a(phrase_of(facts, index))
    if not detailed:
        return f"{brief} {at(facts.places_in_whole[index])}."
    thing = facts[index]
    sized = f"{thing.size} {phrase_of(facts, index)}" if thing.size else phrase_of(facts, index)
    text = f"{a(sized)} {at(facts.places_in_whole[index])} of the image"
    for (subject, other), kind in facts.related.items():
        if subject == index and other < len(facts.places):
            return f"{text}, {kind} {a(phrase_of(facts, other))}."
    same = len(facts.things.get(thing.label, ()))
    if same > 1 and facts.is_exhaustive(thing.label):
        return f"{text}, one of {same if same <= 9 else 'many'} {plural(thing.label)}."
    return text + "."
