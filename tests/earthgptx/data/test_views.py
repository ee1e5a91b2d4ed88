import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earthgptx.data.labelled_image import LabelledImage, LabelledObject, Relation
from earthgptx.data.synthetic.scene import generate_scene
from earthgptx.data.views import dihedral, in_whole, windowed
from earthgptx.imagery.masks import decode_rle, encode_rle, mask_box_xyxy_px
from earthgptx.imagery.windows import Window


def _masked(label: str, x0: int, y0: int, x1: int, y1: int, stuff: bool = False) -> LabelledObject:
    mask_HW = np.zeros((100, 100), np.bool_)
    mask_HW[y0:y1, x0:x1] = True
    height, width, counts = encode_rle(mask_HW)
    box = (float(x0), float(y0), float(x1), float(y1))
    return LabelledObject(label, box, {"size": [height, width], "counts": counts}, stuff=stuff)


def _image(*objects: LabelledObject, relations: tuple[Relation, ...] = ()) -> LabelledImage:
    pixels_HWC = np.random.default_rng(0).integers(0, 255, (100, 100, 3), np.uint8)
    return LabelledImage(
        image_id="i",
        source="s",
        licence="l",
        modality="optical",
        width_px=100,
        height_px=100,
        load_pixels=lambda: pixels_HWC,
        objects=objects,
        relations=relations,
        exhaustive=frozenset({"ship", "car"}),
        gsd_m=1.0,
    )


def _mask(image: LabelledImage, index: int) -> np.ndarray:
    mask = image.objects[index].mask
    assert mask is not None
    return decode_rle(image.height_px, image.width_px, str(mask["counts"]))


def test_a_window_moves_boxes_masks_and_scale() -> None:
    view = windowed(_image(_masked("ship", 30, 40, 40, 50)), Window(20, 20, 50), 100)
    assert view.objects[0].box_xyxy_px == pytest.approx((20, 40, 40, 60), abs=1)
    assert _mask(view, 0).sum() == pytest.approx(400, rel=0.1)
    assert view.gsd_m == 0.5
    assert view.load_pixels().shape == (100, 100, 3)


def test_what_hardly_shows_is_dropped_with_its_relations_and_its_label_is_not_counted() -> None:
    image = _image(
        _masked("ship", 10, 10, 24, 24),
        _masked("car", 60, 60, 70, 70),
        _masked("car", 30, 30, 40, 40),
        relations=(Relation(0, "next to", 2), Relation(2, "next to", 1)),
    )
    view = windowed(image, Window(20, 20, 60), 60)
    assert [thing.label for thing in view.objects] == ["car", "car"]
    assert view.relations == (Relation(1, "next to", 0),)
    assert view.exhaustive == {"car"}


def test_what_lies_outside_does_not_spoil_the_count() -> None:
    view = windowed(_image(_masked("ship", 80, 80, 90, 90)), Window(0, 0, 50), 50)
    assert view.objects == ()
    assert view.exhaustive == {"ship", "car"}


def test_any_part_of_a_substance_stays() -> None:
    view = windowed(_image(_masked("water", 0, 0, 100, 22, stuff=True)), Window(20, 20, 40), 40)
    assert _mask(view, 0).sum() == 2 * 40


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 7), st.integers(0, 60), st.integers(0, 60), st.integers(3, 39))
def test_turning_moves_pixels_boxes_and_masks_alike(turn: int, x: int, y: int, side: int) -> None:
    image = _image(_masked("ship", x, y, x + side, y + side // 2 + 1))
    shown = np.zeros((100, 100, 3), np.uint8)
    shown[_mask(image, 0)] = 255
    turned = dihedral(image.__class__(**{**vars(image), "load_pixels": lambda: shown}), turn)
    mask_HW = _mask(turned, 0)
    assert (turned.load_pixels()[..., 0] > 0).tolist() == mask_HW.tolist()
    assert mask_box_xyxy_px(mask_HW) == turned.objects[0].box_xyxy_px


def test_only_squares_can_be_turned() -> None:
    image = _image()
    with pytest.raises(ValueError, match="not square"):
        dihedral(image.__class__(**{**vars(image), "width_px": 90}), 1)


def test_masks_of_a_scene_stay_tight_in_every_window() -> None:
    image = generate_scene(11, 128).labelled("optical")
    for window in (Window(0, 0, 128), Window(32, 0, 64), Window(-20, -20, 168)):
        view = windowed(image, window, 96)
        for index, thing in enumerate(view.objects):
            assert mask_box_xyxy_px(_mask(view, index)) == thing.box_xyxy_px


def test_a_view_of_a_view_knows_what_part_of_the_image_it_shows() -> None:
    view = windowed(_image(), Window(20, 20, 50), 100)
    assert view.cut_xyxy_unit == pytest.approx((0.2, 0.2, 0.7, 0.7))
    closer = windowed(view, Window(50, 0, 50), 100)
    assert closer.cut_xyxy_unit == pytest.approx((0.45, 0.2, 0.7, 0.45))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 7), st.integers(0, 60), st.integers(0, 60), st.integers(20, 39))
def test_a_turned_view_lies_in_the_turned_image(turn: int, x: int, y: int, side: int) -> None:
    thing = _masked("ship", x + 5, y + 5, x + 15, y + 15)
    view = dihedral(windowed(_image(thing), Window(x, y, side), side), turn)
    seen = [v / side for v in view.objects[0].box_xyxy_px]
    whole = dihedral(_image(thing), turn).objects[0].box_xyxy_px
    expected = pytest.approx([v / 100 for v in whole], abs=0.01)
    assert list(in_whole((seen[0], seen[1], seen[2], seen[3]), view.cut_xyxy_unit)) == expected
