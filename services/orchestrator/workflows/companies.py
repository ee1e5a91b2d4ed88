"""How many units of one step are worked on side by side: stages gather as large a batch of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from shared.workflow_runs.views import UnitClaim

# With less time left a unit is not to wait for others.
IN_NO_HURRY_S = 10.0


class Companies:
    """Those of this process."""

    def __init__(self) -> None:
        """Nothing is worked on."""
        self._sizes: Counter[tuple[str, str]] = Counter()

    @contextmanager
    def joined(self, claim: UnitClaim) -> Iterator[Callable[[], int]]:
        """Counts a unit in for the time of the block; gives what counts it and those beside it."""
        step = (claim.run_id, claim.step)
        hurries = claim.remaining_s < IN_NO_HURRY_S
        self._sizes[step] += 1
        try:
            yield lambda: 1 if hurries else self._sizes[step]
        finally:
            self._sizes[step] -= 1
            if not self._sizes[step]:
                del self._sizes[step]
