"""Pin what pyproject.toml allows: `python scripts/lock_requirements.py` (or `make lock`).

Needs network. Writes, under requirements/:
    versions.txt      every version of the `dev` extra for every supported Python: for `make setup`
    <service>.lock    with hashes, what a service's image installs beside torch
    torch-cpu.lock    with hashes, torch alone
    torch-cuda.lock   with hashes, torch and the CUDA libraries of PyPI's build

The images are Linux on Python 3.11; their locks keep the versions of versions.txt. torch stands
apart because the same version has two builds: hashes of CPU wheels that are at hand (WHEELS=folder)
are added to those of PyPI.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import tempfile
import tomllib
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
    for service in SERVICES:
        path = FOLDER / f"{service}.lock"
        lock(path, without_torch, "--extra", service, "pyproject.toml")
        note_torch(path, service)
    with tempfile.TemporaryDirectory() as folder:
        torch_alone = Path(folder) / "torch.in"
        torch_alone.write_text("torch\n")
        lock(FOLDER / "torch-cuda.lock", [], str(torch_alone))
    write_cpu_lock()
    return 0


def lock(path: Path, omitted: list[str], *sources: str) -> None:
    """Resolve for the images' platform, with hashes, at the versions of versions.txt."""
    platform = ["--python-platform", "x86_64-manylinux_2_28"]
    constraint = ["--constraint", str(VERSIONS)]
    resolve(path, "--generate-hashes", *platform, *constraint, *omitted, *sources)


def note_torch(path: Path, service: str) -> None:
    """Say at the top of a lock whether its image needs torch, for the image recipe."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    if any("torch" in re.split(r"[\[\],]", line) for line in extras[service]):
        path.write_text("# and torch\n" + path.read_text())


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


def write_cpu_lock() -> None:
    """Write torch's own lines of the CUDA lock and the hashes of CPU wheels found in WHEELS."""
    text = (FOLDER / "torch-cuda.lock").read_text()
    entry = re.search(r"^torch==\S+(?: \\\n +--hash=\S+)+", text, re.MULTILINE)
    if entry is None:
        raise SystemExit("torch-cuda.lock has no torch")
    version = entry[0].split()[0].partition("==")[2]
    found = sorted(
        Path(os.environ.get("WHEELS", ROOT / "wheels")).glob(f"torch-{version}+cpu-*.whl")
    )
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in found]
    lines = [entry[0], *(f"    --hash=sha256:{digest}" for digest in digests)]
    (FOLDER / "torch-cpu.lock").write_text(" \\\n".join(lines) + "\n")
    print(f"wrote requirements/torch-cpu.lock with {len(digests)} CPU wheel(s)")


if __name__ == "__main__":
    sys.exit(main())
