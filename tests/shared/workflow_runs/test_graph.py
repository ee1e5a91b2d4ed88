from __future__ import annotations

from pathlib import Path

from shared.workflow_runs.graph import graph_of
from shared.workflow_runs.summaries import summary_of
from shared.workflow_runs.views import END
from workflow_language import compile_text

WORKFLOWS = Path(__file__).parents[3] / "workflows"
PLAN = compile_text(
    """
workflow: harbour
inputs: {scene: scene}
defaults: {priority: batch, retries: 5, deadline: 7s}
steps:
  - {id: tiles, task: tile, with: {scene: $scene}}
  - {id: seen, task: detect, for_each: $tiles, in_flight: 9, with: {image: $item, labels: [ship]}}
  - {id: ships, task: merge, priority: interactive, with: {regions: $seen}}
  - {id: outlined, task: segment_regions, with: {image: $scene, regions: $ships}}
  - {id: words, task: caption, with: {image: $scene}}
outputs: {ships: $ships, outlined: $outlined, words: $words}
"""
)


def test_a_step_knows_its_queue_and_its_bounds() -> None:
    graph = graph_of(PLAN)
    seen = graph["seen"]
    assert (seen.task, seen.after, seen.fan_out, seen.in_flight) == ("detect", ("tiles",), True, 9)
    assert (seen.stage, seen.priority, seen.retries, seen.deadline_ms) == (
        *("reasoner", "batch", 5, 7000),
    )
    assert (graph["ships"].stage, graph["ships"].priority) == ("orchestrator", "interactive")
    assert graph["outlined"].stage == "mask_decoder"
    assert not graph["words"].fan_out and graph["words"].in_flight == 1


def test_the_end_waits_for_what_nobody_waits_for_and_what_outputs_read() -> None:
    assert set(graph_of(PLAN)[END].after) == {"ships", "outlined", "words"}


def test_every_shipped_workflow_has_a_graph_with_one_end() -> None:
    files = sorted(WORKFLOWS.glob("*.yaml"))
    assert files
    for file in files:
        graph = graph_of(compile_text(file.read_text()))
        waited_for = {name for each in graph.values() for name in each.after}
        assert set(graph) - waited_for == {END}, file.name


def test_outputs_are_summed_up_in_a_few_words() -> None:
    outputs = {
        "words": "w" * 99,
        "number": 2.5,
        "wanted": True,
        "ships": [{}, {}],
        "one": [{}],
        "table": {"columns": [], "rows": [[], [], []]},
        "file": {"name": "map.geojson", "key": "k"},
        "scene": {"image_id": "sha256:1"},
    }
    assert summary_of(outputs) == {
        "words": "w" * 77 + "...",
        "number": "2.5",
        "wanted": "true",
        "ships": "2 items",
        "one": "1 item",
        "table": "3 rows",
        "file": "map.geojson",
        "scene": "1 item",
    }
