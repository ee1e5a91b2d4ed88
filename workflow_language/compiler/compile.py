"""Text, document or definition in; a plan out, or every fault that was found."""

from __future__ import annotations

from collections.abc import Mapping

from workflow_language.compiler.dependencies import Needs, dependencies
from workflow_language.compiler.ordering import order
from workflow_language.compiler.plan import Plan, PlannedStep, Use
from workflow_language.compiler.scope import Scope, Workspace
from workflow_language.compiler.step_check import LIMIT_RUNS, check_step
from workflow_language.compiler.whole_checks import check_inputs, check_names, check_used
from workflow_language.definition import Definition
from workflow_language.diagnostics import Path, WorkflowInvalid, did_you_mean
from workflow_language.document import Document, read_document
from workflow_language.field_reader import Refusals
from workflow_language.reading import read_definition
from workflow_language.references import NotAReference, Reference, parse_text
from workflow_language.tasks.registry import TASKS
from workflow_language.tasks.task import Task


def compile_text(text: str | bytes, tasks: Mapping[str, Task] = TASKS) -> Plan:
    """The plan of a workflow written as YAML or JSON.

    Raises:
        WorkflowInvalid: it is not one, or not one that could run.
    """
    return compile_document(read_document(text), tasks)


def compile_document(document: Document, tasks: Mapping[str, Task] = TASKS) -> Plan:
    """The plan of a document.

    Raises:
        WorkflowInvalid: it is no workflow, or not one that could run.
    """
    refusals = Refusals(document)
    definition = read_definition(document, refusals)
    # What a half-read definition means would be guessed: faults that are none would follow.
    if not refusals.found:
        plan = _plan(definition, refusals, tasks)
        if plan is not None and not refusals.found:
            return plan
    raise WorkflowInvalid(refusals.found)


def _plan(definition: Definition, refusals: Refusals, tasks: Mapping[str, Task]) -> Plan | None:
    work = Workspace(definition, refusals)
    paths = {step.id: ("steps", position) for position, step in enumerate(definition.steps)}
    check_names(definition, refusals)
    check_inputs(definition, refusals)
    if refusals.found:
        return None
    for step in definition.steps:
        if step.task in tasks:
            work.tasks[step.id] = tasks[step.task]
        else:
            message = f"there is no task {step.task[:60]}"
            path = (*paths[step.id], "task")
            refusals.add("unknown_task", path, message, did_you_mean(step.task, tasks), step.id)
    needs = _needs(work)
    steps = _check_steps(work, paths, needs)
    outputs = _check_outputs(work)
    _check_runs(steps, refusals, paths)
    if not refusals.found:
        check_used(definition, needs, outputs, refusals)
    return Plan(definition, tuple(steps), outputs)


def _needs(work: Workspace) -> Needs:
    """What each step takes values of, and the fields that say so."""
    names = {*work.definition.inputs, *(step.id for step in work.definition.steps)}
    return {
        step.id: tuple(dependencies(step, work.tasks.get(step.id), names))
        for step in work.definition.steps
    }


def _check_steps(work: Workspace, paths: Mapping[str, Path], needs: Needs) -> list[PlannedStep]:
    """Every step, in order; those at fault are left out."""
    steps = {step.id: step for step in work.definition.steps}
    after = {id_: frozenset(name for name, _ in needs[id_] if name in steps) for id_ in steps}
    ordered, rings = order(list(steps), after)
    for ring in rings:
        _refuse_ring(ring, needs, work.refusals, paths)
    broken = {id_ for ring in rings for id_ in ring}
    position = {id_: number for number, id_ in enumerate(ordered)}
    planned: list[PlannedStep] = []
    layers: dict[str, int] = {}
    for id_ in ordered:
        earlier = tuple(sorted(after[id_], key=position.__getitem__))
        layers[id_] = 1 + max((layers.get(name, 0) for name in earlier), default=-1)
        if id_ in broken or id_ not in work.tasks:
            continue
        step = check_step(work, steps[id_], paths[id_], earlier, layers[id_])
        planned += [step] if step else []
    return planned


def _refuse_ring(
    ring: list[str],
    needs: Needs,
    refusals: Refusals,
    paths: Mapping[str, Path],
) -> None:
    first, wanted = ring[0], ring[1 % len(ring)]
    field = next(path for name, path in needs[first] if name == wanted)
    if len(ring) == 1:
        message = f"{first} needs its own output"
    else:
        message = "steps wait for each other: " + " needs ".join([*ring, first])
    advice = "take one of these values from elsewhere"
    refusals.add("cycle", (*paths[first], *field), message, advice, first)


def _check_outputs(work: Workspace) -> dict[str, Use]:
    outputs: dict[str, Use] = {}
    for name, text in work.definition.outputs.items():
        scope = Scope(work, ("outputs", name))
        try:
            meant = parse_text(text)
        except NotAReference as error:
            scope.refuse("unknown_reference", (), str(error))
            continue
        if not isinstance(meant, Reference) or meant.name in work.definition.inputs:
            message = f"{text[:60]!r} is no output of a step"
            scope.refuse("bad_value", (), message, "name one, such as $ships.regions")
            continue
        resolved = scope.resolve(meant, ())
        if resolved is not None:
            outputs[name] = resolved[0]
    return outputs


def _check_runs(steps: list[PlannedStep], refusals: Refusals, paths: Mapping[str, Path]) -> None:
    runs = sum(step.most_runs for step in steps)
    if runs > LIMIT_RUNS:
        largest = max(steps, key=lambda step: step.most_runs)
        message = f"the steps may run {runs:,} times, more than {LIMIT_RUNS:,}; most of them here"
        refusals.add(
            "limit", (*paths[largest.id], "for_each"), message, "lower at_most", largest.id
        )
