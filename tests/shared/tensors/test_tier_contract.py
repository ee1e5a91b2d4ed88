"""What holds in every tier alike."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.errors import TensorGone, TensorRefused
from shared.tensors.host_tensor import ITEM_BYTES, HostTensor, size_of
from shared.tensors.ref import TensorRef
from tests.shared.tensors.places import MIB, Place, floats


def small(place: Place) -> HostTensor:
    return floats(40_000) if place.name == "inline" else floats(3 * MIB + 44)


def test_what_was_put_comes_back(place: Place) -> None:
    tensor = small(place)
    ref = TensorRef.from_proto(place.put(tensor).to_proto())
    got = place.store.get(ref, tenant="alpha")
    assert (got.dtype, got.shape) == (tensor.dtype, tensor.shape)
    assert got.data == tensor.data


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    dtype=st.sampled_from(sorted(ITEM_BYTES)),
    shape=st.lists(st.integers(0, 9), max_size=4).map(tuple),
    seed=st.integers(0, 2**31),
)
def test_every_dtype_and_shape_survives(
    place: Place, dtype: str, shape: tuple[int, ...], seed: int
) -> None:
    size_bytes = size_of(dtype, shape)
    data = np.random.default_rng(seed).integers(0, 256, size_bytes, dtype=np.uint8).tobytes()
    tensor = HostTensor(dtype, shape, memoryview(data))
    got = place.store.get(place.put(tensor), tenant="alpha")
    assert (got.dtype, got.shape, bytes(got.data)) == (dtype, shape, data)


def test_the_same_content_has_the_same_key_and_is_kept_once(place: Place) -> None:
    tensor = small(place)
    first = place.put(tensor, ttl_s=30)
    second = place.put(floats(len(tensor.data)), ttl_s=60)
    assert first.key == second.key
    assert place.count() == 1
    assert second.expires_at_ms > first.expires_at_ms


def test_the_same_bytes_of_another_shape_are_another_tensor(kept_place: Place) -> None:
    flat = floats(MIB)
    square = HostTensor(flat.dtype, (512, 512), flat.data)
    flat_ref, square_ref = kept_place.put(flat), kept_place.put(square)
    assert flat_ref.key != square_ref.key
    assert kept_place.store.get(square_ref, tenant="alpha").shape == (512, 512)


def test_two_tenants_never_share_a_key_in_a_place(kept_place: Place) -> None:
    tensor = small(kept_place)
    kept_place.put(tensor, tenant="alpha")
    kept_place.put(tensor, tenant="beta")
    assert kept_place.count() == 2


def test_a_read_deletes_nothing(place: Place) -> None:
    tensor = small(place)
    ref = place.put(tensor)
    for _ in range(3):
        assert place.store.get(ref, tenant="alpha").data == tensor.data


def test_a_foreign_tenant_is_refused(place: Place) -> None:
    ref = place.put(small(place))
    with pytest.raises(TensorRefused, match="another tenant"):
        place.store.get(ref, tenant="beta")


def test_an_expired_ref_is_gone(place: Place) -> None:
    ref = place.put(small(place), ttl_s=60)
    place.clock.ahead_s = 61
    with pytest.raises(TensorGone) as gone:
        place.store.get(ref, tenant="alpha")
    assert gone.value.retryable


def test_a_tensor_that_vanished_is_gone_and_can_be_put_again(kept_place: Place) -> None:
    tensor = small(kept_place)
    ref = kept_place.put(tensor)
    kept_place.remove(ref)
    with pytest.raises(TensorGone) as gone:
        kept_place.store.get(ref, tenant="alpha", field="image.grid")
    assert gone.value.field == "image.grid"
    again = kept_place.put(tensor)
    assert kept_place.store.get(again, tenant="alpha").data == tensor.data


def test_a_truncated_tensor_is_gone_and_putting_it_again_mends_it(kept_place: Place) -> None:
    tensor = small(kept_place)
    ref = kept_place.put(tensor)
    kept_place.truncate(ref)
    with pytest.raises(TensorGone):
        kept_place.store.get(ref, tenant="alpha")
    if kept_place.name == "shared_memory":
        return  # nothing but the writer itself has the slab open for writing
    again = kept_place.put(tensor)
    assert kept_place.store.get(again, tenant="alpha").data == tensor.data


def test_many_at_once_may_put_the_same(place: Place) -> None:
    tensor = small(place)
    with ThreadPoolExecutor(8) as threads:
        refs = list(threads.map(lambda _: place.put(tensor), range(8)))
    assert len({ref.key for ref in refs}) == 1
    for ref in refs:
        assert place.store.get(ref, tenant="alpha").data == tensor.data


def test_no_error_names_where_a_tensor_lies(kept_place: Place) -> None:
    ref = kept_place.put(small(kept_place))
    kept_place.remove(ref)
    with pytest.raises(TensorGone) as gone:
        kept_place.store.get(ref, tenant="alpha")
    for name in (ref.key, "/dev/shm", "egx:", "v1/", ".slab"):
        assert name not in str(gone.value)


def test_writing_into_what_was_got_changes_nothing_that_is_kept(place: Place) -> None:
    tensor = small(place)
    ref = place.put(tensor)
    values = place.store.get(ref, tenant="alpha").to_numpy()
    if values.flags.writeable:
        values[:] = 0
    assert place.store.get(ref, tenant="alpha").data == tensor.data
