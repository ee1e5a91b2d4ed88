"""Packed questions are answered as if each were alone; targets stand where the model reads them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from earthgptx.data.synthetic.scene import generate_scene
from earthgptx.data.vocabulary import OBJECT_LABELS, template_corpus, train_bpe_tokenizer
from earthgptx.model.language_model import Words, build_language_model
from earthgptx.model.presets import nano
from earthgptx.training.batches import pack_batch
from earthgptx.training.dense_truth import UNKNOWN, DenseTruth
from earthgptx.training.meanings import MaskTarget, Meaning
from earthgptx.training.mixture import Mixture, MixturePart, synthetic_source
from earthgptx.training.network import packed_mask
from earthgptx.training.samples import Question, SampleSettings, TrainingSample, make_sample

IMAGE_TOKENS = nano().image_tokens
SHIP = OBJECT_LABELS.index("ship")
SETTINGS = SampleSettings(nano().view_side_px, nano().grid_side)


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Words:
    path = tmp_path_factory.mktemp("words") / "tokenizer.json"
    train_bpe_tokenizer(template_corpus(scenes=40), 900).save(str(path))
    return Words.read(path)


def sample(questions: tuple[Question, ...]) -> TrainingSample:
    return TrainingSample(
        view=np.zeros((224, 224, 3), np.uint8),
        modality="sar",
        plain=questions,
        marked=(),
        raster=None,
        region_masks=(),
        region_labels=(),
        dense=DenseTruth(
            np.full((len(OBJECT_LABELS), 14, 14), UNKNOWN, np.int8),
            np.full(len(OBJECT_LABELS), UNKNOWN),
            np.zeros((len(OBJECT_LABELS), 14, 14), np.float32),
            UNKNOWN,
        ),
        meant=(),
    )


def label_states(questions: tuple[Question, ...], words: Words) -> torch.Tensor:
    """The states that predict the answers of ``questions``, packed into one row."""
    torch.manual_seed(0)
    language = build_language_model(nano()).eval()
    rows = pack_batch([sample(questions)], words, IMAGE_TOKENS).plain
    assert rows is not None
    with torch.inference_mode():
        hidden = language.model(
            inputs_embeds=language.get_input_embeddings()(rows.ids_BL),
            attention_mask=packed_mask(rows.segment_BL),
            position_ids=rows.positions_BL,
            use_cache=False,
        ).last_hidden_state[0]
    return hidden[rows.label_slots[rows.label_weights > 0]]


def test_a_question_in_a_packed_row_is_read_as_if_it_were_alone(words: Words) -> None:
    first = Question("how many ships are there?", "3", ())
    second = Question("what scene is shown?", "harbor", ())
    packed = label_states((first, second), words)
    alone = torch.cat([label_states((first,), words), label_states((second,), words)])
    assert torch.allclose(packed, alone, atol=1e-5)


def test_a_seg_target_belongs_to_the_position_before_its_token(words: Words) -> None:
    target = MaskTarget(np.ones((56, 56), np.float32), Meaning(SHIP))
    question = Question("segment the ship.", "<p>ship</p>[SEG]", (target,))
    rows = pack_batch([sample((question,))], words, IMAGE_TOKENS).plain
    assert rows is not None
    ids = rows.ids_BL.flatten()
    assert ids[rows.seg_slots + 1].tolist() == [words.seg]
    assert rows.segs.masks_QGG.shape == (1, 56, 56)
    assert rows.segs.labels_Q.tolist() == [SHIP]


def test_an_unknown_mask_is_left_out_and_the_next_one_keeps_its_place(words: Words) -> None:
    target = MaskTarget(np.ones((56, 56), np.float32))
    answer = "<p>a</p>[SEG] and <p>b</p>[SEG]"
    question = Question("q", answer, (None, target))
    rows = pack_batch([sample((question,))], words, IMAGE_TOKENS).plain
    assert rows is not None
    seg_columns = (rows.ids_BL.flatten() == words.seg).nonzero().flatten()
    assert rows.seg_slots.tolist() == [int(seg_columns[1]) - 1]
    assert rows.segs.labels_Q.tolist() == [UNKNOWN]


def test_a_sample_depends_on_seed_and_index_alone() -> None:
    def mixture() -> Mixture:
        parts = [MixturePart("sar", synthetic_source("sar", (256,)), 1.0)]
        return Mixture(parts, SETTINGS, seed=3, length=100)

    one, other = mixture(), mixture()
    _ = other[5]
    assert [q.question for q in one[7].plain] == [q.question for q in other[7].plain]
    assert np.array_equal(one[7].view, other[7].view)


def test_every_sample_has_a_mask_for_each_seg_token() -> None:
    rng = np.random.default_rng(0)
    for seed in range(20):
        made = make_sample(generate_scene(seed).labelled("optical"), rng, SETTINGS)
        for question in (*made.plain, *made.marked):
            assert question.answer.count("[SEG]") == len(question.targets)


def test_weights_of_regions_lie_on_the_finest_grid(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    made = make_sample(generate_scene(3).labelled("infrared"), rng, SETTINGS)
    assert made.raster is not None
    assert made.raster.weights_RGG.shape == (len(made.region_masks), 56, 56)
