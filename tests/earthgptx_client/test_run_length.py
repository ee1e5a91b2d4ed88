import numpy as np
import pycocotools.mask as coco
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from earthgptx_client import ClientError, run_length

masks = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=24))


@given(masks)
def test_masks_are_written_as_pycocotools_writes_them(mask_HW):
    theirs = coco.encode(np.asfortranarray(mask_HW.astype(np.uint8)))["counts"].decode()
    assert run_length.encode(mask_HW) == theirs


@given(masks)
def test_a_mask_survives_the_way_there_and_back(mask_HW):
    counts = run_length.encode(mask_HW)
    assert np.array_equal(run_length.decode(*mask_HW.shape, counts), mask_HW)


@given(st.text(alphabet=[chr(c) for c in range(40, 125)], max_size=20))
def test_any_text_is_a_mask_or_a_typed_error(counts):
    try:
        assert run_length.decode(5, 7, counts).shape == (5, 7)
    except ClientError as error:
        assert error.field == "mask.counts"


def test_a_long_run_is_written_in_several_groups():
    mask_HW = np.zeros((2000, 1000), bool)
    mask_HW[1999, 999] = True
    assert np.array_equal(run_length.decode(2000, 1000, run_length.encode(mask_HW)), mask_HW)


def test_runs_that_do_not_fill_the_mask_are_refused():
    with pytest.raises(ClientError, match="5 x 4 px"):
        run_length.decode(4, 5, run_length.encode(np.ones((4, 4), bool)))
