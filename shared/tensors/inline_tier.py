"""The tier for small tensors: they travel in the ref itself."""

from __future__ import annotations

from shared.errors import TensorRefused
from shared.tensors.digest import XXH3, digest_of
from shared.tensors.frame import FrameError, frame, parse_frame
from shared.tensors.host_tensor import HostTensor
from shared.tensors.ref import INLINE, TensorRef
from shared.tensors.tier import Placed, content_key

INLINE_LIMIT_BYTES = 64 * 1024


class InlineTier:
    """Keeps nothing; a ref made here is complete."""

    name = INLINE

    def put(self, tensor: HostTensor, *, tenant: str, expires_at_ms: int, durable: bool) -> Placed:
        """Frames `tensor` into the ref."""
        digest = digest_of(tensor.data, XXH3)
        return Placed(content_key(tensor, digest), digest, inline_data=frame(tensor))

    def get(self, ref: TensorRef) -> memoryview:
        """The elements, copied out of the message.

        Raises:
            TensorRefused: The bytes in the message are not the signed tensor.
        """
        try:
            tensor = parse_frame(memoryview(bytearray(ref.inline_data)), ref.size_bytes)
        except FrameError:
            raise TensorRefused("inline data is not the signed tensor") from None
        if (tensor.dtype, tensor.shape) != (ref.dtype, ref.shape):
            raise TensorRefused("inline data is not the signed tensor")
        return tensor.data
