"""Pin what pyproject.toml allows: `python scripts/lock_requirements.py` (or `make lock`).

Needs network, and a CPU wheel of torch in `wheels/` (or WHEELS=folder). Writes to requirements/:
    versions.txt      every version of the `dev` extra for every supported Python: for `make setup`
    imagery.lock      with hashes, what the images of all services share
    <service>.lock    with hashes, what a service's image installs beside torch
    torch-cpu.lock    with hashes, torch's CPU build
    torch-cuda.lock   with hashes, torch and the CUDA libraries of PyPI's build

The images are Linux on Python 3.11; their locks keep the versions of versions.txt.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "requirements"
VERSIONS = FOLDER / "versions.txt"
SERVICES = (
    "image-encoder",
    "prompt-encoder",
    "reasoner",
    "mask-decoder",
    "orchestrator",
    "gateway",
)
CUDA_PARTS = re.compile(r"^(nvidia-|cuda-|triton$)")


def main() -> int:
    """Write all lock files anew."""
    resolve(VERSIONS, "--universal", "--extra", "dev", "pyproject.toml")
    cuda_parts = [name for name in pinned_names() if CUDA_PARTS.match(name)]
    without_torch = [
        part for name in ("torch", *cuda_parts) for part in ("--no-emit-package", name)
    ]
    for extra in ("imagery", *SERVICES):
        path = FOLDER / f"{extra}.lock"
        lock(path, *without_torch, "--extra", extra, "pyproject.toml")
    with tempfile.TemporaryDirectory() as folder:
        torch = Path(folder) / "torch.in"
        torch.write_text("torch\n")
        lock(FOLDER / "torch-cuda.lock", str(torch))
        torch.write_text(f"torch=={torch_version()}+cpu\n")
        wheels = os.environ.get("WHEELS", str(ROOT / "wheels"))
        lock(FOLDER / "torch-cpu.lock", "--find-links", wheels, str(torch))
    return 0


def lock(path: Path, *arguments: str) -> None:
    """Resolve for the images' platform, with hashes, at the versions of versions.txt."""
    platform = ["--python-platform", "x86_64-manylinux_2_28"]
    constraint = ["--constraint", str(VERSIONS)]
    resolve(path, "--generate-hashes", *platform, *constraint, *arguments)


def resolve(path: Path, *arguments: str) -> None:
    """Run uv's resolver; the file names no index, so any mirror serves."""
    uv = str(Path(sys.executable).parent / "uv")
    command = [uv, "pip", "compile", "--quiet", "--no-header", "--no-annotate"]
    command += ["--python-version", "3.11", *arguments, "-o", str(path)]
    subprocess.run(command, cwd=ROOT, check=True)
    print(f"wrote {path.relative_to(ROOT)}")


def pinned_names() -> list[str]:
    """Names pinned in versions.txt, in order."""
    return [line.partition("==")[0] for line in VERSIONS.read_text().splitlines() if "==" in line]


def torch_version() -> str:
    """The version of torch in versions.txt."""
    pins = re.search(r"^torch==([^\s;]+)", VERSIONS.read_text(), re.MULTILINE)
    if pins is None:
        raise SystemExit("versions.txt has no torch")
    return pins[1]


if __name__ == "__main__":
    sys.exit(main())
