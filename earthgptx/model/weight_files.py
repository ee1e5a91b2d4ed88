"""A stage's weights on disk: one safetensors file, or shards with an index, named as on the hub.

    reasoner.safetensors
    reasoner-00001-of-00013.safetensors ... and reasoner.safetensors.index.json

Matrices are bf16; buffers (tables of positions) keep their own dtype.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from earthgptx.model.errors import CheckpointError

SHARD_LIMIT_BYTES = 2 * 1024**3

# Called with the name of a module whose own tensors are all there.
WhenFull = Callable[[nn.Module, str], None]


def stage_files(folder: Path, stage: str) -> list[Path]:
    """The files that hold a stage's tensors.

    Raises:
        CheckpointError: the index cannot be read, or names a file outside the folder.
    """
    index = _index_path(folder, stage)
    if not index.exists():
        return [folder / f"{stage}.safetensors"]
    try:
        names = sorted(set(json.loads(index.read_text())["weight_map"].values()))
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise CheckpointError(f"cannot read {index}: {error!r}") from error
    if any(Path(name).name != name for name in names):
        raise CheckpointError(f"{index} names files outside its folder")
    return [folder / name for name in names]


def stage_digest(folder: Path, stage: str) -> str:
    """SHA-256 of what identifies a stage's weights: the index (it holds its shards') or the file.

    Raises:
        CheckpointError: there is neither.
    """
    index = _index_path(folder, stage)
    try:
        return _sha256(index if index.exists() else folder / f"{stage}.safetensors")
    except OSError as error:
        raise CheckpointError(f"cannot read the weights of {stage}: {error}") from error


@contextmanager
def open_tensors(path: Path, device: torch.device | str = "cpu") -> Iterator[Any]:
    """A safetensors file (``safe_open``), read tensor by tensor straight to ``device``.

    Raises:
        CheckpointError: it is missing or broken.
    """
    try:
        with safe_open(path, "pt", device=str(device)) as file:
            yield file
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"cannot read the weights {path}: {error}") from error


def fill(
    network: nn.Module,
    files: list[Path],
    device: torch.device,
    dtype: torch.dtype,
    optional: frozenset[str] = frozenset(),
    when_full: WhenFull | None = None,
) -> None:
    """Gives ``network`` the tensors of ``files``, one by one, on ``device``.

    Args:
        network: built as its configuration says; its parameters need no memory.
        files: of one stage.
        device: where the tensors go.
        dtype: of parameters; buffers keep their own, batch norms stay in float32.
        optional: names that may be missing.
        when_full: called with ``network`` and the name of each module whose own tensors are all in
            place, before the next module's are read.

    Raises:
        CheckpointError: a file is missing or broken, or does not fit ``network``.
    """
    waiting = set(network.state_dict(keep_vars=True))
    left = Counter(name.rpartition(".")[0] for name in waiting)
    unexpected: list[str] = []
    for path in files:
        with open_tensors(path, device) as file:
            for name in file.keys():  # noqa: SIM118 (no mapping, it only has keys())
                if name not in waiting:
                    unexpected.append(name)
                    continue
                waiting.remove(name)
                owner = name.rpartition(".")[0]
                _place(network, name, file.get_tensor(name), dtype)
                left[owner] -= 1
                if when_full is not None and left[owner] == 0:
                    when_full(network, owner)
    missing = sorted(waiting - optional)
    if missing or unexpected:
        raise CheckpointError(
            f"{files[0]} does not fit the configuration beside it: "
            f"missing {missing[:3]}, unexpected {unexpected[:3]}"
        )


def _place(network: nn.Module, name: str, tensor: Tensor, dtype: torch.dtype) -> None:
    owner, _, leaf = name.rpartition(".")
    module = network.get_submodule(owner)
    old = getattr(module, leaf)
    if old.shape != tensor.shape:
        raise CheckpointError(
            f"{name} is {list(tensor.shape)} in the weights, {list(old.shape)} by the configuration"
        )
    if isinstance(old, nn.Parameter):
        # A batch norm of mixed types is refused by the CPU; its statistics stay in float32.
        kept = torch.float32 if isinstance(module, nn.BatchNorm2d) else dtype
        placed = nn.Parameter(tensor.to(kept), requires_grad=old.requires_grad)
        setattr(module, leaf, placed)
    else:
        setattr(module, leaf, tensor.to(old.dtype))


def copy_stage(start: Path, folder: Path, stage: str) -> None:
    """Puts a stage's files as they are in place of those in ``folder``.

    Raises:
        CheckpointError: they cannot be read.
    """
    names: dict[Path, str] = {}
    for number, path in enumerate(stage_files(start, stage)):
        partial = folder / f".{stage}-{number:05d}.partial"
        try:
            shutil.copyfile(path, partial)
        except OSError as error:
            raise CheckpointError(f"cannot read the weights {path}: {error}") from error
        names[partial] = path.name
    index = _index_path(start, stage)
    told = json.loads(index.read_text()) if index.exists() else None
    _replace_stage(folder, stage, names, told)


class ShardWriter:
    """Writes a stage's tensors as they come, holding no more than one shard of them.

    Where one is enough there is one file; who may read it is up to the umask.

    As a context: closed at its end, or, where something failed, gone without a trace.
    """

    def __init__(self, folder: Path, stage: str, limit_bytes: int = SHARD_LIMIT_BYTES) -> None:
        self._folder = folder
        self._stage = stage
        self._limit_bytes = limit_bytes
        self._held: dict[str, Tensor] = {}
        self._held_bytes = 0
        self._shards: list[tuple[Path, list[str]]] = []
        self.total_bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
            return
        for partial, _ in self._shards:
            partial.unlink(missing_ok=True)

    def add(self, name: str, tensor: Tensor) -> None:
        """Takes the next tensor; writes a shard before it would grow past the limit."""
        size = tensor.numel() * tensor.element_size()
        if self._held and self._held_bytes + size > self._limit_bytes:
            self._write_shard()
        self._held[name] = tensor.contiguous()
        self._held_bytes += size
        self.total_bytes += size

    def close(self) -> None:
        """Writes what is left and puts the stage's files in place of those there were."""
        self._write_shard()
        count = len(self._shards)
        if count == 1:
            names = {self._shards[0][0]: f"{self._stage}.safetensors"}
            _replace_stage(self._folder, self._stage, names, None)
            return
        names = {
            partial: f"{self._stage}-{i:05d}-of-{count:05d}.safetensors"
            for i, (partial, _) in enumerate(self._shards, start=1)
        }
        index = {
            "metadata": {
                "total_size": self.total_bytes,
                "sha256": {name: _sha256(partial) for partial, name in names.items()},
            },
            "weight_map": {
                tensor: names[partial] for partial, held in self._shards for tensor in held
            },
        }
        _replace_stage(self._folder, self._stage, names, index)

    def _write_shard(self) -> None:
        partial = self._folder / f".{self._stage}-{len(self._shards):05d}.partial"
        _write_file(self._held, partial)
        self._shards.append((partial, list(self._held)))
        self._held, self._held_bytes = {}, 0


def _write_file(state: dict[str, Tensor], path: Path) -> None:
    path.unlink(missing_ok=True)
    path.touch()
    mode = path.stat().st_mode
    # safetensors puts a file of its own in place, for this user alone; images run as another.
    save_file(state, path)
    path.chmod(mode)


def _replace_stage(
    folder: Path, stage: str, names: dict[Path, str], index: dict[str, object] | None
) -> None:
    old_index = _index_path(folder, stage)
    kept = {*names.values(), *([old_index.name] if index else [])}
    for path in (old_index, *folder.glob(f"{stage}*.safetensors")):
        if path.name not in kept:
            path.unlink(missing_ok=True)
    for partial, name in names.items():
        partial.replace(folder / name)
    if index is not None:
        old_index.write_text(json.dumps(index, indent=1) + "\n")


def _index_path(folder: Path, stage: str) -> Path:
    return folder / f"{stage}.safetensors.index.json"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
