from __future__ import annotations

import pytest
from hypothesis import given, strategies

from benchmarks.figures import Figure, at_least, at_most, latency, ratio
from benchmarks.machine import Disturbance
from benchmarks.report import Report
from tests.benchmarks.well_formed import by_name

durations_s = strategies.lists(strategies.floats(1e-7, 1e3), min_size=1, max_size=300)


@given(durations_s)
def test_a_latency_is_the_median_between_the_least_and_the_99th_percentile(
    samples_s: list[float],
) -> None:
    figure = by_name([latency("call", samples_s)])["call"]
    ordered_ms = sorted(1e3 * sample_s for sample_s in samples_s)
    assert figure.samples == len(samples_s)
    assert figure.least == ordered_ms[0]
    assert figure.p99 in ordered_ms
    above = sum(sample_ms > figure.p99 for sample_ms in ordered_ms)
    assert above <= len(samples_s) / 100


def test_the_99th_percentile_of_few_samples_is_the_largest() -> None:
    assert latency("call", [0.002, 0.001, 0.009]).p99 == pytest.approx(9)
    assert latency("call", [0.001] * 99 + [0.5]).p99 == pytest.approx(1)


def test_a_ratio_is_of_medians_and_tells_that_of_the_least_samples() -> None:
    gain = ratio("gain", latency("a", [0.010, 0.040, 0.090]), latency("b", [0.005, 0.010, 0.020]))
    assert gain.value == pytest.approx(4)
    assert gain.parts["by_least_samples"] == pytest.approx(2)


@pytest.mark.parametrize(
    ("target", "value", "met"),
    [(at_most(3), 3.0, True), (at_most(3), 3.1, False), (at_least(10), 9.9, False)],
    ids=["at the bound", "beyond the bound", "below the bound"],
)
def test_a_target_says_whether_it_is_met(target, value, met) -> None:  # type: ignore[no-untyped-def]
    told = Figure(name="x", value=value, unit="ms", target=target).to_json()
    assert told["met"] is met
    assert str(target.bound) in str(told["target"])


def test_the_table_shows_figure_target_and_whether_it_is_met() -> None:
    figures = [
        latency("a call", [0.0012], at_most(1.0), {"put_ms": 0.25}),
        Figure(name="a gain", value=12.5, unit="x", target=at_least(10), note="of two"),
    ]
    quiet = Report("hand_off", figures, Disturbance(0.02, 0.1), 3.0).to_table()
    busy = Report("hand_off", figures, Disturbance(0.9, 4.0), 3.0).to_table()
    call, parts, gain, note = quiet.splitlines()[-4:]
    assert call.split()[-5:] == ["1", "at", "most", "1", "no"]
    assert parts.strip() == "(put_ms 0.25)"
    assert gain.split()[-4:] == ["at", "least", "10", "yes"]
    assert note.strip() == "(of two)"
    assert "other work was running" in busy
    assert "other work" not in quiet
