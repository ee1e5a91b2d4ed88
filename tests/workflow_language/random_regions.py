"""Regions as hypothesis draws them."""

from __future__ import annotations

from hypothesis import strategies as st

from workflow_language.region_sets import Region

SIDES = st.integers(1, 30)
CORNERS = st.integers(0, 60)


@st.composite
def random_regions(draw: st.DrawFn) -> Region:
    """A box of up to 30 px a side, with or without words and measures."""
    x0, y0 = draw(CORNERS), draw(CORNERS)
    return Region(
        (x0, y0, x0 + draw(SIDES), y0 + draw(SIDES)),
        label=draw(st.sampled_from([None, "ship", "car"])),
        score=draw(st.none() | st.sampled_from([0.1, 0.5, 0.9])),
        area_m2=draw(st.none() | st.floats(0, 100)),
    )
