"""What every figure must be like."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

from benchmarks.figures import Figure


def by_name(figures: Sequence[Figure]) -> dict[str, Figure]:
    """The figures by their names, each of them found to be well formed."""
    assert figures
    names = [figure.name for figure in figures]
    assert len(set(names)) == len(names), "every figure has a name of its own"
    for figure in figures:
        assert math.isfinite(figure.value), figure
        assert figure.samples >= 1, figure
        assert all(map(math.isfinite, figure.parts.values())), figure
        if figure.least is not None and figure.p99 is not None:
            assert 0 <= figure.least <= figure.value <= figure.p99, figure
        told = json.loads(json.dumps(figure.to_json(), allow_nan=False))
        assert (told["met"] is None) == (figure.target is None), figure
    return dict(zip(names, figures, strict=True))
