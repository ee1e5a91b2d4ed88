"""Where the suite of this installation keeps its state, and how a client finds it there.

One suite an installation: a source checkout keeps its state in `.earthgptx/` beside its packages,
so two checkouts have two suites; an installed distribution keeps it under the user's state
directory, one folder for each Python environment (XDG Base Directory Specification 0.8). Variable
EARTHGPTX_STATE_DIR overrides both.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

STATE_DIR_VARIABLE = "EARTHGPTX_STATE_DIR"
SUITE_FILE = "suite.json"
API_KEY_FILE = "api_key"


@dataclass(frozen=True)
class SuiteAddress:
    """Where a suite answers and the key it takes."""

    address: str
    api_key: str


def state_dir(environ: Mapping[str, str] | None = None) -> Path:
    """The folder of this installation's suite; it may not exist."""
    environ = os.environ if environ is None else environ
    if environ.get(STATE_DIR_VARIABLE):
        return Path(environ[STATE_DIR_VARIABLE]).absolute()
    root = Path(__file__).resolve().parent.parent
    if (root / "pyproject.toml").is_file() and os.access(root, os.W_OK):
        return root / ".earthgptx"
    base = environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    environment = hashlib.sha256(sys.prefix.encode()).hexdigest()[:8]
    return Path(base) / "earthgptx" / environment


def read_suite_address(folder: Path) -> SuiteAddress | None:
    """What the launcher wrote into `folder`; None where no suite was started."""
    try:
        suite = json.loads((folder / SUITE_FILE).read_text())
        api_key = (folder / API_KEY_FILE).read_text().strip()
    except (OSError, ValueError):
        return None
    address = suite.get("address") if isinstance(suite, dict) else None
    return SuiteAddress(address, api_key) if isinstance(address, str) and address else None
