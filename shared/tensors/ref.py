"""The claim on a tensor: whose it is, where it lies, what it is, and a signature over all of it."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from protos.earthgptx.v1 import tensor_pb2
from shared.errors import TensorRefused
from shared.security import Signer

INLINE = "inline"
SHARED_MEMORY = "shared_memory"
REDIS = "redis"
OBJECT_STORE = "object_store"
TIERS = (INLINE, SHARED_MEMORY, REDIS, OBJECT_STORE)

SIGNING_PURPOSE = "tensor-ref"

_PROTO_BY_TIER: dict[str, tensor_pb2.TensorTier] = {
    INLINE: tensor_pb2.TENSOR_TIER_INLINE,
    SHARED_MEMORY: tensor_pb2.TENSOR_TIER_SHARED_MEMORY,
    REDIS: tensor_pb2.TENSOR_TIER_REDIS,
    OBJECT_STORE: tensor_pb2.TENSOR_TIER_OBJECT_STORE,
}
_TIER_BY_PROTO: dict[int, str] = {int(proto): tier for tier, proto in _PROTO_BY_TIER.items()}
_PROTO_BY_DTYPE: dict[str, tensor_pb2.TensorDtype] = {
    "u8": tensor_pb2.TENSOR_DTYPE_U8,
    "i32": tensor_pb2.TENSOR_DTYPE_I32,
    "i64": tensor_pb2.TENSOR_DTYPE_I64,
    "f16": tensor_pb2.TENSOR_DTYPE_F16,
    "bf16": tensor_pb2.TENSOR_DTYPE_BF16,
    "f32": tensor_pb2.TENSOR_DTYPE_F32,
}
_DTYPE_BY_PROTO: dict[int, str] = {int(proto): dtype for dtype, proto in _PROTO_BY_DTYPE.items()}


@dataclass(frozen=True)
class TensorRef:
    """Mirror of `earthgptx.v1.TensorRef`.

    Attributes:
        tenant: Owner; a reader acting for another tenant refuses the ref.
        key: Name within tenant and tier, made by the store.
        tier: "inline", "shared_memory", "redis" or "object_store".
        dtype: As in `HostTensor`.
        shape: Length of each axis, outermost first.
        size_bytes: Bytes of the elements.
        digest: "xxh3:<32 hex>" or "sha256:<64 hex>" over the elements' bytes.
        expires_at_ms: Unix time in milliseconds after which it may be gone; 0 for never.
        host: Which host's shared memory holds it; empty in every other tier.
        signature: HMAC-SHA256 over the fields above.
        inline_data: The tensor as safetensors, in the inline tier only.
    """

    tenant: str
    key: str
    tier: str
    dtype: str
    shape: tuple[int, ...]
    size_bytes: int
    digest: str
    expires_at_ms: int
    host: str = ""
    signature: bytes = b""
    inline_data: bytes = b""

    def signed(self, signer: Signer) -> TensorRef:
        """The same ref with its signature."""
        return replace(self, signature=signer.sign(self._claim()))

    def is_signed_by(self, signer: Signer) -> bool:
        """Whether every signed field is as it was when the signature was made."""
        return signer.verify(self._claim(), self.signature)

    def to_proto(self) -> tensor_pb2.TensorRef:
        """As a message."""
        return tensor_pb2.TensorRef(
            tenant=self.tenant,
            key=self.key,
            tier=_PROTO_BY_TIER[self.tier],
            dtype=_PROTO_BY_DTYPE[self.dtype],
            shape=self.shape,
            size_bytes=self.size_bytes,
            digest=self.digest,
            expires_at_ms=self.expires_at_ms,
            host=self.host,
            signature=self.signature,
            inline_data=self.inline_data,
        )

    @classmethod
    def from_proto(cls, message: tensor_pb2.TensorRef, field: str = "tensor") -> TensorRef:
        """From a message; whether it is genuine is for the store to say.

        Raises:
            TensorRefused: Tier or dtype is unspecified or unknown.
        """
        tier = _TIER_BY_PROTO.get(message.tier)
        dtype = _DTYPE_BY_PROTO.get(message.dtype)
        if tier is None or dtype is None:
            raise TensorRefused(f"{field} has no known tier and dtype", field=field)
        return cls(
            tenant=message.tenant,
            key=message.key,
            tier=tier,
            dtype=dtype,
            shape=tuple(message.shape),
            size_bytes=message.size_bytes,
            digest=message.digest,
            expires_at_ms=message.expires_at_ms,
            host=message.host,
            signature=message.signature,
            inline_data=message.inline_data,
        )

    def _claim(self) -> bytes:
        # JSON and not the protobuf encoding, which is not canonical.
        fields = (
            self.tenant,
            self.key,
            self.tier,
            self.dtype,
            self.shape,
            self.size_bytes,
            self.digest,
            self.expires_at_ms,
            self.host,
        )
        return json.dumps(fields, separators=(",", ":")).encode()
