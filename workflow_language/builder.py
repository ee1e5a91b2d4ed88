"""A workflow made in Python: the same fields, the same checks, the same digest.

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

Texts mean what they mean in a file: "$scene" is a reference, "$$" a dollar sign.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from workflow_language.compiler.compile import compile_document
from workflow_language.compiler.plan import Plan
from workflow_language.plain_values import document_of


@dataclass(frozen=True, slots=True)
class Value:
    """An input, the outputs of a step, the item of `for_each`, or what `[...]` reads of it."""

    path: str

    def __getitem__(self, name: str) -> Value:
        """An output of a step, or a field of a value."""
        return Value(f"{self.path}.{name}")

    def __str__(self) -> str:
        """The reference, so that f"{number} > 0" is a condition."""
        return f"${self.path}"


ITEM = Value("item")


class Workflow:
    """Gathers inputs, steps and outputs; nothing is checked before `compile`."""

    def __init__(
        self, name: str, description: str = "", *, defaults: Mapping[str, object] | None = None
    ) -> None:
        """Begins a workflow without steps."""
        self._fields: dict[str, Any] = {"workflow": name}
        if description:
            self._fields["description"] = description
        self._fields["inputs"] = {}
        if defaults:
            self._fields["defaults"] = dict(defaults)
        self._fields |= {"steps": [], "outputs": {}}

    def input(self, name: str, type: str, **more: object) -> Value:
        """Adds an input; `more` is its description, default, at_most, modality."""
        self._fields["inputs"][name] = _written({"type": type, **more})
        return Value(name)

    def step(
        self,
        id: str,
        task: str,
        *,
        for_each: object = None,
        item: str | None = None,
        at_most: int | None = None,
        in_flight: int | None = None,
        when: object = None,
        retries: int | None = None,
        deadline: str | None = None,
        priority: str | None = None,
        take: Mapping[str, object] | None = None,
        **arguments: object,
    ) -> Value:
        """Adds a step.

        Args:
            id: its name.
            task: its task.
            for_each: what holds the items.
            item: what the item is called; `Value(item)` is then the item.
            at_most: most items.
            in_flight: items at a time.
            when: a condition, as text.
            retries: further attempts.
            deadline: such as "30s".
            priority: "interactive", "normal" or "batch".
            take: arguments whose names are taken by the above, such as `at_most`.
            arguments: the others.
        """
        fields: dict[str, object] = {
            "id": id,
            "task": task,
            "with": {**(take or {}), **arguments} or None,
            "for_each": for_each,
            "as": item,
            "at_most": at_most,
            "in_flight": in_flight,
            "when": when,
            "retries": retries,
            "deadline": deadline,
            "priority": priority,
        }
        said = {name: _written(value) for name, value in fields.items() if value is not None}
        self._fields["steps"].append(said)
        return Value(id)

    def output(self, name: str, value: Value) -> None:
        """Names what a run gives."""
        self._fields["outputs"][name] = str(value)

    def to_document(self) -> dict[str, Any]:
        """The workflow as the fields of the language."""
        return {name: value for name, value in self._fields.items() if value != {}}

    def to_yaml(self) -> str:
        """The workflow as a file."""
        text: str = yaml.safe_dump(self.to_document(), sort_keys=False, allow_unicode=True)
        return text

    def compile(self) -> Plan:
        """The plan.

        Raises:
            WorkflowInvalid: it could not run.
        """
        return compile_document(document_of(self.to_document()))


def _written(value: object) -> object:
    if isinstance(value, Value):
        return str(value)
    if isinstance(value, Mapping):
        return {key: _written(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_written(each) for each in value]
    return value
