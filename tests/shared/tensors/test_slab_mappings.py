"""Mappings of slabs: used again, never by two at once, never with what an earlier reader wrote."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import numpy as np
import pytest

from shared.errors import TensorGone
from shared.tensors.ref import TensorRef
from shared.tensors.shared_memory import SharedMemoryTier
from shared.tensors.slab_mappings import SlabMappings
from shared.tensors.slab_pool import PAGE_BYTES, SlabGone, SlabPool
from shared.tensors.store import TensorStore
from tests.shared.tensors.places import MIB, Clock, floats


def mappings_in(folder: Path) -> int:
    return Path("/proc/self/maps").read_text().count(f"{folder}/")


def address_of(store: TensorStore, ref: TensorRef) -> int:
    return store.get(ref, tenant="alpha").to_numpy().ctypes.data


def test_a_mapping_given_back_serves_the_next_reader(store: TensorStore) -> None:
    ref = store.put(floats(MIB), tenant="alpha", ttl_s=10)
    assert address_of(store, ref) == address_of(store, ref)


def test_a_mapping_given_back_shows_what_was_written_into_the_slab_since(
    store: TensorStore, clock: Clock
) -> None:
    before = address_of(store, store.put(floats(MIB), tenant="alpha", ttl_s=10))
    clock.ahead_s = 11
    later = floats(MIB, seed=1)
    ref = store.put(later, tenant="alpha", ttl_s=10)
    assert address_of(store, ref) == before
    assert store.get(ref, tenant="alpha").data == later.data


def test_two_readers_at_once_have_memory_of_their_own(store: TensorStore) -> None:
    ref = store.put(floats(MIB), tenant="alpha", ttl_s=10)
    first = store.get(ref, tenant="alpha").to_numpy()
    second = store.get(ref, tenant="alpha").to_numpy()
    first[:] = 0
    np.testing.assert_array_equal(second, floats(MIB).to_numpy())


def test_what_a_reader_has_written_is_never_shown_to_the_next(store: TensorStore) -> None:
    tensor = floats(MIB)
    ref = store.put(tensor, tenant="alpha", ttl_s=10)
    for turn in range(3):
        got = store.get(ref, tenant="alpha").to_numpy()
        np.testing.assert_array_equal(got, tensor.to_numpy())
        got[turn::7] = -1
        del got
        gc.collect()


def test_a_mapping_that_was_written_into_is_not_kept(
    store: TensorStore, memory_folder: Path
) -> None:
    ref = store.put(floats(MIB), tenant="alpha", ttl_s=10)
    store.get(ref, tenant="alpha").to_numpy()[:] = 0
    clean = address_of(store, ref)  # the written one is out while this is found
    assert address_of(store, ref) == clean
    assert mappings_in(memory_folder) == 2  # the writer's and one of the reader's


def test_a_tensor_damaged_in_its_slab_is_gone_though_its_mapping_is_known(
    store: TensorStore, memory_folder: Path
) -> None:
    ref = store.put(floats(MIB), tenant="alpha", ttl_s=10)
    address_of(store, ref)
    (slab,) = memory_folder.glob("*.slab")
    with slab.open("r+b") as file:
        file.seek(MIB // 2)
        file.write(b"damage")
    with pytest.raises(TensorGone, match="damaged"):
        store.get(ref, tenant="alpha")


@pytest.mark.parametrize("known", [False, True])
def test_a_slab_that_was_cut_short_is_gone(
    store: TensorStore, memory_folder: Path, known: bool
) -> None:
    ref = store.put(floats(MIB), tenant="alpha", ttl_s=10)
    if known:
        address_of(store, ref)
    (slab,) = memory_folder.glob("*.slab")
    for size_bytes in (PAGE_BYTES + MIB // 2, PAGE_BYTES, 0):
        os.truncate(slab, size_bytes)
        with pytest.raises(TensorGone, match="no longer kept"):
            store.get(ref, tenant="alpha")


def test_a_deleted_slab_is_gone_though_its_mapping_is_known(
    store: TensorStore, tier: SharedMemoryTier, memory_folder: Path, clock: Clock
) -> None:
    ref = store.put(floats(MIB), tenant="alpha", ttl_s=10)
    address_of(store, ref)
    clock.ahead_s = 11
    assert tier.pool.reap(int(clock() * 1000), idle_ms=0) > MIB
    clock.ahead_s = 0
    with pytest.raises(TensorGone, match="no longer kept"):
        store.get(ref, tenant="alpha")


def test_no_more_idle_mappings_and_descriptors_are_kept_than_said(memory_folder: Path) -> None:
    pool = SlabPool(memory_folder, 64 * MIB, max_slabs=20)
    names = [pool.write(memoryview(b"x" * 9), 10**15, 0).name for _ in range(20)]
    mappings = SlabMappings(memory_folder, most_idle=3)
    mapped, descriptors = mappings_in(memory_folder), len(os.listdir("/proc/self/fd"))
    for name in names:
        mappings.give_back(mappings.pinned(name))
    mappings.give_back(mappings.pinned(names[0]))
    # Three that are kept and the one that came last; two descriptors each.
    assert mappings_in(memory_folder) <= mapped + 4
    assert len(os.listdir("/proc/self/fd")) <= descriptors + 8
    mappings.close()
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) == descriptors
    pool.close()


def test_a_slab_being_written_is_gone_though_its_mapping_is_known(memory_folder: Path) -> None:
    pool = SlabPool(memory_folder, 64 * MIB, max_slabs=20)
    name = pool.write(memoryview(b"x" * 9), 10, 0).name
    mappings = SlabMappings(memory_folder)
    mappings.give_back(mappings.pinned(name))
    slab, lock_fd, _ = pool._acquire(9, now_ms=11)
    assert slab.name == name
    with pytest.raises(SlabGone):
        mappings.pinned(name)
    os.close(lock_fd)
    mappings.close()
    pool.close()
