"""Training sees the image, not the black that makes it a square."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from earthgptx.data.labelled_image import BoxXyxyPx, LabelledImage, LabelledObject
from earthgptx.data.records import InstructionRecord
from earthgptx.data.views import LEAST_IMAGE_SHARE, is_mostly_padding
from earthgptx.imagery.mark_shapes import BoxMark, Region
from earthgptx.imagery.windows import choose_window
from earthgptx.training.crops import CropSettings, crops_of
from earthgptx.training.record_samples import sample_of_record
from earthgptx.training.samples import SampleSettings, make_sample

WIDE, SQUARE, STRIP = (1000, 600), (384, 384), (1000, 100)
# The window that is chosen for it reaches beyond the upper rim by more than half.
ON_THE_RIM: BoxXyxyPx = (500.0, 0.0, 510.0, 10.0)
CLOSE = SampleSettings(224, 14, zoom_probability=1.0, plain_count=0, marked_count=1)
TILES = replace(CLOSE, zoom_probability=0.0, tile_probability=1.0)
LOOKING = CropSettings(steps=1)


def white(size_px: tuple[int, int], *boxes: BoxXyxyPx) -> LabelledImage:
    """All white, so that whatever is dark in a view is padding."""
    width, height = size_px
    return LabelledImage(
        "image", "test", "CC0-1.0", "optical", width, height,
        lambda: np.full((height, width, 3), 255, np.uint8),
        objects=tuple(LabelledObject("ship", box) for box in boxes),
    )  # fmt: skip


def image_share(pixels_SS3: np.ndarray) -> float:  # type: ignore[type-arg]
    return float((pixels_SS3.mean(2) > 128).mean())


def random_boxes(size_px: tuple[int, int], rng: np.random.Generator) -> list[BoxXyxyPx]:
    """Small things everywhere, half of them on the rim."""
    sides = rng.uniform(6, 60, (40, 2))
    starts = np.round(rng.random((40, 2)) * rng.integers(0, 2, (40, 2)), 3)
    starts *= np.maximum(np.array(size_px) - sides, 0)
    ends = np.minimum(starts + sides, size_px)
    return [(x0, y0, x1, y1) for (x0, y0), (x1, y1) in zip(starts, ends, strict=True)]


def test_a_close_look_that_is_mostly_padding_gives_way_to_the_whole_image() -> None:
    image = white(WIDE, ON_THE_RIM)
    close = choose_window([ON_THE_RIM], *WIDE)
    assert is_mostly_padding(image, close)
    whole_share = WIDE[1] / WIDE[0]
    for seed in range(8):
        view = make_sample(image, np.random.default_rng(seed), CLOSE).view
        assert image_share(view) == pytest.approx(whole_share, abs=0.01)
    bare = replace(image, objects=())
    marks = (Region((BoxMark(*ON_THE_RIM),)),)
    record = InstructionRecord("r", bare, "question", "what is <Region 1>?", "ship", marks=marks)
    for seed in range(8):
        view = sample_of_record(record, np.random.default_rng(seed), CLOSE).view
        assert image_share(view) == pytest.approx(whole_share, abs=0.01)


@pytest.mark.parametrize("size_px", [WIDE, SQUARE, STRIP])
@pytest.mark.parametrize("settings", [CLOSE, TILES], ids=["close", "tiles"])
def test_no_view_shows_less_than_half_image_or_than_the_whole_does(
    size_px: tuple[int, int], settings: SampleSettings
) -> None:
    rng = np.random.default_rng(1)
    least = min(LEAST_IMAGE_SHARE, min(size_px) / max(size_px))
    image = white(size_px, *random_boxes(size_px, rng))
    for _ in range(25):
        assert image_share(make_sample(image, rng, settings).view) >= least - 0.01


@pytest.mark.parametrize("size_px", [WIDE, SQUARE, STRIP])
def test_no_crop_does_either_and_things_on_the_rim_are_still_looked_at(
    size_px: tuple[int, int],
) -> None:
    rng = np.random.default_rng(2)
    least = min(LEAST_IMAGE_SHARE, min(size_px) / max(size_px))
    looks = 0
    for _ in range(60):
        for crop in crops_of(white(size_px, (0.0, 0.0, 30.0, 20.0)), LOOKING, rng):
            assert image_share(crop.pixels_SS3) >= least - 0.03
            looks += 1
    # Of 120; in the corner of a square some would show mostly padding.
    assert 60 < looks < 120 or (size_px == STRIP and looks == 120)


def test_the_middle_of_an_image_is_as_much_image_as_the_whole() -> None:
    for size_px in (SQUARE, (128, 100)):
        chip = replace(white(size_px), image_label="t72")
        whole_share = min(size_px) / max(size_px)
        rng = np.random.default_rng(3)
        crops = [crop for _ in range(30) for crop in crops_of(chip, LOOKING, rng)]
        assert min(image_share(crop.pixels_SS3) for crop in crops) > 0.85 * whole_share


def test_windows_of_a_square_image_are_never_skipped() -> None:
    rng = np.random.default_rng(4)
    image = white(SQUARE)
    for box in random_boxes(SQUARE, rng) * 5:
        assert not is_mostly_padding(image, choose_window([box], *SQUARE))
