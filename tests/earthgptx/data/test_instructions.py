"""What the templates say must agree with the truth they were made from."""

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from earthgptx.data.instructions import Instruction, make_marked, make_plain
from earthgptx.data.instructions.describe import region_caption, ways_to_single_out
from earthgptx.data.instructions.facts import gather_facts
from earthgptx.data.instructions.phrasings import PHRASINGS
from earthgptx.data.instructions.plain import presence
from earthgptx.data.labelled_image import LabelledImage, LabelledObject, Relation
from earthgptx.data.synthetic.scene import generate_scene
from earthgptx.data.views import windowed
from earthgptx.imagery.masks import encode_rle
from earthgptx.imagery.windows import Window
from earthgptx.words import PLACES, a, at, counted, listed, place_word, plural

SIDE = 200
LABELS = ("airplane", "bus", "person", "ship", "storage tank")
COLOURS = ("red", "white", "blue")


def _mask(box: tuple[int, int, int, int]) -> dict[str, object]:
    mask_HW = np.zeros((SIDE, SIDE), np.bool_)
    mask_HW[box[1] : box[3], box[0] : box[2]] = True
    height, width, counts = encode_rle(mask_HW)
    return {"size": [height, width], "counts": counts}


@st.composite
def things(draw: st.DrawFn) -> LabelledObject:
    x, y = draw(st.integers(0, 150)), draw(st.integers(0, 150))
    box = (x, y, x + draw(st.integers(4, 50)), y + draw(st.integers(4, 50)))
    return LabelledObject(
        label=draw(st.sampled_from(LABELS)),
        box_xyxy_px=tuple(float(v) for v in box),  # type: ignore[arg-type]
        mask=_mask(box) if draw(st.booleans()) else None,
        colour=draw(st.sampled_from((*COLOURS, None))),
        size=draw(st.sampled_from(("small", "medium", "large", None))),
    )


@st.composite
def images(draw: st.DrawFn) -> LabelledImage:
    objects = tuple(draw(st.lists(things(), max_size=12)))
    if draw(st.booleans()):
        box = (0, 100, 200, 200)
        water = LabelledObject("water", (0.0, 100.0, 200.0, 200.0), _mask(box), stuff=True)
        objects = (*objects, water)
    relations = (Relation(0, "next to", 1),) if len(objects) > 1 else ()
    return LabelledImage(
        image_id="drawn",
        source="drawn",
        licence="CC0-1.0",
        modality=draw(st.sampled_from(("optical", "sar", "infrared"))),
        width_px=SIDE,
        height_px=SIDE,
        load_pixels=lambda: np.zeros((SIDE, SIDE, 3), np.uint8),
        objects=objects,
        relations=relations,
        exhaustive=frozenset(draw(st.sets(st.sampled_from(LABELS)))),
        scene=draw(st.sampled_from(("harbor", None))),
    )


def _numbers(image: LabelledImage) -> dict[str, int]:
    labels = [thing.label for thing in image.objects if not thing.stuff]
    return {label: labels.count(label) for label in LABELS}


def _check(image: LabelledImage, made: Instruction) -> None:
    numbers = _numbers(image)
    asked = made.question.lower()
    assert made.answer.count("[SEG]") == len(made.seg_targets)
    for target in made.seg_targets:
        masked = all(image.objects[i].mask is not None for i in target)
        assert target and (masked or made.task == "detect")
    assert "{" not in made.question + made.answer
    if made.task == "count":
        label = next(k for k in LABELS if plural(k) in asked)
        assert int(made.answer) == numbers[label]
        assert label in image.exhaustive
    if made.task == "presence":
        label = next((k for k in LABELS if k in asked or plural(k) in asked), "water")
        present = numbers.get(label, 1) > 0
        assert made.answer == ("yes" if present else "no")
        assert present or label in image.exhaustive
    if made.task == "detect":
        _check_detection(image, made, asked)


