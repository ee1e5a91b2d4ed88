import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import grpc
import numpy as np
import pytest
from PIL import Image

from earthgptx_client import mask
from protos.earthgptx.v1 import geometry_pb2, interpreter_pb2
from tests.earthgptx_client.fake_gateway import API_KEY, FakeGateway, Refusal, answer, failed
from tests.earthgptx_client.running_command import environment_with
from tests.services.collector import running_collector


def _square_mask(*, lonlat: bool = False) -> interpreter_pb2.GroundedMask:
    inside_HW = np.zeros((64, 64), bool)
    inside_HW[10:20, 30:40] = True

    def outline(corners):
        positions = [interpreter_pb2.Position(x=x, y=y) for x, y in corners]
        return interpreter_pb2.PolygonWithHoles(outer=interpreter_pb2.Ring(positions=positions))

    found = interpreter_pb2.GroundedMask(
        phrase="tank",
        mask=mask(inside_HW).marks[0].mask,
        score=0.9,
        area_px=100,
        box=geometry_pb2.Box(x0_px=30, y0_px=10, x1_px=40, y1_px=20),
        polygons_px=[outline([(30, 10), (40, 10), (40, 20), (30, 20)])],
    )
    if lonlat:
        # Clockwise on the map: must be turned.
        around = outline([(8.0, 50.0), (8.0, 50.1), (8.1, 50.1), (8.1, 50.0)])
        found.polygons_lonlat.append(around)
    return found


def test_ask_prints_words_then_boxes_and_masks(command, gateway: FakeGateway, picture: Path):
    ships = interpreter_pb2.GroundedBoxes(
        phrase="ships", boxes=[geometry_pb2.Box(x0_px=1, y0_px=2, x1_px=3, y1_px=4)]
    )
    gateway.reply = lambda request, context: answer(
        "two ships", boxes=[ships], masks=[_square_mask()]
    )
    ran = command("ask", picture, "what is here?")
    assert ran.code == 0
    assert ran.out.splitlines() == [
        "two ships ",
        "box  ships: 1,2,3,4",
        "mask tank: 30,10,40,20, 100 px, score 0.90",
    ]


def test_boxes_of_counted_things_are_shown_with_their_scores(
    command, gateway: FakeGateway, picture: Path
):
    boxes = [geometry_pb2.Box(x0_px=x, y0_px=2, x1_px=x + 2, y1_px=4) for x in (1, 5)]
    found = interpreter_pb2.GroundedBoxes(phrase="2 ships", boxes=boxes, scores=[0.91, 0.4])
    gateway.reply = lambda request, context: answer("2 ships", boxes=[found])
    ran = command("ask", picture, "detect all ships.")
    assert ran.out.splitlines() == ["2 ships ", "box  2 ships: 1,2,3,4 (0.91); 5,2,7,4 (0.40)"]
    told = json.loads(command("ask", picture, "detect all ships.", "--json").out)
    assert told["boxes"][0]["scores"] == [0.91, 0.4]


