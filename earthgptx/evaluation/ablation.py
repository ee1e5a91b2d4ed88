"""What each part is worth: the same short training without it, scored on the same scenes.

    python -m earthgptx.evaluation.ablation --out out/ablation --steps 400 --limit 80

Every row has the same steps, the same seed and no close looks; a row of one source sees three times
as many scenes of its own as the fused rows do. Writes OUT/ablation.json and OUT/ablation.md; rows
that are there already are not trained again.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from earthgptx.data.labelled_image import MODALITIES
from earthgptx.evaluation.conventions import Conventions
from earthgptx.evaluation.evaluate import evaluate_dataset
from earthgptx.evaluation.preparation import Job
from earthgptx.evaluation.scorecard_scenes import PREFIX, draw_scenes
from earthgptx.evaluation.scoring import Scorer
from earthgptx.model.checkpoint import (
    load_mask_decoder,
    load_prompt_encoder,
    load_reasoner,
    read_stage,
)
from earthgptx.model.pipeline import EarthGptX
from earthgptx.model.presets import PRESETS, ModelConfig
from earthgptx.model.visual_experts import ImageEncoderModel, VisualExperts
from earthgptx.training.loop import train
from earthgptx.training.mixture import Mixture
from earthgptx.training.network import TrainingNetwork
from earthgptx.training.processes import Processes
from earthgptx.training.recipes import bear_names, start_run, synthetic_parts
from earthgptx.training.samples import SampleSettings
from earthgptx.training.settings import LoopSettings

# Of each scored task its one number.
SCORED = {
    "classify_regions": "accuracy",
    "segment": "mIoU",
    "segment_by_mark": "mIoU",
    "classify_image": "accuracy",
}


@dataclass(frozen=True)
class Row:
    """One training.

    Attributes:
        without: what the model does without: "conv", "vit" or "cross-attention".
        preset: its configuration.
        sources: modalities it sees, and is scored on.
    """

    name: str
    without: str = ""
    preset: str = "nano"
    sources: tuple[str, ...] = MODALITIES


ROWS = (
    Row("both experts, fused"),
    Row("Mask2Former head", preset="nano-mask2former"),
    Row("ConvNeXt alone", without="vit"),
    Row("ViT alone", without="conv"),
    Row("without cross-attention", without="cross-attention"),
    *(Row(f"{modality} alone", sources=(modality,)) for modality in MODALITIES),
)


def leave_out(experts: VisualExperts, expert: str) -> None:
    """From now on the expert's channels of the grid are zero; with "conv" the finer maps too."""
    vit_channels = experts.config.vit.width

    def silenced(
        module: nn.Module, given: Any, features: tuple[Tensor, tuple[Tensor, ...]]
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        grid_BNC, pyramid = features
        conv_BNC, vit_BNC = grid_BNC.split((grid_BNC.shape[2] - vit_channels, vit_channels), 2)
        if expert == "vit":
            return torch.cat([conv_BNC, torch.zeros_like(vit_BNC)], 2), pyramid
        silent = tuple(torch.zeros_like(level) for level in pyramid)
        return torch.cat([torch.zeros_like(conv_BNC), vit_BNC], 2), silent

    experts.register_forward_hook(silenced)


def train_row(
    row: Row,
    folder: Path,
    steps: int,
    seed: int,
    config: ModelConfig,
    processes: Processes | None = None,
) -> None:
    """Trains the row's model into ``folder``; in this process alone where none are given."""
    torch.manual_seed(seed)
    words = start_run(folder, config)
    network = TrainingNetwork(config)
    bear_names(network, words)
    if row.without in ("conv", "vit"):
        leave_out(network.image_encoder, row.without)
    elif row.without:
        # The gate starts at zero and stays there.
        network.reasoner.fusion.gate_D.requires_grad_(False)
    settings = LoopSettings(steps=steps, batch_size=16, words_from=0.3)
    parts = [p for p in synthetic_parts() if p.name.removeprefix(PREFIX) in row.sources]
    samples = SampleSettings(config.view_side_px, config.grid_side)
    mixture = Mixture(parts, samples, seed, steps * settings.batch_size)
    train(network, mixture, words, settings, folder, processes)


def score_row(row: Row, weights: Path, scenes: Path, limit: int) -> dict[str, dict[str, float]]:
    """Each task's number on each of the row's sources."""
    experts = read_stage(weights, "image_encoder", torch.device("cpu"), torch.float32)
    assert isinstance(experts, VisualExperts)
    if row.without in ("conv", "vit"):
        leave_out(experts, row.without)
    model = EarthGptX(
        ImageEncoderModel(experts, torch.device("cpu"), torch.float32),
        load_prompt_encoder(weights, "cpu", "float32"),
        load_reasoner(weights, "cpu", "float32"),
        load_mask_decoder(weights, "cpu", "float32"),
    )
    scorer = Scorer(Conventions(), {"unavailable": "left out"})
    scores: dict[str, dict[str, float]] = {}
    for task, metric in SCORED.items():
        of_source = scores.setdefault(f"{task} {metric}", {})
        for modality in row.sources:
            job = Job(scenes / (PREFIX + modality), task, limit=limit)
            report = evaluate_dataset(job, model, scorer, lambda samples, _: samples).report
            metrics = report["metrics"]
            assert isinstance(metrics, dict)
            of_source[modality] = round(float(metrics[metric]), 4)
    return scores


def table(rows: Sequence[dict[str, Any]], steps: int, limit: int, seed: int) -> str:
    """The rows as Markdown; a source that a row never saw has a dash."""
    names = [f"{task} {metric}" for task, metric in SCORED.items()]
    lines = [
        f"{steps} steps of 16 scenes each, seed {seed}; {limit} samples a task and source, told as "
        f"{' / '.join(MODALITIES)}.",
        "",
        "| model | " + " | ".join(names) + " | minutes |",
        "|---" * (len(names) + 2) + "|",
    ]
    for row in rows:
        cells = [_of_sources(row["scores"][name]) for name in names]
        told = [row["name"], *cells, f"{row['trained_s'] / 60:.1f}"]
        lines.append("| " + " | ".join(told) + " |")
    return "\n".join(lines) + "\n"


def _of_sources(scores: dict[str, float]) -> str:
    return " / ".join(f"{scores[m]:.2f}" if m in scores else "-" for m in MODALITIES)


def main(arguments: Sequence[str] | None = None) -> int:
    """Trains and scores all rows."""
    parser = argparse.ArgumentParser(description="What each part of the model is worth.")
    parser.add_argument("--out", type=Path, default=Path("out/ablation"))
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--limit", type=int, default=80)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rows", nargs="*", metavar="WORD", help="those whose names hold one")
    args = parser.parse_args(arguments)
    chosen = [r for r in ROWS if not args.rows or any(word in r.name for word in args.rows)]
    draw_scenes(args.out, [PREFIX + modality for modality in MODALITIES], 1)
    done = []
    for row in chosen:
        print(row.name, file=sys.stderr, flush=True)
        folder = args.out / row.name.replace(" ", "-").replace(",", "")
        result = folder / "scores.json"
        if not result.exists():
            started = time.monotonic()
            train_row(row, folder, args.steps, args.seed, PRESETS[row.preset]())
            trained_s = round(time.monotonic() - started)
            scores = score_row(row, folder, args.out, args.limit)
            kept = {**dataclasses.asdict(row), "trained_s": trained_s, "scores": scores}
            result.write_text(json.dumps(kept, indent=1) + "\n")
        done.append(json.loads(result.read_text()))
    (args.out / "ablation.json").write_text(json.dumps(done, indent=1) + "\n")
    text = table(done, args.steps, args.limit, args.seed)
    (args.out / "ablation.md").write_text(text)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
