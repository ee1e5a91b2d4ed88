"""Shared memory: slabs used again, pinned by readers, left behind by the killed."""

from __future__ import annotations

import fcntl
import gc
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from protos.earthgptx.v1 import tensor_pb2
from shared.errors import QueueFull, TensorGone
from shared.tensors.host_tensor import HostTensor
from shared.tensors.ref import TensorRef
from shared.tensors.shared_memory import SharedMemoryTier, directory_for, reap_abandoned
from shared.tensors.slab_pool import PAGE_BYTES, PoolFull, SlabPool, capacity_for
from shared.tensors.store import TensorStore
from shared.tensors.tier import TierUnable
from tests.shared.tensors.places import MIB, SUITE_KEY, Clock, floats, memory_directory, store_of


def slabs(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.slab"))


def now_ms(clock: Clock) -> int:
    return int(clock() * 1000)


def test_a_slab_is_written_again_once_its_tensor_has_expired(
    store: TensorStore, memory_folder: Path, clock: Clock
) -> None:
    store.put(floats(MIB), tenant="alpha", ttl_s=10)
    first = slabs(memory_folder)
    clock.ahead_s = 11
    other = floats(MIB - 400, seed=1)
    ref = store.put(other, tenant="alpha", ttl_s=10)
    assert slabs(memory_folder) == first
    assert store.get(ref, tenant="alpha").data == other.data


def test_a_ref_to_a_slab_that_was_written_again_is_gone(
    store: TensorStore, tier: SharedMemoryTier, clock: Clock
) -> None:
    old = store.put(floats(MIB), tenant="alpha", ttl_s=10)
    clock.ahead_s = 11
    store.put(floats(MIB, seed=1), tenant="alpha", ttl_s=10)
    clock.ahead_s = 0  # a reader whose clock is behind: the slab itself must tell it
    with pytest.raises(TensorGone, match="no longer kept"):
        store.get(old, tenant="alpha")


def test_a_slab_that_is_read_is_never_written_however_old(
    store: TensorStore, tier: SharedMemoryTier, memory_folder: Path, clock: Clock
) -> None:
    tensor = floats(MIB)
    values = store.get(store.put(tensor, tenant="alpha", ttl_s=10), tenant="alpha").to_numpy()
    clock.ahead_s = 11
    store.put(floats(MIB, seed=1), tenant="alpha", ttl_s=10)
    assert len(slabs(memory_folder)) == 2
    clock.ahead_s = 500
    tier.pool.reap(now_ms(clock), idle_ms=0)
    assert len(slabs(memory_folder)) == 1
    np.testing.assert_array_equal(values, tensor.to_numpy())
    del values
    gc.collect()
    tier.pool.reap(now_ms(clock), idle_ms=0)
    assert slabs(memory_folder) == []


def test_a_slab_under_write_turns_readers_away(store: TensorStore, memory_folder: Path) -> None:
    ref = store.put(floats(MIB), tenant="alpha", ttl_s=10)
    with slabs(memory_folder)[0].open("r+b") as writer:
        fcntl.flock(writer, fcntl.LOCK_EX)
        with pytest.raises(TensorGone):
            store.get(ref, tenant="alpha")
    store.get(ref, tenant="alpha")


def test_putting_the_same_again_keeps_the_slab_from_being_used_for_another(
    store: TensorStore, memory_folder: Path, clock: Clock
) -> None:
    tensor = floats(MIB)
    store.put(tensor, tenant="alpha", ttl_s=10)
    ref = store.put(tensor, tenant="alpha", ttl_s=100)
    clock.ahead_s = 50
    store.put(floats(MIB, seed=1), tenant="alpha", ttl_s=10)
    assert len(slabs(memory_folder)) == 2
    assert store.get(ref, tenant="alpha").data == tensor.data


def test_files_and_folder_are_the_users_alone(store: TensorStore, memory_folder: Path) -> None:
    store.put(floats(MIB), tenant="alpha", ttl_s=10)
    for path in memory_folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_folder_others_may_enter_is_not_used(memory_folder: Path) -> None:
    memory_folder.chmod(0o755)
    with pytest.raises(TierUnable, match="not this user's alone"):
        SharedMemoryTier(memory_folder, MIB)


def test_a_link_in_place_of_the_folder_is_not_followed(memory_folder: Path) -> None:
    link = memory_folder / "link"
    link.symlink_to(memory_folder)
    with pytest.raises(TierUnable):
        SharedMemoryTier(link, MIB)


def test_the_budget_counts_what_every_process_takes(
    memory_folder: Path, tier: SharedMemoryTier, store: TensorStore, clock: Clock
) -> None:
    other = SharedMemoryTier(memory_folder, 8 * MIB, clock)
    for seed in range(3):
        store_of(other, clock=clock).put(floats(2 * MIB, seed), tenant="alpha", ttl_s=10)
    with pytest.raises(QueueFull):
        store.put(floats(3 * MIB), tenant="alpha", ttl_s=10)
    assert tier.pool.used_bytes() <= 8 * MIB
    clock.ahead_s = 11  # what has expired makes room, whoever wrote it
    store.put(floats(3 * MIB), tenant="alpha", ttl_s=10)
    # The other process finds its slabs deleted and makes new ones.
    ref = store_of(other, clock=clock).put(floats(2 * MIB, 9), tenant="alpha", ttl_s=10)
    assert store.get(ref, tenant="alpha").data == floats(2 * MIB, 9).data
    other.close()


def test_room_of_deleted_slabs_is_found_when_the_budget_seems_used_up(
    memory_folder: Path, tier: SharedMemoryTier, store: TensorStore
) -> None:
    for seed in range(12):
        store.put(floats(2 * MIB, seed), tenant="alpha", ttl_s=10)
        (slab,) = slabs(memory_folder)
        slab.unlink()
    assert tier.pool.used_bytes() == 0


def test_slabs_nobody_noted_count_when_the_budget_seems_used_up(
    memory_folder: Path, store: TensorStore, clock: Clock
) -> None:
    store.put(floats(2 * MIB), tenant="alpha", ttl_s=10)
    (memory_folder / "lock").write_bytes(b"")  # as after the loss of the lock file
    other = store_of(SharedMemoryTier(memory_folder, 8 * MIB, clock), clock=clock)
    other.put(floats(3 * MIB, 1), tenant="alpha", ttl_s=10)
    with pytest.raises(QueueFull):
        other.put(floats(4 * MIB, 2), tenant="alpha", ttl_s=10)


def test_a_new_slab_costs_no_count_of_the_others(memory_folder: Path, clock: Clock) -> None:
    pool = SlabPool(memory_folder, 1 << 40, max_slabs=400)
    pool.write(memoryview(b"first"), now_ms(clock) + 10_000, now_ms(clock))
    with (memory_folder / "stray.slab").open("wb") as stray:
        stray.truncate(1 << 41)
    # Counted, the sparse file alone would be beyond the budget.
    pool.write(memoryview(b"second"), now_ms(clock) + 10_000, now_ms(clock))
    pool.close()


def test_no_more_slabs_are_kept_than_there_are_descriptors_for(
    memory_folder: Path, clock: Clock
) -> None:
    tier = SharedMemoryTier(memory_folder, 64 * MIB, clock)
    tier.pool = SlabPool(memory_folder, 64 * MIB, max_slabs=2)
    store = store_of(tier, clock=clock)
    for seed in range(2):
        store.put(floats(MIB, seed), tenant="alpha", ttl_s=10)
    with pytest.raises(QueueFull):
        store.put(floats(MIB, 2), tenant="alpha", ttl_s=10)
    clock.ahead_s = 11
    large = store.put(floats(9 * MIB), tenant="alpha", ttl_s=10)  # an idle small one makes way
    assert len(store.get(large, tenant="alpha").data) == 9 * MIB
    tier.close()


def test_a_full_file_system_is_said_before_a_byte_is_copied(memory_folder: Path) -> None:
    pool = SlabPool(memory_folder, 1 << 60, max_slabs=10)
    free_bytes = os.statvfs(memory_folder).f_bavail * os.statvfs(memory_folder).f_frsize
    with pytest.raises(PoolFull, match="file system is full"):
        pool._create(capacity_for(free_bytes * 2), 0)
    assert slabs(memory_folder) == []


WRITER = """
import sys, time
from pathlib import Path
from shared.tensors.shared_memory import SharedMemoryTier
from tests.shared.tensors.places import MIB, floats, store_of
store = store_of(SharedMemoryTier(Path(sys.argv[1]), 64 * MIB))
ref = store.put(floats(4 * MIB), tenant="alpha", ttl_s=30)
sys.stdout.write(ref.to_proto().SerializeToString().hex() + "\\n")
sys.stdout.flush()
time.sleep(60)
"""


def test_a_killed_writers_tensors_are_read_until_they_expire_and_then_deleted(
    memory_folder: Path, clock: Clock
) -> None:
    command = [sys.executable, "-c", WRITER, str(memory_folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        message = tensor_pb2.TensorRef.FromString(bytes.fromhex(writer.stdout.readline()))
        os.kill(writer.pid, signal.SIGKILL)
    reader = SharedMemoryTier(memory_folder, 64 * MIB, clock)
    ref = TensorRef.from_proto(message)
    got = store_of(reader, clock=clock).get(ref, tenant="alpha")
    assert got.data == floats(4 * MIB).data
    del got
    assert reader.pool.reap(now_ms(clock), idle_ms=0) == 0
    clock.ahead_s = 31
    assert reader.pool.reap(now_ms(clock), idle_ms=0) >= 4 * MIB
    assert slabs(memory_folder) == []


def test_what_a_writer_killed_halfway_leaves_is_deleted_at_once(memory_folder: Path) -> None:
    tier = SharedMemoryTier(memory_folder, 64 * MIB)
    half = memory_folder / ("0" * 32 + ".slab")
    half.write_bytes(bytes(PAGE_BYTES + MIB))
    assert tier.pool.reap(now_ms(Clock()), idle_ms=0) == PAGE_BYTES + MIB
    assert slabs(memory_folder) == []


def test_a_suite_that_runs_no_more_is_cleaned_up_by_the_next(
    memory_folder: Path, clock: Clock
) -> None:
    abandoned = directory_for(SUITE_KEY, memory_folder)
    tier = SharedMemoryTier(abandoned, 64 * MIB, clock)
    store_of(tier, clock=clock).put(floats(MIB), tenant="alpha", ttl_s=30)
    tier.close()
    assert reap_abandoned(memory_folder, memory_folder / "own", clock()) == 0
    clock.ahead_s = 4000
    assert reap_abandoned(memory_folder, memory_folder / "own", clock()) > MIB
    clock.ahead_s = 8000
    reap_abandoned(memory_folder, memory_folder / "own", clock())
    assert not abandoned.exists()


def test_a_tensor_in_the_memory_of_another_host_is_gone(store: TensorStore, clock: Clock) -> None:
    with memory_directory() as elsewhere:
        ref = store.put(floats(MIB), tenant="alpha", ttl_s=10)
        with pytest.raises(TensorGone, match="another host"):
            store_of(SharedMemoryTier(elsewhere, MIB), clock=clock).get(ref, tenant="alpha")


def test_processes_that_share_the_memory_agree_on_its_host(memory_folder: Path) -> None:
    hosts = {SharedMemoryTier(memory_folder, MIB).host for _ in range(3)}
    assert len(hosts) == 1 and len(hosts.pop()) == 32


def test_many_threads_reading_and_writing_never_see_a_torn_tensor(
    store: TensorStore, tier: SharedMemoryTier
) -> None:
    wrong: list[str] = []
    right: list[int] = []

    def work(seed: int) -> None:
        for turn in range(30):
            tensor = HostTensor.from_numpy(np.full(MIB // 8, seed * 1000 + turn, dtype=np.int32))
            try:
                ref = store.put(tensor, tenant="alpha", ttl_s=0.02)
                got = store.get(ref, tenant="alpha").to_numpy()
                if not (got == got[0]).all() or got[0] != seed * 1000 + turn:
                    wrong.append(f"{seed}/{turn}")
                right.append(turn)
            except (TensorGone, QueueFull):
                time.sleep(0.005)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(right) > 40
    assert tier.pool.used_bytes() <= 8 * MIB


@pytest.mark.parametrize("size_bytes", [1, 256 * 1024, 300_000, MIB, MIB + 1, 5 * MIB, 100 * MIB])
def test_a_slab_is_at_most_a_quarter_larger_than_it_must_be(size_bytes: int) -> None:
    capacity = capacity_for(size_bytes)
    assert capacity >= size_bytes and capacity % PAGE_BYTES == 0
    assert capacity <= max(1.25 * size_bytes, 256 * 1024)
