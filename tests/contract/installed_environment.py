"""A virtual environment into which pip installed the suite with one extra, as a user's would.

pip is the running environment's and works from outside: with a pip of its own, an environment of
Python 3.11 would have setuptools too, which could stand in for an undeclared dependency.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.contract.extras import Extra, empty_environment
from tests.contract.tree import ROOT, load_script

set_up = load_script("set_up_environment")
PIP = (sys.executable, "-m", "pip")


def index_in_reach() -> bool:
    """Whether pip, as it is configured here, finds a small package in the version pinned."""
    with tempfile.TemporaryDirectory() as folder:
        download = (*PIP, "download", "--no-deps", "--dest", folder)
        impatient = ("--retries", "0", "--timeout", "10")
        return set_up.pip(download, *impatient, set_up.pinned("hatchling"), check=False) == 0


def build_wheel(folder: Path) -> Path:
    """Builds the suite's wheel into `folder`, as `pip install .` would."""
    set_up.pip((*PIP, "wheel"), "--no-deps", "--wheel-dir", str(folder), str(ROOT))
    (wheel,) = folder.glob("*.whl")
    return wheel


@contextmanager
def installed_environment(wheel: Path, extra: Extra) -> Iterator[Path]:
    """The interpreter of a new environment with the wheel, its extra and the pinned versions.

    It is deleted afterwards: with torch it takes more than a GiB.
    """
    with tempfile.TemporaryDirectory(prefix="earthgptx-extra-") as folder:
        python = empty_environment(Path(folder))
        # Compiling every module up front would take longer than the rest.
        install = (*PIP, "--python", str(python), "install", "--no-compile")
        if extra.wants_torch:
            set_up.install_torch(install)
        requirement = f"{wheel}[{extra.name}]" if extra.name else str(wheel)
        set_up.pip(install, "--constraint", str(set_up.VERSIONS), requirement)
        yield python
