"""The one server interceptor (grpc.aio), around every handler of the suite's own services.

It authenticates, takes the caller's deadline, opens a span that continues the caller's trace,
counts, and turns what escapes into a status: a `SuiteError` into its rich status, anything else
into INTERNAL with an opaque text and a trace in the log. Health and reflection pass untouched.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from opentelemetry import trace
from opentelemetry.trace import SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from shared import rpc_context
from shared.errors import (
    Cancelled,
    DeadlineExceeded,
    Internal,
    InvalidInput,
    QueueFull,
    QuotaExceeded,
    SuiteError,
)
from shared.rich_status import status_metadata
from shared.telemetry import Telemetry

SUITE_METHODS = "/earthgptx.v1."
_FOREVER_S = 1e8
_UNREADABLE = object()
_log = logging.getLogger(__name__)


class ServerInterceptor(grpc.aio.ServerInterceptor):
    """Edge of a process: see the module."""

    def __init__(
        self,
        telemetry: Telemetry,
        authenticate: Callable[[str], str],
        on_outcome: Callable[[SuiteError | None], None],
        of_suite: bool = False,
    ) -> None:
        """Stands between grpc and the handlers.

        Args:
            telemetry: For spans and counts.
            authenticate: Takes the value of metadata "authorization" (empty if there is none),
                returns who calls, raises Unauthenticated.
            on_outcome: Told how each call ended: None for well.
            of_suite: Whether callers are processes of the suite, whose word on company counts.
        """
        self._tracer = telemetry.tracer
        self._authenticate = authenticate
        self._on_outcome = on_outcome
        self._of_suite = of_suite
        self._running = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._in_flight = telemetry.meter.create_up_down_counter(
            "earthgptx_rpc_in_flight", description="Calls being served"
        )
        self._duration = telemetry.meter.create_histogram(
            "earthgptx_rpc_duration", unit="s", description="Time from call to status"
        )

    async def wait_idle(self) -> None:
        """Returns when no call of the suite's services is being served."""
        await self._idle.wait()

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        """Wraps the handler of a suite method; returns others as they are."""
        handler = await continuation(handler_call_details)
        method: str = handler_call_details.method
        if handler is None or not method.startswith(SUITE_METHODS):
            return handler
        codec = {
            "request_deserializer": _forgiving(handler.request_deserializer),
            "response_serializer": handler.response_serializer,
        }
        if handler.unary_unary:
            return grpc.unary_unary_rpc_method_handler(
                self._unary(method, handler.unary_unary), **codec
            )
        if handler.stream_unary:
            return grpc.stream_unary_rpc_method_handler(
                self._unary(method, handler.stream_unary), **codec
            )
        if handler.unary_stream:
            return grpc.unary_stream_rpc_method_handler(
                self._stream(method, handler.unary_stream), **codec
            )
        return grpc.stream_stream_rpc_method_handler(
            self._stream(method, handler.stream_stream), **codec
        )

    def _unary(self, method: str, handle: Callable[..., Awaitable[Any]]) -> Any:
        async def edge(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
            with self._call(method, context) as failed:
                try:
                    self._enter(context)
                    return await handle(_readable(request), context)
                # One of the two places that catch everything: nothing may pass unnamed.
                except (Exception, asyncio.CancelledError) as error:
                    failed.append(self._named(error))
                    if isinstance(error, asyncio.CancelledError):
                        raise
            await _abort(context, failed[0])

        return edge

    def _stream(self, method: str, handle: Callable[..., AsyncIterator[Any]]) -> Any:
        async def edge(
            request: Any, context: grpc.aio.ServicerContext[Any, Any]
        ) -> AsyncIterator[Any]:
            with self._call(method, context) as failed:
                try:
                    self._enter(context)
                    async for response in handle(_readable(request), context):
                        yield response
                    return
                except (Exception, asyncio.CancelledError) as error:
                    failed.append(self._named(error))
                    if isinstance(error, asyncio.CancelledError):
                        raise
            await _abort(context, failed[0])

        return edge

    def _enter(self, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        metadata = dict(context.invocation_metadata() or ())
        remaining_s: float | None = context.time_remaining()
        deadline = None
        if remaining_s is not None and remaining_s < _FOREVER_S:
            deadline = time.monotonic() + remaining_s
        rpc_context.set_call(deadline, "")
        caller = self._authenticate(str(metadata.get("authorization", "")))
        # At the gateway this is a word of the caller's own: it can only step back with it.
        priority = rpc_context.priority_named(str(metadata.get(rpc_context.PRIORITY_KEY, "")))
        told = str(metadata.get(rpc_context.COMPANY_KEY, "")) if self._of_suite else ""
        rpc_context.set_call(deadline, caller, priority, rpc_context.company_told(told))

    @contextmanager
    def _call(
        self, method: str, context: grpc.aio.ServicerContext[Any, Any]
    ) -> Iterator[list[SuiteError]]:
        """Span and counts of one call; the caller puts the error, if any, into the list."""
        carrier = {k: v for k, v in context.invocation_metadata() or () if isinstance(v, str)}
        parent = TraceContextTextMapPropagator().extract(carrier)
        labels = {"method": method.removeprefix(SUITE_METHODS)}
        started = time.perf_counter()
        failed: list[SuiteError] = []
        self._count(1, labels)
        span = self._tracer.start_span(labels["method"], context=parent, kind=SpanKind.SERVER)
        try:
            with trace.use_span(span, record_exception=False, set_status_on_exception=False):
                yield failed
        finally:
            code = failed[0].code if failed else "OK"
            span.set_attribute("rpc.method", labels["method"])
            span.set_attribute("earthgptx.code", code)
            if failed:
                span.set_status(trace.StatusCode.ERROR, code)
                _note(failed[0], labels["method"], span)
            span.end()
            self._count(-1, labels)
            self._duration.record(time.perf_counter() - started, {**labels, "code": code})
            self._on_outcome(failed[0] if failed else None)

    def _count(self, change: int, labels: dict[str, str]) -> None:
        self._in_flight.add(change, labels)
        self._running += change
        if self._running:
            self._idle.clear()
        else:
            self._idle.set()

    def _named(self, error: BaseException) -> SuiteError:
        if isinstance(error, Internal) or not isinstance(
            error, SuiteError | asyncio.CancelledError
        ):
            _log.error("a call failed inside", exc_info=error)
            return Internal("internal error; the log of the service has the trace")
        if isinstance(error, SuiteError):
            return error
        if rpc_context.remaining_s() == 0.0:
            return DeadlineExceeded("the caller's deadline passed")
        return Cancelled("the caller went away")


def _forgiving(deserialize: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    """Lets what is no message through, to be refused where the caller is known and told why.

    grpc itself would end the call with UNKNOWN, name the class and write a trace, for anybody.
    """

    def read(data: bytes) -> Any:
        try:
            return deserialize(data)
        except DecodeError:
            return _UNREADABLE

    return read


def _readable(request: Any) -> Any:
    """The request, or the stream of requests, without what is no message.

    Raises:
        InvalidInput: It is none; in a stream, when it is reached.
    """
    if request is _UNREADABLE:
        raise InvalidInput(
            "the bytes are no message of this method", field="request", limit="earthgptx.v1"
        )
    return _each_readable(request) if hasattr(request, "__aiter__") else request


async def _each_readable(requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
    async for request in requests:
        yield _readable(request)


def _note(error: SuiteError, method: str, span: trace.Span) -> None:
    """A line by which the call's trace is found.

    Not for what has its line already, nor where a flood of calls would flood the log.
    """
    if not isinstance(error, Internal | QueueFull | QuotaExceeded | Cancelled):
        with trace.use_span(span):
            _log.info("a call failed", extra={"method": method, "code": error.code})


async def _abort(context: grpc.aio.ServicerContext[Any, Any], error: SuiteError) -> None:
    await context.abort(error.grpc_status, error.message, trailing_metadata=status_metadata(error))
