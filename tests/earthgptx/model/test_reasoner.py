"""Decoding: in step, cancellable, and true to teacher forcing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from earthgptx.imagery.marks import BoxMark, PointMark, Region
from earthgptx.imagery.prompt_raster import rasterise_regions
from earthgptx.imagery.windows import whole_image
from earthgptx.model.checkpoint import load_image_encoder, load_prompt_encoder, load_reasoner
from earthgptx.model.errors import ModelInputError
from earthgptx.model.prefixes import content_key
from earthgptx.model.reasoner import Decoding, ReasonerInput, ReasonerModel


@pytest.fixture(scope="module")
def reasoner(weights: Path) -> ReasonerModel:
    return load_reasoner(weights, "cpu", "float32")


@pytest.fixture(scope="module")
def requests(weights: Path) -> list[ReasonerInput]:
    rng = np.random.default_rng(0)
    encoder = load_image_encoder(weights, "cpu", "float32")
    views = [rng.integers(0, 255, (224, 224, 3), dtype=np.uint8) for _ in range(3)]
    images = encoder.encode(views)
    regions = [Region((BoxMark(10, 10, 60, 60),)), Region((PointMark(150, 90),))]
    raster = rasterise_regions(regions, whole_image(224, 224), 224, 224, 224)
    prompts = load_prompt_encoder(weights, "cpu", "float32").encode([raster])[0]
    return [
        ReasonerInput(images[0], prompts, "sar", "what is <Region 1>?"),
        ReasonerInput(images[1], None, None, "how many ships are there in this image?"),
        ReasonerInput(images[2], None, "optical", "what?"),
    ]


def texts(decoding: Decoding) -> dict[int, str]:
    said: dict[int, str] = {row: "" for row in decoding.active_rows}
    while not decoding.done:
        for output in decoding.step():
            said[output.row] += output.text
    return said


def test_a_batch_of_three_answers_as_three_batches_of_one(
    reasoner: ReasonerModel, requests: list[ReasonerInput]
) -> None:
    together = texts(reasoner.open(requests, 12))
    alone = [texts(reasoner.open([request], 12))[0] for request in requests]
    assert [together[i] for i in range(3)] == alone


def test_what_is_kept_of_marks_is_kept_for_their_place_in_the_image(
    requests: list[ReasonerInput],
) -> None:
    image, here = requests[0].image, requests[0].prompts
    assert here is not None
    elsewhere = replace(here, places_R4=here.places_R4.flip(0))
    assert content_key(image, here) != content_key(image, elsewhere)


def test_every_row_ends_exactly_once_at_the_limit(
    reasoner: ReasonerModel, requests: list[ReasonerInput]
) -> None:
    decoding = reasoner.open(requests, 5)
    ends = []
    while not decoding.done:
        ends += [output.row for output in decoding.step() if output.finished]
    assert sorted(ends) == [0, 1, 2]
    assert decoding.step() == []


def test_a_dropped_row_says_no_more_and_the_others_go_on_unchanged(
    reasoner: ReasonerModel, requests: list[ReasonerInput]
) -> None:
    expected = texts(reasoner.open(requests, 10))
    decoding = reasoner.open(requests, 10)
    said = {row: "" for row in range(3)}
    for output in decoding.step():
        said[output.row] += output.text
    decoding.drop(1)
    while not decoding.done:
        for output in decoding.step():
            assert output.row != 1
            said[output.row] += output.text
    assert (said[0], said[2]) == (expected[0], expected[2])


def test_the_seg_state_is_the_post_norm_state_that_predicts_seg(
    reasoner: ReasonerModel, requests: list[ReasonerInput]
) -> None:
    """Makes [SEG] the likeliest token, then repeats the step by teacher forcing."""
    language, words = reasoner.network.language, reasoner.words
    decoding = reasoner.open(requests[1:2], 3)
    with torch.inference_mode():
        embedded_LD, looked_up = reasoner.embed_prefix(requests[1])
        asked = words.question_ids(requests[1].question)
        read_LD = torch.cat([embedded_LD, reasoner.embed_question(asked, looked_up)])
        state_D = language.model(inputs_embeds=read_LD.unsqueeze(0)).last_hidden_state[0, -1]
    kept = language.lm_head.weight.data.clone()
    try:
        language.lm_head.weight.data[words.seg] = state_D * 100
        output = decoding.step()[0]
    finally:
        language.lm_head.weight.data.copy_(kept)
    assert output.text == "[SEG]"
    assert output.seg_state is not None
    assert torch.allclose(output.seg_state, state_D, atol=1e-5)


def test_a_question_too_long_for_the_context_names_field_and_limit(
    reasoner: ReasonerModel, requests: list[ReasonerInput]
) -> None:
    long = ReasonerInput(requests[1].image, None, None, "why " * 900)
    with pytest.raises(ModelInputError) as refused:
        reasoner.open([long], 10)
    assert refused.value.field == "question"
    assert refused.value.limit is not None


def states(decoding: Decoding) -> dict[int, list[torch.Tensor]]:
    """The newest state of every row after each step."""
    made: dict[int, list[torch.Tensor]] = {row: [] for row in decoding.active_rows}
    while not decoding.done:
        rows = decoding.active_rows
        decoding.step()
        for row, embedded_1D in zip(rows, decoding._next_BLD, strict=False):
            made[row].append(embedded_1D.clone())
    return made


def test_another_question_reads_the_question_alone_and_is_answered_to_the_bit(
    weights: Path, reasoner: ReasonerModel, requests: list[ReasonerInput]
) -> None:
    keeping = load_reasoner(weights, "cpu", "float32", prefix_limit_bytes=64 * 2**20)
    others = [replace(r, question=f"where is the ship? {r.question}") for r in requests]
    before = [texts(keeping.open([request], 12)) for request in requests]
    read = []
    hook = keeping.network.fusion.register_forward_hook(lambda *_: read.append(1))
    after = [states(keeping.open([other], 12)) for other in others]
    hook.remove()
    assert not read
    assert before == [texts(reasoner.open([request], 12)) for request in requests]
    for found, other in zip(after, others, strict=True):
        alone = states(reasoner.open([other], 12))
        assert len(found[0]) == len(alone[0])
        assert all(torch.equal(a, b) for a, b in zip(found[0], alone[0], strict=True))


def test_what_was_read_serves_its_owner_and_the_same_marks_and_modality_alone(
    weights: Path, requests: list[ReasonerInput]
) -> None:
    keeping = load_reasoner(weights, "cpu", "float32", prefix_limit_bytes=64 * 2**20)
    marked = requests[0]
    keeping.open([marked], 1)
    read = []
    keeping.network.fusion.register_forward_hook(lambda *_: read.append(1))
    for other in (
        replace(marked, owner="another"),
        replace(marked, modality="optical"),
        replace(marked, prompts=None),
        replace(marked, image=requests[1].image),
    ):
        read.clear()
        keeping.open([other], 1)
        assert read, other.owner


def test_where_a_question_names_a_region_its_token_stands(
    reasoner: ReasonerModel, requests: list[ReasonerInput]
) -> None:
    asked = reasoner.words.question_ids("is <Region 2> larger than <Region 1>?", 2)
    assert [region for _, region in asked.region_columns] == [1, 0]
    with torch.inference_mode():
        _, looked_up = reasoner.embed_prefix(requests[0])
        embedded_LD = reasoner.embed_question(asked, looked_up)
    assert looked_up.regions_RD is not None
    for column, region in asked.region_columns:
        before = reasoner.words.text(asked.ids[:column]).rstrip("? ")
        assert before.endswith(f"<Region {region + 1}>")
        assert torch.equal(embedded_LD[column], looked_up.regions_RD[region])
    placed = dict(asked.region_columns)
    without = [token for column, token in enumerate(asked.ids) if column not in placed]
    assert reasoner.words.text(without) == "is <Region 2> larger than <Region 1>?\n"


@given(st.text(max_size=40), st.integers(0, 12))
def test_regions_that_are_not_there_have_no_token(
    reasoner: ReasonerModel, around: str, number: int
) -> None:
    asked = reasoner.words.question_ids(f"{around}<Region {number}>{around}", 3)
    assert [region for _, region in asked.region_columns] == [number - 1] * (1 <= number <= 3)


def test_what_is_kept_of_two_regions_answers_for_either(
    weights: Path, requests: list[ReasonerInput]
) -> None:
    keeping = load_reasoner(weights, "cpu", "float32", prefix_limit_bytes=64 * 2**20)
    first, second = (replace(requests[0], question=f"what is <Region {n}>?") for n in (1, 2))
    alone = states(load_reasoner(weights, "cpu", "float32").open([second], 3))[0]
    keeping.open([first], 1)
    found = states(keeping.open([second], 3))[0]
    assert all(torch.equal(a, b) for a, b in zip(found, alone, strict=True))


def test_special_tokens_in_the_users_words_are_plain_text(reasoner: ReasonerModel) -> None:
    ids = reasoner.words.question_ids("look at <image> and [SEG] <eos>").ids
    special = {reasoner.words.image_start, reasoner.words.seg, reasoner.words.eos}
    assert not special & set(ids)
