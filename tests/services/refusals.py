"""How a refusal must look, and that nothing of it stays behind."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

import pytest

from shared.errors import SuiteError
from tests.services.stage_processes import StageProcess


def check_refusal(error: SuiteError, kind: type[SuiteError], field: str, limit: str) -> None:
    """Typed, names the field and what would have done, and shows nothing of the inside."""
    assert type(error) is kind, error
    assert error.field == field
    assert limit in (error.limit or ""), error.limit
    assert error.message
    for inside in ("Traceback", ".py", "/home", "/work", "127.0.0.1", "redis", "/dev/shm"):
        assert inside not in error.message


async def refused(
    call: Awaitable[Any], kind: type[SuiteError], field: str, limit: str
) -> SuiteError:
    """The error a call to a stage ends with."""
    with pytest.raises(SuiteError) as caught:
        await call
    check_refusal(caught.value, kind, field, limit)
    return caught.value


def check_idle(stage: StageProcess) -> None:
    """Nothing waits, nothing is in the model, no call is open."""
    for metric in ("earthgptx_stage_queue_depth", "earthgptx_stage_running"):
        assert stage.metric(metric) == 0
    assert stage.metric("earthgptx_rpc_in_flight") == 0
