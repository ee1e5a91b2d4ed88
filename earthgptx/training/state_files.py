"""The files of a training's state: safetensors and JSON, no pickle.

    state.safetensors                                  all tensors whole
    state.json, state-250/00000-of-00008.safetensors   each process's rows of each, and their index

What an index names is complete: it is replaced last, at once, and what it named before goes after
that. Rows of all files in their order are the whole tensor, for any number of processes to read.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from earthgptx.training.processes import Processes

WHOLE = "state.safetensors"
INDEX = "state.json"


class SavedState:
    """A state that lies on disk, read tensor by tensor.

    Attributes:
        step: after which it was saved.
        names: of its tensors.
    """

    def __init__(self, step: int, files: list[Any]) -> None:
        self.step = step
        self._files_of: dict[str, list[Any]] = {}
        for file in files:
            for name in file.keys():  # noqa: SIM118 (no mapping, it only has keys())
                self._files_of.setdefault(name, []).append(file)
        self.names = self._files_of.keys()

    def tensor(self, name: str) -> Tensor:
        """One tensor, whole, on the CPU."""
        files = self._files_of[name]
        if len(files) == 1:
            whole: Tensor = files[0].get_tensor(name)
            return whole
        return torch.cat([file.get_tensor(name) for file in files])

    def rows(self, name: str, wanted: slice) -> Tensor:
        """Some rows of a tensor, on the CPU; no others are read. ``wanted`` counts from 0."""
        found, first = [], 0
        for file in self._files_of[name]:
            held = file.get_slice(name)
            count = held.get_shape()[0]
            start, stop = (min(max(row - first, 0), count) for row in (wanted.start, wanted.stop))
            found.append(held[start:stop])
            first += count
        return torch.cat(found)


def has_state(folder: Path) -> bool:
    """Whether a run has saved a state."""
    return (folder / INDEX).exists() or (folder / WHOLE).exists()


@contextmanager
def open_state(folder: Path) -> Iterator[SavedState]:
    """The state of a run.

    Raises:
        FileNotFoundError: the run has not saved one yet.
    """
    with ExitStack() as stack:
        index = folder / INDEX
        if index.exists():
            told = json.loads(index.read_text())
            paths = [folder / name for name in told["files"]]
            files = [stack.enter_context(safe_open(path, "pt")) for path in paths]
            yield SavedState(told["step"], files)
        else:
            file = stack.enter_context(safe_open(folder / WHOLE, "pt"))
            yield SavedState(json.loads(file.metadata()["step"]), [file])


def write_state(
    folder: Path, tensors: Mapping[str, Tensor], step: int, processes: Processes
) -> None:
    """Writes what each process has of a state; every process has to take part.

    Args:
        folder: of the run, one for all processes.
        tensors: this process's rows; the first's alone where it has them whole.
        step: after which the state is saved.
        processes: whose it is.
    """
    if not processes.has_whole_weights:
        _write_slices(folder, tensors, step, processes)
    elif processes.is_first:
        _write_file(folder / WHOLE, tensors, step)
        (folder / INDEX).unlink(missing_ok=True)
        _remove_slices(folder, None)
    processes.wait()


def _write_slices(
    folder: Path, tensors: Mapping[str, Tensor], step: int, processes: Processes
) -> None:
    inner = f"state-{step}"
    names = [
        f"{inner}/{n:05d}-of-{processes.count:05d}.safetensors" for n in range(processes.count)
    ]
    (folder / inner).mkdir(parents=True, exist_ok=True)
    _write_file(folder / names[processes.number], tensors, step)
    processes.wait()
    if processes.is_first:
        partial = folder / ".state.json.partial"
        partial.write_text(json.dumps({"step": step, "files": names}, indent=1) + "\n")
        partial.replace(folder / INDEX)
        (folder / WHOLE).unlink(missing_ok=True)
        _remove_slices(folder, folder / inner)


def _remove_slices(folder: Path, but: Path | None) -> None:
    for inner in folder.glob("state-*"):
        if inner != but:
            shutil.rmtree(inner)


def _write_file(path: Path, tensors: Mapping[str, Tensor], step: int) -> None:
    partial = path.with_name(f".{path.stem}.partial")
    # Copies: the file format refuses tensors that share or stride memory.
    copies = {n: t.to("cpu", copy=True).contiguous() for n, t in tensors.items()}
    save_file(copies, partial, {"step": json.dumps(step)})
    partial.replace(path)
