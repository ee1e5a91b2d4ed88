import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflow_language import WorkflowInvalid, compile_text
from workflow_language.diagnostics import Place
from workflow_language.document import LIMIT_BYTES, LIMIT_DEPTH, read_document

WORKFLOWS = Path(__file__).resolve().parents[2] / "workflows"
SHIPPED = sorted(path.read_text() for path in WORKFLOWS.glob("*.yaml"))


def refused(text: str | bytes) -> tuple[str, int, int, str]:
    with pytest.raises(WorkflowInvalid) as caught:
        read_document(text)
    (fault,) = caught.value.diagnostics
    return fault.code, fault.line, fault.column, fault.message


def test_values_know_their_places_in_yaml_and_in_json() -> None:
    document = read_document("a:\n  - 1\n  - {b: x}\n")
    assert document.value == {"a": [1, {"b": "x"}]}
    assert document.place(("a", 1, "b")) == Place(3, 9)
    assert document.key_place(("a", 1, "b")) == Place(3, 6)
    assert document.place(("a", 7, "nothing")) == Place(2, 3)
    assert read_document('{"a":\n\t[1,\n\t {"b": "x"}]}').place(("a", 1, "b")) == Place(3, 9)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("no", "no"),
        ("12:30:00", "12:30:00"),
        ("2026-11-25", "2026-11-25"),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        ("1e3", 1000),
        ("1024.0", 1024),
        ("-.5", -0.5),
        ("true", True),
        ("'true'", "true"),
        ("~", None),
        (r'"\ud83d\ude80 \/"', "🚀 /"),
        ("|\n  two\n  lines\n", "two\nlines\n"),
    ],
)
def test_scalars_are_those_of_json_and_everything_else_is_text(written: str, meant: object) -> None:
    value = read_document(f"a: {written}").value
    assert value == {"a": meant}
    assert isinstance(value, dict) and type(value["a"]) is type(meant)


@pytest.mark.parametrize(
    ("text", "code", "line", "words"),
    [
        ("a: [1, 2", "syntax", 1, "neither YAML nor JSON"),
        ("a: 1\n\tb: 2", "syntax", 2, "neither YAML nor JSON"),
        ("a: 1\na: 2", "duplicate", 2, "a is there twice"),
        ('{"a": 1,\n "a": 2}', "duplicate", 2, "a is there twice"),
        ("a: &x 1\nb: *x", "syntax", 1, "anchors and aliases"),
        ("a: !!python/object/apply:os.system [ls]", "syntax", 1, "tags"),
        ("a: !!int '3'", "syntax", 1, "tags"),
        ("a: 1\n---\nb: 2", "syntax", 2, "second document"),
        ("? [a, b]\n: 1", "syntax", 1, "a key must be text"),
        ("", "syntax", 1, "empty"),
        ("# nothing", "syntax", 1, "empty"),
        ("a: 1e999", "bad_value", 1, "too large a number"),
        (f"a: {'9' * 5000}", "bad_value", 1, "too large a number"),
        ("a:\n  b: \x07", "syntax", 2, "U+0007"),
        (b"a: \xff", "syntax", 1, "not UTF-8"),
        (r'a: "\ud800"', "syntax", 1, "U+D800"),
        (r'"\0": 1', "syntax", 1, "U+0000"),
        ("a: " + "[" * 5000, "limit", 1, f"deeper than {LIMIT_DEPTH}"),
        ("- 1\n" * 12_000, "limit", 10_000, "more than 10,000 values"),
        ("a: " + "x" * LIMIT_BYTES, "limit", 1, "more than 65,536"),
    ],
)
def test_what_is_hostile_or_broken_is_refused_at_its_line(
    text: str | bytes, code: str, line: int, words: str
) -> None:
    found_code, found_line, column, message = refused(text)
    assert (found_code, found_line) == (code, line)
    assert words in message and column >= 1


@pytest.mark.parametrize(
    "hostile",
    [
        "a: " + "x" * 60_000,
        "a: [" + "x, " * 9_000 + "]",
        "a: '" + "''" * 30_000 + "'",
        "a: |\n" + " x\n" * 20_000,
        "a: " + "[" * 11 + "1, " * 9_000,
        "\n".join(f"key_{number}: 1" for number in range(4_000)),
        "- ${" * 12_000,
        "# " * 30_000,
    ],
    ids=lambda text: text[:12],
)
def test_a_hostile_file_is_refused_in_a_moment(hostile: str) -> None:
    started_s = time.process_time()
    with pytest.raises(WorkflowInvalid):
        compile_text(hostile)
    assert time.process_time() - started_s < 3


def test_no_more_faults_are_looked_for_than_anybody_reads() -> None:
    parts = ", ".join(f"$nowhere_{number}" for number in range(3_000))
    steps = "".join(
        f"  - {{id: step_{number}, task: caption, with: {{image: $scene}}}}\n"
        for number in range(100)
    )
    text = f"workflow: w\ninputs: {{scene: scene}}\nsteps:\n{steps}"
    text += f"  - {{id: told, task: export_report, with: {{title: x, parts: [{parts}]}}}}\n"
    started_s = time.process_time()
    with pytest.raises(WorkflowInvalid) as caught:
        compile_text(text + "outputs: {told: $told}\n")
    assert len(caught.value.diagnostics) == 100
    assert time.process_time() - started_s < 5


@given(st.text(max_size=200) | st.binary(max_size=200))
@settings(max_examples=150, deadline=None)
def test_any_text_is_a_plan_or_is_refused_at_a_place(text: str | bytes) -> None:
    with pytest.raises(WorkflowInvalid) as caught:
        compile_text(text)
    assert all(fault.line >= 1 and fault.column >= 1 for fault in caught.value.diagnostics)


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_a_damaged_file_is_a_plan_or_is_refused_at_a_place(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(SHIPPED))
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 20)))
    inserted = data.draw(st.text("${}[]:,-&*!|>'\"\n\t az09", max_size=4))
    try:
        compile_text(text[:start] + inserted + text[end:])
    except WorkflowInvalid as error:
        assert error.diagnostics
        assert all(fault.line >= 1 and fault.message for fault in error.diagnostics)