@contextmanager
def _asking(gateway: FakeGateway, picture: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`earthgptx ask` while it runs."""
    environment = environment_with(
        {"EARTHGPTX_ADDRESS": gateway.address, "EARTHGPTX_API_KEY": API_KEY}
    )
    words = [sys.executable, "-m", "earthgptx_client", "ask", str(picture), "?"]
    pipe = subprocess.PIPE
    # What runs in the background of a shell ignores SIGINT, and so would this: not here.
    awake = partial(signal.signal, signal.SIGINT, signal.default_int_handler)
    with subprocess.Popen(
        words, stdout=pipe, stderr=pipe, env=environment, preexec_fn=awake
    ) as running:
        yield running


def test_words_stream_into_a_pipe_as_they_come(gateway: FakeGateway, picture: Path):
    gateway.reply = lambda request, context: answer("one two three four", pause_s=0.4)
    with _asking(gateway, picture) as running:
        assert running.stdout.read(3) == b"one"
        assert running.poll() is None
        assert running.stdout.read() == b" two three four \n"
    assert running.returncode == 0


def test_json_is_one_object_and_nothing_else(command, gateway: FakeGateway, picture: Path):
    gateway.reply = lambda request, context: answer("a tank", masks=[_square_mask()])
    said = command("ask", picture, "?", "--json").json()
    assert said["text"] == "a tank"
    assert said["masks"][0]["box_xyxy_px"] == [30, 10, 40, 20]


def test_marks_become_regions_in_the_order_of_the_command_line(
    command, gateway: FakeGateway, picture: Path, tmp_path: Path
):
    drawn = np.zeros((64, 64), np.uint8)
    drawn[5:9, 5:9] = 255
    Image.fromarray(drawn).save(tmp_path / "mask.png")
    ran = command(
        *("ask", picture, "?", "--box", "1,2,30,40", "--point", "5,6", "--mask"),
        *(tmp_path / "mask.png", "--scribble", "1,1;2,2", "--polygon", "0,0;9,0;9,9"),
        *("--box", "2,2,3,3", "--modality", "infrared", "--durable"),
    )
    assert ran.code == 0
    sent = gateway.requests[0]
    kinds = [region.marks[0].WhichOneof("shape") for region in sent.regions]
    assert kinds == ["box", "point", "mask", "scribble", "polygon", "box"]
    assert sent.durable
    assert sent.modality == geometry_pb2.MODALITY_INFRARED


def test_coordinates_may_begin_with_a_minus(command, gateway: FakeGateway, picture: Path):
    marks = ("--box", "-1,-0.5,9,9", "--point", "-.5,3", "--scribble", "-1,0;4,4")
    assert command("ask", picture, "?", *marks).code == 0
    first, second, third = (region.marks[0] for region in gateway.requests[0].regions)
    assert first.box == geometry_pb2.Box(x0_px=-1, y0_px=-0.5, x1_px=9, y1_px=9)
    assert second.point.x_px == -0.5
    assert third.scribble.vertices[0].x_px == -1


def test_classify_and_describe_ask_for_each_mark_by_itself(
    command, gateway: FakeGateway, picture: Path
):
    ran = command("classify", picture, "--point", "5,6", "--point", "7,8")
    assert ran.out.splitlines() == ["<Region 1> harbor ", "<Region 2> harbor "]
    said = command("describe", picture, "--detailed", "--json").json()
    assert said["text"] == "harbor"
    assert gateway.requests[-1].question == "Describe the image in detail."


def test_segment_writes_a_mask_of_the_image_size(
    command, gateway: FakeGateway, picture: Path, tmp_path: Path
):
    gateway.reply = lambda request, context: answer("a tank", masks=[_square_mask()])
    out = tmp_path / "mask.png"
    assert command("segment", picture, "the tank", "--out", out).code == 0
    assert gateway.requests[0].question == "Segment the tank."
    written = np.asarray(Image.open(out))
    assert written.shape == (64, 64)
    assert set(np.unique(written)) == {0, 255}
    assert int((written > 0).sum()) == 100


def test_several_masks_are_numbered_in_one_file(
    command, gateway: FakeGateway, picture: Path, tmp_path: Path
):
    both = [_square_mask(), interpreter_pb2.GroundedMask(mask=mask(np.eye(64) > 0).marks[0].mask)]
    gateway.reply = lambda request, context: answer("", masks=both)
    out = tmp_path / "masks.png"
    ran = command("segment", picture, "--box", "1,2,3,4", "--point", "5,5", "--out", out)
    assert ran.code == 0
    assert gateway.requests[0].task == interpreter_pb2.TASK_SEGMENT_REGIONS
    assert set(np.unique(np.asarray(Image.open(out)))) == {0, 1, 2}


@pytest.mark.parametrize("lonlat", [True, False])
def test_geojson_says_in_which_coordinates_it_is(
    command, gateway: FakeGateway, picture: Path, tmp_path: Path, lonlat: bool
):
    gateway.reply = lambda request, context: answer("a", masks=[_square_mask(lonlat=lonlat)])
    out = tmp_path / "tank.geojson"
    assert command("segment", picture, "the tank", "--out", out).code == 0
    collection = json.loads(out.read_text())
    ring = collection["features"][0]["geometry"]["coordinates"][0]
    assert ring[0] == ring[-1]
    following = ring[1:] + ring[:1]
    assert sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(ring, following, strict=True)) > 0
    assert ("pixels" in collection["earthgptx"]["coordinates"]) is not lonlat
    assert (max(x for x, _ in ring) < 9) is lonlat


BAD_INPUT = [
    (["ask", "{picture}", "?", "--box", "1,2,3"], "--box"),
    (["ask", "{picture}", "?", "--box", "5,5,5,9"], "--box"),
    (["ask", "{picture}", "?", "--box", "a,b,c,d"], "--box"),
    (["ask", "{picture}", "?", "--point", "nan,3"], "--point"),
    (["ask", "{picture}", "?", "--point", "1e999,3"], "--point"),
    (["ask", "{picture}", "?", "--polygon", "1,1;2,2"], "--polygon"),
    (["ask", "{picture}", "?", "--polygon", ""], "--polygon"),
    (["ask", "{picture}", "?", "--scribble", "1,1;" * 10_000], "--scribble"),
    (["ask", "{picture}", "?", "--mask", "{picture}.no"], "--mask"),
    (["ask", "{picture}", "?", "--mask", "{words}"], "--mask"),
    (["ask", "{picture}", "?", *["--point", "1,1"] * 65], "--point"),
    (["ask", "{picture}", "?", "--modality", "radar"], "--modality"),
    (["ask", "{picture}", "?", "--zoom", "9"], "--zoom"),
    (["ask", "{picture}", "?", "--deadline-s", "-1"], "--deadline-s"),
    (["ask", "{picture}", "?", "--deadline-s", "soon"], "'soon' is not a number of seconds"),
    (["ask", "{picture}", "?", "--deadline-s", "1e300"], "at most 86400"),
    (["ask", "{picture}", "?", "--max-new-tokens", "few"], "'few' is not"),
    (["ask", "{picture}", "?", "--api-key", "schlüssel"], "--api-key"),
    (["ask", "{picture}", "?", "--api-key", "two\nlines"], "--api-key"),
    (["ask", "{picture}", "what \udcff"], "is not UTF-8"),
    (["segment", "{picture}", "what \udcff", "--out", "{folder}/x.png"], "is not UTF-8"),
    (["segment", "{picture}", "x" * 5000, "--out", "{folder}/x.png"], "question"),
    (["ask", "{picture}", "?", "--max-new-tokens", "-5"], "--max-new-tokens"),
    (["ask", "{picture}", ""], "question"),
    (["ask", "{picture}", "x" * 5000], "question"),
    (["ask", "{picture}"], "QUESTION"),
    (["ask", "{folder}/nothing.png", "?"], "IMAGE"),
    (["ask", "{folder}", "?"], "IMAGE"),
    (["ask", "{empty}", "?"], "IMAGE"),
    (["segment", "{picture}", "a tank"], "--out"),
    (["segment", "{picture}", "a tank", "--out", "{folder}/x.bmp"], "--out"),
    (["segment", "{picture}", "a tank", "--out", "{folder}/no/x.png"], "--out"),
    (["segment", "{picture}", "--out", "{folder}/x.png"], "expression"),
    (["segment", "{picture}", "a", "--point", "1,1", "--out", "{folder}/x.png"], "expression"),
    (["sing"], "sing"),
    ([], "COMMAND"),
]


@pytest.mark.parametrize(
    ("words", "named"), BAD_INPUT, ids=[f"{number}" for number in range(len(BAD_INPUT))]
)
def test_bad_input_names_the_flag_and_sends_nothing(
    command, gateway: FakeGateway, picture: Path, tmp_path: Path, words, named
):
    (tmp_path / "words").write_text("no picture")
    (tmp_path / "empty").touch()
    places = {
        "{picture}": str(picture),
        "{folder}": str(tmp_path),
        "{words}": str(tmp_path / "words"),
        "{empty}": str(tmp_path / "empty"),
    }
    for name, place in places.items():
        words = [word.replace(name, place) for word in words]
    ran = command(*words)
    assert ran.code == 2
    assert named in ran.err
    assert ran.out == ""
    assert gateway.requests == []


def test_a_file_that_cannot_be_written_is_named_by_its_flag(
    command, gateway: FakeGateway, picture: Path, tmp_path: Path
):
    out = tmp_path / ("x" * 300 + ".png")
    ran = command("segment", picture, "a tank", "--out", out)
    assert ran.code == 2
    assert f"--out: cannot write {out}" in ran.err


def test_what_the_suite_refuses_names_the_flag_it_came_from(
    command, gateway: FakeGateway, picture: Path
):
    status = grpc.StatusCode.INVALID_ARGUMENT
    gateway.refusals = [
        Refusal(status, "INVALID_INPUT", "outside", "regions[1].marks[0].box", "64 x 64 px")
    ]
    ran = command("ask", picture, "?", "--point", "1,1", "--box", "1,1,99,99", "--json")
    assert ran.code == 2
    assert "--box 1,1,99,99 (<Region 2>)" in ran.err
    assert "64 x 64 px" in ran.err
    assert ran.json()["error"]["field"] == "regions[1].marks[0].box"


def test_no_suite_exits_with_3_and_says_how_to_start_one(command, picture: Path):
    ran = command("ask", picture, "?", EARTHGPTX_ADDRESS="")
    assert ran.code == 3
    assert "earthgptx up" in ran.err
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        nobody = f"127.0.0.1:{listener.getsockname()[1]}"
    ran = command("ask", picture, "?", "--address", nobody)
    assert ran.code == 3
    assert nobody in ran.err
    assert "check --address" in ran.err


def test_refusal_and_failure_exit_with_4(command, gateway: FakeGateway, picture: Path):
    assert command("ask", picture, "?", "--api-key", "wrong").code == 4
    gateway.reply = lambda request, context: failed("INTERNAL", "a fault of ours")
    ran = command("ask", picture, "?")
    assert ran.code == 4
    assert "a fault of ours" in ran.err


def test_no_time_left_exits_with_5(command, gateway: FakeGateway, picture: Path):
    gateway.reply = lambda request, context: answer("a b c d e f g", pause_s=0.5)
    assert command("ask", picture, "?", "--deadline-s", "0.7").code == 5


def test_an_image_may_come_through_a_pipe_or_have_any_name(
    command, gateway: FakeGateway, picture: Path, tmp_path: Path
):
    odd = tmp_path / "a\udcff.png"
    odd.write_bytes(picture.read_bytes())
    assert command("ask", odd, "?").code == 0
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as writer:
        written = writer.submit(pipe.write_bytes, picture.read_bytes() + b"more")
        assert command("ask", pipe, "?").code == 0
        assert written.result() == picture.stat().st_size + 4
    assert picture.stat().st_size + 4 in {image.size_bytes for image in gateway.images.values()}


def test_a_durable_answer_that_is_late_is_found_again_by_its_key(
    command, gateway: FakeGateway, picture: Path
):
    gateway.reply = lambda request, context: failed("DEADLINE_EXCEEDED", "too late")
    asked = ("ask", picture, "?", "--durable")
    ran = command(*asked)
    assert ran.code == 5
    key = ran.err.split("--durable --key ")[1].strip()
    gateway.reply = lambda request, context: answer("harbor")
    assert command(*asked, "--key", key).code == 0
    assert [request.idempotency_key for request in gateway.requests] == [key, key]
    marks = ("--point", "1,1", "--point", "9,9")
    assert command("classify", picture, "--durable", "--key", "k", *marks).code == 0
    assert [request.idempotency_key for request in gateway.requests[2:]] == ["k/1", "k/2"]


def test_a_command_begins_the_trace_where_spans_are_wanted(
    command, gateway: FakeGateway, picture: Path
):
    with running_collector() as collector:
        assert command("ask", picture, "?", EARTHGPTX_OTLP_ENDPOINT=collector.url).code == 0
    trace_ids = {parent.split("-")[1] for parent in gateway.traceparents}
    (trace_id,) = trace_ids
    spans = {span.name: span for _, span in collector.of_trace(trace_id)}
    whole = spans.pop("earthgptx ask")
    assert {span.parent_span_id for span in spans.values()} == {whole.span_id}
    assert "Interpreter/Interpret" in spans


def test_an_interrupt_cancels_the_request_and_exits_with_130(gateway: FakeGateway, picture: Path):
    gateway.reply = lambda request, context: answer(" ".join("abcdefgh" * 4), pause_s=0.3)
    with _asking(gateway, picture) as running:
        running.stdout.read(1)
        running.send_signal(signal.SIGINT)
        said = running.stderr.read()
    assert running.returncode == 130
    assert b"Traceback" not in said
    assert gateway.cancelled.wait(2.0)


def test_a_reader_that_leaves_is_no_fault(gateway: FakeGateway, picture: Path):
    gateway.reply = lambda request, context: answer(" ".join("abcdefgh"), pause_s=0.1)
    with _asking(gateway, picture) as running:
        running.stdout.read(1)
        running.stdout.close()
        assert running.stderr.read() == b""
    assert running.returncode == 141


def test_a_missing_extra_says_how_to_install_it(tmp_path: Path, picture: Path):
    # The packages of the client alone, as a client-only install has them.
    root = Path(__file__).parents[2]
    for package in ("earthgptx_client", "protos"):
        os.symlink(root / package, tmp_path / package)
    program = (
        "import sys; sys.path.insert(0, sys.argv.pop(1));"
        "import os; sys.path[:] = [p for p in sys.path if not os.path.isdir(p + '/launcher')];"
        "from importlib import metadata; metadata.entry_points = lambda **_: ();"
        "from earthgptx_client.command import main; sys.exit(main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", program, str(tmp_path), "up"],
        capture_output=True,
        text=True,
        env=environment_with({}),
        cwd=tmp_path,
    )
    assert done.returncode == 2
    assert "pip install 'earthgptx-suite[launcher]'" in done.stderr


@pytest.mark.parametrize(
    "words", [["train", "nano"], ["evaluate", ".", "--task", "segment"]], ids=["train", "evaluate"]
)
def test_without_torch_train_and_evaluate_say_what_to_install(words: list[str], tmp_path: Path):
    program = (
        "import sys; sys.modules['torch'] = None;"
        "from earthgptx_client.command import main; sys.exit(main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *words],
        capture_output=True,
        text=True,
        env=environment_with({}),
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 2
    assert "pip install 'earthgptx-suite[train]'" in done.stderr
    assert "(torch)" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_key_of_the_local_suite_goes_to_no_other_address(
    gateway: FakeGateway, picture: Path, tmp_path: Path, command
):
    state = tmp_path / "state"
    state.mkdir()
    (state / "suite.json").write_text(json.dumps({"address": gateway.address}))
    (state / "api_key").write_text(API_KEY)
    local = {"EARTHGPTX_STATE_DIR": str(state), "EARTHGPTX_API_KEY": "", "EARTHGPTX_ADDRESS": ""}
    assert command("ask", picture, "?", **local).code == 0
    other = gateway.address.replace("127.0.0.1", "localhost")
    assert command("ask", picture, "?", "--address", other, **local).code == 4


@pytest.mark.parametrize("words", [["ask"], ["segment"], ["up"], ["demo"], ["status"], []])
def test_help_tells_the_exit_codes(command, words: list[str]):
    ran = command(*words, "--help")
    assert ran.code == 0
    assert "exit codes: 0 " in ran.out


@pytest.mark.parametrize("port", ["-1", "65536", "1e3", "http"])
def test_a_port_that_is_none_is_refused_by_flag(command, port: str):
    ran = command("up", "--port", port)
    assert ran.code == 2
    assert "--port" in ran.err


def test_help_comes_fast_enough_to_be_typed_without_thinking(command):
    began = time.monotonic()
    assert command("--help").code == 0
    assert time.monotonic() - began < 5
