"""Make .venv and install the suite into it: `python3 scripts/set_up_environment.py` (`make setup`).

Needs Python 3.11 to 3.13 with venv and pip; no root, no compiler, nothing else installed. A second
call with nothing changed returns at once: `.venv/.ready` holds a fingerprint of what was asked for.

torch: a machine without `nvidia-smi` gets the CPU build wherever pip finds one: first where pip is
configured to look, then at TORCH_CPU_INDEX (set it empty to leave that out), else PyPI's default
build, which runs on a CPU too.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
READY = VENV / ".ready"
PYTHON = VENV / "bin" / "python"
INSTALL = (str(PYTHON), "-m", "pip", "install")
VERSIONS = ROOT / "requirements" / "versions.txt"
OLDEST, TOO_NEW = (3, 11), (3, 14)
DEFAULT_TORCH_CPU_INDEX = "https://download.pytorch.org/whl/cpu"


def main() -> int:
    """Install what is missing; 0 if the environment is ready, 2 if this Python cannot carry it."""
    if not OLDEST <= sys.version_info[:2] < TOO_NEW:
        print(f"setup: Python 3.11 to 3.13 is needed, this is {sys.version.split()[0]}; ", end="")
        print("name another by `make setup PYTHON=python3.12`", file=sys.stdout)
        return 2
    wanted = fingerprint()
    if READY.exists() and READY.read_text() == wanted and PYTHON.exists():
        READY.touch()
        return 0
    if not PYTHON.exists():
        print("setup: making .venv", flush=True)
        venv.EnvBuilder(with_pip=True, symlinks=True).create(VENV)
    if installed("torch") != pinned("torch").partition("==")[2]:
        install_torch(INSTALL)
    print("setup: installing the suite and its tools", flush=True)
    pip(INSTALL, "--constraint", str(VERSIONS), "--editable", f"{ROOT}[dev]")
    READY.write_text(wanted)
    print("setup: ready", flush=True)
    return 0


def fingerprint() -> str:
    """Digest of everything the environment depends on."""
    digest = hashlib.sha256(sys.version.encode())
    for path in (ROOT / "pyproject.toml", VERSIONS, Path(__file__)):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def install_torch(install: Sequence[str]) -> None:
    """Install torch alone and first, so that nothing else decides which build it is.

    `install` is the beginning of pip's command line and says into which environment, like INSTALL.
    """
    requirement = pinned("torch")
    print(f"setup: installing {requirement}", flush=True)
    if wants_cpu_build():
        cpu_requirement = f"{requirement}+cpu"
        sources: list[list[str]] = [[]]
        if index := os.environ.get("TORCH_CPU_INDEX", DEFAULT_TORCH_CPU_INDEX):
            sources.append(["--extra-index-url", index, "--retries", "1", "--timeout", "15"])
        for source in sources:
            if pip(install, *source, cpu_requirement, check=False) == 0:
                return
        print("setup: no CPU build of torch in reach; taking the default build", flush=True)
    pip(install, requirement)


def wants_cpu_build() -> bool:
    """True on a Linux machine without an NVIDIA driver; macOS has one build only."""
    return sys.platform == "linux" and shutil.which("nvidia-smi") is None


def pinned(name: str) -> str:
    """The line of requirements/versions.txt that pins `name`, without its marker."""
    for line in VERSIONS.read_text().splitlines():
        if line.startswith(f"{name}=="):
            return line.partition(";")[0].strip()
    raise SystemExit(f"setup: {VERSIONS.name} does not pin {name}; run `make lock`")


def installed(name: str) -> str | None:
    """Version of `name` in .venv without its local part, None if it is not there."""
    code = f"from importlib.metadata import version; print(version({name!r}).partition('+')[0])"
    found = subprocess.run([PYTHON, "-c", code], capture_output=True, text=True, check=False)
    return found.stdout.strip() or None


def pip(start: Sequence[str], *arguments: str, check: bool = True) -> int:
    """Run the command of pip that begins with `start`; quiet unless it fails and `check` is set."""
    command = [*start, *arguments, "--disable-pip-version-check", "--quiet"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode and check:
        sys.stderr.write(result.stdout + result.stderr)
        raise SystemExit(f"setup: `{' '.join(command[1:])}` failed")
    return result.returncode


if __name__ == "__main__":
    sys.exit(main())
