from __future__ import annotations

import pytest
from redis.asyncio import Redis

from shared.run_records.records import RunLimits, RunRecords

FAST = RunLimits(lease_s=0.3, max_attempts=3, max_rewinds=2, resend_after_s=0.2, max_resend_s=0.8)


@pytest.fixture
def records(redis: Redis) -> RunRecords:
    return RunRecords(redis, FAST)
