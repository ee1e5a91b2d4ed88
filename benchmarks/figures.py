"""What a benchmark is given, and what it returns."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Given:
    """What every benchmark is given.

    Attributes:
        weights: Folder of the model.
        scratch: An empty folder of its own, deleted afterwards.
        rounds: How often each thing is measured; None for the benchmark's own number.
    """

    weights: Path
    scratch: Path
    rounds: int | None = None


@dataclass(frozen=True)
class Target:
    """A bound on a figure, in the figure's unit."""

    bound: float
    at_most: bool

    def is_met_by(self, value: float) -> bool:
        return value <= self.bound if self.at_most else value >= self.bound

    def __str__(self) -> str:
        return f"{'at most' if self.at_most else 'at least'} {self.bound:g}"


def at_most(bound: float) -> Target:
    return Target(bound, at_most=True)


def at_least(bound: float) -> Target:
    return Target(bound, at_most=False)


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One measured figure.

    Attributes:
        name: What was measured, in words.
        value: The figure; of several samples their median.
        unit: "ms", "1/s", "x" for a ratio, "%".
        least: Smallest sample: what an undisturbed machine would come near.
        p99: 99th percentile of the samples; of fewer than 100 the largest.
        samples: How many there were.
        target: What it should be; None if nothing is asked of it.
        parts: Further numbers that explain it, by names with their units.
        note: How it is to be understood.
    """

    name: str
    value: float
    unit: str
    least: float | None = None
    p99: float | None = None
    samples: int = 1
    target: Target | None = None
    parts: Mapping[str, float] = field(default_factory=dict)
    note: str = ""

    def to_json(self) -> dict[str, object]:
        return {
            "name": self.name,
            "value": self.value,
            "unit": self.unit,
            "least": self.least,
            "p99": self.p99,
            "samples": self.samples,
            "target": str(self.target) if self.target else None,
            "met": self.target.is_met_by(self.value) if self.target else None,
            "parts": dict(self.parts),
            "note": self.note,
        }


def latency(
    name: str,
    samples_s: Sequence[float],
    target: Target | None = None,
    parts: Mapping[str, float] | None = None,
) -> Figure:
    """Durations in seconds as a figure in milliseconds."""
    ordered_ms = sorted(sample_s * 1e3 for sample_s in samples_s)
    return Figure(
        name=name,
        value=statistics.median(ordered_ms),
        unit="ms",
        least=ordered_ms[0],
        p99=ordered_ms[math.ceil(0.99 * len(ordered_ms)) - 1],
        samples=len(ordered_ms),
        target=target,
        parts=parts or {},
    )


def ratio(
    name: str, above: Figure, below: Figure, target: Target | None = None, note: str = ""
) -> Figure:
    """How many times `below` goes into `above`: by their medians, and by their least samples."""
    assert above.least is not None and below.least is not None
    return Figure(
        name=name,
        value=above.value / below.value,
        unit="x",
        samples=min(above.samples, below.samples),
        target=target,
        parts={"by_least_samples": above.least / below.least},
        note=note,
    )
