"""Reports as Markdown tables in the paper's layout, figures times 100 as the paper prints them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from earthgptx.evaluation.prompts import PROMPTS
from earthgptx.evaluation.published import (
    CAPTIONING,
    CLASSIFICATION,
    PUBLISHED,
    SEGMENTATION,
    Published,
)

Report = dict[str, Any]
Row = tuple[str, str, dict[str, str]]

_COLUMNS = {
    CLASSIFICATION: tuple(f"{prompt} {score}" for prompt in PROMPTS for score in ("SS", "S-IoU")),
    CAPTIONING: (
        *(f"BLEU-{length}" for length in (1, 2, 3, 4)),
        "METEOR",
        "ROUGE-L",
        "CIDEr-D",
        "SPICE",
    ),
    SEGMENTATION: (*(f"Pr@{level}" for level in (0.5, 0.6, 0.7, 0.8, 0.9)), "oIoU", "mIoU"),
}
_TABLE_OF = {
    "classify_regions": CLASSIFICATION,
    "caption_regions": CAPTIONING,
    "caption_regions_detailed": CAPTIONING,
    "segment": SEGMENTATION,
}
_NO_FIGURES = "No figures of others were found in a source that could be read."


def paper_tables(reports: Sequence[Report], method: str) -> str:
    """A section for each of the paper's tables, and one for what the paper has no table of.

    Args:
        reports: of ``evaluate_dataset``, JSON-like.
        method: name of what was evaluated.
    """
    sections = []
    for table, columns in _COLUMNS.items():
        own = [report for report in reports if _TABLE_OF.get(report["task"]) == table]
        if own:
            rows = _rows(own, table, method)
            shown = [name for name in columns if any(name in cells for *_, cells in rows)]
            heading = f"## {table.capitalize()}\n\n"
            sections.append(heading + _markdown(("method", "data"), rows, shown))
            sections.append(_published(table, columns))
    others = [report for report in reports if report["task"] not in _TABLE_OF]
    sections += [_plain_section(report, method) for report in others]
    return "\n\n".join(sections) + "\n"


def _rows(reports: Sequence[Report], table: str, method: str) -> list[Row]:
    """Ours and the baselines; kinds of marks on one set share a row."""
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for report in reports:
        data = _data_of(report)
        ours = {**report["metrics"]}
        scored = [(f"**{method}**", ours, report["intervals_95"])]
        scored += [(name.replace("_", " "), b, {}) for name, b in report["baselines"].items()]
        for name, scores, intervals in scored:
            cells = rows.setdefault((name, data), {})
            for score, value in scores.items():
                column = f"{report['prompts']} {score}" if table == CLASSIFICATION else score
                cells[column] = _cell(value, intervals.get(score))
    return [(name, data, cells) for (name, data), cells in rows.items()]


def _data_of(report: Report) -> str:
    detailed = ", detailed" if report["task"].endswith("detailed") else ""
    marks = ""
    if report["task"] in ("caption_regions", "caption_regions_detailed"):
        marks = f", {report['prompts']}"
    return f"{report['dataset']}{detailed}{marks} ({report['samples']})"


def _cell(value: object, interval: Sequence[float] | None = None) -> str:
    if isinstance(value, dict):
        return "unavailable"
    if not isinstance(value, float):
        return "-"
    shown = f"{100 * value:.2f}"
    if interval:
        shown += f" [{100 * interval[0]:.1f}, {100 * interval[1]:.1f}]"
    return shown


def _markdown(heads: tuple[str, ...], rows: Sequence[Row], columns: Sequence[str]) -> str:
    lines = ["| " + " | ".join((*heads, *columns)) + " |"]
    lines.append("|" + "---|" * (len(heads) + len(columns)))
    for method, data, cells in rows:
        values = (cells.get(column, "-") for column in columns)
        lines.append("| " + " | ".join((method, data, *values)) + " |")
    return "\n".join(lines)


def _published(table: str, columns: Sequence[str]) -> str:
    """Others' figures, under a heading that says whose they are."""
    rows = [row for row in PUBLISHED if row.table == table]
    heading = (
        "**Published by others, on their data** (not comparable with the rows above: other images, "
        "other classes, larger models)\n\n"
    )
    if not rows:
        return heading + _NO_FIGURES
    used = [column for column in columns if any(column in row.figures for row in rows)]
    lines = [(row.method, row.data, _figures(row)) for row in rows]
    return heading + _markdown(("method", "data"), lines, [*used, "source"])


def _figures(row: Published) -> dict[str, str]:
    figures = {column: f"{value:.2f}" for column, value in row.figures.items()}
    return {**figures, "source": f"{row.source} ({row.read})"}


def _plain_section(report: Report, method: str) -> str:
    """All scores of a task that the paper has no table of, a row each."""
    baselines = report["baselines"]
    marks = f", {report['prompts']}" if report["prompts"] else ""
    title = f"## {report['task'].replace('_', ' ').capitalize()}, {report['dataset']}{marks}"
    scores = [name for name, value in report["metrics"].items() if isinstance(value, float)]
    counts = frozenset({"count_error"})
    lines = [
        f"{title} ({report['samples']} samples)",
        "",
        "| score | "
        + " | ".join((f"**{method}**", *(n.replace("_", " ") for n in baselines)))
        + " |",
        "|" + "---|" * (2 + len(baselines)),
    ]
    for score in scores:
        cell = _number if score in counts else _cell
        ours = cell(report["metrics"][score], report["intervals_95"].get(score))
        theirs = (cell(baseline.get(score)) for baseline in baselines.values())
        lines.append("| " + " | ".join((score, ours, *theirs)) + " |")
    return "\n".join(lines)


def _number(value: object, interval: Sequence[float] | None = None) -> str:
    if not isinstance(value, float):
        return "-"
    return f"{value:.2f}" + (f" [{interval[0]:.2f}, {interval[1]:.2f}]" if interval else "")
