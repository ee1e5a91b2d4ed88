"""What learns is said by names; each name holds what it says and nothing else."""

from __future__ import annotations

import pytest
import torch

from earthgptx.training.learner import parameter_groups
from earthgptx.training.learning import Learning, LearningPart, parts_named
from earthgptx.training.network import TrainingNetwork
from tests.earthgptx.model.tiny_parts import tiny_preset
from tests.earthgptx.training.small_network import small

PART = LearningPart


@pytest.fixture(scope="module")
def nano_like() -> TrainingNetwork:
    return TrainingNetwork(small(900), helped=False)


@pytest.fixture(scope="module")
def with_sam() -> TrainingNetwork:
    return TrainingNetwork(tiny_preset(), helped=False)


def names(network: TrainingNetwork, *parts: LearningPart) -> frozenset[str]:
    return Learning(frozenset(parts)).names_in(network)


def test_each_part_is_where_its_name_says(with_sam: TrainingNetwork) -> None:
    everything = {n for n, _ in with_sam.named_parameters() if not n.startswith("dense.")}
    bridge = names(with_sam, PART.BRIDGE)
    assert {n.split(".")[0] for n in bridge} == {"prompt_encoder", "reasoner"}
    assert {n.split(".")[1] for n in bridge if n.startswith("reasoner")} == {"fusion", "regions"}
    experts = names(with_sam, PART.CONV_EXPERT, PART.VIT_EXPERT, PART.SAM_ENCODER)
    assert experts == names(with_sam, PART.EXPERTS)
    apart = [names(with_sam, part) for part in (PART.EXPERTS, PART.BRIDGE, PART.LANGUAGE)]
    apart.append(names(with_sam, PART.MASK_DECODER))
    assert sum(map(len, apart)) == len(everything)
    assert frozenset().union(*apart) == everything


@pytest.mark.parametrize("preset", ["earthgpt-x", "base"])
def test_attention_is_its_matrices_alone(preset: str) -> None:
    network = TrainingNetwork(tiny_preset(preset), helped=False)
    found = names(network, PART.LANGUAGE_ATTENTION)
    layers = {f"{name}_proj.weight" for name in "qkvo"}
    assert {n.rpartition("self_attn.")[2] for n in found} == layers
    assert len(found) == 4 * network.config.language.layers


def test_embeddings_are_those_read_and_those_said(with_sam: TrainingNetwork) -> None:
    language = "reasoner.language"
    both = {f"{language}.model.embed_tokens.weight", f"{language}.lm_head.weight"}
    assert names(with_sam, PART.LANGUAGE_EMBEDDINGS) == both


def test_with_nothing_named_all_but_the_conv_expert_learns(nano_like: TrainingNetwork) -> None:
    found = Learning().names_in(nano_like)
    rest = {n for n, _ in nano_like.named_parameters()} - found
    assert {n.split(".")[0] for n in rest} == {"image_encoder", "dense"}
    assert {n for n in rest if n.startswith("image_encoder")} == names(nano_like, PART.CONV_EXPERT)
    assert Learning(rank=8).names_in(nano_like) == frozenset()


def test_what_is_not_there_is_refused_by_what_is(nano_like: TrainingNetwork) -> None:
    with pytest.raises(ValueError, match=r"nano has no sam-encoder; it has experts, conv-expert"):
        names(nano_like, PART.SAM_ENCODER)
    with pytest.raises(ValueError, match=r"'head' is no part that learns; parts are experts, "):
        parts_named("bridge,head")
    assert parts_named("bridge, mask-decoder") == {PART.BRIDGE, PART.MASK_DECODER}


@pytest.mark.parametrize(
    ("parts", "rank", "told"),
    [
        (frozenset(), 0, "nothing would learn"),
        (None, 257, "rank 257: from 0 to 256"),
        (None, -1, "rank -1: from 0 to 256"),
        (frozenset({PART.LANGUAGE_ATTENTION}), 8, "by itself or by an adapter, not both"),
    ],
)
def test_what_cannot_learn_together_is_refused(
    parts: frozenset[LearningPart] | None, rank: int, told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        Learning(parts, rank)


def test_an_adapter_learns_fifteen_times_as_fast_as_what_is_beside_it() -> None:
    beside = torch.nn.ModuleDict({"lora_A": torch.nn.Linear(2, 2), "fusion": torch.nn.Linear(2, 2)})
    speeds = {
        name: group["speed"]
        for group in parameter_groups(beside, 0.05)
        for name, parameter in beside.named_parameters()
        if any(parameter is held for held in group["params"])  # type: ignore[attr-defined]
    }
    assert speeds["lora_A.weight"] == 15 * speeds["fusion.weight"] == 15.0
