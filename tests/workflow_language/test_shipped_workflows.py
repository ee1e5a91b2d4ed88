"""The workflows of the folder workflows/: they compile, and do what their names say."""

import re
import time
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest

from workflow_language import Plan, builder, compile_text
from workflow_language.document import read_document
from workflow_language.graph.layered_layout import crossings, lay_out
from workflow_language.graph.svg import draw
from workflow_language.schema import workflow_schema
from workflow_language.tasks.registry import TASKS
from workflow_language.value_types import FILE

FOLDER = Path(__file__).resolve().parents[2] / "workflows"
FILES = sorted(FOLDER.glob("*.yaml"))
# What each must use to be what it is called.
NEEDED = {
    "airfield_audit": {"tile", "detect", "merge", "count", "measure", "export_report"},
    "building_footprints": {"tile", "segment", "merge", "measure", "export_geojson"},
    "change_between_dates": {"compare", "match", "detect", "export_report"},
    "harbour_watch": {"tile", "detect", "merge", "count", "segment_regions"},
    "scene_report": {"zoom", "caption", "answer", "render", "export_report"},
    "thermal_search": {"detect", "filter", "count", "export_report"},
}
MODALITIES = {"harbour_watch": "sar", "thermal_search": "infrared"}


def plan_of(path: Path) -> Plan:
    return compile_text(path.read_bytes())


def test_the_six_are_there() -> None:
    assert [path.stem for path in FILES] == sorted(NEEDED)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_shipped_workflow_does_what_its_name_says(path: Path) -> None:
    plan = plan_of(path)
    assert plan.definition.name == path.stem.replace("_", "-")
    assert plan.definition.description
    assert {step.task.name for step in plan.steps} >= NEEDED[path.stem]
    assert FILE in {use.type for use in plan.outputs.values()}
    if path.stem in MODALITIES:
        assert MODALITIES[path.stem] in {i.modality for i in plan.definition.inputs.values()}
    document = read_document(path.read_bytes()).value
    jsonschema.Draft202012Validator(workflow_schema()).validate(document)


def test_a_scene_is_seen_from_afar_and_from_close_by() -> None:
    steps = plan_of(FOLDER / "scene_report.yaml").steps
    contexts = {step.id: step.arguments["context"] for step in steps if step.task.name == "zoom"}
    assert contexts["around"].value > 3 > contexts["close"].value  # type: ignore[union-attr]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_its_picture_names_inputs_steps_and_outputs(path: Path) -> None:
    plan = plan_of(path)
    root = ElementTree.fromstring(draw(plan))
    ids = {group.get("id") for group in root.iter("{http://www.w3.org/2000/svg}g")}
    wanted = {f"input-{name}" for name in plan.definition.inputs}
    wanted |= {f"step-{step.id}" for step in plan.steps}
    wanted |= {f"output-{name}" for name in plan.outputs}
    assert ids == wanted


def test_the_page_of_the_language_has_an_example_of_every_task() -> None:
    page = (FOLDER.parent / "docs/workflows.md").read_text()
    examples = re.findall(r"^    (- \{id: .*)$", page, re.MULTILINE)
    text = """\
workflow: examples
inputs:
  scene: scene
  before: scene
  frames: {type: list of image, at_most: 100}
  marks: {type: regions, at_most: 20}
steps:
"""
    text += "".join(f"  {line}\n" for line in examples)
    ids = re.findall(r"^    - \{id: (\w+)", page, re.MULTILINE)
    outputs = (f"{id_}: ${id_}.{first_output(text, id_)}" for id_ in ids)
    text += "outputs: {" + ", ".join(outputs) + "}"
    plan = compile_text(text)
    assert {step.task.name for step in plan.steps} == set(TASKS)


def first_output(text: str, id_: str) -> str:
    """Name of the first output of the step's task."""
    found = re.search(rf"id: {id_}, task: (\w+)", text)
    assert found
    return TASKS[found[1]].outputs[0].name


def test_the_examples_of_the_page_compile() -> None:
    page = (FOLDER.parent / "docs/workflows.md").read_text()
    (first,) = re.findall(r"```yaml\n(workflow: .*?)```", page, re.DOTALL)
    (made,) = re.findall(r"```python\n(from workflow_language import ITEM.*?)```", page, re.DOTALL)
    assert compile_text(first).definition.name == "ships-in-view"
    assert len(made.strip().splitlines()) <= 16
    assert made.strip().splitlines() == python_example()


def python_example() -> list[str]:
    """The example of the builder's own module, which a test of the builder runs."""
    assert builder.__doc__
    lines = [line[4:] for line in builder.__doc__.splitlines() if line.startswith("    ")]
    return ["from workflow_language import ITEM, Workflow", "", *lines]


def test_rows_are_put_in_an_order_with_few_crossings() -> None:
    rows = {"a": 0, "b": 0, "c": 0, "x": 1, "y": 1, "z": 1}
    edges = [("a", "z"), ("b", "y"), ("c", "x")]
    layout = lay_out(rows, dict.fromkeys(rows, 50.0), edges, gap_px=10)
    order = [
        sorted((key for key in rows if rows[key] == row), key=layout.centres_x_px.__getitem__)
        for row in (0, 1)
    ]
    assert crossings([["a", "b", "c"], ["x", "y", "z"]], edges) == 3
    assert crossings(order, edges) == 0


def test_a_large_workflow_is_drawn_in_a_moment() -> None:
    """Each step takes a value of every one before it: as many edges as a file has room for."""
    steps = ["- {id: s0, task: caption, with: {image: $scene}}"]
    for number in range(1, 110):
        parts = ", ".join(f"$s{earlier}" for earlier in range(number))
        steps.append(
            f"- {{id: s{number}, task: export_report, with: {{title: x, parts: [{parts}]}}}}"
        )
    text = "workflow: w\ninputs: {scene: scene}\nsteps:\n" + "\n".join(steps)
    plan = compile_text(text + "\noutputs: {s: $s109}\n")
    started_s = time.process_time()
    assert draw(plan).count('class="edge"') == 109 * 110 / 2 + 2
    assert time.process_time() - started_s < 10


def test_an_edge_that_passes_a_row_keeps_clear_of_its_nodes() -> None:
    rows = {"a": 0, "b": 1, "c": 2}
    layout = lay_out(rows, dict.fromkeys(rows, 80.0), [("a", "b"), ("b", "c"), ("a", "c")], 20)
    passing = layout.routes["a", "c"][1]
    assert abs(passing - layout.centres_x_px["b"]) >= 40 + 20
