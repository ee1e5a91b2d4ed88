"""The tier in the tensor Redis: chunks of 1 MiB that expire by themselves.

One big value blocks the server and costs two to three times more than chunks of 1 to 2 MiB. The
chunks put together are one safetensors file: chunk 0 is its header, the others the elements. How
many there are follows from dtype and shape, so there is no record that could disagree with them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import batched

import redis

from shared.errors import StageUnavailable, TensorGone
from shared.tensors.digest import XXH3, digest_of
from shared.tensors.frame import frame_header
from shared.tensors.host_tensor import HostTensor
from shared.tensors.ref import REDIS, TensorRef
from shared.tensors.tier import Placed, TierUnable, content_key, elements_of

CHUNK_BYTES = 1024 * 1024

# What one round trip carries: bounds the memory a pipeline holds.
_CHUNKS_PER_TRIP = 16
