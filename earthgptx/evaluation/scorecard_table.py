"""The scorecard's table, written anew whenever a line is scored."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from earthgptx.evaluation.paper_tables import paper_tables
from earthgptx.evaluation.scorecard_lines import Goal, Line, Report

HEAD = (
    "| data | task | marks | samples | metric | score | 95 % | wanted | baselines |\n"
    "|---|---|---|---|---|---|---|---|---|"
)


def table_rows(line: Line, report: Report) -> list[str]:
    """A Markdown row for each goal."""
    return [
        _table_row(line, goal, report) for goal in line.goals if goal.metric in report["metrics"]
    ]


def missing_row(line: Line) -> str:
    """The row of a line whose data is not at hand."""
    cells = [line.folder, line.task, "", "", "", "not at hand", "", "", ""]
    return "| " + " | ".join(cells) + " |"


def _table_row(line: Line, goal: Goal, report: Report) -> str:
    value, wanted = report["metrics"][goal.metric], goal.wanted(report)
    narrowed = [*line.only, *([f"tiles of {line.tile_px} px"] if line.tile_px else [])]
    what = f"{line.task} ({', '.join(narrowed)})" if narrowed else line.task
    interval = report["intervals_95"].get(goal.metric)
    baselines = "; ".join(
        f"{name} {baseline[goal.metric]:.3f}"
        for name, baseline in report["baselines"].items()
        if isinstance(baseline.get(goal.metric), float)
    )
    if not isinstance(value, float):
        shown, told = value["unavailable"], "-"
    else:
        shown = f"{value:.3f}"
        told = f"{wanted:.3f} {'yes' if value >= wanted else '**no**'}" if wanted else "-"
    cells = (
        line.folder,
        what,
        line.prompts if report["prompts"] else "-",
        str(report["samples"]),
        goal.metric,
        shown,
        f"{interval[0]:.3f} to {interval[1]:.3f}" if interval else "-",
        told,
        baselines or "-",
    )
    return "| " + " | ".join(cells) + " |"


@dataclass
class Scorecard:
    """Rows and reports so far."""

    version: str
    out_dir: Path
    rows: list[str] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)

    def add(self, rows: list[str], report: Report | None = None) -> None:
        """Adds a line's rows and its report, and writes all files."""
        self.rows += rows
        if report is not None:
            self.reports.append(report)
        text = f"Weights {self.version}.\n\n{HEAD}\n" + "\n".join(self.rows) + "\n"
        (self.out_dir / "scores.md").write_text(text)
        (self.out_dir / "scores.json").write_text(json.dumps(self.reports, indent=1) + "\n")
        (self.out_dir / "paper.md").write_text(paper_tables(self.reports, self.version))
