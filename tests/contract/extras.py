"""What each extra must bring and what it must leave out, however its environment is made."""

from __future__ import annotations

import subprocess
import venv
from dataclasses import dataclass
from pathlib import Path

from tests.contract.test_packaging import requirements_of
from tests.contract.tree import SERVICES, hyphenated

MODEL = ("torch", "timm", "transformers")
# What one service needs and another must do without.
ABSENT = {
    "gateway": (*MODEL, "pystac", "pyogrio"),
    "orchestrator": MODEL,
    "image_encoder": ("celery", "transformers"),
    "prompt_encoder": ("celery", "transformers"),
    "reasoner": ("celery", "timm"),
    "mask_decoder": ("celery", "timm"),
}


@dataclass(frozen=True)
class Extra:
    """An extra (None: the base alone), a program that needs all of it, modules it has not."""

    name: str | None
    program: str
    absent: tuple[str, ...]

    def __str__(self) -> str:
        return self.name or "base"

    @property
    def wants_torch(self) -> bool:
        """Whether its requirements, those of its own extras included, name torch."""
        return any(wanted.name == "torch" for wanted in requirements_of(self.name))


EXTRAS = (
    *(
        Extra(hyphenated(service), f"import services.{service}.__main__", ABSENT[service])
        for service in SERVICES
    ),
    Extra(
        "scenes",
        "import earthgptx.scenes.command, earthgptx.scenes.spool, earthgptx.exports.export",
        (*MODEL, "celery"),
    ),
    Extra(
        None,
        "import earthgptx_client, earthgptx_client.command as c; c.main(['ask', '--help'])",
        (*MODEL, "celery", "rasterio", "cv2"),
    ),
)


def empty_environment(folder: Path) -> Path:
    """The interpreter of a new environment with nothing in it, pip and setuptools included."""
    venv.EnvBuilder(symlinks=True, with_pip=False).create(folder)
    return folder / "bin" / "python"


def run_python(python: Path, program: str) -> subprocess.CompletedProcess[str]:
    """Runs a program there, out of reach of everything else."""
    return subprocess.run(
        [python, "-I", "-c", program], capture_output=True, text=True, cwd=python.parent
    )


def assert_all_and_no_more(python: Path, extra: Extra) -> None:
    """Fails if the environment lacks something the extra's program imports, or has too much."""
    done = run_python(python, extra.program)
    assert done.returncode == 0, done.stderr
    search = f"print([name for name in {extra.absent} if find_spec(name)])"
    found = run_python(python, f"from importlib.util import find_spec; {search}")
    assert found.stdout.strip() == "[]", f"{extra} brings {found.stdout}{found.stderr}"
