import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import InvalidInput, Unauthenticated
from shared.security import (
    ApiKeys,
    Signer,
    bearer,
    check_stage_token,
    check_tenant,
    hash_api_key,
    stage_token,
)
from shared.settings import Secret, SettingsError

KEY = Secret("a suite key of at least 32 letters")


@given(st.binary(), st.binary())
def test_a_signature_holds_for_its_message_only(message: bytes, other: bytes) -> None:
    signer = Signer(KEY, "tensor-ref")
    signature = signer.sign(message)
    assert signer.verify(message, signature)
    assert signer.verify(other, signature) == (other == message)
    assert not signer.verify(message, signature[:-1])


def test_a_signature_does_not_pass_for_another_purpose_or_key() -> None:
    signature = Signer(KEY, "tensor-ref").sign(b"x")
    assert not Signer(KEY, "other").verify(b"x", signature)
    assert not Signer(Secret("another key"), "tensor-ref").verify(b"x", signature)


def test_a_stage_knows_its_own_suite_only() -> None:
    check_stage_token(f"Bearer {stage_token(KEY)}", stage_token(KEY))
    for wrong in ("", "Bearer ", "Bearer nonsense", stage_token(KEY), "Bearer é"):
        with pytest.raises(Unauthenticated):
            check_stage_token(wrong, stage_token(KEY))


def test_bearer_gives_the_token() -> None:
    assert bearer("Bearer abc") == "abc"


@pytest.mark.parametrize("tenant", ["a", "team-7", "0_x", "x" * 63])
def test_a_tenant_name_is_taken(tenant: str) -> None:
    assert check_tenant(tenant) == tenant


@pytest.mark.parametrize("tenant", ["", "A", "-a", "a/b", "../x", "x" * 64, "a\n", "é"])
def test_a_bad_tenant_name_is_refused_with_its_field(tenant: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_tenant(tenant, "request.tenant")
    assert caught.value.field == "request.tenant"


def test_an_api_key_is_found_by_its_hash(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_text(json.dumps([{"sha256": hash_api_key("k1"), "tenant": "alpha"}]))
    keys = ApiKeys.read(path)
    assert keys.tenant_of("k1") == "alpha"
    for wrong in ("", "k2", hash_api_key("k1")):
        with pytest.raises(Unauthenticated):
            keys.tenant_of(wrong)


@pytest.mark.parametrize(
    "content",
    [
        "{}",
        "no json",
        "[1]",
        '[{"sha256": "x", "tenant": "a"}]',
        json.dumps([{"sha256": "0" * 64, "tenant": "UPPER"}]),
        json.dumps([{"sha256": "0" * 64, "tenant": "a", "extra": 1}]),
    ],
)
def test_a_bad_keys_file_stops_the_start(tmp_path: Path, content: str) -> None:
    path = tmp_path / "keys.json"
    path.write_text(content)
    with pytest.raises(SettingsError):
        ApiKeys.read(path)
