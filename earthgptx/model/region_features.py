"""What the image looks like where a region is: the region's token for the language model.

Three views of it are summed and normed: the prompt encoder's token (where in the window and how it
was marked), features averaged under the region's weights at every scale (Osprey's mask pooling),
and a 4 x 4 sample around it (what is where inside it, with some context). Two more are added behind
the norm: its place in the full image, of which the window may be a small part, and the averages of
the finer maps again, which hold its colour.

B batch, R regions, G finest grid side, N grid cells, D width, O width of the language model,
C channels, H W map size.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from earthgptx.model.box_waves import box_waves, wave_count

SAMPLE_SIDE = 4
# Where in the image is a matter of thirds: finer waves are noise that has to be unlearnt.
PLACE_BANDS = 3
# Half side of the sampled square in standard deviations of the region's weights: a filled box of
# side s has deviation s / sqrt(12), so 2.6 deviations are 1.5 times the box.
SAMPLE_DEVIATIONS = 2.6


def region_moments(weights_BRGG: Tensor) -> tuple[Tensor, Tensor]:
    """Centre and standard deviation of each region's weights.

    Returns:
        centre_BR2 and deviation_BR2 as (x, y) in -1..1 of the view, at least half a cell wide.
    """
    side = weights_BRGG.shape[-1]
    weights = weights_BRGG.float()
    total_BR1 = weights.sum((-2, -1)).clamp_min(1e-6).unsqueeze(-1)
    cells_G = (torch.arange(side, device=weights.device) + 0.5) / side * 2 - 1
    along = torch.stack([weights.sum(-2), weights.sum(-1)], dim=2)  # B R 2 G: x, y
    centre_BR2 = (along * cells_G).sum(-1) / total_BR1
    spread = (along * cells_G**2).sum(-1) / total_BR1 - centre_BR2**2
    return centre_BR2, spread.clamp_min((1.0 / side) ** 2).sqrt()


class RegionFeatures(nn.Module):
    """Prompt token, place, pooled features and sampled features to one token a region.

    Args:
        width: of the hybrid grid and of prompt tokens.
        out_width: of the tokens made; None for ``width``.
    """

    def __init__(
        self, pyramid_channels: tuple[int, ...], width: int, out_width: int | None = None
    ) -> None:
        super().__init__()
        out_width = width if out_width is None else out_width
        reduced = tuple(max(1, 3 * width // 16 // 2**i) for i in range(len(pyramid_channels) + 1))
        self.reduce = nn.ModuleList(
            nn.Conv2d(channels, out, 1)
            for channels, out in zip((width, *pyramid_channels), reduced, strict=True)
        )
        self.pooled = nn.Linear(width + sum(pyramid_channels), out_width)
        self.sampled = nn.Sequential(
            nn.Linear(sum(reduced) * SAMPLE_SIDE**2, width),
            nn.GELU(),
            nn.Linear(width, out_width),
        )
        self.marked = nn.Linear(width, out_width)
        self.placed = _silent(wave_count(PLACE_BANDS), width // 2, out_width)
        self.tinted = _silent(sum(pyramid_channels), width // 2, out_width)
        self.norm = nn.LayerNorm(out_width)

    def forward(
        self,
        hybrid_BND: Tensor,
        pyramid: tuple[Tensor, ...],
        regions_BRD: Tensor,
        weights_BRGG: Tensor,
        places_BR4: Tensor,
    ) -> Tensor:
        """Tokens [B, R, O] for the language model."""
        side = int(hybrid_BND.shape[1] ** 0.5)
        hybrid_BDHW = hybrid_BND.transpose(1, 2).unflatten(2, (side, side))
        maps = (hybrid_BDHW, *pyramid)
        pooled = torch.cat([_pool(m, weights_BRGG) for m in maps], dim=-1)
        centre, deviation = region_moments(weights_BRGG)
        reduced = [reduce(m) for reduce, m in zip(self.reduce, maps, strict=True)]
        sampled = torch.cat([_sample(m, centre, deviation) for m in reduced], dim=-1)
        token = self.marked(regions_BRD) + self.pooled(pooled) + self.sampled(sampled)
        waves = box_waves(places_BR4.float(), PLACE_BANDS).to(regions_BRD.dtype)
        # Behind the norm: before it, what tells names apart is so much larger that places and
        # colours drown in it.
        told = self.placed(waves) + self.tinted(pooled[..., hybrid_BND.shape[-1] :])
        tokens_BRO: Tensor = self.norm(token) + told
        return tokens_BRO


def _silent(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    """Two layers that say nothing until they learn: weights learnt without stay what they are."""
    layers = nn.Sequential(nn.Linear(inputs, hidden), nn.GELU(), nn.Linear(hidden, outputs))
    for parameter in layers[2].parameters():
        nn.init.zeros_(parameter)
    return layers


def _pool(map_BCHW: Tensor, weights_BRGG: Tensor) -> Tensor:
    """Average of a map under each region's weights: [B, R, C]."""
    side = map_BCHW.shape[-1]
    weights_BRHW = F.adaptive_avg_pool2d(weights_BRGG, side)
    weights_BRN = weights_BRHW.flatten(2)
    weights_BRN = weights_BRN / weights_BRN.sum(-1, keepdim=True).clamp_min(1e-6)
    return weights_BRN.to(map_BCHW.dtype) @ map_BCHW.flatten(2).transpose(1, 2)


def _sample(map_BCHW: Tensor, centre_BR2: Tensor, deviation_BR2: Tensor) -> Tensor:
    """A SAMPLE_SIDE square of samples around each region: [B, R, SAMPLE_SIDE^2 * C]."""
    B, R, _ = centre_BR2.shape
    steps = torch.linspace(-1, 1, SAMPLE_SIDE, device=map_BCHW.device) * SAMPLE_DEVIATIONS
    offsets_S2 = torch.stack(torch.meshgrid(steps, steps, indexing="xy"), dim=-1).view(-1, 2)
    grid = centre_BR2.unsqueeze(2) + offsets_S2 * deviation_BR2.unsqueeze(2)  # B R S 2
    sampled_BCRS = F.grid_sample(
        map_BCHW, grid.to(map_BCHW.dtype), align_corners=False, padding_mode="border"
    )
    return sampled_BCRS.permute(0, 2, 3, 1).reshape(B, R, -1)
