"""Subcommands that other packages bring: entry points of the group `earthgptx.commands`.

Each is a callable that takes the arguments after its name and returns the exit code.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import EntryPoint, entry_points

GROUP = "earthgptx.commands"
DISTRIBUTION = "earthgptx-suite"
# What is known without being there: which extra brings it, what it does.
KNOWN = {
    "up": ("launcher", "start the suite on this machine"),
    "down": ("launcher", "stop it"),
    "status": ("launcher", "say what runs"),
    "demo": ("launcher", "questions and answers over sample images"),
    "assemble": ("train", "make a preset's weights out of pretrained parts"),
    "memory": ("train", "say what memory each stage of a preset needs"),
    "data": ("train", "read, check and pack datasets"),
    "scene": ("scenes", "say what a scene of any size is, and how it is cut into tiles"),
    "survey": ("train", "find things in a scene of any size, in this process"),
    "train": ("train", "train a model"),
    "evaluate": ("train", "score a model"),
}


class MissingExtra(Exception):
    """A subcommand whose package is not installed; the message says how to get it."""


def names() -> list[str]:
    """All subcommands of others: those known and those installed."""
    return sorted({*KNOWN, *(entry.name for entry in entry_points(group=GROUP))})


def run(name: str, arguments: Sequence[str]) -> int:
    """Runs the subcommand.

    Raises:
        MissingExtra: its package, or something the package needs, is not installed.
    """
    found = [entry for entry in entry_points(group=GROUP) if entry.name == name]
    extra, _ = KNOWN.get(name, (name, ""))
    entry = found[0] if found else _in_checkout(name)
    try:
        # Also inside: a subcommand imports what is heavy (torch) only when it runs.
        code: int = entry.load()(list(arguments))
    except ImportError as error:
        raise MissingExtra(
            f"`earthgptx {name}` needs more than is installed ({error.name or error}): "
            f"pip install '{DISTRIBUTION}[{extra}]'"
        ) from None
    return code


def _in_checkout(name: str) -> EntryPoint:
    """The subcommand where the packages lie on the path without having been installed."""
    modules = {
        "assemble": "earthgptx.model.pretrained.command",
        "memory": "earthgptx.model.memory.command",
        "data": "earthgptx.data.command",
        "scene": "earthgptx.scenes.command",
        "survey": "earthgptx.survey.command",
        "train": "earthgptx.training.command",
        "evaluate": "earthgptx.evaluation.command",
    }
    return EntryPoint(name, f"{modules.get(name, 'launcher.command')}:{name}", GROUP)
