"""What a tier is: a place where the bytes of tensors can lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from shared.errors import QueueFull, StageUnavailable, TensorGone
from shared.tensors.frame import FrameError, parse_frame
from shared.tensors.host_tensor import HostTensor
from shared.tensors.ref import TensorRef


@dataclass(frozen=True)
class Placed:
    """Where a tier has put a tensor.

    Attributes:
        key: Name within tenant and tier.
        digest: "<algorithm>:<hex>" over the elements' bytes.
        host: Whose shared memory holds it, if that is where it lies.
        inline_data: The framed tensor, if it travels in the ref itself.
    """

    key: str
    digest: str
    host: str = ""
    inline_data: bytes = b""


class TierUnable(Exception):
    """This tier cannot take the tensor now; another one may."""

    def __init__(self, reason: str, *, full: bool = False) -> None:
        """`full` says that room, not reach, is what is missing."""
        super().__init__(reason)
        self.full = full

    def to_suite_error(self) -> QueueFull | StageUnavailable:
        """What the caller of the store sees when no tier was able."""
        if self.full:
            return QueueFull("no room for the tensor", retry_after_s=1.0)
        return StageUnavailable("no place for the tensor can be reached", retry_after_s=1.0)


class Tier(Protocol):
    """Puts and gets the bytes of tensors; knows nothing of signatures and policy."""

    name: str

    def put(self, tensor: HostTensor, *, tenant: str, expires_at_ms: int, durable: bool) -> Placed:
        """Keeps `tensor` at least until `expires_at_ms` (0: for good).

        The same content for the same tenant gives the same key and is not written twice.

        Raises:
            TierUnable: It cannot, and nothing is left behind that does not expire.
        """
        ...

    def get(self, ref: TensorRef) -> memoryview:
        """The elements' bytes behind `ref`, `ref.size_bytes` of them, digest not yet checked.

        Raises:
            TensorGone: They are not there (whole) any more.
            StageUnavailable: The tier cannot be reached.
        """
        ...


def content_key(tensor: HostTensor, digest: str) -> str:
    """A key that is equal for equal bytes, dtype and shape only."""
    axes = "x".join(map(str, tensor.shape)) or "scalar"
    return f"{digest.replace(':', '-')}.{tensor.dtype}.{axes}"


def elements_of(framed: memoryview, ref: TensorRef) -> memoryview:
    """The elements in a frame read back for `ref`.

    Raises:
        TensorGone: The frame is damaged or of another tensor.
    """
    try:
        tensor = parse_frame(framed, ref.size_bytes)
    except FrameError:
        raise TensorGone("the stored tensor is damaged") from None
    if (tensor.dtype, tensor.shape) != (ref.dtype, ref.shape):
        raise TensorGone("the stored tensor is damaged")
    return tensor.data
