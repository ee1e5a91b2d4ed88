"""Two processes with their slices of the weights learn what one learns that has them whole."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from earthgptx.model.checkpoint import STAGES
from earthgptx.training.blocks import blocks_of
from earthgptx.training.export import read_average
from earthgptx.training.losses import NAMES
from earthgptx.training.network import TrainingNetwork
from earthgptx.training.state_files import open_state
from tests.earthgptx.training.sharded_training import STEPS, VOCABULARY
from tests.earthgptx.training.sharded_training import __name__ as script
from tests.earthgptx.training.small_network import small

pytestmark = pytest.mark.timeout(240)
TWO = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]


def trained(folder: Path, launcher: list[str]) -> Path:
    command = [sys.executable, *launcher, "-m", script, str(folder)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=230)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("shared"), TWO)


def losses(run: Path) -> list[dict[str, float]]:
    lines = map(json.loads, (run / "log.jsonl").read_text().splitlines())
    return [{name: line[name] for name in ("total", "norm", *NAMES)} for line in lines]


def test_losses_and_norms_are_those_of_one_process(tmp_path: Path, shared: Path) -> None:
    alone = losses(trained(tmp_path, []) / "whole")
    assert len(alone) == STEPS
    for together, single in zip(losses(shared / "whole"), alone, strict=True):
        assert together == pytest.approx(single, abs=2e-4, rel=1e-4)


def test_every_block_is_a_unit_and_what_is_left_is_one_more(shared: Path) -> None:
    network = TrainingNetwork(small(VOCABULARY))
    deep = set(blocks_of(network.image_encoder, network.reasoner.language))
    names = {name for name, module in network.named_modules() if module in deep}
    units = json.loads((shared / "units.json").read_text())
    assert len(units) == len(names) + 1
    assert set(units) == names | {""}


def test_a_training_that_was_cut_off_ends_at_the_same_weights_to_the_bit(shared: Path) -> None:
    for stage in STAGES:
        whole, cut = (load_file(shared / run / f"{stage}.safetensors") for run in ("whole", "cut"))
        assert all(torch.equal(whole[name], cut[name]) for name in whole)


def test_each_process_saves_its_rows_alone_and_the_older_state_is_gone(shared: Path) -> None:
    files = sorted((shared / "whole").glob("state*/*"))
    assert [str(file.relative_to(shared / "whole")) for file in files] == [
        f"state-{STEPS}/0000{n}-of-00002.safetensors" for n in range(2)
    ]
    first_bytes, second_bytes = (file.stat().st_size for file in files)
    assert second_bytes == pytest.approx(first_bytes, rel=0.1)
    with safe_open(files[1], "pt") as second:
        rows = second.get_slice("average/reasoner.language.model.embed_tokens.weight")
        assert rows.get_shape() == [VOCABULARY // 2, small(VOCABULARY).width]


def test_slices_are_read_as_the_whole_that_was_exported(shared: Path) -> None:
    network = TrainingNetwork(small(VOCABULARY))
    read_average(shared / "whole", network)
    for stage in STAGES:
        exported = load_file(shared / "whole" / f"{stage}.safetensors")
        for name, parameter in getattr(network, stage).named_parameters():
            assert torch.equal(parameter.detach().bfloat16(), exported[name]), name


@pytest.mark.parametrize("wanted", [slice(0, 3), slice(440, 461), slice(899, 900), slice(7, 7)])
def test_any_rows_can_be_read_wherever_files_part(shared: Path, wanted: slice) -> None:
    name = "weight/reasoner.language.model.embed_tokens.weight"
    with open_state(shared / "whole") as saved:
        assert saved.step == STEPS
        assert torch.equal(saved.rows(name, wanted), saved.tensor(name)[wanted])
