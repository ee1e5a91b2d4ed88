"""Boots real stage processes for tests, as an operator would: environment in, one line out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

ROOT = Path(__file__).resolve().parents[2]
STAGES = ("image_encoder", "prompt_encoder", "reasoner", "mask_decoder")
START_TIMEOUT_S = 90


@dataclass
class StageProcess:
    """A running service and where to reach it."""

    name: str
    process: subprocess.Popen[str]
    log_path: Path
    port: int = 0
    metrics_port: int = 0

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.port}"

    def wait_listening(self) -> None:
        """Reads the line it prints when it listens; fails with its log if it does not come."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(f"{self.name} did not start:\n{self.log_path.read_text()[-4000:]}")
        told = json.loads(line)
        assert told["event"] == "listening"
        self.port, self.metrics_port = told["port"], told["metrics_port"]

    def stop(self) -> int:
        """Asks it to end; its exit status."""
        self.process.terminate()
        status = self.process.wait(30)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return status

    def metric(self, name: str, **labels: str) -> float:
        """Sum of all samples of that name which carry the labels."""
        url = f"http://127.0.0.1:{self.metrics_port}/metrics"
        with urllib.request.urlopen(url, timeout=5) as answer:
            text = answer.read().decode()
        return sum(
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )


def start_process(
    module: str, environ: dict[str, str], log_folder: Path, program: str | None = None
) -> StageProcess:
    """Starts `python -m services.<module>`, or `program`, with nothing but `environ` set."""
    command = ["-m", f"services.{module}"] if program is None else ["-c", program]
    log_path = log_folder / f"{module}.log"
    plain = {k: v for k, v in os.environ.items() if not k.startswith("EARTHGPTX_")}
    with log_path.open("w") as log:
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            env=plain | {"OMP_NUM_THREADS": "1"} | environ,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    return StageProcess(module, process, log_path)
