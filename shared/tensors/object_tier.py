"""The tier in the object store: safetensors objects, for what is large or must be kept."""

from __future__ import annotations

import time
from collections.abc import Callable

from shared.errors import TensorGone
from shared.tensors.digest import SHA256, XXH3, digest_of, matches
from shared.tensors.frame import HEADER_LIMIT_BYTES, FrameError, frame_header, parse_frame
from shared.tensors.host_tensor import HostTensor
from shared.tensors.objects import ObjectMissing, Objects, ObjectsFull, ObjectsUnavailable
from shared.tensors.ref import OBJECT_STORE, TensorRef
from shared.tensors.tier import Placed, TierUnable, content_key, elements_of

# Objects whose bytes are the elements themselves, without a frame: uploaded files.
RAW_PREFIX = "images/"

_TENSOR_PREFIX = "tensors/"
_SUFFIX = ".safetensors"


class ObjectTier:
    """Objects named `v1/<tenant>/<key>`, the key ending in the content's digest."""

    name = OBJECT_STORE

    def __init__(self, objects: Objects, clock: Callable[[], float] = time.time) -> None:
        """Takes the backend that holds the objects."""
        self._objects = objects
        self._clock = clock

    def put(self, tensor: HostTensor, *, tenant: str, expires_at_ms: int, durable: bool) -> Placed:
        """Writes the object unless it is there; if it is, it lives until the later expiry."""
        digest = digest_of(tensor.data, SHA256 if durable else XXH3)
        key = _TENSOR_PREFIX + content_key(tensor, digest) + _SUFFIX
        header = memoryview(frame_header(tensor.dtype, tensor.shape))
        name = object_name(tenant, key)
        size_bytes = len(header) + len(tensor.data)
        try:
            if not self._keep(name, size_bytes, digest, expires_at_ms):
                self._objects.write(name, [header, tensor.data], expires_at_ms)
        except ObjectsFull as error:
            raise TierUnable(error.message, full=True) from error
        except ObjectsUnavailable as error:
            raise TierUnable(error.message) from error
        return Placed(key, digest)

    def get(self, ref: TensorRef) -> memoryview:
        """The elements, fetched into memory of their own."""
        try:
            name = object_name(ref.tenant, ref.key)
            if ref.key.startswith(RAW_PREFIX):
                return self._objects.read(name, ref.size_bytes)
            stored = self._objects.read(name, ref.size_bytes + HEADER_LIMIT_BYTES + 8)
        except ObjectMissing:
            raise TensorGone("the tensor is no longer kept") from None
        return elements_of(stored, ref)

    def _keep(self, name: str, size_bytes: int, digest: str, expires_at_ms: int) -> bool:
        """Prolongs what is there already; False if it must be written."""
        if not keep_alive(self._objects, name, size_bytes, expires_at_ms, self._clock()):
            return False
        if not self._objects.reads_are_cheap:
            return True
        # A file damaged in place would otherwise never be mended by putting the tensor again.
        try:
            stored = self._objects.read(name, size_bytes)
            return matches(parse_frame(stored, size_bytes).data, digest)
        except (ObjectMissing, FrameError):
            return False


def object_name(tenant: str, key: str) -> str:
    """Where a tenant's object lies; deleting a tenant is deleting one prefix."""
    return f"v1/{tenant}/{key}"


def keep_alive(
    objects: Objects, name: str, size_bytes: int, expires_at_ms: int, now_s: float
) -> bool:
    """Lets an object of this size live until the later of two expiries; False if there is none."""
    found = objects.stat(name)
    if found is None or found.size_bytes != size_bytes or not found.is_alive(int(now_s * 1000)):
        return False
    if found.expires_at_ms and (expires_at_ms == 0 or found.expires_at_ms < expires_at_ms):
        try:
            objects.prolong(name, expires_at_ms)
        except ObjectMissing:
            return False
    return True
