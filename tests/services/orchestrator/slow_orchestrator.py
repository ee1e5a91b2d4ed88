"""An orchestrator whose object store is slow now and then, as a process: `python -c PROGRAM`.

Everything else is that of the suite. Some of its reads and writes take longer than a lease of the
tests that kill processes (1 s).
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from services.orchestrator.server import open_service
from services.orchestrator.settings import OrchestratorSettings
from shared.serving import Service, run_process
from shared.telemetry import Telemetry
from shared.tensors.object_tier import ObjectTier
from shared.tensors.objects import NotedObjects
from shared.tensors.open_store import StoreParts, open_parts
from shared.tensors.ref import OBJECT_STORE
from tests.slow_directory import SlowDirectory, now_and_then

PROGRAM = f"from {__name__} import main; main()"
LATE_SHARE = 0.03
LATEST_S = 2.5


def slow_parts(settings: OrchestratorSettings) -> StoreParts:
    """The parts the settings name, in front of whose object store there is a brake."""
    opened = open_parts(settings)
    root = Path(urlsplit(settings.object_store_url).path)
    slow = SlowDirectory(root, now_and_then(LATE_SHARE, LATEST_S))
    assert opened.expiries is not None
    opened.objects = NotedObjects(slow, opened.expiries)
    opened.tiers = [tier for tier in opened.tiers if tier.name != OBJECT_STORE]
    opened.tiers.append(ObjectTier(opened.objects))
    return opened


def open_slow_service(settings: OrchestratorSettings, telemetry: Telemetry) -> Service:
    return open_service(settings, telemetry, opened=slow_parts(settings))


def main() -> None:
    run_process("orchestrator", OrchestratorSettings, open_slow_service)
