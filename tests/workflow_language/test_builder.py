import inspect

import pytest

from workflow_language import (
    ITEM,
    Value,
    Workflow,
    WorkflowInvalid,
    builder,
    canonical_json,
    compile_text,
    digest,
)

HARBOUR = """\
workflow: harbour
inputs:
  scene: {type: scene, modality: sar}
  kinds: {type: list of text, default: [ship]}
defaults: {retries: 1}
steps:
  - {id: tiles, task: tile, with: {scene: $scene, side_px: 512}}
  - id: seen
    task: detect
    for_each: $tiles
    as: tile
    in_flight: 8
    with: {image: $tile, labels: $kinds, at_most: 60}
  - {id: ships, task: merge, with: {regions: $seen}}
  - {id: number, task: count, with: {regions: $ships}}
  - id: map
    task: export_geojson
    when: $number.number > 0
    with: {regions: [$ships, {point: [1, 2]}]}
outputs: {how_many: $number.number, map: $map}
"""


def harbour() -> Workflow:
    flow = Workflow("harbour", defaults={"retries": 1})
    kinds = ["ship"]
    scene = flow.input("scene", "scene", modality="sar")
    wanted = flow.input("kinds", "list of text", default=kinds)
    tiles = flow.step("tiles", "tile", scene=scene, side_px=512)
    seen = flow.step(
        "seen",
        "detect",
        for_each=tiles,
        item="tile",
        in_flight=8,
        image=Value("tile"),
        labels=wanted,
        take={"at_most": 60},
    )
    ships = flow.step("ships", "merge", regions=seen)
    number = flow.step("number", "count", regions=ships)
    regions = [ships, {"point": (1, 2)}]
    made = flow.step("map", "export_geojson", when=f"{number['number']} > 0", regions=regions)
    flow.output("how_many", number["number"])
    flow.output("map", made)
    return flow


def test_the_example_of_fifteen_lines_compiles() -> None:
    flow = Workflow("harbour-watch")
    scene = flow.input("scene", "scene", modality="sar")
    tiles = flow.step("tiles", "tile", scene=scene, side_px=512)
    seen = flow.step("seen", "detect", for_each=tiles, image=ITEM, labels=["ship"])
    ships = flow.step("ships", "merge", regions=seen)
    number = flow.step("number", "count", regions=ships)
    outlined = flow.step("outlined", "segment_regions", image=scene, regions=ships)
    map_ = flow.step("map", "export_geojson", regions=outlined, when=f"{number['number']} > 0")
    flow.output("ships", ships)
    flow.output("how_many", number["number"])
    flow.output("map", map_)
    plan = flow.compile()

    own = inspect.getsource(test_the_example_of_fifteen_lines_compiles).splitlines()[1:13]
    assert builder.__doc__ and "\n".join(own) in builder.__doc__
    assert [step.id for step in plan.steps if step.skippable] == ["map"]


def test_python_and_yaml_make_the_same_workflow() -> None:
    made, read = harbour().compile(), compile_text(HARBOUR)
    assert made == read
    assert digest(made.definition) == digest(read.definition)
    assert compile_text(harbour().to_yaml()) == read


def test_a_value_given_twice_is_written_twice() -> None:
    flow = Workflow("twice")
    scene = flow.input("scene", "scene")
    kinds = ["ship", "car"]
    for name in ("first", "second"):
        flow.output(name, flow.step(name, "detect", image=scene, labels=kinds))
    assert compile_text(flow.to_yaml()) == flow.compile()


def test_faults_of_a_workflow_made_in_python_name_step_and_field() -> None:
    flow = Workflow("w")
    frames = flow.input("frames", "list of image")
    flow.output("said", flow.step("said", "caption", for_each=frames, image=ITEM))
    with pytest.raises(WorkflowInvalid) as refused:
        flow.compile()
    (fault,) = refused.value.diagnostics
    assert (fault.code, fault.step, fault.field) == ("unbounded_fan_out", "said", "for_each")
    assert (fault.line, fault.column) == (0, 0) and str(fault).startswith("step said, for_each")


@pytest.mark.parametrize(
    "value", [object(), float("nan"), {1: 2}, "\ud800", "\x00", 2**60, [[[[[[[[[[[[]]]]]]]]]]]]]
)
def test_values_that_are_not_of_the_language_are_refused(value: object) -> None:
    flow = Workflow("w")
    flow.output("it", flow.step("it", "export_report", title="x", parts=[value]))
    with pytest.raises(WorkflowInvalid, match="parts"):
        flow.compile()


def test_the_digest_is_kept() -> None:
    """Versions are known by it: it may change only with the meaning of the file."""
    definition = compile_text(HARBOUR).definition
    assert canonical_json(definition).startswith('{"defaults":{"retries":1},"inputs":{"kinds":')
    assert digest(definition) == DIGEST


def test_lengths_of_time_are_one_however_written() -> None:
    two = [HARBOUR.replace("retries: 1", f"deadline: {said}") for said in ("90s", "1.5m")]
    assert len({digest(compile_text(text).definition) for text in two}) == 1


def test_layout_comments_and_short_forms_do_not_change_the_digest() -> None:
    long = compile_text("# a comment\n" + HARBOUR.replace("side_px: 512", "'side_px': 512.0"))
    assert digest(long.definition) == DIGEST
    other = compile_text(HARBOUR.replace("side_px: 512", "side_px: 640"))
    assert digest(other.definition) != DIGEST


DIGEST = "sha256:a40f9b156ed8b69d089b21d75d583fc24306d71407a908069a8a8f41ad56f034"
