"""A scene of 900 megapixels passes through in a process of its own, whose memory is measured."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contract.tree import ROOT

LIMIT_BYTES = 1_500_000_000


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="asks the kernel by /proc")
@pytest.mark.timeout(400)
def test_a_scene_of_30000_px_needs_less_than_one_and_a_half_gigabytes(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.earthgptx.scenes.measure_memory"]
    # One band: memory is bounded by tiles, and the file is made in a second.
    command += ["--side-px", "30000", "--bands", "1", "--folder", str(tmp_path)]
    # Made first, in a process whose memory is not asked about.
    subprocess.run([*command, "--only-make"], cwd=ROOT, check=True)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["tiles"] == 78 * 78 and told["decoded_bytes"] == 900_000_000
    assert told["objects"] > 7_000
    assert told["peak_bytes"] < LIMIT_BYTES
