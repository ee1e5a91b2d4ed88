"""What no file of the suite may contain, found in the syntax tree, not by text."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.tree import PACKAGES, ROOT, sources

BANNED_MODULES = {"pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
BANNED_CALLS = {
    "eval",
    "exec",
    "torch.load",
    "torch.save",
    "yaml.load",
    "yaml.unsafe_load",
    "numpy.load",
    "np.load",
    "os.system",
}
BROAD = {"Exception", "BaseException"}
# The two boundaries where an unknown error ends: it is logged there and becomes INTERNAL.
BOUNDARIES = {"shared/server_interceptor.py", "services/orchestrator/held_work.py"}
BANNED_MODULE_NAMES = {"utils", "helpers", "common", "misc", "manager"}


def every_source() -> list[Path]:
    return sources(*PACKAGES, "scripts", "benchmarks")


def trees() -> Iterator[tuple[str, ast.AST]]:
    for path in every_source():
        yield str(path.relative_to(ROOT)), ast.parse(path.read_text(), filename=str(path))


def dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name.partition(".")[0] for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module:
        return [node.module.partition(".")[0]]
    return []


def catches_everything(node: ast.AST) -> bool:
    if not isinstance(node, ast.ExceptHandler):
        return False
    if node.type is None:
        return True
    caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
    names = {dotted(part) for part in caught}
    reraises = any(isinstance(part, ast.Raise) and part.exc is None for part in node.body)
    return bool(names & BROAD) and not reraises


def test_nothing_unpickles() -> None:
    found = [
        f"{path}:{node.lineno} {name}"  # type: ignore[attr-defined]
        for path, tree in trees()
        for node in ast.walk(tree)
        for name in imported(node)
        if name in BANNED_MODULES
    ]
    assert found == []


def test_nothing_evaluates_or_loads_code() -> None:
    found = [
        f"{path}:{node.lineno} {dotted(node.func)}"
        for path, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and dotted(node.func) in BANNED_CALLS
    ]
    assert found == []


def test_everything_is_caught_only_at_the_two_boundaries() -> None:
    found = {
        path
        for path, tree in trees()
        for node in ast.walk(tree)
        if catches_everything(node) and path not in BOUNDARIES
    }
    assert found == set()


def test_no_module_is_a_drawer() -> None:
    drawers = [str(p.relative_to(ROOT)) for p in every_source() if p.stem in BANNED_MODULE_NAMES]
    assert drawers == []


@pytest.mark.parametrize("mark", ["TO" + "DO", "FIX" + "ME", "NotImplemented" + "Error"])
def test_nothing_is_left_for_later(mark: str) -> None:
    assert [str(p.relative_to(ROOT)) for p in every_source() if mark in p.read_text()] == []


def test_tests_use_no_mocks() -> None:
    banned = {"mock", "unittest"}
    found = [
        str(path.relative_to(ROOT))
        for path in sources("tests")
        for node in ast.walk(ast.parse(path.read_text()))
        if banned & set(imported(node))
    ]
    assert found == []
