"""Parts of trained weights practise; the rest stays bit for bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from earthgptx.data.instructions import make_marked, make_plain, marked, plain
from earthgptx.data.labelled_image import LabelledImage
from earthgptx.data.synthetic.scene import generate_scene
from earthgptx.model.checkpoint import STAGES
from earthgptx.model.presets import nano
from earthgptx.training import drawing, regions
from earthgptx.training.export import export_average
from earthgptx.training.practice import Practice, practice_samples, practise
from earthgptx.training.processes import Processes
from earthgptx.training.samples import make_sample

NANO = Path("weights/nano")
RECIPES = {
    "regions": (regions.REGIONS, "reasoner", {"regions", "language"}),
    "drawing": (
        drawing.DRAWING,
        "mask_decoder",
        {
            *("decoder", "neck", "position_1WHH", "instances"),
            *("seg_in", "likeness_query", "likeness_dense", "region_in", "region_dense"),
        },
    ),
}


@pytest.fixture
def scene() -> LabelledImage:
    return generate_scene(1, 256).labelled("optical")


@pytest.mark.slow
@pytest.mark.parametrize("name", RECIPES)
def test_its_parts_learn_and_the_rest_stays_bit_for_bit(tmp_path: Path, name: str) -> None:
    practice, stage, parts = RECIPES[name]
    alone = Processes(on_cpu=True, workers=0)
    practise(practice, NANO, None, tmp_path / "run", 1, 1e-2, batch_size=4, processes=alone)
    for resting in set(STAGES) - {stage}:
        file = f"{resting}.safetensors"
        assert (tmp_path / "run" / file).read_bytes() == (NANO / file).read_bytes()
    before, after = (load_file(f / f"{stage}.safetensors") for f in (NANO, tmp_path / "run"))
    changed = {name for name in before if not before[name].equal(after[name])}
    assert {name.split(".")[0] for name in changed} == parts
    # A training that still goes on can be scored, too.
    export_average(tmp_path / "run", tmp_path / "average", NANO)
    for each in STAGES:
        file = f"{each}.safetensors"
        assert (tmp_path / "average" / file).read_bytes() == (tmp_path / "run" / file).read_bytes()


@pytest.mark.slow
def test_of_the_starting_weights_the_share_that_is_wanted_is_kept(tmp_path: Path) -> None:
    alone = Processes(on_cpu=True, workers=0)
    stage = "mask_decoder.safetensors"
    for kept, out in ((0.0, "learnt"), (0.25, "mixed")):
        # The second time there are no steps left to go.
        practise(drawing.DRAWING, NANO, None, tmp_path, 1, 1e-3, 4, kept=kept, processes=alone)
        (tmp_path / stage).rename(tmp_path / out)
    before, learnt, mixed = map(load_file, (NANO / stage, tmp_path / "learnt", tmp_path / "mixed"))
    name = "region_in.0.weight"
    expected = learnt[name].float() * 0.75 + before[name].float() * 0.25
    assert not mixed[name].equal(learnt[name])
    # Both were rounded to bf16 on their own.
    assert torch.allclose(mixed[name].float(), expected, rtol=2**-7, atol=1e-6)
    with pytest.raises(ValueError, match="--keep 1: a share from 0 to below 1"):
        practise(drawing.DRAWING, NANO, None, tmp_path, 1, 1e-3, 4, kept=1.0, processes=alone)


@pytest.mark.parametrize("practice", [regions.REGIONS, drawing.DRAWING])
def test_its_samples_are_about_what_it_practises(practice: Practice, scene: LabelledImage) -> None:
    settings = practice_samples(practice, nano())
    sample = make_sample(scene, np.random.default_rng(0), settings)
    assert bool(sample.marked) == (practice is regions.REGIONS)
    assert sample.raster is not None and len(sample.region_masks) > 0
    if practice is drawing.DRAWING:
        assert sample.plain
        assert all(question.targets or "no " in question.answer for question in sample.plain)


def test_a_kind_of_question_alone_can_be_asked(scene: LabelledImage) -> None:
    assert regions.QUESTION_SHARES.keys() <= marked.MAKERS.keys()
    assert drawing.QUESTION_SHARES.keys() <= plain.MAKERS.keys()
    only = {name: float(name == "place") for name in marked.MAKERS}
    asked = make_marked(scene, np.random.default_rng(0), 5, only).instructions
    assert [each.task for each in asked] == ["region_place"] * 5
    only = {name: float(name == "detect") for name in plain.MAKERS}
    assert {i.task for i in make_plain(scene, np.random.default_rng(0), 5, only)} == {"detect"}
