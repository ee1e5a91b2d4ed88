"""[SEG] states and decoding in step, for other families than nano's, head tied and not."""

from __future__ import annotations

import dataclasses
from collections import Counter

import pytest
import torch
from tokenizers import Tokenizer

from earthgptx.model.checkpoint import build_stage
from earthgptx.model.features import ImageFeatures, PromptFeatures
from earthgptx.model.language_model import Words, build_language_model
from earthgptx.model.presets import ModelConfig
from earthgptx.model.reasoner import ReasonerInput, ReasonerModel, ReasonerNetwork
from tests.earthgptx.model.tiny_parts import tiny_preset

# LLaMA with a head of its own; Qwen3 with a tied one.
PRESETS = ("earthgpt-x", "base")
STEPS = 60


@pytest.fixture(params=PRESETS)
def model(request: pytest.FixtureRequest, tokenizer: Tokenizer) -> ReasonerModel:
    torch.manual_seed(6)
    network = build_stage(tiny_preset(request.param), "reasoner")
    assert isinstance(network, ReasonerNetwork)
    return ReasonerModel(network, Words(tokenizer), torch.device("cpu"), torch.float32)


def asked(config: ModelConfig, seed: int, question: str) -> ReasonerInput:
    generator = torch.Generator().manual_seed(seed)

    def made(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator)

    image = ImageFeatures(
        made(config.grid_side**2, config.grid_channels),
        tuple(made(*shape) for shape in config.pyramid_shapes),
    )
    width, fine = config.prompt_width, config.fine_side
    marks = PromptFeatures(
        made(config.prompt_map_tokens, width),
        made(2, width),
        made(2, fine, fine).sigmoid(),
        made(2, 4).sigmoid(),
    )
    return ReasonerInput(image, marks if seed else None, "sar", question)


def test_each_of_many_segs_leaves_the_state_that_predicted_it(model: ReasonerModel) -> None:
    request = asked(model.network.config, 1, "what are <Region 1> and <Region 2>?")
    said = []
    decoding = model.open([request], STEPS)
    while not decoding.done:
        decoding.step()
        said += decoding._rows[0].ids[len(said) :] if decoding._rows else []
    # Whatever the random model says most often plays the part of [SEG].
    model.words.seg, times = Counter(said).most_common(1)[0]
    assert times > 1
    decoding = model.open([request], STEPS)
    states: dict[int, torch.Tensor] = {}
    for step in range(STEPS):
        for output in decoding.step():
            if output.seg_state is not None:
                states[step] = output.seg_state
    language = model.network.language
    with torch.no_grad():
        embedded_LD, looked_up = model.embed_prefix(request)
        asked_LD = model.embed_question(model.words.question_ids(request.question, 2), looked_up)
        said_LD = language.get_input_embeddings()(torch.tensor(said))
        whole_1LD = torch.cat([embedded_LD, asked_LD, said_LD]).unsqueeze(0)
        hidden_1LD = language.base_model(inputs_embeds=whole_1LD).last_hidden_state
        logits = language.get_output_embeddings()(hidden_1LD)
    first = embedded_LD.shape[0] + len(asked_LD) - 1
    assert len(states) >= times
    for step, state in states.items():
        assert torch.allclose(state, hidden_1LD[0, first + step], atol=1e-4)
        assert int(logits[0, first + step].argmax()) == model.words.seg


@pytest.mark.parametrize(
    ("family", "extra"),
    [
        ("llama", {}),
        ("mistral", {}),
        ("qwen2", {}),
        ("qwen3", {"head_dim": 64}),
        ("gemma3_text", {"head_dim": 64}),
        ("phi3", {"pad_token_id": 0}),
        ("olmo2", {}),
        ("granite", {}),
    ],
)
def test_a_family_is_used_through_states_embedding_and_head(
    family: str, extra: dict[str, int], config: ModelConfig
) -> None:
    described = dataclasses.replace(config.language, model_type=family, extra=extra, layers=2)
    model = build_language_model(dataclasses.replace(config, language=described)).eval()
    with torch.no_grad():
        embedded = model.get_input_embeddings()(torch.arange(8).unsqueeze(0))
        states = model.base_model(inputs_embeds=embedded).last_hidden_state
        expected = model(inputs_embeds=embedded).logits
        scale = getattr(model.config, "logits_scaling", 1.0)
        assert torch.allclose(model.get_output_embeddings()(states) / scale, expected, atol=1e-5)


def test_answers_in_company_are_those_alone(model: ReasonerModel) -> None:
    config = model.network.config
    requests = [asked(config, i, "how many ships " * (i + 1)) for i in range(3)]

    def answers(asking: list[ReasonerInput]) -> list[str]:
        said = [""] * len(asking)
        decoding = model.open(asking, 12)
        while not decoding.done:
            for output in decoding.step():
                said[output.row] += output.text
        return said

    assert answers(requests) == [answers([request])[0] for request in requests]
