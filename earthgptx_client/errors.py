"""The one error of the SDK, and how a gRPC status with details becomes it.

Details read: google.rpc ErrorInfo (reason, field, limit), BadRequest and RetryInfo.
Source: https://github.com/googleapis/googleapis/blob/master/google/rpc/error_details.proto
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import grpc
from google.protobuf.message import DecodeError, Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

UNREACHABLE = "UNREACHABLE"
DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
INVALID_INPUT = "INVALID_INPUT"
CANCELLED = "CANCELLED"
ERROR_DOMAIN = "earthgptx"

_DETAILS_KEY = "grpc-status-details-bin"
_RETRYABLE = frozenset({"TENSOR_GONE", "QUEUE_FULL", "QUOTA_EXCEEDED", "STAGE_UNAVAILABLE"})
_TOO_LARGE = "larger than max"
# Statuses that grpc itself or a proxy made: they carry no details.
_CODE_OF_STATUS = {
    grpc.StatusCode.UNAVAILABLE: UNREACHABLE,
    grpc.StatusCode.INVALID_ARGUMENT: INVALID_INPUT,
    grpc.StatusCode.OUT_OF_RANGE: INVALID_INPUT,
}


class ClientError(Exception):
    """A request was refused, failed, or did not get through.

    Attributes:
        code: name from the suite's error family ("INVALID_INPUT", "QUEUE_FULL", ...), or
            "UNREACHABLE" where nothing answered at the address.
        message: what went wrong, in words.
        field: path of the offending field of the request ("regions[0].marks[0].box"), or None.
        limit: the limit that was broken, with its unit, or None.
        retryable: the same request may succeed later.
        retry_after_s: when it may, in seconds from now; None if the suite did not say.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        field: str | None = None,
        limit: str | None = None,
        retryable: bool = False,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.field = field
        self.limit = limit
        self.retryable = retryable
        self.retry_after_s = retry_after_s


def invalid_input(message: str, field: str, limit: str | None = None) -> ClientError:
    """The error of a request that is wrong before it is sent."""
    return ClientError(INVALID_INPUT, message, field=field, limit=limit)


def from_rpc_error(rpc_error: Any) -> ClientError:
    """The error behind a failed call (`grpc.RpcError` that is also a `grpc.Call`)."""
    status_code = rpc_error.code()
    message = rpc_error.details() or status_code.name
    status = _status_in(rpc_error.trailing_metadata() or ())
    if status is not None:
        rich = _from_details(status, message)
        if rich is not None:
            return rich
    if status_code is grpc.StatusCode.RESOURCE_EXHAUSTED and _TOO_LARGE in message:
        # Made by grpc itself: nothing of the suite has seen the request.
        return invalid_input("the request is too large", "request", "8 MiB, marks and question")
    code = _CODE_OF_STATUS.get(status_code, status_code.name)
    return ClientError(code, message)


def _status_in(metadata: Iterable[tuple[str, str | bytes]]) -> Status | None:
    for key, value in metadata:
        if key == _DETAILS_KEY and isinstance(value, bytes):
            try:
                return Status.FromString(value)
            except DecodeError:
                return None
    return None


def _from_details(status: Status, message: str) -> ClientError | None:
    info, bad_request, retry = ErrorInfo(), BadRequest(), RetryInfo()
    parts: tuple[Message, ...] = (info, bad_request, retry)
    unpacked: set[str] = set()
    for detail in status.details:
        for part in parts:
            if detail.Is(part.DESCRIPTOR):
                try:
                    detail.Unpack(part)
                except DecodeError:
                    return None
                unpacked.add(part.DESCRIPTOR.name)
    if info.domain != ERROR_DOMAIN:
        return None
    violations = bad_request.field_violations
    has_retry_time = "RetryInfo" in unpacked
    return ClientError(
        info.reason,
        message,
        field=info.metadata.get("field") or (violations[0].field if violations else None),
        limit=info.metadata.get("limit"),
        retryable=has_retry_time or info.reason in _RETRYABLE,
        retry_after_s=retry.retry_delay.ToNanoseconds() / 1e9 if has_retry_time else None,
    )
