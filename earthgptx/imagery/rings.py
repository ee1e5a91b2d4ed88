"""Polygons as plain arrays: what ``polygons`` makes, ``georeference`` places and callers send."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

# [N, 2] positions, closed, the first not repeated; at least 3.
Ring = npt.NDArray[np.float64]
# The outer ring and its holes.
PolygonWithHoles = tuple[Ring, list[Ring]]
