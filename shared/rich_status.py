"""Suite errors as gRPC status with details (google.rpc), and back.

Details carried: ErrorInfo (reason = `SuiteError.code`, metadata field and limit), BadRequest with
the field where there is one, or with each of several faults (which are not read back here),
RetryInfo where a retry has a time, QuotaFailure for quotas.
Source: https://github.com/googleapis/googleapis/blob/master/google/rpc/error_details.proto
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, QuotaFailure, RetryInfo
from google.rpc.status_pb2 import Status

from shared.errors import (
    ERRORS_BY_CODE,
    DeadlineExceeded,
    Internal,
    InvalidInput,
    NotFound,
    PermissionDenied,
    QueueFull,
    QuotaExceeded,
    StageUnavailable,
    SuiteError,
    Unauthenticated,
    Violation,
)

_log = logging.getLogger(__name__)

ERROR_DOMAIN = "earthgptx"
DETAILS_METADATA_KEY = "grpc-status-details-bin"

# For statuses that grpc itself, or a proxy, made: they carry no ErrorInfo.
_BY_STATUS: dict[grpc.StatusCode, type[SuiteError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidInput,
    grpc.StatusCode.OUT_OF_RANGE: InvalidInput,
    grpc.StatusCode.UNAUTHENTICATED: Unauthenticated,
    grpc.StatusCode.PERMISSION_DENIED: PermissionDenied,
    grpc.StatusCode.NOT_FOUND: NotFound,
    grpc.StatusCode.RESOURCE_EXHAUSTED: QueueFull,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceeded,
    # Who calls a call off itself gets no status: a stage that stops has given it up.
    grpc.StatusCode.CANCELLED: StageUnavailable,
    grpc.StatusCode.UNAVAILABLE: StageUnavailable,
}


def to_rich_status(error: SuiteError) -> Status:
    """The error as google.rpc.Status with details."""
    info = ErrorInfo(reason=error.code, domain=ERROR_DOMAIN)
    if error.field is not None:
        info.metadata["field"] = error.field
    if error.limit is not None:
        info.metadata["limit"] = error.limit
    details: list[ErrorInfo | BadRequest | RetryInfo | QuotaFailure] = [info]
    if isinstance(error, InvalidInput) and (violations := _violations(error)):
        details.append(BadRequest(field_violations=violations))
    if isinstance(error, QuotaExceeded):
        quota = QuotaFailure.Violation(subject=error.field or "", description=error.message)
        details.append(QuotaFailure(violations=[quota]))
    if error.retry_after_s is not None:
        retry = RetryInfo(retry_delay=Duration(nanos=0))
        retry.retry_delay.FromNanoseconds(int(error.retry_after_s * 1e9))
        details.append(retry)
    status = Status(code=error.grpc_status.value[0], message=error.message)
    for detail in details:
        status.details.add().Pack(detail)
    return status


def status_metadata(error: SuiteError) -> tuple[tuple[str, bytes], ...]:
    """Trailing metadata that carries the details of the error."""
    return ((DETAILS_METADATA_KEY, to_rich_status(error).SerializeToString()),)


def from_rpc_error(rpc_error: grpc.RpcError) -> SuiteError:
    """The suite error behind a failed call, sync or aio.

    Without details (grpc or a proxy made the status) the class follows from the status code.
    """
    code: grpc.StatusCode = rpc_error.code()
    message: str = rpc_error.details() or code.name
    status = _status_in(rpc_error.trailing_metadata() or ())
    if status is not None:
        from_details = _from_details(status, message)
        if from_details is not None:
            return from_details
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED and "larger than max" in message:
        return InvalidInput(message, field="message")
    # grpc's own texts name addresses inside the suite: for the log, not for callers.
    _log.warning("a call ended with %s: %s", code.name, message)
    return _BY_STATUS.get(code, Internal)(f"a call inside the suite ended with {code.name}")


def _violations(error: InvalidInput) -> list[BadRequest.FieldViolation]:
    faults = error.violations
    if not faults and error.field is not None:
        # One fault is told the same way.
        faults = (Violation(error.field, error.message),)
    return [
        BadRequest.FieldViolation(field=each.field, description=each.message, reason=each.reason)
        for each in faults
    ]


def _status_in(metadata: Iterable[Any]) -> Status | None:
    for key, value in metadata:
        if key == DETAILS_METADATA_KEY and isinstance(value, bytes):
            try:
                return Status.FromString(value)
            except DecodeError:
                return None
    return None


def _from_details(status: Status, message: str) -> SuiteError | None:
    info = ErrorInfo()
    retry = RetryInfo()
    retry_after_s: float | None = None
    known = False
    for detail in status.details:
        known |= _unpack(detail, info)
        if _unpack(detail, retry):
            retry_after_s = retry.retry_delay.ToNanoseconds() / 1e9
    error_class = ERRORS_BY_CODE.get(info.reason)
    if not known or info.domain != ERROR_DOMAIN or error_class is None:
        return None
    return error_class(
        message,
        field=info.metadata.get("field"),
        limit=info.metadata.get("limit"),
        retry_after_s=retry_after_s,
    )


def _unpack(detail: AnyMessage, into: ErrorInfo | RetryInfo) -> bool:
    try:
        return detail.Unpack(into)
    except DecodeError:
        return False
