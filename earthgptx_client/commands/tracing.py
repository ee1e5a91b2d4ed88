"""The span of a command, in which the suite's own spans are; sent only where it is asked for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

ENDPOINT_VARIABLE = "EARTHGPTX_OTLP_ENDPOINT"
# A collector that is away shall not keep anybody waiting.
_EXPORT_TIMEOUT_S = 2


@contextmanager
def traced_command(name: str) -> Iterator[None]:
    """One trace for the block, sent by OTLP to the endpoint that the variable names, if it does."""
    endpoint = os.environ.get(ENDPOINT_VARIABLE)
    if not endpoint:
        yield
        return
    # Imported here: a command that sends no spans starts faster without.
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    about = {"service.name": "client", "service.namespace": "earthgptx"}
    provider = TracerProvider(resource=Resource.create(about))
    insecure = not endpoint.startswith("https://")
    exporter = OTLPSpanExporter(endpoint=endpoint, insecure=insecure, timeout=_EXPORT_TIMEOUT_S)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    try:
        with provider.get_tracer("earthgptx_client").start_as_current_span(f"earthgptx {name}"):
            yield
    finally:
        provider.shutdown()
