import numpy as np

from earthgptx.imagery.masks import MaskHW, encode_rle
from services.gateway.rendering import grounded_mask
from shared.image_records import ImageRecord
from shared.interpretation.events import MaskDrawn

RECORD = ImageRecord("PNG", 96, 96, 1, "uint8", 1, "", 0.0, (), True)


def drawn(mask_HW: MaskHW) -> MaskDrawn:
    height_px, width_px, counts = encode_rle(mask_HW)
    return MaskDrawn(
        phrase="",
        index=0,
        height_px=height_px,
        width_px=width_px,
        counts=counts,
        score=0.5,
        box_xyxy_px=(0, 0, width_px, height_px),
        area_px=int(mask_HW.sum()),
    )


def positions(mask_HW: MaskHW, most: int) -> int:
    polygons = grounded_mask(drawn(mask_HW), RECORD, most).polygons_px
    return sum(len(r.positions) for p in polygons for r in (p.outer, *p.holes))


def disc() -> MaskHW:
    y, x = np.mgrid[:96, :96]
    return np.hypot(x - 48, y - 48) < 40


def test_an_outline_is_as_fine_as_its_message_allows() -> None:
    fine = positions(disc(), 1000)
    coarse = positions(disc(), fine - 1)
    assert 0 < coarse < fine


def test_a_mask_of_crumbs_comes_without_outlines() -> None:
    crumbs = np.random.default_rng(0).random((96, 96)) > 0.5
    told = grounded_mask(drawn(crumbs), RECORD, 100)
    assert not told.polygons_px
    assert told.mask.counts and told.area_px == crumbs.sum()
