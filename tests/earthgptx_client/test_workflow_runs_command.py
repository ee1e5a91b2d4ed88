"""`earthgptx workflow run` and its kin, against a gateway that runs as a process of its own.

What the orchestrator would do to the records, the tests do.
"""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from PIL import Image

from earthgptx_client import Client, ClientError, Kept
from earthgptx_client.run_events import RunAccepted, RunEnded
from shared.interpretation.events import Fault
from shared.run_records.state_redis import open_state_redis
from shared.security import hash_api_key
from shared.settings import ProcessSettings, read_settings
from shared.tensors.files import put_file
from shared.tensors.open_store import open_store
from shared.workflow_runs.runs import WorkflowRuns
from shared.workflow_runs.views import UnitClaim
from tests.earthgptx_client.running_command import Ran, environment_with, run_command
from tests.fakes import addresses
from tests.servers import free_port, redis_server
from tests.services.stage_processes import StageProcess, start_process
from workflow_language.value_json import value_to_json
from workflow_language.values import File

API_KEY = "the key of alpha"
FLOW = """\
workflow: frames
description: Counts what is seen.
inputs:
  frames: {type: list of image, at_most: 9}
  words: {type: text, default: all cars}
  least: {type: number, default: 0.5}
steps:
  - {id: seen, task: segment, for_each: $frames, with: {image: $item, words: $words}}
  - {id: all, task: merge, with: {regions: $seen}}
  - {id: sure, task: filter, with: {regions: $all, where: score >= $least}}
  - {id: number, task: count, with: {regions: $sure}}
outputs: {number: $number.number}
"""
COUNT = """\
workflow: w
inputs: {m: regions}
steps:
  - {id: n, task: count, with: {regions: $m}}
outputs: {n: $n.number}
"""
MARKS = [{"box": [1, 2, 3, 4]}, {"point": (5, 6)}]
Suite = tuple[StageProcess, dict[str, str]]
T = TypeVar("T")


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Suite]:
    """A gateway process, and what it was told."""
    folder = tmp_path_factory.mktemp("suite")
    keys = folder / "keys.json"
    keys.write_text(json.dumps([{"sha256": hash_api_key(API_KEY), "tenant": "alpha"}]))
    with redis_server(appendonly=True) as url:
        environ = {
            "EARTHGPTX_SUITE_KEY": "a suite key for tests, 32 letters or more",
            "EARTHGPTX_STATE_REDIS_URL": url,
            "EARTHGPTX_OBJECT_STORE_URL": f"file://{folder}/objects",
            "EARTHGPTX_TENSOR_TIERS": "inline,object_store",
        }
        own = addresses(free_port()) | {"EARTHGPTX_API_KEYS_FILE": str(keys)}
        gateway = start_process("gateway", environ | own, folder)
        try:
            gateway.wait_listening()
            yield gateway, environ
        finally:
            gateway.stop()


@pytest.fixture
def command(suite: Suite, tmp_path: Path) -> Callable[..., Ran]:
    def run(*arguments: object) -> Ran:
        known = {
            "EARTHGPTX_ADDRESS": suite[0].target,
            "EARTHGPTX_API_KEY": API_KEY,
            "EARTHGPTX_STATE_DIR": str(tmp_path / "no-suite"),
        }
        return run_command(["workflow", *arguments], known)

    return run


@pytest.fixture
def client(suite: Suite) -> Iterator[Client]:
    with Client(suite[0].target, API_KEY, timeout_s=10) as client:
        yield client


@pytest.fixture
def work(
    suite: Suite,
) -> Callable[[Callable[[WorkflowRuns], Awaitable[T]]], T]:
    """Does something to the records, as a worker would."""

    def do(something: Callable[[WorkflowRuns], Awaitable[T]]) -> T:
        async def connected() -> T:
            redis = open_state_redis(suite[1]["EARTHGPTX_STATE_REDIS_URL"])
            try:
                return await something(WorkflowRuns(redis))
            finally:
                await redis.aclose()

        return asyncio.run(connected())

    return do


