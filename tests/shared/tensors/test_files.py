from __future__ import annotations

import base64
from pathlib import Path

import pytest

from shared.errors import InvalidInput, NotFound
from shared.security import Signer
from shared.settings import Secret
from shared.tensors.directory_objects import DirectoryObjects
from shared.tensors.files import get_file, put_file
from shared.tensors.object_tier import ObjectTier
from shared.tensors.ref import SIGNING_PURPOSE
from shared.tensors.store import TensorStore

SIGNER = Signer(Secret("a suite key for tests, 32 letters or more"), SIGNING_PURPOSE)
NOW_S = [1_000_000.0]


@pytest.fixture
def store(tmp_path: Path) -> TensorStore:
    NOW_S[0] = 1_000_000.0
    objects = DirectoryObjects(tmp_path / "objects", 10_000_000)
    tier = ObjectTier(objects, lambda: NOW_S[0])
    return TensorStore([tier], SIGNER, clock=lambda: NOW_S[0])


def test_a_file_comes_back_by_its_key(store: TensorStore) -> None:
    key = put_file(store, b"a,b\r\n1,2\r\n", tenant="alpha", ttl_s=60)
    assert get_file(store, key, tenant="alpha") == b"a,b\r\n1,2\r\n"


def test_a_key_is_of_no_use_to_another_tenant(store: TensorStore) -> None:
    key = put_file(store, b"secret", tenant="alpha", ttl_s=60)
    with pytest.raises(NotFound):
        get_file(store, key, tenant="beta")


def test_an_altered_key_and_nonsense_are_unknown_files(store: TensorStore) -> None:
    key = put_file(store, b"one", tenant="alpha", ttl_s=60)
    message = bytearray(base64.urlsafe_b64decode(key + "=" * (-len(key) % 4)))
    for position in range(0, len(message), 7):
        altered = bytearray(message)
        altered[position] ^= 1
        forged = base64.urlsafe_b64encode(bytes(altered)).decode().rstrip("=")
        with pytest.raises(NotFound):
            get_file(store, forged, tenant="alpha")
    for nonsense in ("", "key", "ä", "../../etc/passwd", "A" * 5000):
        with pytest.raises(NotFound):
            get_file(store, nonsense, tenant="alpha")


def test_a_file_whose_time_is_over_is_not_there(store: TensorStore) -> None:
    key = put_file(store, b"one", tenant="alpha", ttl_s=60)
    NOW_S[0] += 61
    with pytest.raises(NotFound):
        get_file(store, key, tenant="alpha")


def test_an_empty_file_is_refused(store: TensorStore) -> None:
    with pytest.raises(InvalidInput):
        put_file(store, b"", tenant="alpha", ttl_s=60)
