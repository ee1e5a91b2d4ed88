"""What a reference names, seen from one step: its type, and how many items it can have."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from workflow_language.compiler.plan import Use
from workflow_language.definition import Definition
from workflow_language.diagnostics import Code, Path, did_you_mean
from workflow_language.field_reader import Refusals
from workflow_language.references import Reference
from workflow_language.tasks.task import Task
from workflow_language.value_types import ValueType, depth_of, fields_of

# Most items by level of nesting, the outer first; None where nothing limits them.
Bounds = tuple[int | None, ...]
# Of a value: from where, name of the input or step, output of the step.
_Source = tuple[Literal["input", "step", "item"], str, str]


@dataclass(frozen=True, slots=True)
class Typed:
    """A type and how many items a value of it can have: as many bounds as levels."""

    type: ValueType
    bounds: Bounds


@dataclass
class Workspace:
    """What is known of a workflow while it is compiled.

    Attributes:
        definition: the workflow.
        refusals: the faults so far.
        tasks: of the steps whose task is known, by id.
        outputs: of the steps compiled so far, by id; one that failed has none that are known.
        skippable: steps that may be skipped as a whole.
    """

    definition: Definition
    refusals: Refusals
    tasks: dict[str, Task] = field(default_factory=dict)
    outputs: dict[str, dict[str, Typed]] = field(default_factory=dict)
    skippable: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Scope:
    """What one step sees; for the workflow's outputs, `step` is empty.

    Attributes:
        work: of the workflow.
        path: of the step in the document.
        step: its id.
        item_name: what the item of `for_each` is called; empty where there is none.
        item: the item; None if its type is not known.
    """

    work: Workspace
    path: Path
    step: str = ""
    item_name: str = ""
    item: Typed | None = None

    def refuse(
        self, code: Code, within: Path, message: str, advice: str = "", at_key: bool = False
    ) -> None:
        """Adds a fault at a path within the step."""
        self.work.refusals.add(code, (*self.path, *within), message, advice, self.step, at_key)

    def resolve(self, reference: Reference, within: Path) -> tuple[Use, Typed] | None:
        """What the reference names; None if a fault was told, here or where it began."""
        name, more = reference.name, reference.more
        if self.item_name and name == self.item_name:
            return self._fields(reference, ("item", "", ""), self.item, more, within)
        if name in self.work.definition.inputs:
            given = self.work.definition.inputs[name]
            typed = typed_as(given.type, given.at_most)
            return self._fields(reference, ("input", name, ""), typed, more, within)
        if name in self.work.tasks:
            return self._output(reference, within)
        if not any(step.id == name for step in self.work.definition.steps):
            known = [*self.work.definition.inputs, *(s.id for s in self.work.definition.steps)]
            known += [self.item_name] if self.item_name else []
            message = f"{reference} names no input and no step"
            self.refuse("unknown_reference", within, message, did_you_mean(name, known))
        return None

    def _output(self, reference: Reference, within: Path) -> tuple[Use, Typed] | None:
        task = self.work.tasks[reference.name]
        if reference.more and task.output(reference.more[0]) is not None:
            name, fields = reference.more[0], reference.more[1:]
        elif task.main_output is not None:
            name, fields = task.main_output.name, reference.more
        else:
            names = [output.name for output in task.outputs]
            outputs = f"the outputs of {task.name}: {', '.join(names)}"
            message = f"{reference} names none of {outputs}"
            advice = did_you_mean(reference.more[0], names) if reference.more else ""
            self.refuse("unknown_reference", within, message, advice)
            return None
        typed = self.work.outputs.get(reference.name, {}).get(name)
        return self._fields(reference, ("step", reference.name, name), typed, fields, within)

    def _fields(
        self,
        reference: Reference,
        source: _Source,
        typed: Typed | None,
        fields: tuple[str, ...],
        within: Path,
    ) -> tuple[Use, Typed] | None:
        if typed is None:
            return None
        for name in fields:
            known = fields_of(typed.type)
            if name not in known:
                message = f"{reference}: a {typed.type} has no {name}"
                self.refuse("unknown_reference", within, message, did_you_mean(name, known))
                return None
            typed = typed_as(known[name])
        return Use(*source, fields, typed.type), typed


def typed_as(kind: ValueType, at_most: int | None = None) -> Typed:
    """A value of which no more than its outer bound is known."""
    depth = depth_of(kind)
    return Typed(kind, (at_most, *(None,) * (depth - 1)) if depth else ())
