"""`earthgptx workflow`: works without a suite."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.earthgptx_client.running_command import Ran, run_command

WORKFLOWS = Path(__file__).resolve().parents[2] / "workflows"
BROKEN = """\
workflow: broken
inputs: {scene: scene}
steps:
  - id: seen
    task: detct
    with: {image: $scene, labels: [ship]}
  - {id: said, task: caption, with: {image: $seen_by_night}}
outputs: {said: $said, seen: $seen}
"""


@pytest.fixture
def workflow(tmp_path: Path) -> Callable[..., Ran]:
    def run(*arguments: object) -> Ran:
        return run_command(["workflow", *arguments], {"EARTHGPTX_STATE_DIR": str(tmp_path)})

    return run


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    path = tmp_path / "broken.yaml"
    path.write_text(BROKEN)
    return path


def test_a_valid_workflow_is_said_to_be(workflow) -> None:
    done = workflow("validate", WORKFLOWS / "harbour_watch.yaml")
    assert done.code == 0
    assert "harbour-watch is valid: 10 steps, at most 409 runs of them" in done.out
    described = workflow("validate", WORKFLOWS / "harbour_watch.yaml", "--json").json()
    assert described["valid"] is True and described["digest"].startswith("sha256:")
    (seen,) = (step for step in described["steps"] if step["id"] == "seen")
    assert (seen["after"], seen["most_runs"], seen["in_flight"]) == (["tiles"], 400, 8)


def test_every_fault_is_named_by_file_line_step_and_field(workflow, broken: Path) -> None:
    done = workflow("validate", broken)
    assert done.code == 2 and done.out == ""
    assert done.err.splitlines() == [
        f"{broken}:5:11: step seen, task: there is no task detct; did you mean detect?",
        f"{broken}:7:45: step said, with.image: $seen_by_night names no input and no step; "
        "there is said, scene, seen",
    ]


def test_faults_are_json_where_that_is_wanted(workflow, broken: Path) -> None:
    done = workflow("validate", broken, "--json")
    assert done.code == 2
    told = done.json()
    assert told["error"]["code"] == "INVALID_INPUT" and "2 faults" in told["error"]["message"]
    assert [(d["code"], d["line"], d["column"]) for d in told["diagnostics"]] == [
        ("unknown_task", 5, 11),
        ("unknown_reference", 7, 45),
    ]


def test_a_workflow_is_drawn(workflow, broken: Path, tmp_path: Path) -> None:
    out = tmp_path / "graph.svg"
    done = workflow("graph", WORKFLOWS / "scene_report.yaml", "--out", out)
    assert (done.code, done.out) == (0, f"wrote {out}\n")
    assert out.read_text().startswith("<svg ") and "each of ≤ 12" in out.read_text()
    refused = workflow("graph", broken, "--out", tmp_path / "none.svg", "--json")
    assert refused.code == 2 and not (tmp_path / "none.svg").exists()
    assert refused.json()["error"]["flag"] == "FILE"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["validate", "nowhere.yaml"], "nowhere.yaml: No such file"),
        (["validate", "."], "Is a directory"),
        (["graph", WORKFLOWS / "scene_report.yaml", "--out", "graph.png"], "--out: 'graph.png'"),
        (["graph", WORKFLOWS / "scene_report.yaml", "--out", "/nowhere/g.svg"], "--out: cannot"),
        (["validate", "/dev/zero"], "more than 65,536"),
    ],
)
def test_files_that_cannot_be_are_named(workflow, words: list[object], said: str) -> None:
    done = workflow(*words)
    assert done.code == 2 and said in done.err


def test_tasks_and_schema_are_told(workflow) -> None:
    listed = workflow("tasks", "--json").json()["tasks"]
    assert {"detect", "tile", "export_report"} <= {task["task"] for task in listed}
    assert "detect: Finds all things of the named kinds" in workflow("tasks").out
    schema = workflow("schema").json()
    assert schema["$schema"].endswith("2020-12/schema")
    published = WORKFLOWS.parent / "workflow_language" / "workflow.schema.json"
    assert schema == json.loads(published.read_text())
