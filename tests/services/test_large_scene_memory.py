from __future__ import annotations

from pathlib import Path

import pytest

from tests.services.measure_large_scene import costs


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_scene_takes_far_less_memory_than_it_has(tmp_path: Path) -> None:
    found = costs(tmp_path, side_px=20_000)
    assert found["take-in"]["bytes"] > 1_200_000_000
    assert found["take-in"]["peak_mb"] < 600
    assert found["look"]["peak_mb"] < 600
