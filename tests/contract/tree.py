"""Where things lie in the tree, for the tests of this folder."""

import importlib.util
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = (
    "shared",
    "services",
    "earthgptx",
    "earthgptx_client",
    "launcher",
    "workflow_language",
)
SERVICES = sorted(path.parent.name for path in (ROOT / "services").glob("*/__init__.py"))


def project() -> dict[str, Any]:
    """The content of pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def hyphenated(service: str) -> str:
    """Name of a service outside Python: extra, container, manifest."""
    return service.replace("_", "-")


def sources(*packages: str) -> list[Path]:
    """Hand-written Python files of the packages, in order."""
    found = (path for package in packages for path in (ROOT / package).rglob("*.py"))
    return sorted(path for path in found if "_pb2" not in path.name)


def module_name(path: Path) -> str:
    """Dotted name of a source file: its path from the root."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def load_script(name: str) -> ModuleType:
    """A script of the folder scripts/, which is no package, as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
