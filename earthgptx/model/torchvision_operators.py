"""Lets timm and transformers import torchvision beside a CPU build of torch.

PyPI's torchvision for Linux is built against CUDA torch; beside a CPU torch its C++ operators do
not load and ``import torchvision`` stops with "operator torchvision::nms does not exist". The
transforms that timm and transformers use do not need the operators, only their schemas.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import torch

_SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
_libraries: list[torch.library.Library] = []  # the declarations live as long as this list


def declare_missing_operators() -> None:
    """Declares the schemas of ``nms`` and ``qnms`` unless torchvision brings them itself.

    Idempotent. Must run before timm or transformers are imported.
    """
    if _libraries:
        return
    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.origin is None or _operators_load(Path(spec.origin).parent):
        return
    library = torch.library.Library("torchvision", "DEF")
    for operator in ("nms", "qnms"):
        library.define(operator + _SCHEMA)
    _libraries.append(library)


def _operators_load(folder: Path) -> bool:
    """True if torchvision's own C++ operators can be loaded into this torch."""
    for extension in folder.glob("_C*.so"):
        try:
            torch.ops.load_library(str(extension))
        except OSError:
            return False
        return True
    return False
