"""A virtual environment with what one extra asks for, and nothing else.

Nothing is fetched: the distributions are those of the running environment, linked in file by file
as an installer would lay them out. Which ones is what pip would decide: the extra of pyproject.toml
and, from there on, what each distribution says it requires.
"""

from __future__ import annotations

import functools
import os
from collections import defaultdict
from collections.abc import Iterable
from importlib.metadata import Distribution, distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.contract.extras import empty_environment
from tests.contract.test_packaging import requirements_of
from tests.contract.tree import ROOT, project


@functools.cache
def installed() -> dict[str, Distribution]:
    """Every distribution of the running environment, by canonical name."""
    return {canonicalize_name(found.name): found for found in distributions()}


def needed(requirements: Iterable[Requirement]) -> set[str]:
    """Names of the distributions that satisfy the requirements, theirs included."""
    names: set[tuple[str, str]] = set()
    waiting = [(requirement, "") for requirement in requirements]
    while waiting:
        requirement, of_extra = waiting.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": of_extra}):
            continue
        name = canonicalize_name(requirement.name)
        for extra in {"", *requirement.extras}:
            if name in installed() and (name, extra) not in names:
                names.add((name, extra))
                wanted = installed()[name].requires or ()
                waiting += [(Requirement(line), extra) for line in wanted]
    return {name for name, _ in names}


@functools.cache
def owners() -> dict[str, set[str]]:
    """Top-level entry of site-packages to the distributions that have files in it."""
    found: dict[str, set[str]] = defaultdict(set)
    for name, distribution in installed().items():
        for file in distribution.files or ():
            found[file.parts[0]].add(name)
    return found


def link(name: str, site: Path) -> None:
    """Links a distribution into `site`: whole folders where they are its own, else its files."""
    distribution = installed()[name]
    for file in distribution.files or ():
        top = file.parts[0]
        if top in ("..", "__pycache__"):
            continue
        shared_with_others = len(owners()[top]) > 1
        target = site / (file if shared_with_others else top)
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            source = distribution.locate_file(file if shared_with_others else top)
            os.symlink(os.fspath(source), target)


def linked_environment(folder: Path, extra: str | None) -> Path:
    """The interpreter of a new environment with the suite and one extra (None: the base alone)."""
    python = empty_environment(folder)
    (site,) = folder.glob("lib/python*/site-packages")
    wanted = [*requirements_of(None), *(requirements_of(extra) if extra else ())]
    for name in sorted(needed(wanted)):
        link(name, site)
    for package in project()["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]:
        os.symlink(ROOT / package, site / package)
    return python
