"""The record of a task: what it takes, what it gives, in one line what it does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from workflow_language.document import Json
from workflow_language.value_types import ValueType


@dataclass(frozen=True, slots=True)
class Parameter:
    """One input of a task.

    Attributes:
        name: as written under `with`.
        type: what is accepted.
        doc: one line.
        required: it must be given.
        default: what is taken where it is not given; None if nothing is.
        choices: the only texts allowed; empty if any is.
        minimum: least number.
        maximum: greatest number.
        whole: the number has no fraction.
    """

    name: str
    type: ValueType
    doc: str
    required: bool = False
    default: Json = None
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Output:
    """One output of a task.

    Attributes:
        name: as written after the step's id.
        type: what it is.
        doc: one line.
        follows: an input with regions; where that has masks, so has this.
        limited_by: what bounds the number of items, the least counts: a number, an input that is a
            number, or an input that holds items itself.
        about: it tells how the others were made: the step's id stands for them all the same.
    """

    name: str
    type: ValueType
    doc: str
    follows: str = ""
    limited_by: tuple[str | int, ...] = ()
    about: bool = False


@dataclass(frozen=True, slots=True)
class Task:
    """One task.

    Attributes:
        name: as written in a step.
        doc: one line.
        parameters: inputs, in the order people would think of them.
        outputs: at least one; where one alone is not `about` others, the step's id stands for it.
        model: it asks the model; the others need none.
    """

    name: str
    doc: str
    parameters: tuple[Parameter, ...]
    outputs: tuple[Output, ...]
    model: bool = False

    def parameter(self, name: str) -> Parameter | None:
        """The input of that name."""
        return next((each for each in self.parameters if each.name == name), None)

    def output(self, name: str) -> Output | None:
        """The output of that name."""
        return next((each for each in self.outputs if each.name == name), None)

    @property
    def main_output(self) -> Output | None:
        """What the step's id stands for; None where there are several."""
        given = [each for each in self.outputs if not each.about]
        return given[0] if len(given) == 1 else None

    def to_json(self) -> dict[str, Any]:
        """As JSON values, for those who list tasks."""
        return {
            "task": self.name,
            "does": self.doc,
            "asks_the_model": self.model,
            "inputs": [_parameter_json(each) for each in self.parameters],
            "outputs": [
                {"name": each.name, "type": str(each.type), "is": each.doc} for each in self.outputs
            ],
        }


def _parameter_json(parameter: Parameter) -> dict[str, Any]:
    described: dict[str, Any] = {
        "name": parameter.name,
        "type": str(parameter.type),
        "is": parameter.doc,
        "required": parameter.required,
    }
    optional = {
        "default": parameter.default,
        "choices": list(parameter.choices) or None,
        "minimum": parameter.minimum,
        "maximum": parameter.maximum,
    }
    return described | {name: value for name, value in optional.items() if value is not None}
