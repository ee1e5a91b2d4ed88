"""Signatures, stage credentials and API keys.

One suite key; every use has its own key derived from it, so that a signature made for one purpose
never passes for another (HKDF-Expand with one block, RFC 5869 section 2.3).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from pathlib import Path

from shared.errors import InvalidInput, Unauthenticated
from shared.settings import Secret, SettingsError

TENANT_PATTERN = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_SHA256_HEX = re.compile(r"[0-9a-f]{64}")
_BEARER = "Bearer "


def derive_key(suite_key: Secret, purpose: str) -> bytes:
    """32 bytes for one purpose, e.g. "tensor-ref"."""
    info = b"earthgptx/v1/" + purpose.encode() + b"\x01"
    return hmac.digest(suite_key.reveal().encode(), info, "sha256")


class Signer:
    """HMAC-SHA256 over bytes, for one purpose."""

    def __init__(self, suite_key: Secret, purpose: str) -> None:
        """Derives the key of `purpose`."""
        self._key = derive_key(suite_key, purpose)

    def sign(self, message: bytes) -> bytes:
        """The 32-byte signature of `message`."""
        return hmac.digest(self._key, message, "sha256")

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Whether `signature` is that of `message`, in constant time."""
        return hmac.compare_digest(self.sign(message), signature)


def stage_token(suite_key: Secret) -> str:
    """The bearer token by which processes of the suite know each other."""
    return derive_key(suite_key, "stage-auth").hex()


def bearer(authorization: str) -> str:
    """The token of an "authorization" metadata value.

    Raises:
        Unauthenticated: It is not "Bearer <token>".
    """
    token = authorization.removeprefix(_BEARER)
    if not token or token == authorization:
        raise Unauthenticated("metadata 'authorization' must be 'Bearer <key>'")
    return token


def check_stage_token(authorization: str, token: str) -> None:
    """Refuses a caller that does not hold the suite key, of which `token` is the `stage_token`.

    Raises:
        Unauthenticated: The token is missing or wrong.
    """
    if not hmac.compare_digest(bearer(authorization).encode(), token.encode()):
        raise Unauthenticated("the caller is not part of this suite")


def check_tenant(tenant: str, field: str = "tenant") -> str:
    """Returns `tenant` if it is a valid tenant name: 1 to 63 of a-z, 0-9, "_", "-".

    Raises:
        InvalidInput: It is not; names `field`.
    """
    if not TENANT_PATTERN.fullmatch(tenant):
        raise InvalidInput(
            f"{field} must be 1 to 63 of a-z, 0-9, '_' and '-', beginning with a letter or digit",
            field=field,
            limit="63 characters",
        )
    return tenant


def hash_api_key(api_key: str) -> str:
    """What is stored in place of an API key: the SHA-256 of it, in hex."""
    return hashlib.sha256(api_key.encode()).hexdigest()


class ApiKeys:
    """Which tenant an API key belongs to; holds hashes only."""

    def __init__(self, tenants_by_hash: Mapping[str, str]) -> None:
        """Takes tenants by the hex SHA-256 of their keys."""
        self._tenants_by_hash = dict(tenants_by_hash)

    @classmethod
    def read(cls, path: Path) -> ApiKeys:
        """Reads a JSON list of {"sha256": <hex of key>, "tenant": <name>}.

        Raises:
            SettingsError: The file cannot be read or an entry is not of this form.
        """
        try:
            entries = json.loads(path.read_text())
        except (OSError, ValueError) as error:
            raise SettingsError(f"API keys file {path.name}: {error}") from None
        if not isinstance(entries, list):
            raise SettingsError(f"API keys file {path.name}: must be a list")
        tenants: dict[str, str] = {}
        for number, entry in enumerate(entries):
            if not isinstance(entry, dict) or set(entry) != {"sha256", "tenant"}:
                raise SettingsError(f"API keys file entry {number}: needs sha256 and tenant")
            key_hash, tenant = str(entry["sha256"]), str(entry["tenant"])
            if not _SHA256_HEX.fullmatch(key_hash) or not TENANT_PATTERN.fullmatch(tenant):
                raise SettingsError(f"API keys file entry {number}: bad sha256 or tenant name")
            tenants[key_hash] = tenant
        return cls(tenants)

    def tenant_of(self, api_key: str) -> str:
        """The tenant that holds `api_key`.

        The look-up is by the key's hash, so its timing says nothing about any key.

        Raises:
            Unauthenticated: Nobody holds it.
        """
        tenant = self._tenants_by_hash.get(hash_api_key(api_key))
        if tenant is None:
            raise Unauthenticated("unknown API key")
        return tenant
