"""workflow create, list, show, delete: the workflows that the suite keeps for a tenant."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Protocol

from earthgptx_client.commands import exit_codes
from earthgptx_client.commands.request_flags import add_suite_flags, connect
from earthgptx_client.commands.workflow_files import compiled
from earthgptx_client.commands.workflow_names import kept_named

Action = Callable[[argparse.Namespace], int]


class AddAction(Protocol):
    """Adds an action to the parser of `workflow`."""

    def __call__(self, name: str, run: Action, words: str) -> argparse.ArgumentParser:
        """The parser of the action."""
        ...


def add_actions(add: AddAction) -> None:
    """Adds create, list, show and delete."""
    keep = add("create", create, "have the suite keep a workflow, as the next version of its name")
    keep.add_argument("file", type=Path, metavar="FILE", help="YAML or JSON")
    listing = add("list", list_kept, "list the workflows that the suite keeps")
    one = add("show", show, "print a workflow that the suite keeps")
    one.add_argument("workflow", metavar="NAME[@VERSION]", help="the newest version, or that one")
    gone = add("delete", delete, "have the suite forget a workflow; its runs go on")
    gone.add_argument("workflow", metavar="NAME")
    for action in (keep, listing, one, gone):
        add_suite_flags(action)


def create(arguments: argparse.Namespace) -> int:
    """Keeps a workflow; says which version it is."""
    found = compiled(arguments.file, arguments.json)
    if found is None:
        return exit_codes.USAGE
    with connect(arguments) as client:
        info, created = client.workflows.create(found.text)
    if arguments.json:
        print(json.dumps({"created": created, **asdict(info)}))
    else:
        there = "" if created else " (it was there)"
        print(f"{info.name}@{info.version.version}{there}")
        print(info.version.digest)
    return exit_codes.OK


def list_kept(arguments: argparse.Namespace) -> int:
    """Lists the newest version of each."""
    with connect(arguments) as client:
        infos = list(client.workflows.list())
    if arguments.json:
        print(json.dumps({"workflows": [asdict(info) for info in infos]}))
    for info in infos if not arguments.json else ():
        print(f"{info.name}@{info.version.version:<4} {info.description}")
    return exit_codes.OK


def show(arguments: argparse.Namespace) -> int:
    """Prints the definition as YAML, so that it can be written to a file again."""
    kept = kept_named(arguments.workflow)
    with connect(arguments) as client:
        found = client.workflows.get(kept.name, kept.version)
    if arguments.json:
        versions = [asdict(version) for version in found.versions]
        shown = {"definition": found.definition, "versions": versions}
        print(json.dumps(asdict(found.info) | shown))
    else:
        # Imported here: the other subcommands start faster without it.
        import yaml

        print(f"# version {found.info.version.version} of {len(found.versions)}")
        print(yaml.safe_dump(found.definition, sort_keys=False, allow_unicode=True), end="")
    return exit_codes.OK


def delete(arguments: argparse.Namespace) -> int:
    """Forgets a workflow."""
    with connect(arguments) as client:
        client.workflows.delete(arguments.workflow)
    print(json.dumps({"deleted": arguments.workflow}) if arguments.json else "deleted")
    return exit_codes.OK
