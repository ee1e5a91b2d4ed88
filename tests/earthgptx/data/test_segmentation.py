from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from earthgptx.data.segmentation import rle_of
from earthgptx.imagery.masks import decode_rle

HEIGHT, WIDTH = 12, 17


def drawn(segmentation: Any) -> np.ndarray:
    rle = rle_of(segmentation, WIDTH, HEIGHT)
    assert rle is not None and rle["size"] == [HEIGHT, WIDTH]
    return decode_rle(HEIGHT, WIDTH, str(rle["counts"]))


def packed(mask_HW: np.ndarray) -> dict[str, Any]:
    return coco_mask.encode(np.asfortranarray(mask_HW.astype(np.uint8)))


@settings(deadline=None)
@given(st.binary(min_size=HEIGHT * WIDTH, max_size=HEIGHT * WIDTH))
def test_every_spelling_of_run_lengths_is_the_same_mask(noise: bytes) -> None:
    mask_HW = np.frombuffer(noise, np.uint8).reshape(HEIGHT, WIDTH) > 127
    compressed = packed(mask_HW)
    text = {"size": [HEIGHT, WIDTH], "counts": compressed["counts"].decode()}
    flat = mask_HW.T.ravel()
    edges = np.flatnonzero(np.diff(flat.astype(np.int8))) + 1
    runs = np.diff([0, *edges, flat.size]).tolist()
    numbers = {"size": [HEIGHT, WIDTH], "counts": [0, *runs] if flat[0] else runs}
    for spelt in (compressed, text, numbers, [text], [text, packed(mask_HW)]):
        assert (drawn(spelt) == mask_HW).all()


def test_several_polygons_or_run_lengths_are_united() -> None:
    left, right = [[1, 1, 5, 1, 5, 5, 1, 5], [8, 2, 12, 2, 12, 6, 8, 6]]
    both = drawn([left, right])
    assert both.sum() == 32 and both[2, 2] and both[3, 9]
    parts = [packed(drawn([left])), packed(drawn([right]))]
    assert (drawn(parts) == both).all()


def test_nothing_is_no_mask() -> None:
    assert rle_of(None, WIDTH, HEIGHT) is None
    assert rle_of([], WIDTH, HEIGHT) is None


@pytest.mark.parametrize(
    "segmentation",
    [
        {"size": [WIDTH, HEIGHT], "counts": "0"},
        {"size": [HEIGHT, WIDTH], "counts": "0"},
        {"size": [HEIGHT, WIDTH], "counts": [5, 6]},
        {"size": [HEIGHT, WIDTH], "counts": [-6, 210]},
        [[1, 2, 3, 4]],
        [[1, 2, 3, 4, 5, 6, 7]],
    ],
)
def test_what_does_not_cover_the_image_is_refused(segmentation: Any) -> None:
    with pytest.raises(ValueError, match=r"mask|polygon|runs"):
        rle_of(segmentation, WIDTH, HEIGHT)
