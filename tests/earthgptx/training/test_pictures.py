"""Pictures of answers are drawn while training goes on as if nobody looked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from earthgptx.data.records import InstructionRecord
from earthgptx.data.synthetic.scene import generate_scene
from earthgptx.imagery.marks import BoxMark, Region
from earthgptx.model.language_model import Words
from earthgptx.model.presets import nano
from earthgptx.training.loop import train
from earthgptx.training.mixture import Mixture, MixturePart, synthetic_source
from earthgptx.training.network import TrainingNetwork
from earthgptx.training.pictures import Shown, shown_of_image, shown_of_record
from earthgptx.training.processes import Processes
from earthgptx.training.samples import SampleSettings
from earthgptx.training.settings import LoopSettings
from tests.earthgptx.training.small_network import small


def run(folder: Path, shown: list[Shown]) -> dict[str, torch.Tensor]:
    """The reasoner after two steps with words, the second of which draws."""
    torch.manual_seed(0)
    settings = LoopSettings(steps=3, batch_size=2, warmup_steps=1, words_from=0.3, pictures_every=2)
    parts = [MixturePart("sar", synthetic_source("sar", (256,)), 1.0)]
    mixture = Mixture(parts, SampleSettings(nano().view_side_px, nano().grid_side), 0, 6)
    folder.mkdir()
    words = Words.read(Path("weights/nano/tokenizer.json"))
    train(
        TrainingNetwork(small(nano().language.vocab_size)),
        mixture,
        words,
        settings,
        folder,
        Processes(on_cpu=True, workers=0),
        shown=shown,
    )
    return load_file(folder / "reasoner.safetensors")


@pytest.fixture
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("one_thread")
def test_a_training_that_is_watched_learns_the_same(tmp_path: Path) -> None:
    scene = generate_scene(3, 128).labelled("sar")
    watched = run(tmp_path / "watched", shown_of_image(scene, seed=0))
    alone = run(tmp_path / "alone", [])
    assert all(torch.equal(watched[name], alone[name]) for name in alone)
    (picture,) = (tmp_path / "watched" / "pictures").iterdir()
    assert picture.name == "000002.png"
    with Image.open(picture) as drawn:
        assert drawn.width > 400
        assert np.asarray(drawn.convert("L")).std() > 10


def test_a_record_is_shown_with_its_own_words() -> None:
    record = InstructionRecord(
        record_id="1",
        image=generate_scene(3, 128).labelled("optical"),
        task="refer_box",
        question="where is <Region 1>?",
        answer="<p>it</p>[BOX]",
        marks=(Region((BoxMark(32.0, 32.0, 64.0, 64.0),)),),
        boxes=(((32.0, 32.0, 64.0, 64.0),),),
    )
    shown = shown_of_record(record)
    assert shown.expected == "<p>it</p>[0.25,0.25,0.50,0.50]"
    assert shown.asked.regions == record.marks
