"""Valid workflows at random, with what the compiler must find out about them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from workflow_language.tasks.registry import TASKS
from workflow_language.tasks.task import Parameter, Task
from workflow_language.value_types import (
    BOOLEAN,
    CONDITION,
    FIELD,
    IMAGE,
    NUMBER,
    REGIONS,
    SCENE,
    TEXT,
    ValueType,
    accepts,
    list_of,
)

INPUTS: dict[str, tuple[ValueType, dict[str, Any]]] = {
    "scene": (SCENE, {"type": "scene", "modality": "optical"}),
    "frames": (list_of(IMAGE), {"type": "list of image", "at_most": 12}),
    "marks": (REGIONS, {"type": "regions", "at_most": 7}),
    "word": (TEXT, {"type": "text", "default": "ship"}),
    "least": (NUMBER, {"type": "number", "default": 0.5}),
    "wanted": (BOOLEAN, {"type": "boolean", "description": "whether at all"}),
}
CONDITIONS = ("score > 0.5", "label in ['ship', 'car'] or not (area_m2 < 10)", "width_px != 3")
WHENS = ("1 < 2", "not ('a' == 'b')", "'harbour' contains 'bou' and 3 in [1, 2, 3]")


@dataclass
class Expected:
    """A document and, by step, what is true of it.

    Attributes:
        document: of the workflow.
        after: steps it takes values of.
        item_count: most items of `for_each`; None where it runs once.
    """

    document: dict[str, Any]
    after: dict[str, set[str]] = field(default_factory=dict)
    item_count: dict[str, int | None] = field(default_factory=dict)


@dataclass
class _Available:
    """A value a further step may take."""

    reference: str
    type: ValueType
    source: str = ""
    most_items: int | None = None


@st.composite
def workflows(draw: st.DrawFn, min_steps: int = 1, max_steps: int = 7) -> Expected:
    """A workflow that compiles, its steps in any order."""
    values = [
        _Available(f"${name}", kind, most_items=fields.get("at_most"))
        for name, (kind, fields) in INPUTS.items()
    ]
    expected = Expected({})
    steps = []
    for number in range(draw(st.integers(min_steps, max_steps))):
        step, made = _step(draw, f"step_{number}", values, expected)
        steps.append(step)
        values += made
    expected.document = _whole(draw, steps, expected)
    return expected


def _step(
    draw: st.DrawFn, id_: str, values: list[_Available], expected: Expected
) -> tuple[dict[str, Any], list[_Available]]:
    step: dict[str, Any] = {"id": id_}
    expected.after[id_] = set()
    expected.item_count[id_] = None
    around = list(values)
    if draw(st.booleans()):
        over = draw(st.sampled_from([each for each in values if each.type.item is not None]))
        around.append(_fan_out(draw, step, over, expected))
    task = draw(st.sampled_from([each for each in TASKS.values() if _possible(each, around)]))
    step["task"] = task.name
    arguments = {}
    for parameter in task.parameters:
        if parameter.required or draw(st.booleans()):
            arguments[parameter.name] = _argument(draw, parameter, around, expected.after[id_])
    step["with"] = arguments
    if draw(st.integers(0, 3)) == 0:
        step["when"] = draw(st.sampled_from(WHENS))
    step |= draw(st.sampled_from([{}, {"retries": 0}, {"deadline": "1.5m", "priority": "batch"}]))
    fans_out = expected.item_count[id_] is not None
    made = [
        _Available(
            f"${id_}.{output.name}",
            list_of(output.type) if fans_out else output.type,
            id_,
            expected.item_count[id_],
        )
        for output in task.outputs
    ]
    return step, made


def _fan_out(
    draw: st.DrawFn, step: dict[str, Any], over: _Available, expected: Expected
) -> _Available:
    """Makes the step run for each item; the item is one more value it may take."""
    step["for_each"] = over.reference
    at_most = draw(st.none() | st.integers(1, 20)) if over.most_items else draw(st.integers(1, 20))
    if at_most is not None:
        step["at_most"] = at_most
    name = draw(st.sampled_from(["item", "each_one"]))
    if name != "item":
        step["as"] = name
    known = [limit for limit in (at_most, over.most_items) if limit is not None]
    # What a task gives may be bounded tighter than by its step: the compiler knows, we ask less.
    expected.item_count[step["id"]] = min(known)
    if over.source:
        expected.after[step["id"]].add(over.source)
    assert over.type.item is not None
    return _Available(f"${name}", over.type.item)


def _possible(task: Task, values: list[_Available]) -> bool:
    return all(
        _literals(parameter) is not None or any(accepts(parameter.type, v.type) for v in values)
        for parameter in task.parameters
        if parameter.required
    )


def _argument(
    draw: st.DrawFn, parameter: Parameter, values: list[_Available], after: set[str]
) -> Any:
    fitting = [each for each in values if accepts(parameter.type, each.type)]
    literals = _literals(parameter)
    if fitting and (literals is None or draw(st.booleans())):
        chosen = draw(st.sampled_from(fitting))
        after |= {chosen.source} - {""}
        return chosen.reference
    assert literals is not None
    return draw(literals)


def _literals(parameter: Parameter) -> st.SearchStrategy[Any] | None:
    """Values that may be written out; None for those that must be named."""
    if parameter.choices:
        return st.sampled_from(parameter.choices)
    if parameter.type == CONDITION:
        return st.sampled_from(CONDITIONS)
    if parameter.type == FIELD:
        return st.sampled_from(["score", "area_m2", "label"])
    if parameter.type == NUMBER:
        least, most = parameter.minimum or 0, parameter.maximum or 1
        if parameter.whole:
            return st.integers(int(least), int(most))
        shares = st.integers(0, 1000).map(lambda thousandths: thousandths / 1000)
        return shares.map(lambda share: min(least + share * (most - least), most))
    texts = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=12)
    plain = texts.map(lambda text: text.replace("$", "$$"))
    known: dict[ValueType, st.SearchStrategy[Any]] = {
        TEXT: plain,
        BOOLEAN: st.booleans(),
        list_of(TEXT): st.lists(plain, max_size=3),
        IMAGE: st.just("sha256:" + "0f" * 32),
        SCENE: st.just("sha256:" + "a1" * 32),
        REGIONS: st.lists(
            st.sampled_from([{"box": [0, 0, 9.5, 9], "label": "x"}, {"point": [1, 2]}]), max_size=3
        ),
    }
    return known.get(parameter.type)


def _whole(draw: st.DrawFn, steps: list[dict[str, Any]], expected: Expected) -> dict[str, Any]:
    """The document: only inputs that are taken, outputs for what nobody takes."""
    taken = set().union(*expected.after.values())
    text = str(steps)
    inputs = {name: fields for name, (_, fields) in INPUTS.items() if f"'${name}" in text}
    outputs = {
        f"of_{step['id']}": f"${step['id']}.{TASKS[step['task']].outputs[0].name}"
        for step in steps
        if step["id"] not in taken or draw(st.booleans())
    }
    document = {"workflow": "at-random", "steps": draw(st.permutations(steps)), "outputs": outputs}
    return document | ({"inputs": inputs} if inputs else {})
