from __future__ import annotations

import pytest

from earthgptx.data.labelled_image import BoxXyxyPx
from earthgptx.data.synthetic.canvas import Canvas, Paint
from earthgptx.data.synthetic.classes import ENCLOSURES, LABELS, SIZE_BOUNDS, SURFACES
from earthgptx.data.synthetic.geometry import Pose, rect
from earthgptx.data.synthetic.materials import Material
from earthgptx.data.synthetic.scene import Scene
from earthgptx.data.synthetic.truth import (
    NEXT_TO_SHARE,
    find_objects,
    find_relations,
    find_stuff,
    size_word,
)

STEEL = Paint((200, 30, 30), Material.METAL)


def gap_px(a: BoxXyxyPx, b: BoxXyxyPx) -> float:
    dx = max(a[0] - b[2], b[0] - a[2], 0)
    dy = max(a[1] - b[3], b[1] - a[3], 0)
    return (dx * dx + dy * dy) ** 0.5


def draw(canvas: Canvas, label: str, x: float, y: float, side: float = 30.0) -> None:
    with canvas.instance(label):
        canvas.polygon(Pose(x, y).at(rect(side, side)), STEEL)


def test_relations_hold_between_existing_things(scenes: list[Scene]) -> None:
    kinds = set()
    for scene in scenes:
        for relation in scene.relations:
            subject, other = scene.objects[relation.subject], scene.objects[relation.other]
            kinds.add(relation.kind)
            assert relation.subject != relation.other
            assert not subject.stuff and not other.stuff
            x0, y0, x1, y1 = subject.box_xyxy_px
            a0, b0, a1, b1 = other.box_xyxy_px
            if relation.kind == "next to":
                assert relation.subject < relation.other
                assert gap_px(subject.box_xyxy_px, other.box_xyxy_px) <= NEXT_TO_SHARE * 256
            else:
                assert other.label in (SURFACES if relation.kind == "on" else ENCLOSURES)
                assert a0 <= (x0 + x1) / 2 <= a1 and b0 <= (y0 + y1) / 2 <= b1
    assert kinds == {"next to", "on", "inside"}


def test_no_pair_is_related_twice(scenes: list[Scene]) -> None:
    for scene in scenes:
        pairs = [frozenset((r.subject, r.other)) for r in scene.relations]
        assert len(pairs) == len(set(pairs))


def test_a_hidden_thing_is_no_truth_and_its_label_is_not_exhaustive() -> None:
    canvas = Canvas(256)
    draw(canvas, "ship", 100, 100)
    draw(canvas, "vehicle", 108, 100)
    draw(canvas, "storage tank", 200, 200)
    things, numbers, unsure = find_objects(canvas)
    assert [thing.label for thing in things] == ["vehicle", "storage tank"]
    assert numbers == [2, 3]
    assert unsure == {"ship"}


def test_a_wholly_covered_thing_may_be_called_absent() -> None:
    canvas = Canvas(256)
    draw(canvas, "ship", 100, 100)
    draw(canvas, "vehicle", 100, 100, 40)
    assert find_objects(canvas)[2] == frozenset()


def test_a_thing_mostly_out_of_the_frame_is_dropped_unless_it_is_a_region() -> None:
    canvas = Canvas(256)
    draw(canvas, "ship", -8, 100)
    draw(canvas, "airport", 256, 200, 60)
    things, _, unsure = find_objects(canvas)
    assert [thing.label for thing in things] == ["airport"]
    assert unsure == {"ship"}


def test_what_stands_on_a_surface_is_related_to_it_and_not_next_to_it() -> None:
    canvas = Canvas(256)
    draw(canvas, "airport", 128, 128, 180)
    draw(canvas, "airplane", 128, 128)
    things, numbers, _ = find_objects(canvas)
    (relation,) = find_relations(canvas, things, numbers)
    assert (relation.subject, relation.kind, relation.other) == (1, "on", 0)


def test_masks_are_what_is_left_after_later_things() -> None:
    canvas = Canvas(256)
    draw(canvas, "airport", 128, 128, 100)
    draw(canvas, "airplane", 128, 128, 40)
    under, over = find_objects(canvas)[0]
    assert under.mask is not None and over.mask is not None
    assert under.box_xyxy_px[0] < over.box_xyxy_px[0]
    shown = int((canvas.owner == 1).sum())
    assert 0 < shown < 101 * 101 - 39 * 39


def test_stuff_needs_a_fair_share_and_leaves_out_labelled_things() -> None:
    canvas = Canvas(256)
    canvas.polygon(Pose(128, 128).at(rect(300, 300)), Paint((20, 60, 90), Material.WATER))
    canvas.polygon(Pose(20, 20).at(rect(10, 10)), Paint((90, 90, 90), Material.ROAD))
    with canvas.instance("ship"):
        canvas.polygon(Pose(128, 128).at(rect(40, 10)), Paint((90, 90, 90), Material.WATER))
    (water,), absent = find_stuff(canvas)
    assert (water.label, water.stuff, water.box_xyxy_px) == ("water", True, (0, 0, 256, 256))
    # The little road is neither asked about nor called absent.
    assert absent == {"building", "forest", "field"}


def test_instances_do_not_nest_and_are_at_most_255() -> None:
    canvas = Canvas(64)
    with canvas.instance("ship"), pytest.raises(ValueError, match="instances"):
        draw(canvas, "ship", 10, 10)
    for _ in range(254):
        draw(canvas, "ship", 128, 128)
    with pytest.raises(ValueError, match="instances"):
        draw(canvas, "ship", 128, 128)


@pytest.mark.parametrize("label", LABELS)
def test_size_words_grow_with_the_box(label: str) -> None:
    low, high = SIZE_BOUNDS[label]
    assert 0 < low < high <= 1
    sides = (low * 0.9 * 256, (low + high) / 2 * 256, high * 1.1 * 256)
    words = [size_word(label, (0, 0, side, side), 256) for side in sides]
    assert words == ["small", "medium", "large"]


def test_all_three_size_words_are_used_for_countable_classes(scenes: list[Scene]) -> None:
    used = {(o.label, o.size) for scene in scenes for o in scene.objects}
    for label in ("airplane", "ship", "storage tank", "tennis court", "vehicle", "windmill"):
        assert {(label, size) for size in ("small", "medium", "large")} <= used
