"""What an evaluation leaves in its folder.

samples.jsonl   one line a sample: question, truth, answer, and what it scored
report.json     everything in numbers
table.md        the paper's table, baselines, and figures of others marked as theirs
confusion.png   classification: what was taken for what
worst.png       the worst answers, drawn
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from earthgptx.evaluation.confusion import draw_confusion
from earthgptx.evaluation.evaluate import Evaluation
from earthgptx.evaluation.paper_tables import paper_tables
from earthgptx.evaluation.worst_sheet import draw_worst

_DIGITS = 4


def write_evaluation(evaluation: Evaluation, folder: Path, method: str) -> None:
    """Writes all files; the folder is made if it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    task, outcomes = evaluation.job.task, evaluation.outcomes
    report = rounded(evaluation.report)
    with (folder / "samples.jsonl").open("w") as lines:
        lines.writelines(json.dumps(line) + "\n" for line in sample_lines(evaluation))
    (folder / "report.json").write_text(json.dumps(report, indent=1) + "\n")
    (folder / "table.md").write_text(paper_tables([report], method))
    if task.startswith("classify"):
        title = f"{evaluation.report['dataset']}: {len(outcomes)} samples"
        draw_confusion(outcomes, title).save(folder / "confusion.png")
    sheet = draw_worst(task, outcomes, evaluation.tally, evaluation.prepared.prompts)
    sheet.save(folder / "worst.png")


def sample_lines(evaluation: Evaluation) -> Iterator[dict[str, Any]]:
    """One JSON-like record a sample."""
    for place, outcome in enumerate(evaluation.outcomes):
        sample = outcome.sample
        line: dict[str, Any] = {
            "image": sample.image.image_id,
            "record": sample.record_id,
            "label": sample.label,
            "question": sample.question,
            "marked": sample.marked,
            "expected": sample.expected,
            "also_right": sample.also_right,
            "said": outcome.text,
            "scores": {name: values[place] for name, values in evaluation.tally.each.items()},
        }
        if sample.boxes or outcome.boxes_xyxy_px:
            line["true_boxes_xyxy_px"] = sample.boxes
            line["boxes_xyxy_px"] = outcome.boxes_xyxy_px
        if outcome.mask is not None:
            height_px, width_px, counts = outcome.mask
            line["mask"] = {"size": [height_px, width_px], "counts": counts}
            line["overlap_px"] = outcome.overlap_px
        yield rounded(line)


def rounded(value: Any) -> Any:
    """Floats with four decimals, all the way down."""
    if isinstance(value, float):
        return round(value, _DIGITS)
    if isinstance(value, dict):
        return {key: rounded(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(inner) for inner in value]
    return value
