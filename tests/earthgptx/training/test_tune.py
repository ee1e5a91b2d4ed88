"""One's own data in one command: an adapter that is merged, or all of the weights."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import load_file

from earthgptx.data.coco_writer import write_coco_folder
from earthgptx.data.synthetic.scene import generate_scene
from earthgptx.model.language_model import Words
from earthgptx.model.pipeline import EarthGptX

NANO = Path("weights/nano")
NEW_WORD = "zeppelin hangar"


@pytest.fixture(scope="module")
def own_lines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Grey squares that somebody calls by a word the model never gave as an answer."""
    folder = tmp_path_factory.mktemp("own")
    lines = []
    for number in range(6):
        pixels = np.full((96, 96, 3), 90, np.uint8)
        pixels[30:60, 20 + number : 50 + number] = 200
        Image.fromarray(pixels).save(folder / f"{number}.png")
        box = [20 + number, 30, 50 + number, 60]
        lines.append(
            {
                "image": f"{number}.png",
                "question": "what is <Region 1>?",
                "answer": NEW_WORD,
                "marks": [[{"box": box}]],
            }
        )
    (folder / "own.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder / "own.jsonl"


def train(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A training as a user starts it: in a process of its own."""
    command = [sys.executable, "-m", "earthgptx.training.command", *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=110)


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
    run = ["--data", str(own_lines), "--out", str(tmp_path / "run"), "--steps", "120", "--cpu"]
    done = train("tune", *run, "--rank", "8", "--rehearsal", "0", "--batch-size", "4")
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
    done = train("tune", *run)
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


def test_every_token_of_the_family_is_new_to_a_foreign_language_model() -> None:
    words = Words.read(NANO / "tokenizer.json")
    names = {words.tokenizer.id_to_token(number) for number in words.markup_ids()}
    modalities = {"<optical>", "<sar>", "<infrared>", "<unknown>"}
    assert names == {"<image>", "</image>", "[SEG]", "<p>", "</p>", *modalities}
