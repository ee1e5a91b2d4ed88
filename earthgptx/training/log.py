"""What a training tells while it runs: a progress bar, lines of JSON, TensorBoard."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch.utils.tensorboard import SummaryWriter

from earthgptx.training.losses import Losses
from earthgptx.training.settings import LoopSettings


class TrainingLog:
    """Means of some steps to ``log.jsonl`` and ``tensorboard/``; a progress bar on a terminal.

    Args:
        folder: of the run.
        settings: of the run.
        first: the step it goes on from.
    """

    def __init__(self, folder: Path, settings: LoopSettings, first: int) -> None:
        self._path = folder / "log.jsonl"
        self._settings = settings
        self._sums: dict[str, float] = {}
        self._count = 0
        self._board = SummaryWriter(str(folder / "tensorboard"), purge_step=first)  # type: ignore[no-untyped-call]
        console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("step"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[told]}"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task("", total=settings.steps, completed=first, told="")
        self._progress.start()

    def step(
        self, step: int, losses: Losses, norm: float, waited_s: float, worked_s: float
    ) -> None:
        """Takes down one step; ``waited_s`` was spent waiting for data."""
        parts = {**losses.floats(), "norm": norm, "waited_s": waited_s, "worked_s": worked_s}
        for name, value in parts.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._count += 1
        self._progress.update(self._task, completed=step + 1)
        if (step + 1) % self._settings.log_every == 0 or step + 1 == self._settings.steps:
            self._write_line(step + 1)

    def close(self) -> None:
        """Takes the progress bar away and flushes."""
        self._progress.stop()
        self._board.close()  # type: ignore[no-untyped-call]

    def _write_line(self, done: int) -> None:
        # Nine digits: a float32 comes back to the bit.
        means = {name: float(f"{value / self._count:.9g}") for name, value in self._sums.items()}
        self._sums, self._count = {}, 0
        step_s = means["waited_s"] + means["worked_s"]
        images_per_s = round(self._settings.batch_size / step_s, 2)
        left_s = round((self._settings.steps - done) * step_s)
        line = {"step": done, **means, "images_per_s": images_per_s, "left_s": left_s}
        with self._path.open("a") as log:
            log.write(json.dumps(line) + "\n")
        for name, value in {**means, "images_per_s": images_per_s}.items():
            self._board.add_scalar(name, value, done)  # type: ignore[no-untyped-call]
        told = f"loss {means['total']:.3f}  {images_per_s} images/s"
        self._progress.update(self._task, told=told)


@contextmanager
def training_log(
    folder: Path, settings: LoopSettings, first: int, silent: bool
) -> Iterator[TrainingLog | None]:
    """The log of a run that goes on from step ``first``; None where another process tells."""
    log = None if silent else TrainingLog(folder, settings, first)
    try:
        yield log
    finally:
        if log is not None:
            log.close()
