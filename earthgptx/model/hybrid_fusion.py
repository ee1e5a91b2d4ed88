"""Hybrid signal mutual understanding: image, marks and (after projection) text meet here.

The paper's equations, with the residuals spelt out (pre-norm throughout):

    V_sa     = V_img + SelfAttention(V_img)
    E_ff     = E_prompt + FeedForward(E_prompt)
    H_ca     = V_sa + gate * CrossAttention(V_sa, E_ff)      gate starts at zero
    V-P      = H_ca + SelfAttention(H_ca), then a feed-forward
    V-P_proj = projection to the language model's tokens

The family also hands the language model its image as a whole (SPHINX: a mean token before the
grid's). Here each summary token is a linear view of the mean over cells of a hidden layer of its
own. How many there are of what is counted apart (``tallies``).

Without prompts H_ca is V_sa exactly: a picture nobody drew on is not changed by the prompt path.

B batch, N grid cells, C expert channels, P prompt tokens, D width, O width of the language model,
T image tokens (those of the grid, then the summary), S summary tokens, W hidden width of each.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# Of the block's width, what each summary token has for itself.
SUMMARY_WIDTH_SHARE = 8


class Attention(nn.Module):
    """Multi-head attention of queries over keys; both already normalised."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x_BQD: Tensor, y_BPD: Tensor, valid_BP: Tensor | None = None) -> Tensor:
        """Attends from ``x`` to ``y``; ``valid_BP`` False hides a key."""
        B, Q, D = x_BQD.shape
        q_BHQd = self.query(x_BQD).view(B, Q, self.heads, -1).transpose(1, 2)
        key, value = self.key_value(y_BPD).chunk(2, dim=-1)
        k_BHPd = key.view(B, -1, self.heads, D // self.heads).transpose(1, 2)
        v_BHPd = value.view(B, -1, self.heads, D // self.heads).transpose(1, 2)
        mask = None if valid_BP is None else valid_BP[:, None, None, :]
        mixed = F.scaled_dot_product_attention(q_BHQd, k_BHPd, v_BHPd, attn_mask=mask)
        out_BQD: Tensor = self.out(mixed.transpose(1, 2).reshape(B, Q, D))
        return out_BQD


def feed_forward(width: int, factor: int = 2) -> nn.Sequential:
    """Pre-norm two-layer feed-forward."""
    return nn.Sequential(
        nn.LayerNorm(width),
        nn.Linear(width, factor * width),
        nn.GELU(),
        nn.Linear(factor * width, width),
    )


class HybridFusion(nn.Module):
    """Self-attention, feed-forward, cross-attention, self-attention, projection.

    Args:
        grid_channels: of the experts' grid, whose side is ``grid_side`` cells.
        width: of the block and of the prompt tokens.
        tokens_side: side of the grid of image tokens made for the language model.
        out_width: of those tokens; None for ``width``.
    """

    def __init__(
        self,
        grid_channels: int,
        grid_side: int,
        width: int,
        heads: int,
        tokens_side: int,
        summary_tokens: int,
        out_width: int | None = None,
    ) -> None:
        super().__init__()
        out_width = width if out_width is None else out_width
        self.out_width = out_width
        self.grid_side = grid_side
        self.fold = grid_side // tokens_side
        self.image_in = nn.Linear(grid_channels, width)
        self.image_norm = nn.LayerNorm(grid_channels)
        self.position_1ND = nn.Parameter(torch.randn(1, grid_side**2, width) * 0.02)
        self.self_norm = nn.LayerNorm(width)
        self.self_attention = Attention(width, heads)
        self.prompt_feed_forward = feed_forward(width)
        self.cross_norm = nn.LayerNorm(width)
        self.prompt_norm = nn.LayerNorm(width)
        self.cross_attention = Attention(width, heads)
        self.gate_D = nn.Parameter(torch.zeros(width))
        self.hybrid_norm = nn.LayerNorm(width)
        self.hybrid_attention = Attention(width, heads)
        self.hybrid_feed_forward = feed_forward(width)
        self.projection = nn.Linear(self.fold**2 * width, out_width)
        self.projection_norm = nn.LayerNorm(out_width)
        own = max(width // SUMMARY_WIDTH_SHARE, 1)
        self.summary_cells = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, summary_tokens * own), nn.GELU()
        )
        self.summary_out_SWO = nn.Parameter(torch.randn(summary_tokens, own, out_width) * own**-0.5)
        self.summary_position_SO = nn.Parameter(torch.randn(summary_tokens, out_width) * 0.2)

    def forward(
        self, grid_BNC: Tensor, prompts_BPD: Tensor | None, valid_BP: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Lets image and prompts understand each other.

        Args:
            grid_BNC: experts' tokens.
            prompts_BPD: map and region tokens, or None where nothing was drawn.
            valid_BP: False where a prompt token is padding.

        Returns:
            hybrid_BND on the grid, and image_tokens_BTO for the language model.
        """
        image_BND = self.image_in(self.image_norm(grid_BNC)) + self.position_1ND
        normed = self.self_norm(image_BND)
        image_BND = image_BND + self.self_attention(normed, normed)
        if prompts_BPD is not None:
            prompts_BPD = prompts_BPD + self.prompt_feed_forward(prompts_BPD)
            crossed_BND = self.cross_attention(
                self.cross_norm(image_BND), self.prompt_norm(prompts_BPD), valid_BP
            )
            image_BND = image_BND + self.gate_D * crossed_BND
        normed = self.hybrid_norm(image_BND)
        image_BND = image_BND + self.hybrid_attention(normed, normed)
        hybrid_BND = image_BND + self.hybrid_feed_forward(image_BND)
        tokens_BTO = torch.cat([self._project(hybrid_BND), self._summarise(hybrid_BND)], dim=1)
        return hybrid_BND, tokens_BTO

    def _project(self, hybrid_BND: Tensor) -> Tensor:
        B, _, D = hybrid_BND.shape
        side, fold = self.grid_side // self.fold, self.fold
        cells = hybrid_BND.view(B, side, fold, side, fold, D).transpose(2, 3)
        tokens_BTO: Tensor = self.projection(cells.reshape(B, side * side, fold * fold * D))
        return self.projection_norm(tokens_BTO)

    def _summarise(self, hybrid_BND: Tensor) -> Tensor:
        whole_BSW = (
            self.summary_cells(hybrid_BND).mean(dim=1).unflatten(1, self.summary_out_SWO.shape[:2])
        )
        tokens_BSO = torch.einsum("bsw,swo->bso", whole_BSW, self.summary_out_SWO)
        tokens_BSO = tokens_BSO + self.summary_position_SO
        # One norm over all of them: how they compare in size is part of what they say.
        return F.layer_norm(tokens_BSO, tokens_BSO.shape[1:])
