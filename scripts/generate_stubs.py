"""Generate the stubs beside the .proto files, or compare: `scripts/generate_stubs.py [--check]`.

protoc derives absolute imports from the path under -I, so -I is the repository root: the module
path of a stub is its path in the tree, and nothing is rewritten afterwards.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = Path("protos/earthgptx/v1")
GENERATED = ("*_pb2.py", "*_pb2.pyi", "*_pb2_grpc.py")


def main() -> int:
    """0 if the stubs in the tree are (now) those of the .proto files, 1 if they differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, name stale stubs")
    if not parser.parse_args().check:
        generate(ROOT)
        return 0
    stale = stale_stubs()
    for path in stale:
        print(f"stale: {path} (run `make protos`)")
    return 1 if stale else 0


def generate(destination: Path) -> None:
    """Write the stubs of every .proto under `destination`, at the same relative paths.

    Only files with a service get a _pb2_grpc module; protoc would write empty ones for the rest.
    """
    sources = sorted(path.relative_to(ROOT) for path in (ROOT / FOLDER).glob("*.proto"))
    services = [path for path in sources if declares_service(ROOT / path)]
    protoc(["--python_out", str(destination), "--pyi_out", str(destination)], sources)
    protoc(["--grpc_python_out", str(destination)], services)


def stale_stubs() -> list[str]:
    """Paths of stubs that are missing, differ from their .proto, or have none, in order."""
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder))
        fresh = stubs_under(Path(folder))
    present = stubs_under(ROOT)
    return sorted(path for path in fresh | present if fresh.get(path) != present.get(path))


def stubs_under(root: Path) -> dict[str, bytes]:
    """Relative path to content of every generated file under `root`."""
    found = (path for pattern in GENERATED for path in (root / FOLDER).glob(pattern))
    return {str(path.relative_to(root)): path.read_bytes() for path in found}


def declares_service(path: Path) -> bool:
    """True if the .proto declares a service."""
    return re.search(r"^service \w+", path.read_text(), re.MULTILINE) is not None


def protoc(outputs: list[str], sources: list[Path]) -> None:
    """Run protoc from the repository root; its own message goes to stderr."""
    command = [sys.executable, "-m", "grpc_tools.protoc", "-I.", *outputs, *map(str, sources)]
    if subprocess.run(command, cwd=ROOT, check=False).returncode:
        raise SystemExit("protoc failed")


if __name__ == "__main__":
    sys.exit(main())
