"""A whole suite of real processes for the time of a block, and what its processes have counted."""

from __future__ import annotations

import os
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from benchmarks.figures import Given
from benchmarks.processes import running
from earthgptx_client.client import Client
from launcher.plan import PREFIX, STAGES
from launcher.progress import Progress
from launcher.running import SuiteOptions, wait_serving
from launcher.state import StateFolder, load_secrets
from shared.settings import CallerSettings, Secret

_SCRAPE_LIMIT_S = 5.0


class Counts:
    """What processes had counted at one moment."""

    def __init__(self, samples: Mapping[str, tuple[Sample, ...]]) -> None:
        """Takes the samples of each process by its name."""
        self._samples = samples

    def total(self, process: str, name: str, **labels: str) -> float:
        """The sum of all samples of that name that carry the labels."""
        return sum(
            sample.value
            for sample in self._samples[process]
            if sample.name == name and labels.items() <= sample.labels.items()
        )


@dataclass(frozen=True)
class Suite:
    """A running suite.

    Attributes:
        address: Of its gateway.
        addresses: Of every process, by its name.
        metrics_ports: Likewise.
        objects: The folder of its object store.
    """

    address: str
    addresses: Mapping[str, str]
    metrics_ports: Mapping[str, int]
    api_key: str
    suite_key: Secret
    objects: Path

    def client(self) -> Client:
        """A client of the suite's only tenant."""
        return Client(self.address, self.api_key)

    def caller_settings(self) -> CallerSettings:
        """Settings of a process that calls the stages and stores images for them."""
        return CallerSettings(
            suite_key=self.suite_key,
            tensor_redis_url="",
            object_store_url=self.objects.as_uri(),
            tensor_tiers=("inline", "object_store"),
            **{f"{stage}_addr": self.addresses[stage] for stage in STAGES},
        )

    def counts(self, *processes: str) -> Counts:
        """What those processes have counted until now."""
        return Counts({name: self._scrape(name) for name in processes})

    def _scrape(self, process: str) -> tuple[Sample, ...]:
        url = f"http://127.0.0.1:{self.metrics_ports[process]}/metrics"
        with urllib.request.urlopen(url, timeout=_SCRAPE_LIMIT_S) as answer:
            text = answer.read().decode()
        families = text_string_to_metric_families(text)
        return tuple(sample for family in families for sample in family.samples)


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
        secrets = load_secrets(folder)
        services = started["services"]
        yield Suite(
            address=started["address"],
            addresses={s["name"]: s["address"] for s in services},
            metrics_ports={s["name"]: s["metrics_port"] for s in services if s["metrics_port"]},
            api_key=secrets.api_key,
            suite_key=Secret(secrets.suite_key),
            objects=folder.root / "objects",
        )
