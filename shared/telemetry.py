"""Traces, metrics and JSON logs of one process.

Traces: OpenTelemetry, W3C trace context; sent by OTLP only if an endpoint is set. Metrics: read by
Prometheus from an HTTP port of the process. Logs: one JSON object a line on stderr, with the trace
id. Neither prompts nor pixels nor tensors go into any of them.

No global provider is set: who makes spans or counts is handed `Telemetry`.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from dataclasses import dataclass
from wsgiref.simple_server import WSGIServer

from opentelemetry import trace
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import Meter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.view import ExplicitBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio
from opentelemetry.trace import Tracer
from prometheus_client import CollectorRegistry, ProcessCollector, start_http_server

from shared.settings import PREFIX, ProcessSettings, split_listen

SECONDS_BUCKETS = (
    *(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1),
    *(0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0),
)
_PLAIN_RECORD = logging.makeLogRecord({})


@dataclass(frozen=True)
class Telemetry:
    """What a process measures with.

    Attributes:
        tracer: Makes spans.
        meter: Makes counters, gauges and histograms.
        tracer_provider: For instrumentations that want a provider.
        meter_provider: Likewise.
        metrics_port: Port of the Prometheus endpoint; 0 if there is none.
    """

    tracer: Tracer
    meter: Meter
    tracer_provider: TracerProvider
    meter_provider: MeterProvider
    metrics_port: int
    metrics_server: WSGIServer | None

    def close(self) -> None:
        """Sends what is still held back and closes the metrics port."""
        self.tracer_provider.shutdown()
        self.meter_provider.shutdown()
        if self.metrics_server is not None:
            self.metrics_server.shutdown()
            self.metrics_server.server_close()


def start_telemetry(service: str, settings: ProcessSettings) -> Telemetry:
    """Opens traces, metrics and logs for the process `service`, e.g. "image_encoder"."""
    configure_logging(service, settings.log_level)
    resource = Resource.create({"service.name": service, "service.namespace": "earthgptx"})
    tracer_provider = TracerProvider(
        resource=resource, sampler=ParentBasedTraceIdRatio(settings.trace_ratio)
    )
    if settings.otlp_endpoint:
        tracer_provider.add_span_processor(_otlp_processor(settings.otlp_endpoint))
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    meter_provider = MeterProvider(
        resource=resource,
        metric_readers=[PrometheusMetricReader(registry=registry, scope_info_enabled=False)],
        views=[
            View(
                instrument_unit="s",
                aggregation=ExplicitBucketHistogramAggregation(SECONDS_BUCKETS),
            )
        ],
    )
    metrics_server = _serve_metrics(settings.metrics_listen, registry)
    return Telemetry(
        tracer=tracer_provider.get_tracer("earthgptx"),
        meter=meter_provider.get_meter("earthgptx"),
        tracer_provider=tracer_provider,
        meter_provider=meter_provider,
        metrics_port=metrics_server.server_port if metrics_server else 0,
        metrics_server=metrics_server,
    )


def configure_logging(service: str, level: str) -> None:
    """Sends all logs of the process to stderr as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(service))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)


class JsonFormatter(logging.Formatter):
    """One JSON object a record: time, level, service, logger, message, trace, extras, error."""

    def __init__(self, service: str) -> None:
        """Puts `service` into every line."""
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line of JSON."""
        seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, object] = {
            "time": f"{seconds}.{int(record.msecs):03d}Z",
            "level": record.levelname,
            "service": self._service,
            "logger": record.name,
            "message": record.getMessage(),
        }
        context = trace.get_current_span().get_span_context()
        if context.is_valid:
            line["trace_id"] = f"{context.trace_id:032x}"
            line["span_id"] = f"{context.span_id:016x}"
        line |= {k: v for k, v in vars(record).items() if k not in vars(_PLAIN_RECORD)}
        line.pop("taskName", None)
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def _otlp_processor(endpoint: str) -> BatchSpanProcessor:
    # Imported here: only a process that exports needs the exporter.
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

    exporter = OTLPSpanExporter(endpoint=endpoint, insecure=not endpoint.startswith("https://"))
    return BatchSpanProcessor(exporter, schedule_delay_millis=1000)


def _serve_metrics(listen: str, registry: CollectorRegistry) -> WSGIServer | None:
    if not listen:
        return None
    host, port = split_listen(listen, PREFIX + "METRICS_LISTEN")
    server, _thread = start_http_server(port, host, registry)
    return server
