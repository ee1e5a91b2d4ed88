"""Close looks at single things: what the conv expert learns to tell apart first.

A view of 224 px costs as much as seven crops and shows two or three marked things; at nano's length
that is too few (docs/results.md). A ConvNeXt is convolutional, so what it learns on crops holds in
views. The ViT, bound to its grid, learns in views.

B crops, S crop side in pixels, H W map size, C channels.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from earthgptx.data.labelled_image import BoxXyxyPx, LabelledImage
from earthgptx.data.views import is_mostly_padding
from earthgptx.data.vocabulary import OBJECT_LABELS
from earthgptx.imagery.marks import part_of_box
from earthgptx.imagery.windows import Window, cut_window, whole_image
from earthgptx.model.visual_experts import VisualExperts
from earthgptx.training.dense_truth import UNKNOWN, label_number
from earthgptx.training.depthwise import keep_depthwise_in_float32
from earthgptx.training.mixture import MixturePart, drawn_part
from earthgptx.training.pixels import jittered, three_channels
from earthgptx.training.processes import Processes

# How much wider than the thing a crop is: from tight to lost in its surroundings.
CONTEXT = (1.2, 4.0)
MOST_OF_AN_IMAGE = 8
MOST_OF_A_LABEL = 2
# Drawing a scene costs more than looking at it: two looks at each thing.
LOOKS = 2

CropSS3 = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class CropSettings:
    """How long the conv expert looks at crops.

    Attributes:
        side_px: S of a thing's crop.
        steps: of about ``images`` x 5 crops each.
        images: images a step; every one gives up to eight crops.
        whole_side_px: S of an image with one label as a whole.
        whole_share: the least and most of such an image that is shown, its middle.
        part_probability: share of looks at a part of a thing, as a scribble marks it.
    """

    steps: int
    side_px: int = 64
    images: int = 16
    whole_side_px: int = 64
    whole_share: tuple[float, float] = (0.55, 1.0)
    part_probability: float = 0.0
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    warmup_steps: int = 200


@dataclass(frozen=True)
class Crop:
    """One look: pixels, the thing's box in 0..1 of the crop, its label's number."""

    pixels_SS3: CropSS3
    box_xyxy_unit: tuple[float, float, float, float]
    label: int


class CropStream(Dataset[list[Crop]]):
    """Crops of image ``index`` of a seeded stream, as ``Mixture`` for views."""

    def __init__(
        self, parts: list[MixturePart], settings: CropSettings, seed: int, length: int
    ) -> None:
        self._parts = parts
        self._settings = settings
        self._seed = seed
        self._length = length

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> list[Crop]:
        rng = np.random.default_rng((self._seed, index))
        image = drawn_part(self._parts, rng).source(rng)
        assert isinstance(image, LabelledImage), "words have no crops"
        return crops_of(image, self._settings, rng)


def crops_of(image: LabelledImage, settings: CropSettings, rng: np.random.Generator) -> list[Crop]:
    """Two looks each at some things of an image, or at the middle of an image of one thing.

    A look at a thing on the rim that would show mostly padding is left out.
    """
    pixels = three_channels(image.load_pixels())
    if image.image_label:
        number, box = label_number(image.image_label), (0.2, 0.2, 0.8, 0.8)
        windows = [_middle(image, settings.whole_share, rng) for _ in range(LOOKS)]
        side_px = settings.whole_side_px
        return [_crop(pixels, window, box, number, side_px, rng, 0) for window in windows]
    taken: dict[str, int] = {}
    made = []
    for index in rng.permutation(len(image.objects)):
        thing = image.objects[index]
        number = label_number(thing.label)
        if thing.stuff or number == UNKNOWN or taken.get(thing.label, 0) == MOST_OF_A_LABEL:
            continue
        taken[thing.label] = taken.get(thing.label, 0) + 1
        for _ in range(LOOKS):
            seen = thing.box_xyxy_px
            if rng.random() < settings.part_probability:
                seen = part_of_box(seen, rng)
            window, box = _around(seen, max(image.width_px, image.height_px), rng)
            turn = int(rng.integers(8))
            if is_mostly_padding(image, window):
                continue
            made.append(_crop(pixels, window, box, number, settings.side_px, rng, turn))
        if len(made) > MOST_OF_AN_IMAGE - LOOKS:
            break
    return made


def _middle(image: LabelledImage, share: tuple[float, float], rng: np.random.Generator) -> Window:
    whole = whole_image(image.width_px, image.height_px)
    side = whole.side_px * rng.uniform(*share)
    shift = rng.uniform(-0.06, 0.06, 2) * whole.side_px + (whole.side_px - side) / 2
    return Window(
        float(round(whole.x0_px + shift[0])), float(round(whole.y0_px + shift[1])), round(side)
    )


def _around(box: BoxXyxyPx, most_px: int, rng: np.random.Generator) -> tuple[Window, BoxXyxyPx]:
    x0, y0, x1, y1 = box
    context = math.exp(rng.uniform(*np.log(CONTEXT)))
    side = float(max(round(min(max(x1 - x0, y1 - y0, 8.0) * context, most_px)), 12))
    # Anywhere in the crop, as far as the thing stays in it.
    room = np.maximum(side - np.array([x1 - x0, y1 - y0]), 0.0) / 2
    centre = np.array([(x0 + x1) / 2, (y0 + y1) / 2]) + rng.uniform(-0.8, 0.8, 2) * room
    left, top = (float(round(c - side / 2)) for c in centre)
    unit = ((x0 - left) / side, (y0 - top) / side, (x1 - left) / side, (y1 - top) / side)
    return Window(left, top, side), unit


def _crop(
    pixels: CropSS3,
    window: Window,
    box: BoxXyxyPx,
    label: int,
    side_px: int,
    rng: np.random.Generator,
    turn: int,
) -> Crop:
    cut = cut_window(pixels, window, side_px)
    x0, y0, x1, y1 = box
    if turn & 4:
        cut, (x0, x1) = cut[:, ::-1], (1 - x1, 1 - x0)
    for _ in range(turn & 3):
        x0, y0, x1, y1 = y0, 1 - x1, y1, 1 - x0
    cut = np.ascontiguousarray(np.rot90(cut, turn & 3))
    return Crop(jittered(cut, rng), (x0, y0, x1, y1), label)


@dataclass(frozen=True)
class CropBatch:
    """Crops of one size; ``weights_BHW`` says which cells of the coarsest map a thing covers."""

    crops_BSS3: Tensor
    weights_BHW: Tensor
    labels_B: Tensor


def pack_crops(images: list[list[Crop]]) -> list[CropBatch]:
    """One batch for each size of crop, smallest first."""
    crops = [crop for image in images for crop in image]
    sides = sorted({crop.pixels_SS3.shape[0] for crop in crops})
    return [_pack([c for c in crops if c.pixels_SS3.shape[0] == side]) for side in sides]


def _pack(crops: list[Crop]) -> CropBatch:
    side = crops[0].pixels_SS3.shape[0] // 16
    edges = np.arange(side + 1) / side
    boxes_B4 = np.array([crop.box_xyxy_unit for crop in crops])

    def covered(low_B: npt.NDArray[np.float64], high_B: npt.NDArray[np.float64]) -> Tensor:
        over = np.minimum(high_B[:, None], edges[None, 1:]) - np.maximum(
            low_B[:, None], edges[None, :-1]
        )
        return torch.from_numpy(over.clip(1e-4)).float()

    return CropBatch(
        torch.from_numpy(np.stack([crop.pixels_SS3 for crop in crops])),
        covered(boxes_B4[:, 1], boxes_B4[:, 3]).unsqueeze(2)
        * covered(boxes_B4[:, 0], boxes_B4[:, 2]).unsqueeze(1),
        torch.tensor([crop.label for crop in crops]),
    )


class CropReader(nn.Module):
    """The conv expert with a linear reader of what lies under the box."""

    mean: Tensor
    std: Tensor

    def __init__(self, experts: VisualExperts) -> None:
        super().__init__()
        self.conv = experts.conv
        self.register_buffer("mean", experts.conv_mean)
        self.register_buffer("std", experts.conv_std)
        channels = experts.grid_channels - experts.config.vit.width
        self.norm = nn.LayerNorm(channels)
        self.labels = nn.Linear(channels, len(OBJECT_LABELS))

    def forward(self, batches: list[CropBatch]) -> tuple[Tensor, Tensor]:
        """Loss, and the share of crops told right."""
        logits = torch.cat([self._read(batch) for batch in batches])
        labels_B = torch.cat([batch.labels_B for batch in batches])
        right = (logits.argmax(1) == labels_B).float().mean()
        return F.cross_entropy(logits, labels_B, label_smoothing=0.05), right

    def _read(self, batch: CropBatch) -> Tensor:
        crops_B3SS = batch.crops_BSS3.permute(0, 3, 1, 2).float().div(255.0)
        inside = ((crops_B3SS - self.mean) / self.std).contiguous(memory_format=torch.channels_last)
        map_BCHW = self.conv(inside)[-1]
        weights = batch.weights_BHW / batch.weights_BHW.sum((1, 2), keepdim=True)
        pooled_BC = (map_BCHW.float() * weights.unsqueeze(1)).sum((2, 3))
        return self.labels(self.norm(pooled_BC)).float()  # type: ignore[no-any-return]


def learn_from_crops(
    experts: VisualExperts,
    parts: list[MixturePart],
    settings: CropSettings,
    seed: int,
    path: Path,
    processes: Processes,
) -> None:
    """Trains the conv expert on crops, once: if ``path`` holds the outcome, it is read.

    It is a small network: the first process trains it, the others wait.
    """
    if not processes.is_first:
        processes.wait()
    if not path.exists():
        keep_depthwise_in_float32(experts)
        experts.conv.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        reader = CropReader(experts).to(processes.device)
        batches = map(processes.here, _batches(parts, settings, seed, processes.workers))
        _fit(reader, batches, settings, path.with_suffix(".log"))
        partial = path.with_suffix(".part")
        save_file({n: t.contiguous() for n, t in experts.conv.state_dict().items()}, partial)
        partial.replace(path)
    if processes.is_first:
        processes.wait()
    experts.conv.load_state_dict(load_file(path))


def _batches(
    parts: list[MixturePart], settings: CropSettings, seed: int, workers: int
) -> Iterator[list[CropBatch]]:
    stream = CropStream(parts, settings, seed, settings.steps * settings.images)
    return iter(
        DataLoader(
            stream,
            batch_size=settings.images,
            collate_fn=pack_crops,
            num_workers=workers,
            prefetch_factor=8 if workers else None,
        )
    )


def _fit(
    reader: CropReader, batches: Iterator[list[CropBatch]], settings: CropSettings, log: Path
) -> None:
    optimiser = torch.optim.AdamW(
        reader.parameters(), settings.learning_rate, (0.9, 0.99), weight_decay=settings.weight_decay
    )
    seen = told = 0.0
    for step, batch in enumerate(batches):
        warm = min(1.0, (step + 1) / settings.warmup_steps)
        left = 0.5 * (1 + math.cos(math.pi * step / settings.steps))
        for group in optimiser.param_groups:
            group["lr"] = settings.learning_rate * warm * left
        with torch.autocast(batch[0].labels_B.device.type, torch.bfloat16):
            loss, right = reader(batch)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(reader.parameters(), 1.0)
        optimiser.step()
        seen, told = seen + float(loss.detach()), told + float(right)
        if (step + 1) % 25 == 0:
            with log.open("a") as file:
                file.write(f"{step + 1} loss {seen / 25:.3f} right {told / 25:.3f}\n")
            seen = told = 0.0
