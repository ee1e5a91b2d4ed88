"""What the figures were measured on, and what else ran there."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import psutil

from launcher.cores import usable_cores

_MEASURED_WITH = ("torch", "numpy", "grpcio", "protobuf", "redis", "celery", "xxhash")
# Share of the cores above which somebody else's work is in the figures.
BUSY_SHARE = 0.1
_LOOK_S = 1.0


def describe_machine() -> dict[str, object]:
    """Facts that hold for the whole run."""
    return {
        "cpu": _cpu_name(),
        "cores": usable_cores(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        **{name: version(name) for name in _MEASURED_WITH},
    }


@dataclass(frozen=True)
class Disturbance:
    """What others did right before a benchmark.

    Attributes:
        busy_share: Of the cores, in the last second, 0..1.
        load_average: Processes that ran or wanted to, in the last minute; the benchmark before
            counts too.
    """

    busy_share: float
    load_average: float

    @property
    def disturbs(self) -> bool:
        return self.busy_share > BUSY_SHARE


def look_around() -> Disturbance:
    """Watches the machine for a second."""
    busy_percent = psutil.cpu_percent(_LOOK_S)
    return Disturbance(round(busy_percent / 100, 3), round(psutil.getloadavg()[0], 2))


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
