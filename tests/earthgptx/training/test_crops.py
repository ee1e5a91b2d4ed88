"""A close look shows the thing where its box says it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from earthgptx.data.labelled_image import LabelledImage, LabelledObject
from earthgptx.data.vocabulary import OBJECT_LABELS
from earthgptx.model.checkpoint import build_stage
from earthgptx.model.presets import nano
from earthgptx.model.visual_experts import VisualExperts
from earthgptx.training.crops import (
    LOOKS,
    MOST_OF_A_LABEL,
    CropSettings,
    crops_of,
    learn_from_crops,
    pack_crops,
)
from earthgptx.training.mixture import MixturePart, folder_source
from earthgptx.training.processes import Processes

SIDE = 64
LOOKING = CropSettings(steps=1, side_px=SIDE, whole_side_px=SIDE)


def image_of(*boxes: tuple[int, int, int, int], label: str = "ship") -> LabelledImage:
    """Black, with a white rectangle for each thing."""

    def pixels() -> np.ndarray:  # type: ignore[type-arg]
        drawn = np.zeros((200, 200, 1), np.uint8)
        for x0, y0, x1, y1 in boxes:
            drawn[y0:y1, x0:x1] = 255
        return drawn

    return LabelledImage(
        image_id="image",
        source="test",
        licence="CC0-1.0",
        modality="sar",
        width_px=200,
        height_px=200,
        load_pixels=pixels,
        objects=tuple(LabelledObject(label, tuple(map(float, box))) for box in boxes),  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("seed", range(20))
def test_the_box_of_a_look_encloses_what_is_bright_however_it_was_turned(seed: int) -> None:
    for crop in crops_of(image_of((60, 90, 100, 104)), LOOKING, np.random.default_rng(seed)):
        bright = crop.pixels_SS3.mean(2) > 140
        rows, columns = np.nonzero(bright)
        shown = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]) / SIDE
        assert np.abs(shown - np.clip(crop.box_xyxy_unit, 0, 1)).max() < 2.5 / SIDE
        assert OBJECT_LABELS[crop.label] == "ship"


def test_no_label_fills_all_looks_at_an_image() -> None:
    many = image_of(*((x, 20, x + 10, 30) for x in range(10, 180, 20)))
    assert len(crops_of(many, LOOKING, np.random.default_rng(0))) == MOST_OF_A_LABEL * LOOKS


def test_what_nobody_listed_is_not_looked_at() -> None:
    unicorn = image_of((10, 10, 30, 30), label="unicorn")
    assert crops_of(unicorn, LOOKING, np.random.default_rng(0)) == []


def test_an_image_of_one_thing_is_shown_around_its_middle() -> None:
    image = image_of((90, 90, 110, 110))
    chip = LabelledImage(**{**image.__dict__, "objects": (), "image_label": "t72"})
    for crop in crops_of(chip, LOOKING, np.random.default_rng(1)):
        assert OBJECT_LABELS[crop.label] == "t72"
        assert crop.pixels_SS3[24:40, 24:40].mean() > crop.pixels_SS3[:8].mean()


def test_crops_of_two_sizes_are_two_batches() -> None:
    image = image_of((90, 90, 110, 110))
    chip = LabelledImage(**{**image.__dict__, "objects": (), "image_label": "t72"})
    settings = CropSettings(steps=1, side_px=SIDE, whole_side_px=2 * SIDE)
    rng = np.random.default_rng(0)
    batches = pack_crops([crops_of(chip, settings, rng), crops_of(image, settings, rng)])
    assert [batch.crops_BSS3.shape[1] for batch in batches] == [SIDE, 2 * SIDE]
    assert OBJECT_LABELS[int(batches[1].labels_B[0])] == "t72"


def test_weights_cover_the_cells_under_the_box() -> None:
    crops = crops_of(image_of((60, 90, 100, 104)), LOOKING, np.random.default_rng(0))
    (batch,) = pack_crops([crops])
    assert batch.weights_BHW.shape == (len(crops), SIDE // 16, SIDE // 16)
    for crop, weights_HW in zip(crops, batch.weights_BHW, strict=True):
        row, column = divmod(int(weights_HW.argmax()), SIDE // 16)
        x0, y0, x1, y1 = np.array(crop.box_xyxy_unit) * SIDE / 16
        assert x0 - 1 < column < x1 and y0 - 1 < row < y1


def test_what_was_learnt_is_not_learnt_again(tmp_path: Path) -> None:
    things = [image_of((60, 90, 100, 104)), image_of((30, 30, 90, 90), label="storage tank")]
    parts = [MixturePart("things", folder_source(things), 1.0)]
    settings = CropSettings(steps=2, side_px=32, images=2)

    def learnt(seed: int) -> dict[str, torch.Tensor]:
        torch.manual_seed(seed)
        experts = build_stage(nano(), "image_encoder")
        assert isinstance(experts, VisualExperts)
        learn_from_crops(
            experts, parts, settings, 0, tmp_path / "looks.safetensors", Processes(on_cpu=True)
        )
        return {n: t.clone() for n, t in experts.conv.state_dict().items()}

    first, again = learnt(0), learnt(1)
    assert all(torch.equal(first[name], again[name]) for name in first)
