"""A plain network of crops: what a model of this size learns from the labels alone.

A timm ConvNeXt from scratch on the very crops (marked things with their surroundings, or whole
images) of the part that is not evaluated, with a fixed budget. N crops, B batch, S crop side,
C classes, D features.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from earthgptx.evaluation.samples import Sample, pixels_rgb
from earthgptx.imagery.windows import Window, cut_window, whole_image
from earthgptx.model.torchvision_operators import declare_missing_operators

CropsNSS3 = npt.NDArray[np.uint8]
PixelsHW3 = npt.NDArray[np.uint8]
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


@dataclass(frozen=True)
class CropNetwork:
    """A trained network with the crops it has seen.

    Attributes:
        seen: what it was trained on.
    """

    network: nn.Module
    labels: tuple[str, ...]
    seen: tuple[Sample, ...]
    budget: CropBudget

    @property
    def what(self) -> str:
        """In words, for reports."""
        size_m = sum(p.numel() for p in self.network.parameters()) / 1e6
        budget = self.budget
        return (
            f"{budget.timm_name} ({size_m:.1f} M) from scratch on {len(self.seen)} crops of the "
            f"part not evaluated, {budget.steps} steps of {budget.batch_size}; sees true boxes, "
            "not drawn marks"
        )

    def look(self, samples: Sequence[Sample]) -> tuple[Tensor, Tensor]:
        """Logits [N, C] and the features before them, of length one [N, D]."""
        logits, features = [], []
        for start in range(0, len(samples), self.budget.batch_size):
            part = samples[start : start + self.budget.batch_size]
            with torch.inference_mode():
                maps = self.network.forward_features(_views(crops_of(part, self.budget)))
                before_BD = self.network.forward_head(maps, pre_logits=True)
                logits.append(self.network.forward_head(maps))
            features.append(nn.functional.normalize(before_BD, dim=1))
        return torch.cat(logits), torch.cat(features)


def learn_crops(
    samples: Sequence[Sample], cache_dir: Path, budget: CropBudget, say: Callable[[str], None]
) -> CropNetwork | None:
    """Trains on the labels of marked things or whole images, or reads what was trained before.

    Args:
        samples: of the part that is not evaluated.
        cache_dir: where weights are kept, by a digest of samples and budget.
        budget: how much is learnt.
        say: told when something is trained.

    Returns:
        None where there are fewer than two classes.
    """
    every = max(1, -(-len(samples) // budget.most_crops))
    chosen = sorted(samples, key=_place)[::every]
    labels = tuple(sorted({sample.label for sample in chosen}))
    if len(labels) < 2:
        return None
    network = _network(budget, len(labels))
    path = cache_dir / f"crop_network_{_fingerprint(chosen, budget)}.safetensors"
    if path.exists():
        network.load_state_dict(load_file(path))
    else:
        say(f"training a crop network on {len(chosen)} crops ({budget.steps} steps)")
        targets_N = np.array([labels.index(sample.label) for sample in chosen])
        _train(network, crops_of(chosen, budget), targets_N, budget)
        cache_dir.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".part")
        save_file(network.state_dict(), partial)
        partial.replace(path)
    return CropNetwork(network.eval(), labels, tuple(chosen), budget)


def crops_of(samples: Sequence[Sample], budget: CropBudget) -> CropsNSS3:
    """A crop each, uint8 [N, S, S, 3]; neighbours of one image share one reading of it."""
    crops: list[npt.NDArray[np.uint8]] = []
    for _, of_image in groupby(samples, key=lambda sample: sample.image.image_id):
        group = list(of_image)
        pixels_HWC = pixels_rgb(group[0].image)
        crops += [
            cut_window(pixels_HWC, _window_of(sample), budget.crop_side_px) for sample in group
        ]
    return np.stack(crops)


def _window_of(sample: Sample) -> Window:
    """The marked thing with as much around it again; the whole image where nothing is marked."""
    image = sample.image
    if sample.marked is None:
        return whole_image(image.width_px, image.height_px)
    x0, y0, x1, y1 = image.objects[sample.marked].box_xyxy_px
    side = max(_CONTEXT * max(x1 - x0, y1 - y0), _LEAST_SIDE_PX)
    return Window((x0 + x1 - side) / 2, (y0 + y1 - side) / 2, side)


def _network(budget: CropBudget, classes: int) -> nn.Module:
    # timm imports torchvision, which needs its operators declared first.
    declare_missing_operators()
    import timm

    torch.manual_seed(budget.seed)
    made: nn.Module = timm.create_model(budget.timm_name, pretrained=False, num_classes=classes)
    return made


def _place(sample: Sample) -> tuple[str, int]:
    """Which crop a sample is; the same for every question about it."""
    return sample.image.image_id, -1 if sample.marked is None else sample.marked


def _fingerprint(samples: Sequence[Sample], budget: CropBudget) -> str:
    crops = [[*_place(sample), sample.label] for sample in samples]
    return hashlib.sha256(json.dumps([asdict(budget), crops]).encode()).hexdigest()[:16]


def _train(
    network: nn.Module, crops_NSS3: CropsNSS3, targets_N: npt.NDArray[np.int64], budget: CropBudget
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


def _views(crops_BSS3: CropsNSS3) -> Tensor:
    """Floats of about unit spread, [B, 3, S, S]."""
    views_BSS3 = torch.from_numpy(np.ascontiguousarray(crops_BSS3)).float()
    return views_BSS3.permute(0, 3, 1, 2).sub(110).div(60)
