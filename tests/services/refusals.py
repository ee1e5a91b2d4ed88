"""How a refusal must look, and that nothing of it stays behind."""

from __future__ import annotations

import asyncio
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
    for inside in ("Traceback", ", line ", "/home", "/tmp", "127.0.0.1", "redis", "/dev/shm"):
        assert inside not in error.message


async def refused(
    call: Awaitable[Any], kind: type[SuiteError], field: str, limit: str
) -> SuiteError:
    """The error a call to a stage ends with."""
    with pytest.raises(SuiteError) as caught:
        await call
    check_refusal(caught.value, kind, field, limit)
    return caught.value


async def check_idle(stage: StageProcess) -> None:
    """Soon nothing waits, nothing is in the model, no call is open (a probe may be, now)."""
    names = ("stage_queue_depth", "stage_running", "rpc_in_flight")
    async with asyncio.timeout(10):
        while any(stage.metric(f"earthgptx_{name}") for name in names):
            await asyncio.sleep(0.05)
