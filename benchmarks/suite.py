"""A whole suite of real processes for the time of a block."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.counts import Counts, count
from benchmarks.figures import Given
from benchmarks.processes import running
from earthgptx_client.client import Client
from launcher.progress import Progress
from launcher.running import SuiteOptions, wait_serving
from launcher.state import StateFolder
from shared.settings import PREFIX


@dataclass(frozen=True)
class Suite:
    """A running suite.

    Attributes:
        address: Of its gateway.
        metrics_ports: Of every process that has one, by its name.
        api_key: Of its only tenant.
    """

    address: str
    metrics_ports: Mapping[str, int]
    api_key: str

    def client(self) -> Client:
        """A client of the suite's only tenant."""
        return Client(self.address, self.api_key)

    def counts(self, *processes: str) -> Counts:
        """What those processes have counted until now."""
        return count({name: self.metrics_ports[name] for name in processes})


@contextmanager
def running_suite(given: Given, **settings: str) -> Iterator[Suite]:
    """A suite of its own, whatever else runs on this machine.

    Args:
        given: Its weights are what the suite serves; its scratch folder holds the suite's state.
        settings: Variables of the launcher without their prefix, e.g. MAX_BATCH="1".

    Raises:
        LaunchError: It does not start.
    """
    folder = StateFolder(given.scratch / "suite")
    folder.make()
    options = SuiteOptions(str(given.weights)).as_arguments()
    command = (sys.executable, "-m", "launcher.supervise", "--state-dir", str(folder.root))
    environ = os.environ | {PREFIX + name: value for name, value in settings.items()}
    log = folder.logs / "supervisor.log"
    with running((*command, *options), environ, log) as supervisor:
        started = wait_serving(folder, supervisor, Progress())
        services = started["services"]
        yield Suite(
            address=started["address"],
            metrics_ports={s["name"]: s["metrics_port"] for s in services if s["metrics_port"]},
            api_key=folder.api_key_file.read_text().strip(),
        )