def _check_detection(image: LabelledImage, made: Instruction, asked: str) -> None:
    label = next(k for k in LABELS if plural(k) in asked)
    group = {i for i, thing in enumerate(image.objects) if thing.label == label}
    assert label in image.exhaustive
    if not group:
        assert made.answer == f"no {plural(label)}"
        return
    assert made.answer == f"<p>{counted(len(group), label)}</p>[SEG]"
    assert set(made.seg_targets[0]) == group


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(images(), st.integers(0, 2**32 - 1))
def test_plain_answers_agree_with_the_truth(image: LabelledImage, seed: int) -> None:
    for made in make_plain(image, np.random.default_rng(seed), 12):
        _check(image, made)
        assert "<Region" not in made.question


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(images(), st.integers(0, 2**32 - 1))
def test_marked_answers_agree_with_the_truth(image: LabelledImage, seed: int) -> None:
    marked = make_marked(image, np.random.default_rng(seed), 12)
    assert len(set(marked.object_indices)) == len(marked.object_indices) <= 4
    for made in marked.instructions:
        _check(image, made)
        named = [
            int(n) for n in re.findall(r"<region (\d+)>", (made.question + made.answer).lower())
        ]
        assert all(1 <= n <= len(marked.object_indices) for n in named)
        if made.task == "refer_class":
            assert made.answer == image.objects[marked.object_indices[named[0] - 1]].label
        if made.task == "refer_class_all":
            labels = [line.split(": ")[1] for line in made.answer.split("\n")]
            assert labels == [image.objects[i].label for i in marked.object_indices]


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(images())
def test_an_expression_fits_one_object_only(image: LabelledImage) -> None:
    facts = gather_facts(image)
    told: dict[str, int] = {}
    for indices in facts.things.values():
        for index in indices:
            for way in ways_to_single_out(facts, index):
                assert told.setdefault(way.words, index) == index
                if facts.colour(index) is None:
                    assert not way.words.startswith(COLOURS)


def test_colours_are_only_spoken_of_where_they_show() -> None:
    thing = LabelledObject("ship", (10.0, 10.0, 40.0, 40.0), None, colour="red")
    spoken = {}
    for modality in ("optical", "sar", "infrared"):
        image = LabelledImage(
            "i",
            "s",
            "l",
            modality,
            SIDE,
            SIDE,
            lambda: np.zeros((1, 1, 3), np.uint8),
            (thing,),  # type: ignore[arg-type]
        )
        rng = np.random.default_rng(0)
        made = [*make_plain(image, rng, 30), *make_marked(image, rng, 30).instructions]
        spoken[modality] = any("red " in i.answer or i.answer == "red" for i in made)
    assert spoken == {"optical": True, "sar": False, "infrared": False}


def test_yes_and_no_are_about_as_frequent() -> None:
    ship = LabelledObject("ship", (10.0, 10.0, 40.0, 40.0))
    image = LabelledImage(
        *("i", "s", "l", "sar", SIDE, SIDE),  # type: ignore[arg-type]
        load_pixels=lambda: np.zeros((1, 1, 3), np.uint8),
        objects=(ship,),
        exhaustive=frozenset(LABELS),
    )
    rng = np.random.default_rng(0)
    said = [i.answer for _ in range(80) for i in make_plain(image, rng, 6) if i.task == "presence"]
    assert 0.4 < said.count("yes") / len(said) < 0.6


def test_equal_randomness_gives_equal_text() -> None:
    ship = LabelledObject("ship", (10.0, 10.0, 40.0, 40.0))
    image = LabelledImage(
        *("i", "s", "l", "sar", SIDE, SIDE),  # type: ignore[arg-type]
        load_pixels=lambda: np.zeros((1, 1, 3), np.uint8),
        objects=(ship, ship),
    )
    first, again = (make_plain(image, np.random.default_rng(5), 8) for _ in range(2))
    assert first == again


@pytest.mark.parametrize("kind", sorted(PHRASINGS))
def test_phrasings_do_not_repeat(kind: str) -> None:
    assert len(set(PHRASINGS[kind])) == len(PHRASINGS[kind]) >= 4


def test_words() -> None:
    assert [plural(w) for w in ("person", "bus", "ship", "city", "water")] == [
        *("people", "buses", "ships", "cities", "water")
    ]
    assert (a("airplane"), a("ship"), a("water")) == ("an airplane", "a ship", "water")
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert [place_word(x, y) for y in (0.1, 0.5, 1.0) for x in (0.0, 0.5, 0.9)] == [
        place for row in PLACES for place in row
    ]


def test_substances_are_said_to_be_there_and_not_to_be_there() -> None:
    rng = np.random.default_rng(4)
    answers = set()
    for seed in range(60):
        facts = gather_facts(generate_scene(seed).labelled("optical"))
        for made in filter(None, (presence(facts, rng) for _ in range(6))):
            if "water" in made.question:
                answers.add(made.answer)
    assert answers == {"yes", "no"}


def test_what_is_marked_lies_in_the_whole_image_and_what_is_not_in_what_is_seen() -> None:
    image = generate_scene(3, 256).labelled("sar")
    thing = next(t for t in image.objects if not t.stuff)
    x0, y0, x1, y1 = thing.box_xyxy_px
    # A close look in whose top left corner it lies.
    view = windowed(replace(image, objects=(thing,)), Window(x0 - 2, y0 - 2, 4 * (x1 - x0)), 224)
    facts = gather_facts(view)
    in_image = place_word((x0 + x1) / 512, (y0 + y1) / 512)
    assert (facts.places, facts.places_in_whole) == (("top left",), (in_image,))
    assert region_caption(facts, 0, False).endswith(f"{at(in_image)}.")
    assert region_caption(facts, 0, True).count(at(in_image))
