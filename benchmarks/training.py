"""A training step in both phases, on synthetic scenes: images a second, and waiting for data.

The real loop of `earthgptx train` with the settings of its recipe, and what it writes into its own
log. The first ten steps of a phase are left out where there are more: a CPU compiles its matrix
kernels in them.
"""

from __future__ import annotations

import json
import statistics
from dataclasses import dataclass

import torch

from benchmarks.figures import Figure, Given, at_most
from earthgptx.model.language_model import Words
from earthgptx.model.presets import ModelConfig, read_config
from earthgptx.training.loop import train
from earthgptx.training.mixture import Mixture
from earthgptx.training.network import TrainingNetwork
from earthgptx.training.processes import Processes
from earthgptx.training.recipes import synthetic_parts
from earthgptx.training.samples import SampleSettings
from earthgptx.training.settings import LoopSettings

ROUNDS = 30
BATCH_SIZE = 16
STEPS_A_LINE = 10
PHASES = ("perception", "words, the conv expert at rest")
MOST_WAITING_PERCENT = 10


@dataclass(frozen=True)
class Pace:
    """Means of ten steps, in seconds."""

    waited_s: float
    worked_s: float

    @property
    def step_s(self) -> float:
        return self.waited_s + self.worked_s


def run(
    given: Given,
    *,
    config: ModelConfig | None = None,
    batch_size: int = BATCH_SIZE,
    workers: int = 1,
) -> list[Figure]:
    """Trains for `given.rounds` steps of each phase, rounded up to tens.

    Args:
        given: Its weights folder lends configuration and tokenizer; the weights begin anew.
        config: Another configuration of the same vocabulary.
        batch_size: Images a step.
        workers: Processes that make samples; 0 makes them in the training process.
    """
    torch.manual_seed(0)
    config = config or read_config(given.weights / "config.json")
    lines = -(-(given.rounds or ROUNDS) // STEPS_A_LINE)
    steps = 2 * lines * STEPS_A_LINE
    settings = LoopSettings(steps=steps, batch_size=batch_size, words_from=0.5)
    samples = SampleSettings(config.view_side_px, config.grid_side)
    mixture = Mixture(synthetic_parts(), samples, 0, steps * batch_size)
    words = Words.read(given.weights / "tokenizer.json")
    processes = Processes(on_cpu=True, workers=workers)
    train(TrainingNetwork(config), mixture, words, settings, given.scratch, processes)
    paces = [
        Pace(line["waited_s"], line["worked_s"])
        for line in map(json.loads, (given.scratch / "log.jsonl").read_text().splitlines())
    ]
    warm = 1 if lines > 1 else 0
    return [
        figure
        for number, phase in enumerate(PHASES)
        for figure in _figures(
            phase, paces[number * lines + warm : (number + 1) * lines], batch_size
        )
    ]


def _figures(phase: str, paces: list[Pace], batch_size: int) -> list[Figure]:
    step_s = statistics.median(pace.step_s for pace in paces)
    waited = sum(pace.waited_s for pace in paces) / sum(pace.step_s for pace in paces)
    samples = len(paces) * STEPS_A_LINE
    return [
        Figure(
            name=f"{phase}",
            value=batch_size / step_s,
            unit="images/s",
            samples=samples,
            parts={"step_s": step_s, "batch_size": batch_size},
        ),
        Figure(
            name=f"{phase}: waiting for data",
            value=100 * waited,
            unit="%",
            samples=samples,
            target=at_most(MOST_WAITING_PERCENT),
        ),
    ]
