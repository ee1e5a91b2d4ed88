"""The start of a process, without a model: what it refuses, and how it says so."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
from shared.serving import run_process
from shared.settings import StageSettings

def open_service(settings, telemetry):
    raise RuntimeError("the model file is broken")

run_process("test", StageSettings, open_service)
"""
GOOD = {"EARTHGPTX_SUITE_KEY": "k" * 32, "EARTHGPTX_WEIGHTS_DIR": "/weights"}


@pytest.mark.parametrize(
    ("environ", "status", "told"),
    [
        (GOOD | {"EARTHGPTX_MAX_BACTH": "2"}, 1, "did you mean EARTHGPTX_MAX_BATCH"),
        (GOOD | {"EARTHGPTX_SUITE_KEY": ""}, 1, "EARTHGPTX_SUITE_KEY is not set"),
        (GOOD, 1, "the model file is broken"),
    ],
)
def test_a_process_that_cannot_start_says_why_and_exits(
    environ: dict[str, str], status: int, told: str
) -> None:
    plain = {k: v for k, v in os.environ.items() if not k.startswith("EARTHGPTX_")}
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        env=plain | environ,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == status
    assert told in ended.stderr
    assert ended.stdout == ""
    assert "k" * 32 not in ended.stderr