@pytest.fixture
def flow(tmp_path: Path) -> Path:
    path = tmp_path / "frames.yaml"
    path.write_text(FLOW)
    return path


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    folder = tmp_path / "frames"
    folder.mkdir()
    for shade in (10, 200):
        Image.new("L", (64, 48), shade).save(folder / f"{shade}.png")
    (folder / "notes.txt").write_text("no image")
    return folder


def finish(run_id: str, outputs: dict[str, Any]) -> Callable[[WorkflowRuns], Awaitable[Any]]:
    async def two_items_and_the_end(runs: WorkflowRuns) -> None:
        claim = await runs.claim(run_id, "seen", "worker")
        assert isinstance(claim, UnitClaim)
        await runs.expand(claim, [0, 1])
        item = await runs.claim(run_id, "seen#0", "worker")
        assert isinstance(item, UnitClaim)
        await runs.commit(item, json.dumps({"masks": []}))
        await runs.finish(run_id, "succeeded", outputs=json.dumps(outputs))

    return two_items_and_the_end


def test_a_run_of_a_file_is_followed_and_what_it_gave_is_written(
    command, work, suite, flow: Path, frames: Path, tmp_path: Path
) -> None:
    asked = ("run", flow, "--input", f"frames={frames}", "--input", "words=a [car", "--key", "k")
    started = command(*asked, "--detach", "--json").json()
    store = open_store(read_settings(ProcessSettings, suite[1]))
    key = put_file(store, b"{}", tenant="alpha", ttl_s=60)
    store.close()
    drawn = File("seen.geojson", "application/geo+json", 2, key)
    region = {"box_xyxy_px": [1, 2, 3, 4], "label": "car", "score": 0.75}
    outputs = {"number": 2, "cars": [region], "maps": [value_to_json(drawn)]}
    work(finish(started["run_id"], outputs))
    # Asking again with the same key joins the run; that it has ended does not matter.
    done = command(*asked, "--out", tmp_path / "new" / "out")
    assert done.code == 0, done.err
    written = tmp_path / "new" / "out" / "maps" / "1" / "seen.geojson"
    assert done.out.splitlines() == [
        "cars: 1 item",
        "  car 0.75 at 1,2,3,4",
        "maps: 1 item",
        "  seen.geojson (application/geo+json, 2 bytes)",
        "number: 2",
        f"wrote {written}",
    ]
    assert written.read_bytes() == b"{}"
    assert [line.split()[:2] for line in done.err.splitlines()] == [
        ["run", started["run_id"]],
        ["frames:", "4"],
        ["seen", "2"],
        ["succeeded"],
    ]
    again = command("watch", started["run_id"], "--after", 3, "--json").json()
    assert again["outputs"] == outputs and again["files"][0]["path"] is None
    numbered = command("watch", started["run_id"], "--after", 3).err
    assert [line.split()[0] for line in numbered.splitlines()[1:]] == ["4", "5"]
    given = json.loads(work(lambda runs: runs.inputs(started["run_id"])))
    assert [frame["width_px"] for frame in given["frames"]] == [64, 64]
    assert (given["words"], given["least"]) == ("a [car", 0.5)


