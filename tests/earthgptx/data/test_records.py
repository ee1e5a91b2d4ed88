import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earthgptx.data.labelled_image import LabelledImage, PixelsHWC
from earthgptx.data.record_lines import image_facts, line_of, record_of
from earthgptx.data.records import InstructionRecord, answer_through
from earthgptx.imagery.mark_shapes import (
    BoxMark,
    MaskMark,
    PointMark,
    PolygonMark,
    Region,
    ScribbleMark,
)
from earthgptx.imagery.masks import encode_rle
from earthgptx.imagery.windows import Window, whole_image

WIDTH, HEIGHT = 40, 30


def pixels_of(number: int, channels: int = 3) -> PixelsHWC:
    rng = np.random.default_rng(number)
    return rng.integers(0, 256, (HEIGHT, WIDTH, channels), np.uint8)


def image(number: int = 0, modality: Any = "optical", **more: Any) -> LabelledImage:
    channels = 3 if modality == "optical" else 1
    return LabelledImage(
        f"set/{number}", "set", "CC0-1.0", modality, WIDTH, HEIGHT,
        lambda: pixels_of(number, channels), **more,
    )  # fmt: skip


def record(number: int = 0, picture: LabelledImage | None = None, **more: Any) -> InstructionRecord:
    told = {"task": "question", "question": "what is it?", "answer": "a ship", **more}
    return InstructionRecord(f"set/{number}", picture or image(number), **told)


SQUARE = np.zeros((HEIGHT, WIDTH), bool)
SQUARE[5:15, 10:30] = True
COUNTS = encode_rle(SQUARE)[2]
RLE = {"size": [HEIGHT, WIDTH], "counts": COUNTS}

xs, ys = st.floats(0, WIDTH), st.floats(0, HEIGHT)
vertices = st.lists(st.tuples(xs, ys), min_size=1, max_size=6).map(tuple)
marks = st.one_of(
    st.builds(PointMark, xs, ys),
    st.builds(
        BoxMark, st.floats(0, 10), st.floats(0, 10), st.floats(11, WIDTH), st.floats(11, HEIGHT)
    ),
    st.builds(ScribbleMark, vertices, st.floats(0, 10)),
    st.just(PolygonMark(((1.0, 1.0), (20.0, 1.0), (20.0, 20.0)))),
    st.just(MaskMark(HEIGHT, WIDTH, COUNTS)),
)
regions = st.lists(st.lists(marks, min_size=1, max_size=3).map(tuple).map(Region), max_size=3)


@settings(deadline=None)
@given(regions.map(tuple), st.booleans(), st.sampled_from([None, "train", "test"]))
def test_a_record_comes_back_from_its_line(
    drawn: tuple[Region, ...], grounded: bool, split: str | None
) -> None:
    more: dict[str, Any] = {"marks": drawn, "split": split}
    if grounded:
        more |= {"answer": "<p>a ship</p>[SEG][SEG] <p>piers</p>[BOX]", "masks": (RLE, None)}
        more["boxes"] = (((1.0, 2.0, 3.5, 4.0), (0.0, 0.0, 9.0, 9.0)),)
    whole = record(picture=image(modality="sar", group="port", gsd_m=3.0), **more)
    line = json.loads(json.dumps(line_of(whole, "a.png")))
    assert record_of(line, whole.image) == whole
    facts = image_facts(line)
    assert facts == {
        "modality": "sar",
        "source": "set",
        "licence": "CC0-1.0",
        "group": "port",
        "gsd_m": 3.0,
    }


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"answer": " "}, "needed"),
        ({"answer": "here [SEG]"}, r"1 \[SEG\] for 0"),
        ({"masks": (RLE,)}, r"0 \[SEG\] for 1"),
        ({"answer": "[BOX][BOX]", "boxes": (((0, 0, 1, 1),),)}, r"2 \[BOX\] for 1"),
        ({"question": "what is <Region 1>?"}, "<Region 1> among 0"),
        ({"answer": "<Region 2>", "marks": (Region((PointMark(1, 1),)),)}, "<Region 2> among 1"),
        ({"marks": (Region((PointMark(1, 99),)),)}, "outside the image"),
        ({"marks": (Region(()),)}, "0 were given"),
        ({"answer": "[SEG]", "masks": ({"size": [3, 3], "counts": COUNTS + "4"},)}, "runs"),
    ],
)
def test_text_and_truth_that_do_not_belong_together_are_refused(
    more: dict[str, Any], told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        record(**more)


def test_boxes_are_said_in_the_frame_of_the_view() -> None:
    boxes = (((0.0, 0.0, 20.0, 10.0), (20.0, 10.0, 40.0, 30.0)),)
    asked = record(answer="<p>2 ships</p>[BOX] there.", boxes=boxes)
    # 40 x 30 px lies in the middle of 40 x 40: five rows above it.
    padded = answer_through(asked, whole_image(WIDTH, HEIGHT))
    assert padded == "<p>2 ships</p>[0.00,0.12,0.50,0.38;0.50,0.38,1.00,0.88] there."
    zoomed = answer_through(asked, Window(20.0, 10.0, 20.0))
    assert zoomed == "<p>2 ships</p>[0.00,0.00,0.00,0.00;0.00,0.00,1.00,1.00] there."
