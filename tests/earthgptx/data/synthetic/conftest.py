from __future__ import annotations

import pytest

from earthgptx.data.synthetic.scene import Scene, generate_scene


@pytest.fixture(scope="session")
def scenes() -> list[Scene]:
    return [generate_scene(seed) for seed in range(400)]
