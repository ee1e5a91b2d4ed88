"""Every benchmark at a size that says nothing but that it works."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

import benchmarks.__main__ as command
from benchmarks import (
    batching,
    control_plane,
    feature_cache,
    scene_throughput,
    stages,
    synthetic_scenes,
    tensor_hand_off,
    training,
    workflow_runs,
)
from benchmarks.figures import Given
from benchmarks.suite import running_suite
from earthgptx.model.pipeline import EarthGptX
from earthgptx.model.presets import read_config
from shared.tensors.ref import INLINE
from tests.benchmarks.well_formed import by_name

KIB, MIB = 1024, 1024 * 1024


def test_a_hand_off_takes_every_tier_and_grpc(given: Given) -> None:
    figures = by_name(
        tensor_hand_off.run(given, sizes_bytes=(64 * KIB, 4 * MIB), reuse_after_s=0.1)
    )
    for size, tiers in (("64 KiB", 4), ("4 MiB", 3)):
        words = [tensor_hand_off.WORDS_BY_TIER[tier] for tier in tensor_hand_off.WORDS_BY_TIER]
        taken = [word for word in words if f"{size}, {word}: put + get" in figures]
        assert len(taken) == tiers
    assert f"4 MiB, {tensor_hand_off.WORDS_BY_TIER[INLINE]}: whole" not in figures
    both = figures["4 MiB, shared memory: put + get"]
    assert both.target is not None
    assert both.value < figures["4 MiB, shared memory: whole"].value
    assert figures["4 MiB, inline over put + get in shared memory"].target is not None
    counted = [figure for name, figure in figures.items() if "fresh slab" not in name]
    assert {figure.samples for figure in counted} == {2}
    assert figures["4 MiB, shared memory, fresh slab: put + get"].value > 0


def test_workflows_are_run_timed_and_cancelled(given: Given) -> None:
    figures = by_name(workflow_runs.run(given))
    for kind in workflow_runs.KINDS:
        assert figures[kind].target is not None and figures[kind].samples == 2
        assert figures[f"{kind}: runs a second, 32 at once"].value > 1
    assert figures["a fan-out of 10 tiles, per tile"].value > 0
    assert 0 < figures["cancel until a running step is called off"].value < 2000
    assert 0.1 < figures["state Redis, memory for a finished run of four steps"].value < 100


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_whole_suite_is_measured(given: Given) -> None:
    with running_suite(given, THREADS="1") as suite:
        controlled = by_name(control_plane.measure(suite, 2))
        cached = by_name(feature_cache.measure(suite, 2))
        library = EarthGptX.load(given.weights)
        tiled = by_name(scene_throughput.measure(suite, library, 1, tiles_along=2))
    for kind in ("interactive", "durable"):
        whole, model, added = (
            controlled[f"{kind}: {words}"] for words in ("whole request", "inside models", "added")
        )
        assert 0 < model.value < whole.value
        assert added.target is not None
        assert added.value < whole.value
    assert cached["views encoded for first questions"].value == 2
    assert cached["views encoded for second questions"].value == 0
    assert all(figure.value > 0 for figure in tiled.values())
    assert tiled["suite over library"].target is not None


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_both_stages_are_loaded_and_fill_batches(
    given: Given, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EARTHGPTX_THREADS", "1")
    figures = by_name(batching.run(given, max_batches=(8,)))
    for stage in ("image encoder", "reasoner"):
        batched = figures[f"{stage}, batches of at most 8"]
        assert batched.value > 0
        assert 1 < batched.parts["mean_batch"] <= 8
        assert figures[f"{stage}, batches of at most 8: a call"].samples == 2 * 8 * 2


def test_the_gain_is_that_of_the_larger_batches_over_the_smaller() -> None:
    loads = {
        ("reasoner", 1): batching.Load([0.1], [10.0, 20.0, 60.0], mean_batch=1),
        ("reasoner", 8): batching.Load([0.2], [30.0, 50.0, 90.0], mean_batch=4),
    }
    gain = by_name(batching.compare("reasoner", loads))["reasoner, gain by batching"]
    assert gain.value == pytest.approx(2.5)
    assert gain.parts["by_best_rounds"] == pytest.approx(1.5)


def test_each_stage_is_held_against_the_limit(given: Given) -> None:
    figures = by_name(stages.run(given, batches=(1, 2), dtypes=("float32",)))
    shares = [
        figure.parts["share_of_limit_percent"]
        for figure in figures.values()
        if "share_of_limit_percent" in figure.parts
    ]
    assert len(shares) == 2 * 5
    assert all(0 < share < 150 for share in shares)


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_training_step_of_each_phase_is_timed(given: Given) -> None:
    whole = read_config(given.weights / "config.json")
    small = dataclasses.replace(
        whole,
        vit=dataclasses.replace(whole.vit, depth=1),
        prompt=dataclasses.replace(whole.prompt, depth=1),
        language=dataclasses.replace(whole.language, layers=1),
    )
    figures = by_name(training.run(given, config=small, batch_size=1, workers=0))
    for phase in training.PHASES:
        assert figures[phase].value > 0
        assert 0 <= figures[f"{phase}: waiting for data"].value <= 100


def test_the_command_prints_records_and_ends_well_whatever_was_measured(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = ["synthetic_scenes", "--weights", str(weights), "--out", str(tmp_path), "--rounds"]
    assert command.main([*chosen, "1"]) == 0
    told = capsys.readouterr().out
    assert "cores" in told
    assert "scenes with optical, sar, infrared" in told
    assert command.main([*chosen, "1", "--json"]) == 0
    (printed,) = json.loads(capsys.readouterr().out)
    assert printed == json.loads((tmp_path / "synthetic_scenes.json").read_text())
    assert {"machine", "weights", "benchmark", "figures", "busy_share_before"} <= printed.keys()


def test_an_unknown_benchmark_is_refused_with_those_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as refused:
        command.main(["speed"])
    assert refused.value.code == 2
    assert "tensor_hand_off" in capsys.readouterr().err


def test_every_benchmark_is_a_module_with_a_run() -> None:
    modules = (
        tensor_hand_off,
        control_plane,
        workflow_runs,
        scene_throughput,
        feature_cache,
        batching,
        stages,
        training,
        synthetic_scenes,
    )
    assert tuple(module.__name__.removeprefix("benchmarks.") for module in modules) == command.NAMES
    assert all(callable(module.run) for module in modules)
