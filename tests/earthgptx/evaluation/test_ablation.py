"""What a row does without has no effect on anything."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from earthgptx.data.coco_writer import write_coco_folder
from earthgptx.data.synthetic.scene import generate_scene
from earthgptx.evaluation.ablation import (
    ROWS,
    SCORED,
    Row,
    leave_out,
    score_row,
    table,
    train_row,
)
from earthgptx.model.checkpoint import build_stage
from earthgptx.model.presets import nano
from earthgptx.model.visual_experts import VisualExperts
from earthgptx.training.processes import Processes
from tests.earthgptx.training.small_network import small


@pytest.mark.parametrize("expert", ["conv", "vit"])
def test_an_expert_that_is_left_out_says_nothing(expert: str) -> None:
    experts = build_stage(nano(), "image_encoder").eval()
    assert isinstance(experts, VisualExperts)
    view = torch.rand(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        whole, levels = experts(view)
        leave_out(experts, expert)
        grid, pyramid = experts(view)
    vit = experts.config.vit.width
    kept = slice(0, -vit) if expert == "vit" else slice(-vit, None)
    silent = slice(-vit, None) if expert == "vit" else slice(0, -vit)
    assert torch.equal(grid[..., kept], whole[..., kept])
    assert not grid[..., silent].any()
    assert whole[..., silent].any()
    for level, before in zip(pyramid, levels, strict=True):
        assert torch.equal(level, before) if expert == "vit" else not level.any()


def test_without_cross_attention_the_gate_stays_shut(tmp_path: Path) -> None:
    config = small(nano().language.vocab_size)
    alone = Processes(on_cpu=True, workers=0)
    opened = {}
    for row in (Row("with"), Row("without", without="cross-attention")):
        # A process forked off one whose threads have computed may wait for them for ever.
        train_row(row, tmp_path / row.name, 1, 0, config, alone)
        opened[row.name] = load_file(tmp_path / row.name / "reasoner.safetensors")["fusion.gate_D"]
    assert opened["with"].any()
    assert not opened["without"].any()


def test_a_row_is_scored_with_what_it_was_trained_without(tmp_path: Path) -> None:
    scenes = [generate_scene(seed, 256).labelled("sar") for seed in range(8)]
    write_coco_folder(scenes, tmp_path / "synthetic-sar")
    row = Row("ViT alone", without="conv", sources=("sar",))
    scores = score_row(row, Path("weights/nano"), tmp_path, limit=2)
    assert set(scores) == {f"{task} {metric}" for task, metric in SCORED.items()}
    assert all(set(of_source) == {"sar"} for of_source in scores.values())
    assert all(0 <= of_source["sar"] <= 1 for of_source in scores.values())


def test_the_table_has_a_line_for_each_row() -> None:
    names = [f"{task} {metric}" for task, metric in SCORED.items()]
    rows = [
        {
            "name": row.name,
            "sources": list(row.sources),
            "trained_s": 90,
            "scores": dict.fromkeys(names, dict.fromkeys(row.sources, 0.5)),
        }
        for row in ROWS
    ]
    lines = table(rows, 400, 80, 0).splitlines()
    assert len(lines) == 4 + len(ROWS)
    assert lines[4].startswith("| both experts, fused | 0.50 / 0.50 / 0.50 |")
    assert lines[-1].startswith("| infrared alone | - / - / 0.50 |")
    assert lines[4].endswith("| 1.5 |")
