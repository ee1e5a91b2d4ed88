"""What is checked of a workflow as a whole: names, defaults of inputs, values nobody takes."""

from __future__ import annotations

from collections.abc import Mapping

from workflow_language.compiler.dependencies import Needs
from workflow_language.compiler.literals import article, literal_fault
from workflow_language.compiler.plan import Use
from workflow_language.definition import Definition
from workflow_language.diagnostics import Path
from workflow_language.field_reader import Refusals


def check_names(definition: Definition, refusals: Refusals) -> None:
    """Inputs and steps share one space of names, and an item may not hide one of them."""
    taken = dict.fromkeys(definition.inputs, "an input")
    for position, step in enumerate(definition.steps):
        if step.id in taken:
            message = f"{step.id} is already {taken[step.id]}"
            advice = "each input and step has a name of its own"
            refusals.add("duplicate", ("steps", position, "id"), message, advice, step.id)
        taken[step.id] = "a step"
    for position, step in enumerate(definition.steps):
        if step.item in taken:
            message = f"{step.item} is already {taken[step.item]}"
            refusals.add(
                "duplicate", ("steps", position, "as"), message, "choose another name", step.id
            )


def check_inputs(definition: Definition, refusals: Refusals) -> None:
    for name, given in definition.inputs.items():
        if given.default is None:
            continue
        path: Path = ("inputs", name, "default")
        fault = literal_fault(given.default, given.type)
        if fault:
            refusals.add("type_mismatch", path, fault, f"{name} is {article(given.type)}")
            continue
        items = len(given.default) if isinstance(given.default, list) else 0
        if given.at_most is not None and items > given.at_most:
            message = f"has {items} items, more than at_most: {given.at_most}"
            refusals.add("bad_value", path, message)


def check_used(
    definition: Definition, needs: Needs, outputs: Mapping[str, Use], refusals: Refusals
) -> None:
    """What nobody takes costs time and tells nothing; mostly a name was mistaken."""
    used = {name for found in needs.values() for name, _ in found}
    used |= {use.name for use in outputs.values()}
    for name in definition.inputs:
        if name not in used:
            message = f"no step takes the input {name}"
            refusals.add("unused", ("inputs", name), message, "leave it out", at_key=True)
    for position, step in enumerate(definition.steps):
        if step.id not in used:
            message = "no step and no output takes what it gives"
            advice = "name it under outputs, or leave it out"
            refusals.add("unused", ("steps", position), message, advice, step.id)
