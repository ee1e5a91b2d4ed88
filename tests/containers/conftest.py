"""The suite of docker-compose.yml, really up: needs an engine that answers, and `make images`."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator

import pytest

from tests.containers.composition import API_KEY, Containers, why_not
from tests.contract.tree import ROOT, load_script
from tests.servers import free_port


@pytest.fixture(scope="module")
def containers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Containers]:
    """The whole composition with secrets of its own; gone afterwards, volumes included."""
    if reason := why_not():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("composition")
    shutil.copy(ROOT / "docker-compose.yml", folder)
    load_script("make_secrets").write_for_compose(folder / "out" / "compose")
    keys = [{"sha256": hashlib.sha256(API_KEY.encode()).hexdigest(), "tenant": "default"}]
    (folder / "out" / "compose" / "api-keys.json").write_text(json.dumps(keys))
    made = Containers(f"tried{os.getpid()}", folder, free_port())
    try:
        made.compose("up", "--detach", "--no-build")
        made.wait_healthy()
        yield made
    finally:
        made.compose("down", "--volumes")
