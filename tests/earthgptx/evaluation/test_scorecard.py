import json
from pathlib import Path

import pytest

from earthgptx.data.coco_writer import write_coco_folder
from earthgptx.data.synthetic.scene import generate_scene
from earthgptx.evaluation.scorecard import chosen_lines, main
from earthgptx.evaluation.scorecard_lines import LINES, Goal, Line
from earthgptx.evaluation.scorecard_table import HEAD, Scorecard, missing_row, table_rows
from earthgptx.model.checkpoint import write_random

REPORT = {
    "task": "classify_regions",
    "dataset": "mstar_chips",
    "prompts": "box",
    "samples": 150,
    "metrics": {"accuracy": 0.9, "SS": {"unavailable": "no weights"}, "CIDEr-D": 3.0},
    "intervals_95": {"accuracy": [0.85, 0.94]},
    "baselines": {
        "crop_classifier": {"what": "", "accuracy": 0.87},
        "crop_captioner": {"what": "", "CIDEr-D": 2.5},
    },
}


def test_names_of_lines_are_unique() -> None:
    assert len({line.name for line in LINES}) == len(LINES)


def test_lines_are_chosen_by_parts_of_their_names() -> None:
    assert chosen_lines(()) == list(LINES)
    chosen = chosen_lines(["hit_uav", "sar/detect"])
    assert {line.name for line in chosen} == {
        "hit_uav/classify_regions/box",
        "hit_uav/detect/box",
        "hit_uav/detect/box/224px",
        "synthetic-sar/detect/box",
    }
    assert chosen_lines(["no such line"]) == []


@pytest.mark.parametrize(
    ("goal", "wanted"),
    [
        (Goal("accuracy"), None),
        (Goal("accuracy", 0.95), 0.95),
        (Goal("accuracy", over="crop_classifier", margin=0.02), 0.89),
        (Goal("accuracy", 0.95, "crop_classifier", margin=0.02), 0.95),
        (Goal("CIDEr-D", over="crop_captioner", factor=1.5), 3.75),
        (Goal("accuracy", over="not trained"), None),
    ],
)
def test_a_goal_is_a_least_value_or_a_lead_over_a_baseline(
    goal: Goal, wanted: float | None
) -> None:
    found = goal.wanted(REPORT)
    assert found == (wanted if wanted is None else pytest.approx(wanted))


def test_a_line_has_a_row_a_goal_with_interval_verdict_and_baselines() -> None:
    goals = (Goal("accuracy", over="crop_classifier", margin=0.02), Goal("SS", 0.9), Goal("other"))
    rows = table_rows(Line("mstar_chips", "classify_regions", goals), REPORT)
    assert rows == [
        "| mstar_chips | classify_regions | box | 150 | accuracy | 0.900 | 0.850 to 0.940 "
        "| 0.890 yes | crop_classifier 0.870 |",
        "| mstar_chips | classify_regions | box | 150 | SS | no weights | - | - | - |",
    ]
    assert all(row.count("|") == HEAD.splitlines()[0].count("|") for row in rows)


def test_a_scorecard_holds_its_rows_reports_and_what_is_not_at_hand(tmp_path: Path) -> None:
    line = Line("mstar_chips", "classify_regions", (Goal("accuracy"),))
    card = Scorecard("nano-1", tmp_path)
    card.add(table_rows(line, REPORT), REPORT)
    card.add([missing_row(line)])
    table = (tmp_path / "scores.md").read_text()
    assert "Weights nano-1." in table and "0.900" in table and "not at hand" in table
    assert len(json.loads((tmp_path / "scores.json").read_text())) == 1
    assert "## Referring object classification" in (tmp_path / "paper.md").read_text()
    assert missing_row(line).count("|") == HEAD.splitlines()[0].count("|")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_set_is_scored_in_a_process_of_its_own_and_one_that_is_not_there_is_told(
    tmp_path: Path,
) -> None:
    write_random(tmp_path / "weights")
    scenes = (generate_scene(60 + n, 128).labelled("sar") for n in range(3))
    write_coco_folder(scenes, tmp_path / "data" / "ships_sar")
    where = ["--weights", "weights", "--data", "data", "--out", "out"]
    places = [part if part.startswith("--") else str(tmp_path / part) for part in where]
    chosen = ["--lines", "ships_sar", "mstar", "--limit", "4", "--processes", "1", "--details"]
    assert main([*places, *chosen]) == 0
    table = (tmp_path / "out" / "scores.md").read_text()
    assert "| ships_sar | segment_by_mark | box | 4 | mIoU |" in table
    assert "| mstar_chips | classify_image |" in table and "not at hand" in table
    pictured = tmp_path / "out" / "lines" / "ships_sar-segment_by_mark-box"
    assert (pictured / "worst.png").exists()


def test_a_line_that_is_not_there_is_refused() -> None:
    assert main(["--lines", "no such line"]) == 2
