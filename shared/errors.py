"""The one error family of the suite.

Dataflow: code raises a `SuiteError` -> the server interceptor (shared/interceptors.py) turns it
into a gRPC status with details (shared/rich_status.py) -> the client interceptor turns the status
back into the same class. Anything else that escapes a handler becomes `Internal` with an opaque
text; its trace goes to the log only. Messages of these classes are visible to callers: no internal
names in them.

    SuiteError
      InvalidInput       INVALID_ARGUMENT     the caller must change the request
      Unauthenticated    UNAUTHENTICATED      no or wrong credentials
      PermissionDenied   PERMISSION_DENIED    known caller, not allowed
        TensorRefused    PERMISSION_DENIED    a ref whose signature, tenant or digest does not hold
      NotFound           NOT_FOUND
      Conflict           ALREADY_EXISTS       the same name with other content
      TensorGone         ABORTED, retryable   make the tensor again, then retry
      QueueFull          RESOURCE_EXHAUSTED, retryable after `retry_after_s`
      QuotaExceeded      RESOURCE_EXHAUSTED, retryable after `retry_after_s`
      DeadlineExceeded   DEADLINE_EXCEEDED
      Cancelled          CANCELLED
      StageUnavailable   UNAVAILABLE, retryable
      Internal           INTERNAL
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

import grpc


class SuiteError(Exception):
    """An error with a meaning on the wire.

    Attributes:
        message: What went wrong, for the caller to read.
        field: Path of the offending field in the request, e.g. "regions[2].marks[0].box".
        limit: The limit that was broken, with its unit, e.g. "4,096 bytes".
        retry_after_s: When a retry may succeed, in seconds from now.
    """

    code: ClassVar[str] = "INTERNAL"
    grpc_status: ClassVar[grpc.StatusCode] = grpc.StatusCode.INTERNAL
    retryable: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        field: str | None = None,
        limit: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        """Keeps the parts; `message` alone is what `str()` gives."""
        super().__init__(message)
        self.message = message
        self.field = field
        self.limit = limit
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Violation:
    """One of several faults of a request.

    Attributes:
        field: Its path in the request.
        message: What is wrong there.
        reason: Kind of the fault, e.g. "TYPE_MISMATCH"; may be empty.
    """

    field: str
    message: str
    reason: str = ""


class InvalidInput(SuiteError):
    """The request itself is wrong; the same request fails again.

    Attributes:
        violations: Where there may be several faults, as many as the caller shall be told one by
            one; kept small, for they travel as gRPC metadata (8 KiB in all).
    """

    code = "INVALID_INPUT"
    grpc_status = grpc.StatusCode.INVALID_ARGUMENT

    def __init__(
        self,
        message: str,
        *,
        field: str | None = None,
        limit: str | None = None,
        retry_after_s: float | None = None,
        violations: Sequence[Violation] = (),
    ) -> None:
        """As every error of the suite, with `violations` beside."""
        super().__init__(message, field=field, limit=limit, retry_after_s=retry_after_s)
        self.violations = tuple(violations)


class Unauthenticated(SuiteError):
    """No credentials, or credentials nobody knows."""

    code = "UNAUTHENTICATED"
    grpc_status = grpc.StatusCode.UNAUTHENTICATED


class PermissionDenied(SuiteError):
    """The caller is known and may not do this."""

    code = "PERMISSION_DENIED"
    grpc_status = grpc.StatusCode.PERMISSION_DENIED


class TensorRefused(PermissionDenied):
    """A tensor ref whose signature, tenant, digest, dtype, shape or size does not hold."""

    code = "TENSOR_REFUSED"


class NotFound(SuiteError):
    """What the request names does not exist (or is another tenant's)."""

    code = "NOT_FOUND"
    grpc_status = grpc.StatusCode.NOT_FOUND


class Conflict(SuiteError):
    """The name is taken by something else."""

    code = "CONFLICT"
    grpc_status = grpc.StatusCode.ALREADY_EXISTS


class TensorGone(SuiteError):
    """The tensor was there and is no more (expired, evicted, its host left): make it again."""

    code = "TENSOR_GONE"
    grpc_status = grpc.StatusCode.ABORTED
    retryable = True


class QueueFull(SuiteError):
    """The stage's queue is full; nothing was started."""

    code = "QUEUE_FULL"
    grpc_status = grpc.StatusCode.RESOURCE_EXHAUSTED
    retryable = True


class QuotaExceeded(SuiteError):
    """The tenant has used up what it may use for now; nothing was started."""

    code = "QUOTA_EXCEEDED"
    grpc_status = grpc.StatusCode.RESOURCE_EXHAUSTED
    retryable = True


class DeadlineExceeded(SuiteError):
    """The caller's time ran out before the answer was there."""

    code = "DEADLINE_EXCEEDED"
    grpc_status = grpc.StatusCode.DEADLINE_EXCEEDED


class Cancelled(SuiteError):
    """The caller, or an operator, called the work off."""

    code = "CANCELLED"
    grpc_status = grpc.StatusCode.CANCELLED


class StageUnavailable(SuiteError):
    """A stage, or a store behind it, cannot be reached or is not ready."""

    code = "STAGE_UNAVAILABLE"
    grpc_status = grpc.StatusCode.UNAVAILABLE
    retryable = True


class Internal(SuiteError):
    """A fault of ours. The text is opaque on purpose; the log has the trace."""

    code = "INTERNAL"


ERRORS_BY_CODE: dict[str, type[SuiteError]] = {
    error.code: error
    for error in (
        InvalidInput,
        Unauthenticated,
        PermissionDenied,
        TensorRefused,
        NotFound,
        Conflict,
        TensorGone,
        QueueFull,
        QuotaExceeded,
        DeadlineExceeded,
        Cancelled,
        StageUnavailable,
        Internal,
    )
}


@contextmanager
def refused_as_invalid_input(*kinds: type[Exception], inside: str = "") -> Iterator[None]:
    """Turns a library's errors about its input, with `field` and `limit`, into `InvalidInput`.

    `inside` is the path in the request of what the library was given, e.g. "image.".
    """
    try:
        yield
    except kinds as error:
        field = getattr(error, "field", None)
        raise InvalidInput(
            f"{inside}{error}",
            field=f"{inside}{field}" if field else None,
            limit=getattr(error, "limit", None),
        ) from error
