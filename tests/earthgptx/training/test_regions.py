"""Practising what is said of marks: two parts learn, the rest stays bit for bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file

from earthgptx.data.instructions.marked import MAKERS, make_marked
from earthgptx.data.synthetic.scene import generate_scene
from earthgptx.model.checkpoint import STAGES
from earthgptx.training.practice import practise
from earthgptx.training.regions import QUESTION_SHARES, REGIONS

NANO = Path("weights/nano")


@pytest.mark.slow
def test_regions_and_language_learn_and_the_rest_stays_bit_for_bit(tmp_path: Path) -> None:
    practise(REGIONS, NANO, None, tmp_path, 1, 1e-4, batch_size=4, workers=0)
    for stage in set(STAGES) - {"reasoner"}:
        name = f"{stage}.safetensors"
        assert (tmp_path / name).read_bytes() == (NANO / name).read_bytes()
    before, after = (load_file(f / "reasoner.safetensors") for f in (NANO, tmp_path))
    changed = {name for name in before if not before[name].equal(after[name])}
    assert {name.split(".")[0] for name in changed} == {"regions", "language"}


def test_what_is_practised_most_is_asked_most() -> None:
    assert QUESTION_SHARES.keys() <= MAKERS.keys()
    image = generate_scene(1, 256).labelled("optical")
    only = {name: float(name == "place") for name in MAKERS}
    asked = make_marked(image, np.random.default_rng(0), 5, only).instructions
    assert [each.task for each in asked] == ["region_place"] * 5
