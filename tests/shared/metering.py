"""Reads back what stage metrics counted."""

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from shared.stage_metrics import StageMetrics


def metric_reader() -> InMemoryMetricReader:
    return InMemoryMetricReader()


def metrics_of(reader: InMemoryMetricReader) -> StageMetrics:
    return StageMetrics(MeterProvider(metric_readers=[reader]).get_meter("test"), "test")


def metric_sum(reader: InMemoryMetricReader, name: str) -> float:
    data = reader.get_metrics_data()
    return sum(
        point.value
        for resource in (data.resource_metrics if data else ())
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.name == name
        for point in metric.data.data_points
    )
