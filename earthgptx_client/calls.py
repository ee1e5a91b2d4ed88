"""How a call is made: with a deadline, with the key, and again where the suite says that helps."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import grpc
from opentelemetry.trace import SpanKind, StatusCode, Tracer, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from earthgptx_client.errors import ClientError, from_rpc_error, invalid_input

MAX_MESSAGE_BYTES = 256 * 1024 * 1024
_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 5.0
_CLOSING_PATIENCE_S = 2.0

Result = TypeVar("Result")
Metadata = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Deadline:
    """A moment on the clock of `time.monotonic`."""

    at_s: float

    @classmethod
    def after(cls, timeout_s: float) -> Deadline:
        """The moment `timeout_s` seconds from now."""
        return cls(time.monotonic() + timeout_s)

    def remaining_s(self) -> float:
        """Seconds left, at least 1 ms: grpc takes no less."""
        return max(0.001, self.at_s - time.monotonic())


def open_channel(address: str) -> grpc.Channel:
    """A channel to `host:port`, or with TLS to `https://host:port` or `grpcs://host:port`."""
    options = [
        ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
        ("grpc.enable_retries", 0),
        # One channel's failures shall not make another's connection wait.
        ("grpc.use_local_subchannel_pool", 1),
    ]
    scheme, separator, rest = address.partition("://")
    if not separator:
        return grpc.insecure_channel(address, options)
    if scheme in ("https", "grpcs"):
        return grpc.secure_channel(rest, grpc.ssl_channel_credentials(), options)
    if scheme in ("http", "grpc"):
        return grpc.insecure_channel(rest, options)
    return grpc.insecure_channel(address, options)


def close_channel(channel: grpc.Channel) -> None:
    """Closes the channel, and ends whatever becomes of that.

    grpc waits for the end of every call. For one that an interrupt (Ctrl-C) left half begun that
    is for ever: such a channel is left to the end of the process.
    """
    closing = threading.Thread(target=channel.close, name="closing", daemon=True)
    closing.start()
    closing.join(_CLOSING_PATIENCE_S)


def key_metadata(api_key: str) -> Metadata:
    """Metadata that says who calls.

    Raises:
        ClientError: no key looks like that; grpc would refuse to send it.
    """
    if not (api_key.isascii() and api_key.isprintable()):
        raise invalid_input("the key has characters that no key has", "api_key", "printable ASCII")
    return (("authorization", f"Bearer {api_key}"),) if api_key else ()


@contextmanager
def traced(tracer: Tracer, method: str, metadata: Metadata) -> Iterator[Metadata]:
    """A span for one call, and the metadata by which the suite's own spans go on from it.

    Source: https://www.w3.org/TR/trace-context/
    """
    span = tracer.start_span(method, kind=SpanKind.CLIENT)
    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier, set_span_in_context(span))
    try:
        yield (*metadata, *carrier.items())
    except ClientError as error:
        span.set_status(StatusCode.ERROR, error.code)
        raise
    finally:
        span.end()


def translated(call: Callable[[], Result]) -> Result:
    """Runs `call`; what grpc raises becomes a `ClientError`."""
    try:
        return call()
    except grpc.RpcError as error:
        raise from_rpc_error(error) from error


def with_retries(attempt: Callable[[], Result], deadline: Deadline, max_attempts: int) -> Result:
    """Runs `attempt` until it succeeds, fails for good, or there is no time to try again."""
    pauses = Pauses(deadline, max_attempts)
    while True:
        try:
            return translated(attempt)
        except ClientError as error:
            pauses.wait_after(error)


class Caller:
    """What all calls of a client share: who calls, how long it waits, how often it tries."""

    def __init__(
        self, metadata: Metadata, tracer: Tracer, timeout_s: float, max_attempts: int
    ) -> None:
        """Takes the client's own settings."""
        self.metadata = metadata
        self.tracer = tracer
        self.max_attempts = max_attempts
        self._timeout_s = timeout_s

    def deadline(self, timeout_s: float | None) -> Deadline:
        """When a call that begins now must be over; None leaves it to the client's own time."""
        return Deadline.after(self._timeout_s if timeout_s is None else timeout_s)

    def call(
        self,
        name: str,
        method: Callable[..., Any],
        make_request: Callable[[], Any],
        deadline: Deadline,
    ) -> Any:
        """A call with one response, tried again where that helps; each attempt has its request."""
        with traced(self.tracer, name, self.metadata) as metadata:
            return with_retries(
                lambda: method(make_request(), timeout=deadline.remaining_s(), metadata=metadata),
                deadline,
                self.max_attempts,
            )


class NamedCalls:
    """Calls of one service, each with one response, by the names of its methods."""

    def __init__(self, service: str, stub: object, caller: Caller) -> None:
        """Takes the service's name, its stub, and what all calls share."""
        self._service = service
        self._stub = stub
        self._caller = caller

    def __call__(self, method: str, request: object, timeout_s: float | None) -> Any:
        """The response; `timeout_s` as for `Caller.deadline`."""
        return self._caller.call(
            f"{self._service}/{method}",
            getattr(self._stub, method),
            lambda: request,
            self._caller.deadline(timeout_s),
        )


class Pauses:
    """The waiting between attempts: as the suite asks, else doubling with jitter."""

    def __init__(self, deadline: Deadline, max_attempts: int) -> None:
        """Allows `max_attempts` attempts in all, before `deadline`."""
        self._deadline = deadline
        self._attempts_left = max_attempts - 1
        self._next_pause_s = _FIRST_PAUSE_S

    def wait_after(self, error: ClientError) -> None:
        """Waits until it makes sense to try again.

        Raises:
            ClientError: `error` itself, where it makes none.
        """
        pause_s = error.retry_after_s
        if pause_s is None:
            pause_s = self._next_pause_s * random.uniform(0.5, 1.0)
            self._next_pause_s = min(_LONGEST_PAUSE_S, 2 * self._next_pause_s)
        out_of_time = self._deadline.remaining_s() <= pause_s
        if not error.retryable or self._attempts_left < 1 or out_of_time:
            raise error
        self._attempts_left -= 1
        time.sleep(pause_s)
