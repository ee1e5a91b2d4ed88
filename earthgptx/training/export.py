"""Weights as the services read them, of a training that ended or is still going.

python -m earthgptx.training.export runs/nano /tmp/weights
python -m earthgptx.training.export runs/mine /tmp/weights --start weights/nano
"""

from __future__ import annotations

import argparse
import shutil
from collections import deque
from collections.abc import Mapping, Set
from pathlib import Path

import torch
from peft import LoraConfig
from safetensors.torch import load_file
from torch import Tensor, nn

from earthgptx.model.adapters import adapter_tensors, save_adapter
from earthgptx.model.checkpoint import (
    SOURCES_NAME,
    STAGES,
    build_stage,
    save_stage,
    save_tensors,
)
from earthgptx.model.presets import read_config
from earthgptx.model.weight_files import ShardWriter, copy_stage, open_tensors, stage_files
from earthgptx.training.processes import Processes
from earthgptx.training.sharding import whole
from earthgptx.training.state import lasting_buffers
from earthgptx.training.state_files import open_state

# Where a run keeps what it had learnt before its refinement.
BEFORE_REFINEMENT = "before_refinement"


def export_stages(network: nn.Module, folder: Path, processes: Processes) -> None:
    """Writes what the network holds, one file a stage; every process has to take part."""
    for stage in STAGES:
        part = getattr(network, stage)
        gathered = ((name, whole(tensor)) for name, tensor in part.state_dict().items())
        if processes.is_first:
            save_tensors(part, gathered, folder, stage)
        else:
            # One by one: the first process alone keeps what was gathered.
            deque(gathered, maxlen=0)
    processes.wait()


def export_adapter(
    language: nn.Module, settings: LoraConfig, folder: Path, processes: Processes
) -> None:
    """Writes what learnt beside a language model; every process has to take part."""
    tensors = {name: whole(tensor) for name, tensor in adapter_tensors(language).items()}
    if processes.is_first:
        save_adapter(tensors, settings, folder)
    processes.wait()


def export_learnt(
    network: nn.Module,
    learnt: Set[str],
    start: Path,
    folder: Path,
    processes: Processes,
    kept: float = 0.0,
) -> None:
    """Writes a weights folder: what learnt, and all else bit for bit as ``start`` has it.

    Args:
        network: the stages, with what was learnt.
        learnt: names of its parameters that learnt.
        start: the weights folder that it was.
        folder: gets the files of all stages.
        processes: every one has to take part.
        kept: share of ``start`` in what is written of what learnt, 0..1: what was known before
            fades less than what is new is gained (WiSE-FT, Wortsman et al. 2022).

    Raises:
        CheckpointError: the files of ``start`` cannot be read.
    """
    parameters = dict(network.named_parameters())
    for stage in STAGES:
        own = sorted(name for name in learnt if name.startswith(f"{stage}."))
        tensors = {n.removeprefix(f"{stage}."): whole(parameters[n].detach()) for n in own}
        if processes.is_first:
            _write_learnt(tensors, start, folder, stage, kept)
    processes.wait()


def _write_learnt(
    tensors: Mapping[str, Tensor], start: Path, folder: Path, stage: str, kept: float = 0.0
) -> None:
    if not tensors:
        copy_stage(start, folder, stage)
        return
    with ShardWriter(folder, stage) as writer:
        for path in stage_files(start, stage):
            with open_tensors(path) as file:
                for name in file.keys():  # noqa: SIM118 (no mapping, it only has keys())
                    if name not in tensors:
                        writer.add(name, file.get_tensor(name))
                        continue
                    learnt = tensors[name].cpu()
                    if kept:
                        learnt = learnt.float().lerp(file.get_tensor(name).float(), kept)
                    writer.add(name, learnt.bfloat16())


def export_average(run: Path, out: Path, start: Path | None = None) -> None:
    """Writes a complete weights folder from the last state of a training.

    Args:
        run: its folder.
        out: gets the weights.
        start: the weights folder that it started from, of which what rested is copied bit for bit;
            None for a training from nothing: what rests in its refinement is what it was before.

    Raises:
        FileNotFoundError: the training has not saved a state yet.
        CheckpointError: the files of ``start`` cannot be read.
    """
    if start is not None:
        _export_learnt_average(run, out, start)
        return
    config = read_config(run / "config.json")
    out.mkdir(parents=True, exist_ok=True)
    for stage in STAGES:
        network = build_stage(config, stage)
        read_average(run, network, f"{stage}.")
        save_stage(network, out, stage)
    copy_configuration(run, out)


def _export_learnt_average(run: Path, out: Path, start: Path) -> None:
    copy_configuration(start, out)
    with open_state(run) as state:
        for stage in STAGES:
            prefix = f"average/{stage}."
            kept = [name for name in state.names if name.startswith(prefix)]
            tensors = {name.removeprefix(prefix): state.tensor(name) for name in kept}
            _write_learnt(tensors, start, out, stage)


def copy_configuration(start: Path, folder: Path) -> None:
    """Copies what weights belong to into a folder made for it.

    Configuration, tokenizer, and where they were assembled, whose the parts are.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("config.json", "tokenizer.json"):
        shutil.copy(start / name, folder / name)
    if (start / SOURCES_NAME).exists():
        shutil.copy(start / SOURCES_NAME, folder / SOURCES_NAME)


@torch.no_grad()
def read_average(run: Path, network: nn.Module, prefix: str = "") -> None:
    """Reads the averaged weights of a run's last state.

    Args:
        run: its folder.
        network: all that was trained, or a part of it.
        prefix: of that part's names in the whole ("reasoner.").

    Raises:
        FileNotFoundError: the training has not saved a state yet.
    """
    resting: dict[str, dict[str, Tensor]] = {}
    with open_state(run) as state:
        for name, parameter in network.named_parameters():
            key = f"average/{prefix}{name}"
            if key in state.names:
                parameter.copy_(state.tensor(key))
                continue
            stage, _, own = f"{prefix}{name}".partition(".")
            if stage not in resting:
                resting[stage] = load_file(run / BEFORE_REFINEMENT / f"{stage}.safetensors")
            parameter.copy_(resting[stage][own])
        for name, held in lasting_buffers(network).items():
            held.copy_(state.tensor(f"buffer/{prefix}{name}"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Export a running training's averaged weights.")
    parser.add_argument("run", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--start", type=Path, metavar="DIR", help="weights that it started from")
    given = parser.parse_args()
    export_average(given.run, given.out, given.start)
