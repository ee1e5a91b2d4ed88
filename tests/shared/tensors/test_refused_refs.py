"""A ref is believed only as it was signed."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

import pytest

from protos.earthgptx.v1 import tensor_pb2
from shared.errors import InvalidInput, TensorGone, TensorRefused
from shared.security import Signer
from shared.settings import Secret
from shared.tensors.frame import frame
from shared.tensors.inline_tier import InlineTier
from shared.tensors.ref import SIGNING_PURPOSE, TensorRef
from shared.tensors.store import TensorStore
from tests.shared.tensors.places import SIGNER, SUITE_KEY, directory_place, floats, store_of

ALTERED: dict[str, Any] = {
    "tenant": "beta",
    "key": "another-key",
    "tier": "redis",
    "dtype": "i32",
    "shape": (2, 500),
    "size_bytes": 3996,
    "digest": "xxh3:" + "0" * 32,
    "expires_at_ms": 99_999_999_999_999,
    "host": "another-host",
    "signature": bytes(32),
}


@pytest.mark.parametrize("field", sorted(ALTERED))
def test_a_ref_altered_in_any_signed_field_is_refused(field: str) -> None:
    store = store_of(InlineTier())
    ref = store.put(floats(4000), tenant="alpha", ttl_s=60)
    forged = dataclasses.replace(ref, **{field: ALTERED[field]})
    assert forged != ref
    with pytest.raises(TensorRefused, match="not signed"):
        store.get(forged, tenant=forged.tenant)


def test_every_field_of_a_ref_is_either_signed_or_checked_against_the_digest() -> None:
    fields = {field.name for field in dataclasses.fields(TensorRef)}
    assert fields == set(ALTERED) | {"inline_data"}
    assert fields == {field.name for field in tensor_pb2.TensorRef.DESCRIPTOR.fields}


@pytest.mark.parametrize("size_bytes", [4000, 3996])
def test_other_inline_data_than_was_signed_is_refused(size_bytes: int) -> None:
    store = store_of(InlineTier())
    ref = store.put(floats(4000), tenant="alpha", ttl_s=60)
    forged = dataclasses.replace(ref, inline_data=frame(floats(size_bytes, seed=1)))
    with pytest.raises(TensorRefused):
        store.get(forged, tenant="alpha")


@pytest.mark.parametrize(
    "other",
    [
        Signer(Secret("another key for tests, long enough"), SIGNING_PURPOSE),
        Signer(SUITE_KEY, "another purpose"),
    ],
)
def test_a_ref_signed_by_another_key_or_for_another_purpose_is_refused(other: Signer) -> None:
    ref = TensorStore([InlineTier()], other).put(floats(400), tenant="alpha", ttl_s=60)
    with pytest.raises(TensorRefused):
        store_of(InlineTier()).get(ref, tenant="alpha")


def test_a_signed_ref_that_contradicts_itself_is_refused() -> None:
    store = store_of(InlineTier())
    ref = store.put(floats(400), tenant="alpha", ttl_s=60)
    for shape in [(-1, -100), (1 << 60,), (101,), (1,) * 100]:
        forged = dataclasses.replace(ref, shape=shape).signed(SIGNER)
        with pytest.raises(TensorRefused, match="contradicts"):
            store.get(forged, tenant="alpha")


def test_a_ref_without_tier_or_dtype_is_refused() -> None:
    with pytest.raises(TensorRefused, match="image"):
        TensorRef.from_proto(tensor_pb2.TensorRef(), field="image")


def test_a_reader_may_ask_for_dtype_shape_and_size() -> None:
    store = store_of(InlineTier())
    ref = store.put(floats(400), tenant="alpha", ttl_s=60)
    store.get(ref, tenant="alpha", dtype="f32", shape=(None,), limit_bytes=400)
    for wanted in ({"dtype": "bf16"}, {"shape": (99,)}, {"shape": (1, 100)}, {"limit_bytes": 399}):
        with pytest.raises(InvalidInput) as refused:
            store.get(ref, tenant="alpha", field="grid", **wanted)  # type: ignore[arg-type]
        assert refused.value.field == "grid"


def test_bytes_altered_where_they_are_kept_are_not_handed_out(tmp_path: Path) -> None:
    place = directory_place(tmp_path)
    ref = place.put(floats(100_000))
    (file,) = (path for path in tmp_path.rglob("*.safetensors"))
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    expiry = file.stat().st_mtime_ns
    file.write_bytes(content)
    os.utime(file, ns=(expiry, expiry))
    with pytest.raises(TensorGone, match="damaged"):
        place.store.get(ref, tenant="alpha")
    assert place.store.get(place.put(floats(100_000)), tenant="alpha").data == floats(100_000).data
