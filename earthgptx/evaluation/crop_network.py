"""A plain classifier of crops: what a network of the model's size learns from the labels alone.

A timm ConvNeXt from scratch on the very crops (marked things with their surroundings, or whole
images) of the part that is not evaluated, with a fixed budget. B batch, S crop side.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from earthgptx.evaluation.answerer import Prediction
from earthgptx.evaluation.baselines import Baseline, headline
from earthgptx.evaluation.samples import Sample, pixels_rgb
from earthgptx.evaluation.scoring import judge
from earthgptx.imagery.windows import Window, cut_window, whole_image
from earthgptx.model.torchvision_operators import declare_missing_operators

CropSS3 = npt.NDArray[np.uint8]
_CONTEXT = 2.0
_LEAST_SIDE_PX = 24.0


@dataclass(frozen=True)
class CropBudget:
    """Everything the outcome depends on besides the data.

    Attributes:
        timm_name: 8.6 M parameters, about the model's own number.
        crop_side_px: S.
        steps: of ``batch_size`` crops each, classes drawn by the square root of their frequency.
    """

    timm_name: str = "convnext_pico"
    crop_side_px: int = 64
    steps: int = 400
    batch_size: int = 48
    peak_rate: float = 1e-3
    most_crops: int = 8000
    seed: int = 0


def crop_of(sample: Sample, side_px: int) -> CropSS3:
    """The marked thing with as much around it again; the whole image where nothing is marked."""
    image = sample.image
    window = whole_image(image.width_px, image.height_px)
    if sample.marked is not None:
        x0, y0, x1, y1 = image.objects[sample.marked].box_xyxy_px
        side = max(_CONTEXT * max(x1 - x0, y1 - y0), _LEAST_SIDE_PX)
        window = Window((x0 + x1 - side) / 2, (y0 + y1 - side) / 2, side)
    return cut_window(pixels_rgb(image), window, side_px)


def crop_baseline(
    task: str,
    samples: Sequence[Sample],
    fitted_on: Sequence[Sample],
    cache_dir: Path,
    budget: CropBudget,
    say: Callable[[str], None],
) -> Baseline:
    """Train (or take from the cache) and score on the same samples as the model."""
    chosen = _spread(fitted_on, budget.most_crops)
    labels = sorted({sample.expected for sample in chosen})
    if len(labels) < 2:
        return {"what": "crop classifier", "unavailable": "fewer than two classes to learn"}
    network = _network(budget, len(labels))
    path = cache_dir / f"crop_classifier_{_fingerprint(chosen, budget)}.safetensors"
    if path.exists():
        network.load_state_dict(load_file(path))
    else:
        say(f"training the crop classifier on {len(chosen)} crops ({budget.steps} steps)")
        crops_NSS3 = np.stack([crop_of(sample, budget.crop_side_px) for sample in chosen])
        targets_N = np.array([labels.index(sample.expected) for sample in chosen])
        _train(network, crops_NSS3, targets_N, budget)
        cache_dir.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".part")
        save_file(network.state_dict(), partial)
        partial.replace(path)
    said = _predict(network.eval(), samples, labels, budget)
    outcomes = [judge(task, s, Prediction(text=t)) for s, t in zip(samples, said, strict=True)]
    size_m = sum(p.numel() for p in network.parameters()) / 1e6
    what = (
        f"{budget.timm_name} ({size_m:.1f} M) from scratch on {len(chosen)} crops of the part not "
        f"evaluated, {budget.steps} steps of {budget.batch_size}; sees true boxes, not drawn marks"
    )
    return {"what": what, **headline(task, outcomes)}


def _network(budget: CropBudget, classes: int) -> nn.Module:
    # timm imports torchvision, which needs its operators declared first.
    declare_missing_operators()
    import timm

    made: nn.Module = timm.create_model(budget.timm_name, pretrained=False, num_classes=classes)
    return made


def _spread(samples: Sequence[Sample], most: int) -> list[Sample]:
    """Neighbouring crops of one image together, so that each image is read once."""
    return sorted(samples[:most], key=lambda sample: sample.image.image_id)


def _fingerprint(samples: Sequence[Sample], budget: CropBudget) -> str:
    told = json.dumps([asdict(budget), [sample.key for sample in samples]])
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def _train(
    network: nn.Module, crops_NSS3: CropSS3, targets_N: npt.NDArray[np.int64], budget: CropBudget
) -> None:
    torch.manual_seed(budget.seed)
    rng = np.random.default_rng(budget.seed)
    counts = Counter(targets_N.tolist())
    weights_N = np.array([counts[t] ** -0.5 for t in targets_N.tolist()])
    weights_N /= weights_N.sum()
    optimiser = torch.optim.AdamW(network.parameters(), lr=budget.peak_rate, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, budget.peak_rate, budget.steps)
    network.train()
    for _ in range(budget.steps):
        picked = rng.choice(len(targets_N), budget.batch_size, p=weights_N)
        views_B3SS = _views(crops_NSS3[picked])
        if rng.random() < 0.5:
            views_B3SS = views_B3SS.flip(3)
        views_B3SS = torch.rot90(views_B3SS, int(rng.integers(4)), (2, 3))
        loss = nn.functional.cross_entropy(
            network(views_B3SS), torch.from_numpy(targets_N[picked]), label_smoothing=0.05
        )
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()


def _views(crops_BSS3: CropSS3) -> Tensor:
    """Floats of about unit spread, [B, 3, S, S]."""
    views_BSS3 = torch.from_numpy(np.ascontiguousarray(crops_BSS3)).float()
    return views_BSS3.permute(0, 3, 1, 2).sub(110).div(60)


def _predict(
    network: nn.Module, samples: Sequence[Sample], labels: list[str], budget: CropBudget
) -> list[str]:
    said: list[str] = []
    for start in range(0, len(samples), budget.batch_size):
        part = samples[start : start + budget.batch_size]
        crops = np.stack([crop_of(sample, budget.crop_side_px) for sample in part])
        with torch.inference_mode():
            chosen_B = network(_views(crops)).argmax(1)
        said.extend(labels[i] for i in chosen_B.tolist())
    return said
