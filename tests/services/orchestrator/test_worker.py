from __future__ import annotations

import time
from typing import Any

import pytest

from services.orchestrator.settings import OrchestratorSettings
from services.orchestrator.worker import Hearing, read_command
from shared.errors import InvalidInput, StageUnavailable
from shared.messages.celery_app import StepCommand, UnitCommand
from shared.settings import SettingsError, read_settings


class Ears:
    """What `Hearing` looks at of a worker."""

    def __init__(self) -> None:
        self.is_alive, self.is_busy, self.taken_at = True, False, 0.0

    def alive(self) -> bool:
        return self.is_alive

    def busy(self) -> bool:
        return self.is_busy


def hearing(ears: Any) -> Hearing:
    return Hearing(ears, patience_s=0.05)


def test_messages_that_wait_beside_free_threads_mean_deafness() -> None:
    checked = hearing(Ears())
    checked.check(3)
    checked.check(3)
    time.sleep(0.06)
    with pytest.raises(StageUnavailable, match="3 messages wait"):
        checked.check(3)


def test_who_takes_messages_or_is_busy_or_has_none_is_not_deaf() -> None:
    ears = Ears()
    checked = hearing(ears)
    checked.check(1)
    time.sleep(0.06)
    ears.taken_at = time.monotonic()
    checked.check(1)
    ears.is_busy = True
    time.sleep(0.06)
    checked.check(1)
    ears.is_busy = False
    checked.check(0)
    time.sleep(0.06)
    checked.check(1)


def test_a_consumer_that_stopped_is_told() -> None:
    ears = Ears()
    ears.is_alive = False
    with pytest.raises(StageUnavailable, match="stopped"):
        hearing(ears).check(0)


@pytest.mark.parametrize(
    "fields",
    [{}, {"run_id": "r", "step": "reason"}]
    + [{"run_id": "r", "step": step, "attempt": 1, "version": 1} for step in ("", "dance")]
    + [{"run_id": "r", "step": "reason", "attempt": 1, "version": 2}]
    + [{"run_id": "r", "step": "reason", "attempt": 1, "more": 1}],
)
def test_a_message_that_is_no_command_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        read_command(StepCommand, fields)


def test_a_command_is_read() -> None:
    fields = {"run_id": "r", "step": "reason", "attempt": 1, "version": 1}
    assert read_command(StepCommand, fields) == StepCommand("r", "reason", 1)
    fields = {"run_id": "r", "unit": "seen#1", "attempt": 2, "version": 1}
    assert read_command(UnitCommand, fields) == UnitCommand("r", "seen#1", 2)


@pytest.mark.parametrize(
    ("name", "value"), [("CONCURRENCY", "0"), ("LEASE_S", "0"), ("QUEUES", "reason,dance")]
)
def test_settings_out_of_range_are_refused(name: str, value: str) -> None:
    environ = {"EARTHGPTX_SUITE_KEY": "k" * 32, f"EARTHGPTX_{name}": value}
    with pytest.raises(SettingsError, match=name):
        read_settings(OrchestratorSettings, environ)
