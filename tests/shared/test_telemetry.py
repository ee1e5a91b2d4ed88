import json
import logging
import urllib.request
from concurrent import futures

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

from shared.settings import ProcessSettings, Secret
from shared.telemetry import JsonFormatter, Telemetry, start_telemetry

KEY = Secret("k" * 32)


@pytest.fixture(autouse=True)
def keep_log_handlers() -> object:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def scrape(telemetry: Telemetry) -> str:
    url = f"http://127.0.0.1:{telemetry.metrics_port}/metrics"
    with urllib.request.urlopen(url, timeout=5) as answer:
        return str(answer.read().decode())


def test_counts_can_be_scraped_with_units_in_their_names() -> None:
    telemetry = start_telemetry("test", ProcessSettings(suite_key=KEY))
    telemetry.meter.create_counter("earthgptx_things").add(2, {"kind": "a"})
    telemetry.meter.create_histogram("earthgptx_wait", unit="s").record(0.003)
    text = scrape(telemetry)
    assert 'earthgptx_things_total{kind="a"} 2.0' in text
    assert 'earthgptx_wait_seconds_bucket{le="0.005"} 1.0' in text
    assert "process_resident_memory_bytes" in text
    telemetry.close()


def test_an_empty_address_means_no_metrics_port() -> None:
    telemetry = start_telemetry("test", ProcessSettings(suite_key=KEY, metrics_listen=""))
    assert telemetry.metrics_port == 0
    telemetry.close()


def test_a_log_line_is_json_with_the_trace_and_the_extras() -> None:
    telemetry = start_telemetry("test", ProcessSettings(suite_key=KEY, metrics_listen=""))
    record = logging.makeLogRecord(
        {"name": "x", "levelname": "INFO", "msg": "did %d", "args": (3,), "run_id": "r1"}
    )
    with telemetry.tracer.start_as_current_span("work") as span:
        line = json.loads(JsonFormatter("test").format(record))
    assert line["message"] == "did 3"
    assert line["service"] == "test"
    assert line["run_id"] == "r1"
    assert line["trace_id"] == f"{span.get_span_context().trace_id:032x}"
    assert set(line) == {
        *("time", "level", "service", "logger", "message", "trace_id", "span_id", "run_id")
    }
    telemetry.close()


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    """Takes spans as an OpenTelemetry collector does."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def Export(
        self, request: trace_service_pb2.ExportTraceServiceRequest, context: object
    ) -> trace_service_pb2.ExportTraceServiceResponse:
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                self.names += [span.name for span in scope.spans]
        return trace_service_pb2.ExportTraceServiceResponse()


def test_spans_reach_a_collector_before_the_process_ends() -> None:
    collector = Collector()
    server = grpc.server(futures.ThreadPoolExecutor(1))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(collector, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    settings = ProcessSettings(
        suite_key=KEY, metrics_listen="", otlp_endpoint=f"http://127.0.0.1:{port}"
    )
    telemetry = start_telemetry("test", settings)
    with telemetry.tracer.start_as_current_span("work"):
        pass
    telemetry.close()
    assert collector.names == ["work"]
    server.stop(0)
