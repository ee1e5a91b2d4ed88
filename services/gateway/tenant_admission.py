"""How much a tenant may have in work at once: one tenant's flood leaves the others their places."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry.metrics import Meter

from shared.errors import QuotaExceeded

RETRY_AFTER_S = 0.5


class TenantAdmission:
    """Counts what each tenant has in work."""

    def __init__(self, what: str, limit: int, meter: Meter) -> None:
        """Lets each tenant have `limit` of `what` ("interpretations") at once."""
        self._what = what
        self._limit = limit
        self._inside: Counter[str] = Counter()
        self._refused = meter.create_counter(
            f"earthgptx_gateway_{what}_refused", description="Calls beyond a tenant's share"
        )

    @contextmanager
    def enter(self, tenant: str) -> Iterator[None]:
        """A place for the time of the block.

        Raises:
            QuotaExceeded: The tenant has as much in work as it may.
        """
        if self._inside[tenant] >= self._limit:
            self._refused.add(1)
            raise QuotaExceeded(
                f"{self._limit} {self._what} are in work already",
                limit=f"{self._limit} {self._what} at once",
                retry_after_s=RETRY_AFTER_S,
            )
        self._inside[tenant] += 1
        try:
            yield
        finally:
            self._inside[tenant] -= 1
            if not self._inside[tenant]:
                del self._inside[tenant]
