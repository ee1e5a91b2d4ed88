import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import ERRORS_BY_CODE, Internal, QueueFull, StageUnavailable, SuiteError
from shared.rich_status import DETAILS_METADATA_KEY, from_rpc_error, status_metadata


class FailedCall(grpc.RpcError):
    """What grpc hands a caller."""

    def __init__(
        self,
        code: grpc.StatusCode,
        details: str,
        metadata: tuple[tuple[str, bytes], ...] = (),
    ) -> None:
        self._parts = code, details, metadata

    def code(self) -> grpc.StatusCode:
        return self._parts[0]

    def details(self) -> str:
        return self._parts[1]

    def trailing_metadata(self) -> tuple[tuple[str, bytes], ...]:
        return self._parts[2]


def over_the_wire(error: SuiteError) -> SuiteError:
    return from_rpc_error(FailedCall(error.grpc_status, error.message, status_metadata(error)))


@pytest.mark.parametrize("code", sorted(ERRORS_BY_CODE))
def test_every_error_comes_back_as_itself(code: str) -> None:
    error = ERRORS_BY_CODE[code]("why", field="a.b[2]", limit="3 px", retry_after_s=1.5)
    back = over_the_wire(error)
    assert type(back) is type(error)
    assert vars(back) == vars(error)
    assert str(back) == "why"


@given(st.text(min_size=1), st.one_of(st.none(), st.floats(0, 1e6)))
def test_any_text_and_any_delay_survive(message: str, retry_after_s: float | None) -> None:
    back = over_the_wire(QueueFull(message, retry_after_s=retry_after_s))
    assert back.message == message
    assert back.retry_after_s == (
        None if retry_after_s is None else pytest.approx(retry_after_s, abs=1e-6)
    )


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (grpc.StatusCode.UNAVAILABLE, "STAGE_UNAVAILABLE"),
        (grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED"),
        (grpc.StatusCode.CANCELLED, "STAGE_UNAVAILABLE"),
        (grpc.StatusCode.UNIMPLEMENTED, "INTERNAL"),
        (grpc.StatusCode.UNKNOWN, "INTERNAL"),
    ],
)
def test_a_status_without_details_is_named_by_its_code(code: grpc.StatusCode, name: str) -> None:
    assert from_rpc_error(FailedCall(code, "x")).code == name


def test_a_message_too_large_is_the_callers_fault() -> None:
    text = "CLIENT: Sent message larger than max (9000000 vs. 8388608)"
    error = from_rpc_error(FailedCall(grpc.StatusCode.RESOURCE_EXHAUSTED, text))
    assert error.code == "INVALID_INPUT"


@given(st.binary(max_size=40))
def test_broken_details_do_not_break_the_caller(details: bytes) -> None:
    call = FailedCall(grpc.StatusCode.UNAVAILABLE, "x", ((DETAILS_METADATA_KEY, details),))
    assert isinstance(from_rpc_error(call), StageUnavailable | Internal)


def test_only_what_may_succeed_later_is_retryable() -> None:
    retryable = {code for code, error in ERRORS_BY_CODE.items() if error.retryable}
    assert retryable == {"TENSOR_GONE", "QUEUE_FULL", "QUOTA_EXCEEDED", "STAGE_UNAVAILABLE"}
