from __future__ import annotations

import pytest
from redis.asyncio import Redis

from shared.workflow_runs.runs import WorkflowRuns
from shared.workflow_runs.views import RunLimits

FAST = RunLimits(lease_s=0.2, spare_claims=2, max_rewinds=2, resend_after_s=0.15, max_resend_s=0.6)


@pytest.fixture
def runs(redis: Redis) -> WorkflowRuns:
    return WorkflowRuns(redis, FAST)
