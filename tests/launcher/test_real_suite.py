"""The command against the whole suite: real processes, real weights."""

import io
import json
import os
import signal
import stat
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image
from rasterio.transform import Affine
from shapely.geometry import box, shape

from earthgptx.data.synthetic.scene import generate_scene
from earthgptx_client import Accepted, Answer, Client, ClientError, Event
from earthgptx_client import box as box_mark
from earthgptx_client.answer import gather
from launcher.state import StateFolder
from tests.launcher.watching import alive, running_suite, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def harbour(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("images") / "harbour.png"
    Image.fromarray(generate_scene(10023, 256).render("sar").squeeze()).save(path)
    return path


def test_status_says_what_runs_where_and_in_which_version(command):
    ran = command("status", "--json")
    assert ran.code == 0
    status = ran.json()
    assert status["running"]
    assert {service["state"] for service in status["services"]} == {"serving"}
    assert len(status["services"]) == 8
    assert len({service["address"] for service in status["services"]}) == 8
    assert status["versions"]["models"]["reasoner"].startswith("nano-")
    assert command("status").out.count("serving") == 8


def test_a_second_up_says_what_runs_and_starts_nothing(command, suite_folder: Path):
    before = running_suite(suite_folder)
    ran = command("up")
    assert ran.code == 0
    assert "already running" in ran.out
    assert running_suite(suite_folder) == before


def test_the_folder_of_the_suite_is_its_owners_alone(suite_folder: Path):
    for name in ("api_key", "secrets.json", "suite.json"):
        assert stat.S_IMODE((suite_folder / name).stat().st_mode) == 0o600


def test_every_question_command_answers(command, harbour: Path):
    few = ("--max-new-tokens", "24")
    asked = command("ask", harbour, "How many ships are there?", "--json", *few)
    assert asked.code == 0, asked.err
    assert asked.json()["run_id"]
    assert command("describe", harbour, *few).code == 0
    marks = ("--box", "30,20,90,60", "--point", "120,40", "--scribble", "10,10;40,40")
    classified = command("classify", harbour, *marks, "--json", *few)
    assert len(classified.json()["regions"]) == 3


def test_a_durable_answer_is_the_same_as_the_direct_one(command, harbour: Path):
    question = ("ask", harbour, "What kind of scene is this?", "--json", "--max-new-tokens", "16")
    direct, durable = command(*question), command(*question, "--durable")
    assert direct.code == durable.code == 0, durable.err
    assert durable.json()["text"] == direct.json()["text"]
    assert durable.json()["usage"]["image_from_cache"]


def test_marks_become_masks_in_a_file(command, harbour: Path, tmp_path: Path):
    out = tmp_path / "masks.png"
    ran = command("segment", harbour, "--box", "90,15,150,45", "--out", out)
    assert ran.code == 0, ran.err
    assert np.asarray(Image.open(out)).shape == (256, 256)


def test_a_georeferenced_image_gives_outlines_on_the_map(command, tmp_path: Path):
    path = tmp_path / "field.tif"
    bands = np.random.default_rng(0).integers(0, 4000, (3, 96, 96)).astype(np.uint16)
    where = {"crs": "EPSG:32632", "transform": Affine(10, 0, 500_000, 0, -10, 5_300_000)}
    size = {"width": 96, "height": 96, "count": 3, "dtype": "uint16"}
    with rasterio.open(path, "w", driver="GTiff", **size, **where) as file:
        file.write(bands)
    out = tmp_path / "field.geojson"
    ran = command("segment", path, "--box", "10,10,80,80", "--out", out, "--json")
    assert ran.code == 0, ran.err
    collection = json.loads(out.read_text())
    if ran.json()["masks"][0]["area_px"]:
        geometry = shape(collection["features"][0]["geometry"])
        assert geometry.within(box(8.9, 47.7, 9.1, 47.9))


BAD_IMAGES = {
    "words": b"this is no image",
    "half": None,
    "text_tiff": b"II*\x00" + b"\xff" * 64,
}


@pytest.mark.parametrize("kind", BAD_IMAGES)
def test_a_bad_image_is_refused_and_the_next_request_is_fine(
    command, harbour: Path, tmp_path: Path, kind: str
):
    data = harbour.read_bytes()
    path = tmp_path / f"{kind}.png"
    path.write_bytes(BAD_IMAGES[kind] or data[: len(data) // 2])
    ran = command("ask", path, "what is this?")
    assert ran.code == 2, ran.err
    assert "IMAGE" in ran.err
    assert command("ask", harbour, "Is there a ship?", "--max-new-tokens", "4").code == 0


def test_a_mark_outside_the_image_is_named_by_its_flag(command, harbour: Path):
    ran = command("ask", harbour, "?", "--point", "3,3", "--box", "0,0,9999,20")
    assert ran.code == 2
    assert "--box 0,0,9999,20 (<Region 2>)" in ran.err


def test_a_killed_stage_comes_back_and_answers(command, suite_folder: Path, harbour: Path):
    stage = next(
        s for s in running_suite(suite_folder)["services"] if s["name"] == "prompt_encoder"
    )
    os.kill(stage["pid"], signal.SIGKILL)

    def back():
        services = {s["name"]: s for s in running_suite(suite_folder)["services"]}
        again = services["prompt_encoder"]
        return again["restarts"] > stage["restarts"] and again["state"] == "serving"

    def answers():
        ran = command("classify", harbour, "--point", "60,60", "--max-new-tokens", "8")
        # Channels to the killed process back off for a moment: the caller is told to try again.
        assert ran.code == 0 or "the same request may succeed later" in ran.err, ran.err
        return ran.code == 0

    wait_for(back, 60)
    wait_for(answers, 30)


class DurableQuestions:
    """Durable questions about images that no stage has seen, asked side by side."""

    def __init__(self, suite_folder: Path, seed: int) -> None:
        self.seed = seed
        self.address = running_suite(suite_folder)["address"]
        self.key = StateFolder(suite_folder).api_key_file.read_text().strip()
        self.images = []
        for number in range(12):
            file = io.BytesIO()
            scene = generate_scene(seed + number, 256)
            Image.fromarray(scene.render("optical")).save(file, "PNG")
            self.images.append(file.getvalue())
        self.mark = box_mark(60, 60, 190, 190)

    def ask(self, number: int, accepted: threading.Event, durable: bool) -> Answer:
        """Asks until it is answered, always as the same run."""
        give_up_at = time.monotonic() + 90
        while True:
            try:
                with Client(self.address, self.key) as client:
                    told = client.interpret(
                        self.images[number],
                        "Segment <Region 1>.",
                        regions=[self.mark],
                        durable=durable,
                        idempotency_key=f"{self.seed}-{number}" if durable else None,
                        timeout_s=60,
                    )
                    return gather(self._noticed(told, accepted))
            except ClientError as error:
                assert error.retryable and time.monotonic() < give_up_at, error
                time.sleep(0.2)

    @staticmethod
    def _noticed(told: Iterator[Event], accepted: threading.Event) -> Iterator[Event]:
        for event in told:
            if isinstance(event, Accepted):
                accepted.set()
            yield event

    def all_at_once(self, accepted: threading.Event, durable: bool) -> list[Answer]:
        with ThreadPoolExecutor(len(self.images)) as pool:
            ask = partial(self.ask, accepted=accepted, durable=durable)
            return list(pool.map(ask, range(len(self.images))))


KILLED = ("reasoner", "orchestrator", "redis_state")


@pytest.mark.parametrize("name", KILLED)
def test_durable_runs_end_right_though_a_process_is_killed(suite_folder: Path, name: str):
    questions = DurableQuestions(suite_folder, 71_000 + 100 * KILLED.index(name))
    accepted = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        telling = pool.submit(questions.all_at_once, accepted, True)
        assert accepted.wait(30)
        services = running_suite(suite_folder)["services"]
        (pid,) = (service["pid"] for service in services if service["name"] == name)
        os.kill(pid, signal.SIGKILL)
        done_before = telling.done()
        answers = telling.result(120)
    assert not done_before
    wait_for(lambda: running_suite(suite_folder), 60)
    again = questions.all_at_once(threading.Event(), True)
    assert [a.accepted.run_id for a in again] == [a.accepted.run_id for a in answers]
    direct = questions.all_at_once(threading.Event(), False)
    for survived, plain in zip(answers, direct, strict=True):
        assert survived.raw_text == plain.raw_text
        assert len(survived.masks) == len(plain.masks)


def test_the_demo_answers_draws_and_sums_up(command, tmp_path: Path):
    out = tmp_path / "demo"
    ran = command("demo", "--out", out, "--json")
    assert ran.code == 0, ran.err
    summary = ran.json()
    assert summary == json.loads((out / "summary.json").read_text())
    assert len(summary["kinds"]) >= 8
    assert summary["durable"] == 1
    answers = json.loads((out / "answers.json").read_text())
    assert len(answers) == summary["questions"]
    for modality in ("optical", "sar", "infrared"):
        with Image.open(out / f"{modality}_answers.png") as picture:
            assert picture.size[0] >= 768


@pytest.mark.parametrize(
    ("suffix", "pixels"),
    [
        (".jpg", np.full((90, 120, 3), 90, np.uint8)),
        (".tif", np.arange(90 * 120, dtype=np.uint16).reshape(90, 120)),
    ],
)
def test_the_demo_takes_ones_own_image(command, tmp_path: Path, suffix: str, pixels):
    image = tmp_path / f"own{suffix}"
    Image.fromarray(pixels).save(image)
    ran = command("demo", "--image", image, "--out", tmp_path, "--json")
    assert ran.code == 0, ran.err
    assert (tmp_path / "own_answers.png").exists()


def test_the_demo_refuses_what_is_no_image_by_flag(command, tmp_path: Path):
    path = tmp_path / "words.png"
    path.write_text("no image")
    ran = command("demo", "--image", path, "--out", tmp_path)
    assert ran.code == 2
    assert "--image" in ran.err
    assert command("demo", "--image", tmp_path / "nothing.png").code == 2


def test_the_sdk_finds_the_suite_by_its_folder(suite_folder: Path, harbour: Path):
    suite = running_suite(suite_folder)
    key = StateFolder(suite_folder).api_key_file.read_text().strip()
    with Client(suite["address"], key) as client:
        uploaded = client.upload(harbour)
        assert (uploaded.width_px, uploaded.height_px) == (256, 256)
        client.delete(uploaded.image_id)


def test_down_leaves_nothing_and_says_so_again(command, suite_folder: Path):
    suite = running_suite(suite_folder)
    pids = {service["pid"] for service in suite["services"]} | {suite["supervisor_pid"]}
    assert command("down").out == "the suite is down\n"
    wait_for(lambda: not alive(pids), 5)
    assert command("down").out == "no suite was running\n"
    ran = command("status", "--json")
    assert ran.code == 3
    assert ran.json()["running"] is False
    assert command("ask", __file__, "?").code == 3
