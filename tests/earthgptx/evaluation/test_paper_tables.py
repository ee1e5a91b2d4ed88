from earthgptx.evaluation.paper_tables import paper_tables
from earthgptx.evaluation.published import PUBLISHED


def report(task: str, prompts: str | None = "box", **metrics: object) -> dict:
    return {
        "task": task,
        "dataset": "harbours",
        "prompts": prompts,
        "samples": 30,
        "metrics": metrics,
        "intervals_95": {"SS": [0.9, 0.99]},
        "baselines": {"constant": {"what": "always ship", "SS": 0.4, "S-IoU": 0.3}},
    }


def test_kinds_of_marks_share_a_row_and_figures_are_times_hundred() -> None:
    text = paper_tables(
        [
            report("classify_regions", "box", SS=0.951, **{"S-IoU": 0.9}),
            report("classify_regions", "point", SS=0.8, **{"S-IoU": 0.7}),
        ],
        "nano-1",
    )
    row = next(line for line in text.splitlines() if line.startswith("| **nano-1**"))
    assert row.startswith(
        "| **nano-1** | harbours (30) | 95.10 [90.0, 99.0] | 90.00 | 80.00 [90.0, 99.0] | 70.00 |"
    )
    assert "| constant | harbours (30) | 40.00 | 30.00 |" in text


def test_figures_of_others_stand_apart_under_their_own_heading_with_their_source() -> None:
    text = paper_tables([report("segment", None, mIoU=0.5)], "nano-1")
    ours, theirs = text.split("**Published by others, on their data**")
    assert "nano-1" in ours and "nano-1" not in theirs
    assert "RMSIN" in theirs and "RMSIN" not in ours
    assert "(primary)" in theirs and "(secondary)" in theirs


def test_what_is_unavailable_is_said_to_be() -> None:
    missing = {"unavailable": "needs java"}
    text = paper_tables([report("caption_regions", "box", METEOR=missing)], "nano-1")
    assert "unavailable" in text
    assert "No figures of others were found" in text


def test_a_task_without_a_table_in_the_paper_has_one_of_its_own() -> None:
    text = paper_tables([report("detect", None, count_error=1.5, **{"F1@0.5": 0.25})], "nano-1")
    assert "## Detect, harbours (30 samples)" in text
    assert "| F1@0.5 | 25.00 |" in text
    assert "| count_error | 1.50 |" in text


def test_every_published_figure_says_where_it_was_read() -> None:
    for row in PUBLISHED:
        assert row.source and row.read in ("primary", "secondary")
        assert all(0 < value <= 100 for value in row.figures.values())
