"""A label's token says its name and its number, in a way all labels share."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import torch

from earthgptx.data.vocabulary import OBJECT_LABELS
from earthgptx.model.checkpoint import read_stage, save_stage
from earthgptx.model.presets import ModelConfig, nano, read_config, write_config
from earthgptx.model.reasoner import ReasonerNetwork
from earthgptx.model.tallies import MOST_COUNTED, Tallies, Tally
from tests.earthgptx.training.small_network import small

WIDTH, LABELS = 16, 3


def tallies() -> Tallies:
    torch.manual_seed(0)
    return Tallies(LABELS, WIDTH, WIDTH).eval()


def counted(numbers: list[float]) -> Tally:
    """What counting gives where a label's instances, evenly spread, add up to its number."""
    at_least_SK = (torch.tensor(numbers).unsqueeze(-1) - (torch.arange(MOST_COUNTED) + 0.5)) * 9
    instances_NS = torch.tensor(numbers).repeat(4, 1) / 4
    present_S = (torch.tensor(numbers) - 0.5) * 9
    return Tally(instances_NS.unsqueeze(0), present_S.unsqueeze(0), at_least_SK.unsqueeze(0))


def test_nothing_is_there_before_anything_is_learnt() -> None:
    tally = tallies().count(torch.randn(2, 196, WIDTH))
    assert (tally.instances_BNS.sum(1) < 1.0).all()
    assert (tally.present_BS < 0).all()
    assert (tally.at_least_BSK < 0).all()


def test_things_in_two_places_add_up() -> None:
    made = tallies()
    # Cells that are alike hold alike: twice the cells are twice the instances.
    cell_1ND = torch.randn(1, 1, WIDTH)
    few = made.count(cell_1ND.repeat(1, 3, 1)).instances_BNS.sum(1)
    many = made.count(cell_1ND.repeat(1, 6, 1)).instances_BNS.sum(1)
    assert torch.allclose(2 * few, many)


def test_the_number_is_written_alike_for_every_label() -> None:
    made = tallies()
    one = made.write(counted([0.0, 3.0, 7.0]))[0]
    other = made.write(counted([7.0, 0.0, 3.0]))[0]
    assert torch.allclose(one, other.roll(-1, 0), atol=1e-6)


def test_what_is_written_tells_one_place_from_another() -> None:
    made = tallies()
    tally = counted([1.0, 1.0, 1.0])
    instances_BNS = torch.zeros(1, 196, LABELS)
    # The same number each time: in the first row, in the last row, in the first row again.
    for label, cells in enumerate((slice(0, 14), slice(182, 196), slice(0, 14))):
        instances_BNS[0, cells, label] = 1 / 14
    written = made.write(dataclasses.replace(tally, instances_BNS=instances_BNS))[0]
    assert torch.allclose(written[0], written[2], atol=1e-6)
    assert (written[0] - written[1]).abs().max() > 0.01


def test_a_token_bears_its_labels_name() -> None:
    made = tallies()
    torch.nn.init.zeros_(made.position_SO)
    torch.nn.init.zeros_(made.written.weight)
    torch.nn.init.zeros_(made.written.bias)
    made.bear_names([[1, 2], [3], []])
    embedding_VO = torch.randn(8, WIDTH)
    written_BSO = made.write(counted([0.0, 0.0, 0.0]))
    tokens = made.tokens(written_BSO, made.names(embedding_VO))[0]
    meant = embedding_VO[1] + embedding_VO[2]
    assert torch.cosine_similarity(tokens[0], meant - meant.mean(), 0) > 0.99
    assert torch.cosine_similarity(tokens[1], embedding_VO[3] - embedding_VO[3].mean(), 0) > 0.99
    assert tokens[2].abs().max() < 1e-3


def test_names_go_with_the_weights(tmp_path: Path) -> None:
    config = dataclasses.replace(small(900), tallied_labels=("ship", "airplane"))
    network = ReasonerNetwork(config)
    assert network.tallies is not None
    network.tallies.bear_names([[5, 6], [7]])
    write_config(config, tmp_path / "config.json")
    save_stage(network, tmp_path, "reasoner")
    read = read_stage(tmp_path, "reasoner", torch.device("cpu"), torch.float32)
    assert isinstance(read, ReasonerNetwork) and read.tallies is not None
    assert read.tallies.name_ids_ST[:, :3].tolist() == [[5, 6, -1], [7, -1, -1]]
    assert read_config(tmp_path / "config.json") == config


def test_a_model_that_counts_nothing_has_no_such_tokens() -> None:
    config = dataclasses.replace(small(900), tallied_labels=())
    understood = (
        ReasonerNetwork(config)
        .eval()
        .understand(torch.randn(1, config.grid_side**2, config.grid_channels), None)
    )
    assert understood.tally is None
    assert understood.tokens_BTO.shape[1] == config.image_tokens


def test_nano_counts_all_that_it_is_trained_on(config: ModelConfig) -> None:
    assert config.tallied_labels == OBJECT_LABELS == nano().tallied_labels
