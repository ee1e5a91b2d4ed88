from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earthgptx.data.labelled_image import MODALITIES, LabelledObject
from earthgptx.data.synthetic.classes import LABELS, STUFF_LABELS
from earthgptx.data.synthetic.colours import PALETTE, colour_word
from earthgptx.data.synthetic.layouts.recipes import RECIPES, SCENES
from earthgptx.data.synthetic.scene import Scene, generate_scene
from earthgptx.imagery.masks import rle_runs

SEEDS = st.integers(-(2**63), 2**63)


def decoded(thing: LabelledObject) -> np.ndarray:
    assert thing.mask is not None
    height, width = thing.mask["size"]
    runs = rle_runs(height, width, thing.mask["counts"])
    return np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(width, height).T


def digest(seed: int) -> str:
    scene = generate_scene(seed)
    seen = hashlib.sha256(repr((scene.objects, scene.relations, scene.scene)).encode())
    for modality in MODALITIES:
        seen.update(scene.render(modality).tobytes())
    return seen.hexdigest()


@settings(max_examples=25, deadline=None)
@given(SEEDS)
def test_a_seed_always_gives_the_same_scene(seed: int) -> None:
    assert digest(seed) == digest(seed)


def test_a_seed_gives_the_same_scene_in_another_process() -> None:
    code = (
        "from tests.earthgptx.data.synthetic.test_scene import digest; print(digest(7), digest(8))"
    )
    other = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONHASHSEED": "12345"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert other.stdout.split() == [digest(7), digest(8)]


def test_different_seeds_give_different_scenes() -> None:
    assert len({digest(seed) for seed in range(20)}) == 20


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.sampled_from((96, 256, 333)))
def test_masks_fill_their_boxes_and_boxes_stay_in_the_image(seed: int, size_px: int) -> None:
    scene = generate_scene(seed, size_px)
    assert any(not thing.stuff for thing in scene.objects)
    for thing in scene.objects:
        mask_HW = decoded(thing)
        assert mask_HW.shape == (size_px, size_px)
        ys, xs = np.nonzero(mask_HW)
        assert thing.box_xyxy_px == (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)
        assert mask_HW.sum() >= 20


@settings(max_examples=40, deadline=None)
@given(SEEDS)
def test_no_pixel_belongs_to_two_things(seed: int) -> None:
    scene = generate_scene(seed)
    assert np.sum([decoded(thing) for thing in scene.objects], axis=0).max() <= 1


@settings(max_examples=15, deadline=None)
@given(SEEDS, st.sampled_from((96, 256, 1024)))
def test_the_three_renderings_share_one_truth(seed: int, size_px: int) -> None:
    scene = generate_scene(seed, size_px)
    for modality in MODALITIES:
        image = scene.labelled(modality)
        pixels = image.load_pixels()
        assert pixels.dtype == np.uint8
        assert pixels.shape == (size_px, size_px, 3 if modality == "optical" else 1)
        assert pixels.std() > 4
        assert image.modality == modality
        assert (image.width_px, image.height_px) == (size_px, size_px)
        assert [o.box_xyxy_px for o in image.objects] == [o.box_xyxy_px for o in scene.objects]
        assert image.relations == scene.relations
        assert image.group == scene.labelled("optical").group


@pytest.mark.parametrize("modality", ["sar", "infrared"])
def test_only_the_optical_record_speaks_of_colours(scenes: list[Scene], modality) -> None:
    assert any(o.colour for scene in scenes[:50] for o in scene.labelled("optical").objects)
    assert not any(o.colour for scene in scenes[:50] for o in scene.labelled(modality).objects)


def test_words_are_those_of_the_vocabulary(scenes: list[Scene]) -> None:
    for scene in scenes:
        assert scene.scene in SCENES
        assert scene.gsd_m is None or 0.02 < scene.gsd_m < 20
        for thing in scene.objects:
            assert thing.label in (STUFF_LABELS if thing.stuff else LABELS)
            assert thing.colour is None or thing.colour in PALETTE
            assert thing.size in ((None,) if thing.stuff else ("small", "medium", "large"))


def test_every_class_appears_in_a_comparable_number_of_scenes() -> None:
    count = 1200
    seen: Counter[str] = Counter()
    for seed in range(1000, 1000 + count):
        seen.update({o.label for o in generate_scene(seed).objects if not o.stuff})
    shares = {label: seen[label] / count for label in LABELS}
    assert min(shares.values()) > 0.04, shares
    assert max(shares.values()) < 0.40, shares


def test_a_scene_holds_few_enough_things_to_name(scenes: list[Scene]) -> None:
    counts = [sum(not o.stuff for o in scene.objects) for scene in scenes]
    assert max(counts) <= 20
    assert np.mean(np.array(counts) > 1) > 0.5


@pytest.mark.parametrize("k", range(len(RECIPES)), ids=[r.lay_out.__name__ for r in RECIPES])
def test_every_layout_can_be_asked_for_by_name(k: int) -> None:
    scene = generate_scene(3, recipe=RECIPES[k])
    assert scene.scene == RECIPES[k].scene
    assert scene.objects


def test_colour_words_match_what_is_seen(scenes: list[Scene]) -> None:
    right: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for scene in scenes[:300]:
        pixels = scene.render("optical")
        for thing in scene.objects:
            if thing.colour is not None:
                total[thing.label] += 1
                median = np.median(pixels[decoded(thing)], axis=0)
                right[thing.label] += colour_word(tuple(median)) == thing.colour
    assert right.total() >= 0.95 * total.total()
    assert all(right[label] >= 0.85 * total[label] for label in total), (right, total)


@pytest.mark.parametrize("size_px", [0, 63, 2049, -5])
def test_a_size_out_of_range_is_refused(size_px: int) -> None:
    with pytest.raises(ValueError, match="size_px"):
        generate_scene(0, size_px)


def test_the_same_seed_has_the_same_layout_at_another_size() -> None:
    agree = 0
    for seed in range(40):
        small, large = generate_scene(seed, 256), generate_scene(seed, 512)
        labels = [[o.label for o in s.objects if not o.stuff] for s in (small, large)]
        agree += labels[0] == labels[1]
    assert agree >= 36
