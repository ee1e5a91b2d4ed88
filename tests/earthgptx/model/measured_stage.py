"""Runs one stage in a process of its own and prints what the system says it took.

    python -m tests.earthgptx.model.measured_stage WEIGHTS STAGE BATCH

Prints a JSON object. weights_bytes: by how much anonymous memory grew when the weights were read.
call_bytes: how far the resident peak rose above what was resident while one call ran (a call before
it lets libraries make what they keep). libraries: which of the large ones were imported for it.
"""

from __future__ import annotations

import gc
import json
import re
import sys
from pathlib import Path

import torch

from earthgptx.model.checkpoint import build_stage, read_folder_config, read_stage
from earthgptx.model.memory.stage_calls import CallSize, call_stage

PROCESS = Path("/proc/self")
LARGE = ("timm", "torchvision", "transformers")


def status_bytes(key: str) -> int:
    """A line of this process's status, e.g. VmRSS."""
    found = re.search(rf"^{key}:\s+(\d+) kB", (PROCESS / "status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024


def measure(folder: Path, stage: str, batch: int) -> tuple[int, int]:
    """Weights and call of one stage, in bytes."""
    torch.set_num_threads(1)
    config, cpu = read_folder_config(folder), torch.device("cpu")
    build_stage(config, stage)  # imports, and what libraries make once
    gc.collect()
    before = status_bytes("RssAnon")
    network = read_stage(folder, stage, cpu, torch.float32).eval()
    gc.collect()
    weights = status_bytes("RssAnon") - before
    for _ in range(2):
        gc.collect()
        (PROCESS / "clear_refs").write_text("5")  # the peak starts anew
        resident = status_bytes("VmRSS")
        call_stage(network, config, stage, CallSize(batch), cpu, torch.float32)
        call = status_bytes("VmHWM") - resident
    return weights, call


if __name__ == "__main__":
    weights_bytes, call_bytes = measure(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
    imported = [name for name in LARGE if name in sys.modules]
    told = {"weights_bytes": weights_bytes, "call_bytes": call_bytes, "libraries": imported}
    print(json.dumps(told))
