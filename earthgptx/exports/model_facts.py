"""What is told of the model in the files: which one it was, and where its weights are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from earthgptx.imagery.errors import ImageryError

# As the STAC MLM extension has them.
Task = Literal[
    "classification",
    "object-detection",
    "semantic-segmentation",
    "instance-segmentation",
    "image-captioning",
]
_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_.\-\s]+[a-zA-Z0-9]")


@dataclass(frozen=True)
class ModelFacts:
    """A model.

    Attributes:
        name: three characters or more: letters, digits, "_", ".", "-" and spaces.
        version: of its weights.
        architecture: e.g. "EarthGPT-X".
        weights_href: where the weights are: a URL or a path.
        tasks: what it can do.
        artifact_type: how the weights are stored.
    """

    name: str
    version: str
    architecture: str
    weights_href: str
    tasks: tuple[Task, ...] = ("instance-segmentation", "object-detection")
    artifact_type: str = "safetensors.torch.save_file"

    def __post_init__(self) -> None:
        """Refuses a name the MLM extension has no room for.

        Raises:
            ImageryError: it is one (field "model.name").
        """
        if not _NAME.fullmatch(self.name):
            raise ImageryError("model.name", f"is {self.name!r}", _NAME.pattern)
