"""Where a pretrained part comes from: a folder, or a repository of the hub by name."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from earthgptx.model.errors import CheckpointError
from earthgptx.model.weight_files import open_tensors, stage_files

# No pickles, no second copies of the weights in other formats.
_WANTED = ["model.safetensors", "model-*.safetensors", "*.json", "*.txt", "README.md", "LICENSE*"]
_LICENCE = re.compile(r"^license(?:_name)?:\s*(\S+)\s*$", re.MULTILINE)
UNSTATED = "not stated; see its page"


@dataclass(frozen=True)
class Source:
    """A pretrained part.

    Attributes:
        name: as it was asked for.
        folder: its files, in the layout of the hub.
    """

    name: str
    folder: Path

    @property
    def licence(self) -> str:
        """By its model card, its configuration or its licence file, in this order."""
        card = self.folder / "README.md"
        if card.exists():
            front = card.read_text(encoding="utf-8", errors="replace").split("\n---", 1)[0]
            names = [name for name in _LICENCE.findall(front) if name != "other"]
            if names:
                return str(names[-1])
        stated = self.settings().get("pretrained_cfg", {}).get("license")
        if stated:
            return str(stated)
        for path in sorted(self.folder.glob("LICENSE*")):
            lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
            return next((line.strip() for line in lines if line.strip()), UNSTATED)
        return UNSTATED

    def settings(self) -> dict[str, dict[str, str]]:
        """Its ``config.json``; empty if there is none.

        Raises:
            CheckpointError: it is not a JSON object.
        """
        path = self.folder / "config.json"
        if not path.exists():
            return {}
        try:
            settings = json.loads(path.read_text())
        except ValueError as error:
            raise CheckpointError(f"{path} is not JSON: {error}") from error
        if not isinstance(settings, dict):
            raise CheckpointError(f"{path} is not a JSON object")
        return settings

    def tensors(self) -> Iterator[tuple[str, Tensor]]:
        """Its tensors, one at a time, from ``model.safetensors`` or its shards.

        Raises:
            CheckpointError: a file is missing or broken.
        """
        for path in stage_files(self.folder, "model"):
            with open_tensors(path) as file:
                for name in file.keys():  # noqa: SIM118 (no mapping, it only has keys())
                    yield name, file.get_tensor(name)


def find_source(name: str) -> Source:
    """``name`` as a folder if there is one, else fetched from the hub (into its own cache).

    Raises:
        CheckpointError: neither is there, or the hub cannot be reached or refuses.
    """
    folder = Path(name)
    if folder.is_dir():
        return Source(name, folder)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError

    try:
        return Source(name, Path(snapshot_download(name, allow_patterns=_WANTED)))
    except (OSError, HFValidationError) as error:
        raise CheckpointError(f"{name} is no folder here, and not to be had: {error}") from error
