"""Measure the code against the house's numbers: `python scripts/measure_code.py` (`make stats`).

Per package: modules, their lines (median, longest), functions, their lines (90th percentile,
longest, share over 50), docstrings on public functions and classes, annotations, broad excepts;
then tests beside source. Generated stubs are left out.
"""

from __future__ import annotations

import ast
import math
import statistics
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = (
    "earthgptx",
    "shared",
    "services",
    "earthgptx_client",
    "launcher",
    "workflow_language",
)
BESIDE = ("tests", "benchmarks", "scripts")
LONG_FUNCTION = 50
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass
class Measures:
    """What was counted in one package."""

    module_lines: list[int] = field(default_factory=list)
    function_lines: list[int] = field(default_factory=list)
    public: int = 0
    documented: int = 0
    places: int = 0
    annotated: int = 0
    broad_excepts: int = 0
    longest_module: str = ""
    longest_function: str = ""


def main() -> int:
    """Print one line a package."""
    print(
        f"{'':17}{'modules':>8}{'lines':>7}{'median':>7}{'max':>5}{'functions':>10}{'p90':>4}"
        f"{'max':>5}{'>50':>6}{'docs':>6}{'types':>6}{'broad excepts':>14}"
    )
    every = [(name, measure(name)) for name in (*PACKAGES, *BESIDE)]
    for name, measures in every:
        print(row(name, measures))
    for name, measures in every[: len(PACKAGES)]:
        print(f"{name}: longest {measures.longest_module}, {measures.longest_function}")
    source = sum(sum(m.module_lines) for name, m in every if name in PACKAGES)
    tests = sum(sum(m.module_lines) for name, m in every if name == "tests")
    print(f"lines of tests to lines of source: {tests / max(source, 1):.2f}")
    return 0


def measure(package: str) -> Measures:
    """Count everything in a package."""
    measures = Measures()
    for path in sorted((ROOT / package).rglob("*.py")):
        if "_pb2" in path.name:
            continue
        text = path.read_text()
        if not text.strip():
            continue
        length = text.count("\n")
        if length > max(measures.module_lines, default=0):
            measures.longest_module = f"{path.relative_to(ROOT)} ({length})"
        measures.module_lines.append(length)
        for node in ast.walk(ast.parse(text, str(path))):
            count(node, path, measures)
    return measures


def count(node: ast.AST, path: Path, measures: Measures) -> None:
    """Count one node of the syntax tree."""
    if isinstance(node, ast.ExceptHandler):
        measures.broad_excepts += catches_everything(node)
    if not isinstance(node, Function | ast.ClassDef):
        return
    if not node.name.startswith("_"):
        measures.public += 1
        measures.documented += ast.get_docstring(node) is not None
    if isinstance(node, ast.ClassDef):
        return
    lines = (node.end_lineno or node.lineno) - node.lineno + 1
    if lines > max(measures.function_lines, default=0):
        measures.longest_function = f"{path.relative_to(ROOT)}:{node.name} ({lines})"
    measures.function_lines.append(lines)
    for annotated in annotations(node):
        measures.places += 1
        measures.annotated += annotated


def annotations(function: Function) -> Iterator[bool]:
    """For each parameter and the return: is it annotated? `self` and `cls` need not be."""
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    named += [extra for extra in (arguments.vararg, arguments.kwarg) if extra]
    yield from (a.annotation is not None for a in named if a.arg not in ("self", "cls"))
    yield function.returns is not None


def catches_everything(handler: ast.ExceptHandler) -> bool:
    """True for a bare except and for Exception or BaseException."""
    names = (
        {node.id for node in ast.walk(handler.type) if isinstance(node, ast.Name)}
        if (handler.type)
        else {"Exception"}
    )
    return bool(names & {"Exception", "BaseException"})


def row(name: str, m: Measures) -> str:
    """One line of the table."""
    if not m.module_lines:
        return f"{name:17}{'nothing yet':>15}"
    lengths = sorted(m.function_lines) or [0]
    p90 = lengths[math.ceil(0.9 * len(lengths)) - 1]
    long_share = sum(length > LONG_FUNCTION for length in lengths) / len(lengths)
    return (
        f"{name:17}{len(m.module_lines):8}{sum(m.module_lines):7}"
        f"{statistics.median(m.module_lines):7.0f}{max(m.module_lines):5}{len(lengths):10}{p90:4}"
        f"{lengths[-1]:5}{long_share:6.1%}{m.documented / max(m.public, 1):6.0%}"
        f"{m.annotated / max(m.places, 1):6.0%}{m.broad_excepts:14}"
    )


if __name__ == "__main__":
    sys.exit(main())
