"""The one client interceptor (grpc.aio), around every call to a stage.

It passes deadline (less a margin for the way back), priority, company, trace and credentials on,
and turns a failed status back into the `SuiteError` it came from. Channels carry it from birth: see
`open_channel`.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc
from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from shared import rpc_context
from shared.errors import DeadlineExceeded
from shared.rich_status import from_rpc_error
from shared.rpc_context import COMPANY_KEY, PRIORITY_KEY
from shared.security import stage_token
from shared.settings import Secret

DEADLINE_MARGIN_S = 0.02
DEFAULT_TIMEOUT_S = 300.0
MAX_MESSAGE_BYTES = 8 * 1024 * 1024

# Every stage method may be repeated: tensors are put under the name of their content. grpc retries
# a stream only while nothing of it has arrived.
_SERVICE_CONFIG = {
    "loadBalancingConfig": [{"round_robin": {}}],
    "methodConfig": [
        {
            "name": [{}],
            "retryPolicy": {
                "maxAttempts": 4,
                "initialBackoff": "0.1s",
                "maxBackoff": "1s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ],
    "retryThrottling": {"maxTokens": 100, "tokenRatio": 0.5},
}


def open_channel(target: str, suite_key: Secret, tracer: Tracer) -> grpc.aio.Channel:
    """A channel to a stage: balanced over its replicas, retried when unavailable, intercepted.

    Args:
        target: gRPC target, e.g. "127.0.0.1:50051" or "dns:///reasoner:50053".
        suite_key: Proves to the stage that the caller is part of the suite.
        tracer: Makes the client spans.
    """
    outgoing = _Outgoing(suite_key, tracer)
    return grpc.aio.insecure_channel(
        target,
        options=(
            ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
            ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
            ("grpc.keepalive_time_ms", 30_000),
            ("grpc.keepalive_timeout_ms", 10_000),
            ("grpc.service_config", json.dumps(_SERVICE_CONFIG)),
        ),
        interceptors=(_UnaryInterceptor(outgoing), _StreamInterceptor(outgoing)),
    )


class _Outgoing:
    """What both kinds of call share."""

    def __init__(self, suite_key: Secret, tracer: Tracer) -> None:
        self._authorization = f"Bearer {stage_token(suite_key)}"
        self._tracer = tracer

    def begin(self, details: Any) -> tuple[Span, grpc.aio.ClientCallDetails]:
        """Opens the call's span; gives its details with deadline, trace and credentials in them."""
        timeout_s = _timeout_s(details.timeout)
        raw = details.method
        method = (raw.decode() if isinstance(raw, bytes) else raw).removeprefix("/earthgptx.v1.")
        span = self._tracer.start_span(method, kind=SpanKind.CLIENT)
        carrier: dict[str, str] = {
            "authorization": self._authorization,
            PRIORITY_KEY: rpc_context.priority(),
            COMPANY_KEY: str(rpc_context.company()),
        }
        TraceContextTextMapPropagator().inject(carrier, trace.set_span_in_context(span))
        return span, grpc.aio.ClientCallDetails(
            details.method,
            timeout_s,
            grpc.aio.Metadata(*(details.metadata or ()), *carrier.items()),
            details.credentials,
            details.wait_for_ready,
        )

    @contextmanager
    def outcome(self, span: Span) -> Iterator[None]:
        """Names what the call fails with, and closes its span."""
        try:
            yield
        except grpc.RpcError as rpc_error:
            error = from_rpc_error(rpc_error)
            span.set_status(trace.StatusCode.ERROR, error.code)
            raise error from None
        finally:
            span.end()


class _UnaryInterceptor(grpc.aio.UnaryUnaryClientInterceptor):
    def __init__(self, outgoing: _Outgoing) -> None:
        self._outgoing = outgoing

    async def intercept_unary_unary(
        self, continuation: Callable[..., Any], client_call_details: Any, request: Any
    ) -> Any:
        """One request, one response."""
        span, details = self._outgoing.begin(client_call_details)
        with self._outgoing.outcome(span):
            call = await continuation(details, request)
            return await call


class _StreamInterceptor(grpc.aio.UnaryStreamClientInterceptor):
    def __init__(self, outgoing: _Outgoing) -> None:
        self._outgoing = outgoing

    async def intercept_unary_stream(
        self, continuation: Callable[..., Any], client_call_details: Any, request: Any
    ) -> AsyncIterator[Any]:
        """One request, a stream of responses.

        The call must be made here, not in the iterator: grpc asks it at once whether it is done.
        """
        span, details = self._outgoing.begin(client_call_details)
        call = await continuation(details, request)
        return self._responses(call, span)

    async def _responses(self, call: Any, span: Span) -> AsyncIterator[Any]:
        with self._outgoing.outcome(span):
            try:
                async for response in call:
                    yield response
            finally:
                # A reader that stops early must stop the stage as well.
                call.cancel()


def _timeout_s(asked_s: float | None) -> float:
    remaining_s = rpc_context.remaining_s()
    if remaining_s is None:
        return DEFAULT_TIMEOUT_S if asked_s is None else asked_s
    left_s = remaining_s - DEADLINE_MARGIN_S
    if left_s <= 0:
        raise DeadlineExceeded("no time is left to call the next stage")
    return left_s if asked_s is None else min(asked_s, left_s)
