import io
import threading
import time
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from earthgptx_client.answer import Answer
from earthgptx_client.regions import box
from tests.containers.composition import Containers, docker
from tests.contract.tree import SERVICES, hyphenated

pytestmark = [pytest.mark.containers, pytest.mark.slow, pytest.mark.timeout(2400)]

LIST_OBJECTS = """
from services.orchestrator.settings import OrchestratorSettings
from shared.settings import read_settings
from shared.tensors.s3_objects import connect_s3
s = read_settings(OrchestratorSettings)
key, secret = s.object_store_access_key, s.object_store_secret_key
print(*connect_s3(s.object_store_url, key, secret).names())
"""
PROCESSES = [hyphenated(service) for service in SERVICES]


def picture(seed: int) -> bytes:
    """A PNG of noise, another for each seed: nothing of it is cached."""
    pixels_HWC = np.random.default_rng(seed).integers(0, 255, (200, 240, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels_HWC).save(file, format="PNG")
    return file.getvalue()


def in_redis(containers: Containers) -> set[str]:
    """Keys in the Redis of tensors."""
    script = "REDISCLI_AUTH=$(cat /run/secrets/redis-password) redis-cli --scan"
    return set(containers.run_in("redis-tensors", script).split())


def in_object_store(containers: Containers) -> set[str]:
    """Names of objects, as a process of the suite sees them."""
    return set(containers.run_in("orchestrator", f"python -c '{LIST_OBJECTS}'").split())


@pytest.mark.parametrize("durable", [False, True], ids=["interactive", "durable"])
def test_words_and_masks_are_answered(containers: Containers, durable: bool) -> None:
    with containers.client() as client:
        image = picture(int(durable))
        assert client.ask(image, "what is in the image?", durable=durable).text
        marks = [box(20, 20, 90, 90), box(100, 60, 180, 160)]
        masks = client.ask(image, regions=marks, task="segment_regions", durable=durable).masks
    assert [mask.to_array().shape for mask in masks] == [(200, 240)] * 2


@pytest.mark.parametrize("process", PROCESSES)
def test_a_process_is_nobody_and_can_write_nothing_but_scratch(
    containers: Containers, process: str
) -> None:
    script = "id -u; touch /srv/earthgptx/x /opt/suite/x 2>/dev/null && echo written; touch /tmp/x"
    assert containers.run_in(process, script).split() == ["10001"]
    status = containers.run_in(process, "cat /proc/1/status")
    capabilities = [line for line in status.splitlines() if line.startswith("CapEff")]
    assert capabilities == ["CapEff:\t0000000000000000"]


def test_no_secret_is_shown(containers: Containers) -> None:
    names = docker("ps", "--filter", f"name={containers.name}", "--format", "{{.Names}}").split()
    assert len(names) == 10
    shown = docker("inspect", *names)
    for name in names:
        shown += docker("logs", name) + docker("top", name)
    assert [name for name, value in containers.secrets().items() if value in shown] == []


def test_features_lie_in_shared_memory_where_the_host_is_one(containers: Containers) -> None:
    with containers.client() as client:
        client.ask(picture(2), "what is in the image?")
    assert ".slab" in containers.run_in("reasoner", "ls /dev/shm/earthgptx-*")


def test_a_stopped_stage_ends_its_call_first(containers: Containers) -> None:
    answers: list[Answer] = []

    def ask() -> None:
        with containers.client() as client:
            answers.append(client.ask(picture(3), "what is in the image?"))

    asking = threading.Thread(target=ask)
    asking.start()
    time.sleep(0.5)
    reasoner = containers.container("reasoner")
    docker("stop", "--time", "120", reasoner)
    state = docker("inspect", "--format", "{{.State.ExitCode}} {{.State.OOMKilled}}", reasoner)
    assert state.split() == ["0", "false"]
    assert '"message": "stopped"' in docker("logs", reasoner).splitlines()[-1]
    docker("start", reasoner)
    asking.join()
    assert len(answers) == 1 and answers[0].text
    containers.wait_healthy()


def test_a_durable_run_outlives_the_worker_that_had_it(containers: Containers) -> None:
    reasoner, worker = containers.container("reasoner"), containers.container("orchestrator")
    with containers.client() as client:
        image = client.upload(picture(4))
        answers: list[Answer] = []
        docker("pause", reasoner)
        asking = threading.Thread(
            target=lambda: answers.append(client.ask(image, "what is this?", durable=True))
        )
        asking.start()
        time.sleep(5)
        docker("kill", worker)
        docker("unpause", reasoner)
        docker("start", worker)
        asking.join()
    assert len(answers) == 1 and answers[0].text
    containers.wait_healthy()


@pytest.mark.parametrize(
    ("tiers", "place"),
    [("inline,redis,object_store", in_redis), ("inline,object_store", in_object_store)],
    ids=["redis", "object store"],
)
def test_without_shared_memory_tensors_go_by(
    containers: Containers, tiers: str, place: Callable[[Containers], set[str]]
) -> None:
    containers.compose("up", "--detach", "--no-build", TENSOR_TIERS=tiers)
    containers.wait_healthy()
    before = place(containers)
    with containers.client() as client:
        assert client.ask(picture(len(tiers)), "what is in the image?").text
        assert client.ask(picture(len(tiers)), "what is in the image?", durable=True).text
    added = place(containers) - before
    assert any("tensor" in name for name in added), added
