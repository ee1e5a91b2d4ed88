"""Files the suite writes for people, kept as durable tensors: u8 [size_bytes].

A file's key is its signed ref as text: it tells where the file is and whose, and cannot be guessed,
altered or used for another tenant.
"""

from __future__ import annotations

import base64
import binascii

import numpy as np
from google.protobuf.message import DecodeError

from protos.earthgptx.v1 import tensor_pb2
from shared.errors import InvalidInput, NotFound, TensorGone, TensorRefused
from shared.tensors.host_tensor import HostTensor
from shared.tensors.ref import TensorRef
from shared.tensors.store import TensorStore

LIMIT_BYTES = 256 * 1024 * 1024


def put_file(store: TensorStore, data: bytes, *, tenant: str, ttl_s: float) -> str:
    """Keeps a file; the same bytes are not kept twice.

    Returns:
        Its key, ASCII letters, digits, "-" and "_".

    Raises:
        InvalidInput: It is empty or larger than `LIMIT_BYTES`.
        QueueFull: The object store has no room.
        StageUnavailable: It cannot be reached.
    """
    if not 0 < len(data) <= LIMIT_BYTES:
        limit = f"1 to {LIMIT_BYTES} bytes"
        raise InvalidInput(f"the file has {len(data)} bytes", field="file", limit=limit)
    tensor = HostTensor.from_numpy(np.frombuffer(data, np.uint8))
    ref = store.put(tensor, tenant=tenant, ttl_s=ttl_s, durable=True)
    return base64.urlsafe_b64encode(ref.to_proto().SerializeToString()).decode().rstrip("=")


def get_file(store: TensorStore, key: str, *, tenant: str) -> bytes:
    """The file's content, proven to be what was put.

    Raises:
        NotFound: It is no key of this tenant's, or the file's time is over.
        StageUnavailable: The object store cannot be reached.
    """
    try:
        message = base64.b64decode(key + "=" * (-len(key) % 4), altchars=b"-_", validate=True)
        ref = TensorRef.from_proto(tensor_pb2.TensorRef.FromString(message))
        found = store.get(ref, tenant=tenant, dtype="u8", shape=(None,), limit_bytes=LIMIT_BYTES)
    except (ValueError, binascii.Error, DecodeError, TensorRefused, InvalidInput, TensorGone):
        raise NotFound("there is no such file", field="key") from None
    return bytes(found.data)