def test_workflows_are_kept_shown_run_by_name_and_forgotten(
    command, flow: Path, frames: Path
) -> None:
    assert command("create", flow).out.startswith("frames@1\nsha256:")
    assert command("create", flow).out.startswith("frames@1 (it was there)")
    assert command("list").out == "frames@1    Counts what is seen.\n"
    shown = command("show", "frames@1").out
    again = flow.with_name("again.yaml")
    again.write_text(shown)
    assert shown.startswith("# version 1 of 1\nworkflow: frames\n")
    assert command("create", again).out.startswith("frames@1 (it was there)")
    picture = frames / "10.png"
    inputs = ("--input", f"frames=[{picture}]", "--input", f"frames={picture}")
    run_id = command("run", "frames", *inputs, "--detach").out.strip()
    (listed,) = command("runs", "--workflow", "frames", "--limit", 1, "--json").json()["runs"]
    assert (listed["run_id"], listed["version"], listed["state"]) == (run_id, 1, "running")
    assert command("delete", "frames").code == 0
    gone = command("show", "frames")
    assert gone.code == 4 and "NOT_FOUND" in gone.err
    assert command("cancel", run_id).out == "cancelled\n"
    watched = command("watch", run_id)
    assert watched.code == 4 and f"earthgptx workflow resume {run_id}" in watched.err
    stood = command("status", run_id).out.splitlines()
    assert "cancelled" in stood[0] and "CANCELLED: the run was called off" in stood[0]
    assert stood[1].split() == ["seen", "segment", "stopped"]
    assert command("resume", run_id, "--detach").out == f"{run_id}\n"
    once_more = command("rerun", run_id, "--detach").out.strip()
    assert once_more not in ("", run_id)
    late = command("watch", once_more, "--deadline-s", 0.3)
    assert late.code == 5
    assert f"the run goes on: earthgptx workflow watch {once_more}" in late.err


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["frames"], "--input frames: is not NAME=VALUE"),
        (["frmes=x"], "--input frmes: the workflow has no such input; it has frames, words, least"),
        (["frames=nowhere.png"], "--input frames: no such file: nowhere.png"),
        (["least=0.5", "least=0.6"], "--input least: is given twice"),
        (["least=[1"], "--input least: 1:"),
        (["least=@nowhere"], "nowhere: No such file"),
        (["words=x"], "--input frames: is not given; frames is a list of image"),
        (["frames=sha256:" + "0" * 64], "--input frames: "),
    ],
)
def test_inputs_that_cannot_be_are_named_by_their_flag(
    command, flow: Path, given: list[str], said: str
) -> None:
    done = command("run", flow, *(word for each in given for word in ("--input", each)))
    assert done.code == 2 and said in done.err, done.err


def test_an_image_that_is_refused_is_named(command, flow: Path, tmp_path: Path) -> None:
    (tmp_path / "no.png").write_bytes(b"no image at all")
    done = command("run", flow, "--input", f"frames={tmp_path / 'no.png'}", "--json")
    assert done.code == 2
    assert done.json()["error"]["flag"] == "--input frames"
    assert str(tmp_path / "no.png") in done.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "nowhere.yaml"], "nowhere.yaml: No such file"),
        (["run", "Frames"], "Frames: No such file"),
        (["show", "frames@0"], "'frames@0' is not NAME or NAME@VERSION"),
        (["run", "never-kept"], "NOT_FOUND: the workflow: there is no such workflow"),
        (["watch", "never-was"], "NOT_FOUND: RUN: there is no such run"),
        (["watch", "x", "--out", "/proc/nothing"], "--out: cannot make /proc/nothing"),
    ],
)
def test_what_is_not_there_is_named(command, words: list[str], said: str) -> None:
    done = command(*words)
    assert done.code in (2, 4) and said in done.err, done.err


def test_a_broken_file_never_reaches_the_suite(command, flow: Path) -> None:
    flow.write_text(FLOW.replace("task: count", "task: cuont"))
    done = command("run", flow, "--json")
    assert done.code == 2 and f"{flow}:11:" in done.err
    assert done.json()["diagnostics"][0]["code"] == "unknown_task"


