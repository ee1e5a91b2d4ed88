"""Words of a question find the tally of the label they name."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from earthgptx.model.word_lookup import WordLookup

WIDTH, LABELS = 64, 3


def names() -> torch.Tensor:
    torch.manual_seed(0)
    return F.layer_norm(torch.randn(LABELS, WIDTH), (WIDTH,))


def written(batch: int = 1) -> torch.Tensor:
    return torch.randn(batch, LABELS, WIDTH)


def test_a_word_that_is_a_name_finds_that_labels_tally() -> None:
    names_SO, written_BSO = names(), written()
    # However small the language model's embeddings are, what counts is their direction.
    found = WordLookup(WIDTH)(names_SO[[1]].unsqueeze(0) * 0.02, names_SO, written_BSO)
    assert torch.allclose(found[0, 0], written_BSO[0, 1], atol=1e-3)


def test_a_word_like_no_name_finds_nothing() -> None:
    names_SO = names()
    basis, _ = torch.linalg.qr(names_SO.T)
    word_O = torch.randn(WIDTH)
    word_O = word_O - basis @ (basis.T @ word_O)
    found = WordLookup(WIDTH)(word_O.view(1, 1, -1), names_SO, written())
    assert found.abs().max() < 1e-3


def test_every_image_is_looked_up_in_its_own_tallies() -> None:
    names_SO, written_BSO = names(), written(2)
    words_BLO = names_SO[[0]].unsqueeze(0).repeat(2, 1, 1)
    found = WordLookup(WIDTH)(words_BLO, names_SO, written_BSO)
    assert torch.allclose(found[:, 0], written_BSO[:, 0], atol=1e-3)


def test_what_is_alike_is_learnt() -> None:
    lookup = WordLookup(WIDTH)
    lookup(torch.randn(1, 4, WIDTH), names(), written()).square().sum().backward()
    assert lookup.matched.weight.grad is not None
    assert lookup.matched.weight.grad.abs().max() > 0
