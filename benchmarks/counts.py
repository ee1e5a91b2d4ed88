"""What processes of the suite have counted, read from their Prometheus endpoints."""

from __future__ import annotations

import urllib.request
from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

_LIMIT_S = 30.0


class Counts:
    """The counts of some processes at one moment."""

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


class Rise:
    """How much counts rose from one moment to another."""

    def __init__(self, before: Counts, after: Counts) -> None:
        """Takes the counts of both moments."""
        self._before = before
        self._after = after

    def of(self, process: str, name: str, **labels: str) -> float:
        """The rise of the sum of all samples of that name that carry the labels."""
        after = self._after.total(process, name, **labels)
        return after - self._before.total(process, name, **labels)


def count(metrics_ports: Mapping[str, int]) -> Counts:
    """The counts now of the processes whose ports are given by name."""
    return Counts({name: _samples(port) for name, port in metrics_ports.items()})


def _samples(port: int) -> tuple[Sample, ...]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=_LIMIT_S) as answer:
        text = answer.read().decode()
    families = text_string_to_metric_families(text)
    return tuple(sample for family in families for sample in family.samples)