def test_the_sdk_does_the_same(client: Client, work) -> None:
    checked = client.workflows.validate(COUNT)
    assert (checked.most_runs, checked.output_types) == (1, {"n": "number"})
    (fault,) = client.workflows.validate(COUNT.replace("count", "cuont")).diagnostics
    assert (fault.code, fault.line, fault.step) == ("unknown_task", 4, "n")
    info, created = client.workflows.create(COUNT)
    assert created and info in list(client.workflows.list())
    started = client.workflows.run(Kept("w"), {"m": MARKS}, idempotency_key="sdk")
    assert client.workflows.run(Kept("w", 1), {"m": MARKS}, idempotency_key="sdk").joined
    broken = Fault("INVALID_INPUT", "broken", False, "steps.n.with.regions", "9 regions")
    work(lambda runs: runs.finish(started.run_id, "failed", fault=broken))
    events = list(client.runs.watch(started.run_id))
    assert events[0].happened == RunAccepted("w", 1)
    assert isinstance(events[-1].happened, RunEnded) and events[-1].happened.failure
    told = events[-1].happened.failure.as_error()
    assert (told.code, told.field, told.limit) == (broken.code, broken.field, broken.limit)
    assert list(client.runs.watch(started.run_id, after_event=1)) == events[1:]
    assert [run.run_id for run in client.runs.list(workflow="w", state="failed")] == [
        started.run_id
    ]
    with pytest.raises(ClientError, match="unknown state"):
        list(client.runs.list(state="late"))
    with pytest.raises(ClientError, match=r"inputs\.m\[0\] is a bytes"):
        client.workflows.run(Kept("w"), {"m": [b"x"]})
    client.workflows.delete("w")


def test_large_outputs_come_whole(client: Client, work) -> None:
    started = client.workflows.run(COUNT, {"m": MARKS})
    outputs = {"n": [{"label": "x" * 100, "score": 0.5}] * 20_000, "one": 1}
    work(lambda runs: runs.finish(started.run_id, "succeeded", outputs=json.dumps(outputs)))
    assert client.runs.get(started.run_id).outputs == outputs


def test_a_watch_goes_on_where_its_gateway_was_lost(suite, work, tmp_path: Path) -> None:
    environ = suite[1]
    own = {"EARTHGPTX_LISTEN": f"127.0.0.1:{free_port()}", "EARTHGPTX_DRAIN_GRACE_S": "0.1"}
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps([{"sha256": hash_api_key(API_KEY), "tenant": "alpha"}]))
    own |= addresses(free_port()) | {"EARTHGPTX_API_KEYS_FILE": str(keys)}
    first = start_process("gateway", environ | own, tmp_path)
    first.wait_listening()
    with Client(first.target, API_KEY, timeout_s=30) as client:
        started = client.workflows.run(COUNT, {"m": MARKS})
        events = client.runs.watch(started.run_id)
        numbers = [next(events).number]
        first.stop()
        second = start_process("gateway", environ | own, tmp_path)
        second.wait_listening()
        work(lambda runs: runs.finish(started.run_id, "succeeded", outputs='{"n": 1}'))
        numbers += [event.number for event in events]
        assert numbers == [1, 2]
        assert client.runs.get(started.run_id).outputs == {"n": 1}
    second.stop()


@pytest.fixture
def interruptible() -> Iterator[None]:
    """What a shell starts in the background ignores Ctrl-C, and so would all that it starts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_leaves_the_run_and_says_how_to_come_back(
    suite: Suite, client: Client, flow: Path, frames: Path, tmp_path: Path
) -> None:
    words = ["workflow", "run", str(flow), "--input", f"frames={frames}"]
    known = {"EARTHGPTX_ADDRESS": suite[0].target, "EARTHGPTX_API_KEY": API_KEY}
    process = subprocess.Popen(
        [sys.executable, "-m", "earthgptx_client", *words],
        stderr=subprocess.PIPE,
        text=True,
        env=environment_with(known | {"EARTHGPTX_STATE_DIR": str(tmp_path)}),
    )
    assert process.stderr is not None
    run_id = process.stderr.readline().split()[1]
    process.stderr.readline()
    process.send_signal(signal.SIGINT)
    try:
        _, said = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 130
    assert said.splitlines()[-2:] == [
        f"the run goes on: earthgptx workflow watch|cancel {run_id}",
        "earthgptx: interrupted",
    ]
    assert client.runs.get(run_id).info.state == "running"
