"""A benchmark's figures for people and for machines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.figures import Figure
from benchmarks.machine import Disturbance

_HEADINGS = ("figure", "p50", "least", "p99", "unit", "samples", "target", "met")
_NAME_WIDTH = 62


@dataclass(frozen=True)
class Report:
    """What one benchmark found.

    Attributes:
        name: Of the benchmark.
        figures: In the order in which they are told.
        before: What others did right before.
        took_s: Seconds of the whole benchmark.
    """

    name: str
    figures: Sequence[Figure]
    before: Disturbance
    took_s: float

    def to_json(self) -> dict[str, object]:
        return {
            "benchmark": self.name,
            "busy_share_before": self.before.busy_share,
            "load_average_before": self.before.load_average,
            "took_s": round(self.took_s, 1),
            "figures": [figure.to_json() for figure in self.figures],
        }

    def to_table(self) -> str:
        """Lines for people, the notes below the figure they explain."""
        rows = [_HEADINGS, *map(_row, self.figures)]
        widths = [max(len(row[column]) for row in rows) for column in range(1, len(_HEADINGS))]
        lines = [
            f"\n{self.name}: {self.took_s:.0f} s, "
            f"cores {self.before.busy_share:.0%} busy before, load {self.before.load_average:g}"
        ]
        for row, note in zip(rows, ["", *map(_note, self.figures)], strict=True):
            cells = [text.rjust(width) for text, width in zip(row[1:], widths, strict=True)]
            lines.append(f"  {row[0]:{_NAME_WIDTH}s} {'  '.join(cells)}".rstrip())
            lines += [f"    ({note})"] if note else []
        if self.before.disturbs:
            lines.append("  other work was running: trust ratios and least samples, not times")
        return "\n".join(lines)


def _row(figure: Figure) -> tuple[str, ...]:
    met = "" if figure.target is None else "yes" if figure.target.is_met_by(figure.value) else "no"
    return (
        figure.name,
        _number(figure.value),
        _number(figure.least),
        _number(figure.p99),
        figure.unit,
        str(figure.samples),
        str(figure.target or ""),
        met,
    )


def _note(figure: Figure) -> str:
    parts = [f"{name} {_number(value)}" for name, value in figure.parts.items()]
    return "; ".join([*parts, *([figure.note] if figure.note else [])])


def _number(value: float | None) -> str:
    """Three significant digits, never as a power of ten."""
    if value is None:
        return ""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
