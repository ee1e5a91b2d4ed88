"""A composition of docker-compose.yml under a name of its own, and what can be asked of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from earthgptx_client.client import Client

API_KEY = "a key of the tests in containers"
START_LIMIT_S = 1200.0
# The stand-in for the object store wants this form; any other takes it too.
ACCESS_KEY = "earthgptx:suite"


@dataclass(frozen=True)
class Containers:
    """One composition under a name of its own; `folder` holds its secrets."""

    name: str
    folder: Path
    port: int

    def compose(self, *arguments: str, **variables: str) -> None:
        """Runs docker-compose on it."""
        chosen = {"OBJECT_STORE_ACCESS_KEY": ACCESS_KEY, "PORT": str(self.port), **variables}
        command = ["docker-compose", "--project-name", self.name, *arguments]
        subprocess.run(command, cwd=self.folder, env=os.environ | chosen, check=True)

    def container(self, service: str) -> str:
        """Name of a service's first container, whichever compose made it."""
        found = docker("ps", "-a", "--format", "{{.Names}}").split()
        return next(n for n in found if n.replace("_", "-") == f"{self.name}-{service}-1")

    def run_in(self, service: str, script: str) -> str:
        """What a shell script says inside a service's container."""
        return docker("exec", self.container(service), "sh", "-c", script)

    def wait_healthy(self) -> None:
        """Waits until every container that tells its health is healthy."""
        give_up_at = time.monotonic() + START_LIMIT_S
        while time.monotonic() < give_up_at:
            listed = docker("ps", "-a", "--filter", f"name={self.name}", "--format", "{{.Status}}")
            told = [line for line in listed.splitlines() if "(" in line]
            if len(told) >= 9 and all("(healthy)" in line for line in told):
                return
            time.sleep(2)
        pytest.fail(f"not healthy:\n{docker('ps', '-a', '--filter', f'name={self.name}')}")

    def client(self) -> Client:
        """A client of the published port; patient, for machines that are busy."""
        return Client(f"127.0.0.1:{self.port}", API_KEY, timeout_s=600.0)

    def secrets(self) -> dict[str, str]:
        """What was made for it, by file name."""
        made = (self.folder / "out" / "compose").iterdir()
        return {path.name: path.read_text() for path in made if path.name != "api-keys.json"}


def docker(*arguments: str) -> str:
    """What the docker command says, on either stream."""
    command = ["docker", *arguments]
    return subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True
    ).stdout


def why_not() -> str:
    """Why nothing can be brought up here; empty if it can."""
    if not shutil.which("docker") or not shutil.which("docker-compose"):
        return "docker and docker-compose are not on the PATH"
    command = ["docker", "image", "inspect", "earthgptx/gateway:0.1.0"]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        return "no engine answers, or `make images` was not run"
    return ""
