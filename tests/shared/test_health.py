import asyncio

import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from shared import health
from shared.errors import Internal, InvalidInput, QueueFull, SuiteError
from shared.health import LIVENESS, Health

SERVING = HealthCheckResponse.SERVING
NOT_SERVING = HealthCheckResponse.NOT_SERVING


class Model:
    """Answers probes, or does not."""

    def __init__(self) -> None:
        self.error: BaseException | None = None
        self.asked = 0

    async def probe(self) -> None:
        self.asked += 1
        if self.error is not None:
            raise self.error


@pytest.fixture(autouse=True)
def quick_probes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "PROBE_INTERVAL_S", 0.05)
    monkeypatch.setattr(health, "PROBE_RETRY_S", 0.02)
    monkeypatch.setattr(health, "PROBE_TIMEOUT_S", 0.2)


async def state(watched: Health, name: str = "") -> int:
    response = await watched.servicer.Check(HealthCheckRequest(service=name), None)
    return int(response.status)


async def becomes(watched: Health, status: int) -> None:
    async with asyncio.timeout(3):
        while await state(watched) != status:
            await asyncio.sleep(0.005)


async def test_it_serves_only_after_the_model_has_answered() -> None:
    model = Model()
    model.error = RuntimeError("weights are broken")
    watched = Health(model.probe, ("earthgptx.v1.Reasoner",), 3)
    await watched.start()
    assert await state(watched) == NOT_SERVING
    assert await state(watched, "earthgptx.v1.Reasoner") == NOT_SERVING
    assert await state(watched, LIVENESS) == SERVING
    watch = asyncio.create_task(watched.watch())
    model.error = None
    await becomes(watched, SERVING)
    assert await state(watched, "earthgptx.v1.Reasoner") == SERVING
    watch.cancel()


async def test_internal_errors_in_a_row_mean_not_serving_until_a_probe_passes() -> None:
    model = Model()
    watched = Health(model.probe, (), 3)
    await watched.start()
    watch = asyncio.create_task(watched.watch())
    model.error = RuntimeError("the card fell off the bus")
    for _ in range(3):
        watched.note(Internal("x"))
    await becomes(watched, NOT_SERVING)
    model.error = None
    await becomes(watched, SERVING)
    watch.cancel()


@pytest.mark.parametrize("outcome", [None, InvalidInput("the caller's fault"), QueueFull("busy")])
async def test_a_call_that_ends_otherwise_does_not_speak_against_the_model(
    outcome: SuiteError | None,
) -> None:
    model = Model()
    watched = Health(model.probe, (), 1)
    await watched.start()
    for _ in range(5):
        watched.note(outcome)
    assert await state(watched) == SERVING


async def test_a_model_that_breaks_without_traffic_is_noticed() -> None:
    model = Model()
    watched = Health(model.probe, (), 3)
    await watched.start()
    watch = asyncio.create_task(watched.watch())
    model.error = RuntimeError("x")
    await becomes(watched, NOT_SERVING)
    watch.cancel()


async def test_a_model_that_hangs_is_not_serving() -> None:
    async def hang() -> None:
        await asyncio.sleep(30)

    watched = Health(hang, (), 3)
    await watched.start()
    assert await state(watched) == NOT_SERVING


async def test_a_busy_model_is_not_a_broken_one() -> None:
    model = Model()
    watched = Health(model.probe, (), 3)
    await watched.start()
    watch = asyncio.create_task(watched.watch())
    model.error = QueueFull("busy")
    asked = model.asked
    await asyncio.sleep(0.3)
    assert model.asked > asked
    assert await state(watched) == SERVING
    watch.cancel()


async def test_while_traffic_succeeds_nothing_is_probed() -> None:
    model = Model()
    watched = Health(model.probe, (), 3)
    await watched.start()
    watch = asyncio.create_task(watched.watch())
    for _ in range(20):
        watched.note(None)
        await asyncio.sleep(0.01)
    assert model.asked == 1
    watch.cancel()


async def test_draining_is_not_serving_for_good() -> None:
    model = Model()
    watched = Health(model.probe, (), 3)
    await watched.start()
    watch = asyncio.create_task(watched.watch())
    await watched.drain()
    await asyncio.sleep(0.1)
    assert await state(watched) == NOT_SERVING
    watch.cancel()
