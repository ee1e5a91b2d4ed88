"""workflow: checks and draws workflows, which needs no suite; the parser of all its actions."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from earthgptx_client.commands import exit_codes, workflow_kept, workflow_runs
from earthgptx_client.commands.workflow_files import compiled
from earthgptx_client.errors import invalid_input
from earthgptx_client.whole_files import write_whole

WORDS = "check, draw, keep and run workflows"


def add_workflow_parser(parser: argparse.ArgumentParser, form: dict[str, Any]) -> None:
    """Adds every action to the parser of `workflow`."""
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)

    def add(
        name: str, run: Callable[[argparse.Namespace], int], words: str
    ) -> argparse.ArgumentParser:
        action = actions.add_parser(name, help=words, description=words, **form)
        action.set_defaults(run=run, command=f"workflow {name}")
        return action

    check = add("validate", validate, "say what is wrong with a workflow, and where")
    graph = add("graph", draw, "draw what flows where, as SVG")
    graph.add_argument("--out", type=Path, required=True, metavar="FILE.svg")
    listing = add("tasks", tasks, "list the tasks with their inputs and outputs")
    for action in (check, graph):
        action.add_argument("file", type=Path, metavar="FILE", help="YAML or JSON")
    for action in (check, graph, listing):
        action.add_argument("--json", action="store_true", help="one JSON object, nothing else")
    add("schema", schema, "print the language as JSON Schema, for editors")
    workflow_runs.add_actions(add)
    workflow_kept.add_actions(add)


def validate(arguments: argparse.Namespace) -> int:
    """Says that the workflow could run, or every fault with its place."""
    found = compiled(arguments.file, arguments.json)
    if found is None:
        return exit_codes.USAGE
    plan = found.plan
    from workflow_language import digest

    if arguments.json:
        print(json.dumps({"valid": True, "digest": digest(plan.definition), **plan.to_json()}))
        return exit_codes.OK
    steps = f"{len(plan.steps)} step{'' if len(plan.steps) == 1 else 's'}"
    runs = f"at most {plan.most_runs:,} run{'' if plan.most_runs == 1 else 's'} of them"
    print(f"{arguments.file}: {plan.definition.name} is valid: {steps}, {runs}")
    print(digest(plan.definition))
    return exit_codes.OK


def draw(arguments: argparse.Namespace) -> int:
    """Writes the picture of a valid workflow."""
    out: Path = arguments.out
    if out.suffix.lower() != ".svg":
        raise invalid_input(f"{out.name!r} does not end in .svg", "out")
    found = compiled(arguments.file, arguments.json)
    if found is None:
        return exit_codes.USAGE
    plan = found.plan
    from workflow_language.graph.svg import draw as draw_plan

    try:
        write_whole(out, draw_plan(plan).encode())
    except OSError as error:
        raise invalid_input(f"cannot write {out}: {error.strerror}", "out") from None
    print(json.dumps({"out": str(out)}) if arguments.json else f"wrote {out}")
    return exit_codes.OK


def tasks(arguments: argparse.Namespace) -> int:
    """Lists what a step can do."""
    from workflow_language.tasks.registry import TASKS

    listed = [task.to_json() for task in TASKS.values()]
    if arguments.json:
        print(json.dumps({"tasks": listed}))
        return exit_codes.OK
    for task in listed:
        print(f"{task['task']}: {task['does']}")
        for each in task["inputs"]:
            needed = " (required)" if each["required"] else ""
            given = f" [{json.dumps(each['default'])}]" if "default" in each else ""
            print(f"    {each['name']}: {each['type']}{needed}{given}  {each['is']}")
        for each in task["outputs"]:
            print(f"    -> {each['name']}: {each['type']}  {each['is']}")
    return exit_codes.OK


def schema(arguments: argparse.Namespace) -> int:
    """Prints the JSON Schema."""
    from workflow_language.schema import workflow_schema

    print(json.dumps(workflow_schema(), indent=1))
    return exit_codes.OK
