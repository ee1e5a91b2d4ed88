"""What the suite adds to the model's time, for a caller who waits and for a durable run.

The request is as small as one is: one marked region, a question, one token of answer, features of
the image in the cache. Added is the whole request, as the SDK sees it, less the time that the
stages' metrics say was spent inside models for it: everything else, waiting for company in a batch
included. Requests come one at a time, so what the metrics rise by meanwhile is their own. A bare
gRPC call to the gateway (its health) is timed in the same rounds: a request needs at least four.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from benchmarks.counts import Rise
from benchmarks.figures import Figure, Given, Target, at_most, latency
from benchmarks.pictures import scene_png
from benchmarks.suite import Suite, running_suite
from earthgptx_client import regions

ROUNDS = 200
WARM_UP = 5
INTERACTIVE_TARGET, DURABLE_TARGET = at_most(3.0), at_most(12.0)
# The stages of such a request and the calls they serve; the encoders work side by side.
METHODS = {
    "image_encoder": "ImageEncoder/EncodeImage",
    "prompt_encoder": "PromptEncoder/EncodePrompts",
    "reasoner": "Reasoner/Generate",
}
MODEL_CALLS = {"image_encoder": 0, "prompt_encoder": 1, "reasoner": 1}


@dataclass(frozen=True)
class StageShare:
    """What one stage spent on a request, in seconds.

    Attributes:
        call_s: From its call to its last word.
        model_s: Of that, inside the model.
        waiting_s: Of that, waiting for company in a batch.
    """

    call_s: float
    model_s: float
    waiting_s: float

    @property
    def besides_s(self) -> float:
        return self.call_s - self.model_s - self.waiting_s


@dataclass(frozen=True)
class Split:
    """Where the time of one request went, in seconds."""

    whole_s: float
    stages: dict[str, StageShare]

    @property
    def model_s(self) -> float:
        return sum(stage.model_s for stage in self.stages.values())

    @property
    def added_s(self) -> float:
        return self.whole_s - self.model_s

    @property
    def waiting_s(self) -> float:
        return sum(stage.waiting_s for stage in self.stages.values())

    @property
    def between_stages_s(self) -> float:
        """Neither in the reasoner nor in the slower of the encoders."""
        encoders_s = max(self.stages[name].call_s for name in ("image_encoder", "prompt_encoder"))
        return self.whole_s - encoders_s - self.stages["reasoner"].call_s


def run(given: Given) -> list[Figure]:
    """Starts a suite and asks it."""
    with running_suite(given) as suite:
        return measure(suite, given.rounds or ROUNDS)


def measure(suite: Suite, rounds: int) -> list[Figure]:
    """Asks by both ways in turn."""
    splits: dict[bool, list[Split]] = {False: [], True: []}
    bare_s: list[float] = []
    with suite.client() as client, grpc.insecure_channel(suite.address) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        image = client.upload(scene_png(0))

        def ask(durable: bool) -> Callable[[], object]:
            return lambda: client.ask(
                image,
                "What is <Region 1>?",
                regions=[regions.box(100, 100, 180, 180)],
                max_new_tokens=1,
                durable=durable,
            )

        for _ in range(WARM_UP):
            ask(durable=False)()
            ask(durable=True)()
        while len(splits[True]) < rounds:
            bare_s.append(_took(lambda: health.Check(health_pb2.HealthCheckRequest())))
            for durable, found in splits.items():
                found += _split(suite, ask(durable))
    return [
        latency("a bare gRPC call to the gateway", bare_s),
        *_figures("interactive", splits[False], INTERACTIVE_TARGET, "gateway and SDK"),
        *_figures("durable", splits[True], DURABLE_TARGET, "gateway, broker, run records and SDK"),
    ]


def _split(suite: Suite, ask: Callable[[], object]) -> list[Split]:
    """Asks once; none if a health probe ran through a model meanwhile."""
    before = suite.counts(*METHODS)
    whole_s = _took(ask)
    rise = Rise(before, suite.counts(*METHODS))
    calls = {
        stage: rise.of(stage, "earthgptx_stage_service_time_seconds_count") for stage in METHODS
    }
    if calls != MODEL_CALLS:
        return []
    return [Split(whole_s, {stage: _share(rise, stage) for stage in METHODS})]


def _took(call: Callable[[], object]) -> float:
    started_s = time.perf_counter()
    call()
    return time.perf_counter() - started_s


def _share(rise: Rise, stage: str) -> StageShare:
    def spent_s(name: str, **labels: str) -> float:
        return rise.of(stage, f"earthgptx_{name}_seconds_sum", **labels)

    return StageShare(
        call_s=spent_s("rpc_duration", method=METHODS[stage]),
        model_s=spent_s("stage_service_time") + spent_s("stage_step_time"),
        waiting_s=spent_s("stage_queue_wait"),
    )


def _figures(kind: str, splits: Sequence[Split], target: Target, rest: str) -> list[Figure]:
    def part(words: str, of: Callable[[Split], float], bound: Target | None = None) -> Figure:
        return latency(f"{kind}: {words}", [of(split) for split in splits], bound)

    return [
        part("whole request", lambda split: split.whole_s),
        part("inside models", lambda split: split.model_s),
        part("added", lambda split: split.added_s, target),
        part("added, waiting for company in a batch", lambda split: split.waiting_s),
        *(
            part(
                f"added, {stage.replace('_', ' ')} besides",
                lambda split, stage=stage: split.stages[stage].besides_s,  # type: ignore[misc]
            )
            for stage in METHODS
        ),
        part(f"added, {rest}", lambda split: split.between_stages_s),
    ]
