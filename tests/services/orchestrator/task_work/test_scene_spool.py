from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterable
from pathlib import Path

import pytest

from services.orchestrator.task_work.scene_spool import SceneSpool
from shared.errors import InvalidInput, QueueFull

A, B, C = b"a" * 600, b"b" * 600, b"c" * 600


def id_of(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def use(spool: SceneSpool, data: bytes, fetched: list[bytes]) -> Path:
    def fetch() -> Iterable[bytes]:
        fetched.append(data)
        yield data[:100]
        yield data[100:]

    with spool.file(id_of(data), len(data), fetch) as path:
        assert path.read_bytes() == data
    return path


def test_a_scene_is_fetched_once_however_many_ask(tmp_path: Path) -> None:
    fetched: list[bytes] = []
    spools = [SceneSpool(tmp_path / "spool", 10_000) for _ in range(4)]
    threads = [threading.Thread(target=use, args=(spool, A, fetched)) for spool in spools * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert fetched == [A]


def test_another_process_uses_what_was_fetched(tmp_path: Path) -> None:
    use(SceneSpool(tmp_path, 10_000), A, [])
    program = (
        "import sys; from pathlib import Path\n"
        "from services.orchestrator.task_work.scene_spool import SceneSpool\n"
        "with SceneSpool(Path(sys.argv[1]), 10_000).file(sys.argv[2], 600, lambda: 1 / 0) as path:"
        " print(len(path.read_bytes()))"
    )
    command = [sys.executable, "-c", program, str(tmp_path), id_of(A)]
    assert subprocess.run(command, capture_output=True, check=True).stdout == b"600\n"


def test_the_longest_unused_scene_makes_room(tmp_path: Path) -> None:
    spool, fetched = SceneSpool(tmp_path, 1300), list[bytes]()
    for moment, data in enumerate((A, B)):
        os.utime(use(spool, data, fetched), (moment, moment))
    os.utime(use(spool, A, fetched), (5, 5))
    use(spool, C, fetched)
    use(spool, A, fetched)
    assert fetched == [A, B, C]
    use(spool, B, fetched)
    assert fetched == [A, B, C, B]
    assert sum(each.stat().st_size for each in tmp_path.iterdir()) <= 1300


def test_a_scene_that_another_process_deletes_meanwhile_does_no_harm(tmp_path: Path) -> None:
    # Listed, but no longer there once it is looked at.
    (tmp_path / ("0" * 64)).symlink_to("gone")
    fetched = list[bytes]()
    use(SceneSpool(tmp_path, 1000), A, fetched)
    use(SceneSpool(tmp_path, 1000), B, fetched)
    assert fetched == [A, B]


def test_a_scene_in_use_is_never_deleted(tmp_path: Path) -> None:
    spool = SceneSpool(tmp_path, 1000)
    with spool.file(id_of(A), 600, lambda: [A]) as path:
        with pytest.raises(QueueFull):
            use(spool, B, [])
        assert path.read_bytes() == A
    use(spool, B, [])
    assert not path.exists()


def test_what_is_not_the_scene_is_refused_and_not_kept(tmp_path: Path) -> None:
    spool = SceneSpool(tmp_path, 1000)
    for sent in (B, A[:-1], A + b"a"):
        file = spool.file(id_of(A), 600, [sent].copy)
        with pytest.raises(InvalidInput), file:
            pass
    with pytest.raises(InvalidInput, match="1001 bytes"), spool.file(id_of(A), 1001, lambda: [A]):
        pass
    use(spool, A, [])


def test_what_a_killed_process_left_is_cleared_away(tmp_path: Path) -> None:
    left = tmp_path / f".{id_of(A).removeprefix('sha256:')}.dead"
    left.mkdir()
    (left / "part").write_bytes(b"half")
    use(SceneSpool(tmp_path, 1000), A, [])
    assert not left.exists()
