"""One's own data in one command: an adapter that is merged, or all of the weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import load_file

from earthgptx.data.coco_writer import write_coco_folder
from earthgptx.data.record_shards import write_shards
from earthgptx.data.sharded_records import ShardedRecords
from earthgptx.data.synthetic.scene import generate_scene
from earthgptx.model.language_model import Words
from earthgptx.model.pipeline import EarthGptX
from earthgptx.training.own_data import (
    OwnSet,
    mixed_with_synthetic,
    open_own_set,
    shown_of,
    steps_an_epoch,
)
from tests.earthgptx.training.own_lines import NEW_WORD, train, write_own_lines

NANO = Path("weights/nano")


@pytest.fixture(scope="module")
def own_lines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_own_lines(tmp_path_factory.mktemp("own"))


def said(weights: Path, image: Path) -> str:
    from earthgptx.imagery.marks import BoxMark, Region

    pixels = np.asarray(Image.open(image))
    mark = Region((BoxMark(20.0, 30.0, 50.0, 60.0),))
    return EarthGptX.load(weights).answer(pixels, "what is <Region 1>?", [mark], "optical").text


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_an_adapter_learns_a_new_word_and_merges_into_weights_that_say_it(
    tmp_path: Path, own_lines: Path
) -> None:
    image = own_lines.parent / "0.png"
    assert said(NANO, image) != NEW_WORD
    run = ["--data", str(own_lines), "--out", str(tmp_path / "run"), "--steps", "90", "--cpu"]
    # One thread each: beside other tests two wait for each other more than they compute.
    run += ["--threads", "1", "--rehearsal", "0", "--batch-size", "4"]
    done = train("tune", *run, "--rank", "8")
    assert done.returncode == 0, done.stderr
    adapter = tmp_path / "run" / "adapter"
    assert {path.name for path in adapter.iterdir()} >= {
        "adapter_config.json",
        "adapter_model.safetensors",
    }
    out = tmp_path / "merged"
    assert train("merge", "--adapter", str(adapter), "--out", str(out)).returncode == 0
    assert said(out, image) == NEW_WORD
    for stage in ("image_encoder", "prompt_encoder", "mask_decoder"):
        name = f"{stage}.safetensors"
        assert (out / name).read_bytes() == (NANO / name).read_bytes()


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_all_weights_but_the_conv_experts_learn_from_a_labelled_folder(
    tmp_path: Path,
) -> None:
    write_coco_folder([generate_scene(5, 128).labelled("sar")], tmp_path / "coco")
    out = tmp_path / "run"
    run = ["--data", str(tmp_path / "coco"), "--out", str(out), "--steps", "1", "--cpu"]
    done = train("tune", *run, "--threads", "1")
    assert done.returncode == 0, done.stderr
    before = load_file(NANO / "image_encoder.safetensors")
    after = load_file(out / "image_encoder.safetensors")
    same = {name for name in before if before[name].equal(after[name])}
    assert {name for name in before if name.startswith("conv.")} <= same
    assert any(not name.startswith("conv.") for name in before.keys() - same)
    EarthGptX.load(out)


def test_an_empty_set_is_refused_by_name(tmp_path: Path) -> None:
    lines = tmp_path / "none.jsonl"
    lines.write_text("\n")
    done = train("tune", "--data", str(lines), "--out", str(tmp_path / "run"))
    assert done.returncode == 2
    assert "none.jsonl" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_part_that_is_not_there_is_refused_by_those_that_are(tmp_path: Path) -> None:
    run = ["--data", str(tmp_path / "none.jsonl"), "--out", str(tmp_path / "run")]
    done = train("tune", *run, "--train", "bridge,head")
    assert done.returncode == 2
    assert "'head' is no part that learns; parts are experts, conv-expert" in done.stderr
    assert "Traceback" not in done.stderr


def test_shards_are_drawn_from_disk_and_seen_by_the_root_of_their_size(tmp_path: Path) -> None:
    lines = open_own_set(write_own_lines(tmp_path / "own"))
    folder = tmp_path / "shards"
    write_shards([lines.drawn[n] for n in (0, 1, 2, 3)], folder, "four", images_per_shard=2)  # type: ignore[misc]
    shards = open_own_set(folder)
    assert isinstance(shards.drawn, ShardedRecords) and len(shards.drawn) == 4
    one = OwnSet("one", lines.drawn[:1])
    parts = {part.name: part for part in mixed_with_synthetic([shards, one], 0.25)}
    assert parts["shards"].share == pytest.approx(2 * parts["one"].share) == pytest.approx(0.5)
    rng = np.random.default_rng(0)
    seen = {parts["shards"].source(rng).image.image_id for _ in range(40)}  # type: ignore[union-attr]
    assert len(seen) == 4
    assert [shown.expected for shown in shown_of([shards])] == [NEW_WORD] * 3


def test_every_token_of_the_family_is_new_to_a_foreign_language_model() -> None:
    words = Words.read(NANO / "tokenizer.json")
    names = {words.tokenizer.id_to_token(number) for number in words.markup_ids()}
    modalities = {"<optical>", "<sar>", "<infrared>", "<unknown>"}
    assert names == {"<image>", "</image>", "[SEG]", "<p>", "</p>", *modalities}


@pytest.mark.parametrize(
    ("records", "steps", "expected"),
    [
        (640, 1000, 50),  # 640 records of 16 x 0.8 a step
        (10_000, 600, 200),  # three sheets at least
        (16, 1000, 50),  # twenty at most
        (16, 2, 1),
    ],
)
def test_a_sheet_of_answers_is_drawn_every_epoch(records: int, steps: int, expected: int) -> None:
    own = OwnSet("mine", [generate_scene(0, 64).labelled("sar")] * records)
    assert steps_an_epoch([own], rehearsal=0.2, batch_size=16, steps=steps) == expected
