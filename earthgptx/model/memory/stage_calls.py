"""One call of each stage, as large as its settings allow, on inputs of its own making.

B requests, S view side, K mark kinds, G finest grid side, L tokens, D width.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from earthgptx.imagery.mark_shapes import MARK_KINDS
from earthgptx.model.pixel_perception import QueryTensors
from earthgptx.model.presets import ModelConfig


@dataclass(frozen=True)
class CallSize:
    """How much is asked of a stage in one call.

    Attributes:
        batch: requests (masks, for the mask decoder) in it.
        tokens: of question and answer, besides those of the image; None fills the context.
    """

    batch: int = 1
    tokens: int | None = None


def call_stage(
    network: nn.Module,
    config: ModelConfig,
    stage: str,
    size: CallSize,
    device: torch.device,
    dtype: torch.dtype,
) -> None:
    """Runs the network of ``stage`` once."""
    make = _Inputs(config, size.batch, device, dtype)
    with torch.no_grad():
        if stage == "image_encoder":
            side = config.view_side_px
            network(make.tensor(3, side, side))
        elif stage == "prompt_encoder":
            side = config.view_side_px
            kinds = len(MARK_KINDS)
            network.encode_map(make.tensor(kinds, side, side))
            boxes_B14, kinds_B1K = make.tensor(1, 4).float(), make.tensor(1, kinds).float()
            network.encode_regions(boxes_B14, kinds_B1K)
        elif stage == "reasoner":
            _answer(network, config, size, make)
        else:
            # The worst case: no two masks are of the same image.
            features, images_Q = make.features(), torch.arange(size.batch, device=device)
            states_QD = make.tensor(config.width)
            logits_QGG, *_ = network(QueryTensors(*features, images_Q, seg_states_QD=states_QD))
            if network.instances is not None:
                network.instances(*features, images_Q, logits_QGG)


def _answer(network: nn.Module, config: ModelConfig, size: CallSize, make: _Inputs) -> None:
    """Reads image, marks and question, then makes the last token the context has room for."""
    from transformers import DynamicCache

    grid_BNC, pyramid = make.features()
    regions_BRD = make.tensor(1, config.prompt_width)
    weights_BRGG = make.tensor(1, config.fine_side, config.fine_side)
    prompts_BPD = torch.cat(
        [make.tensor(config.prompt_map_tokens, config.prompt_width), regions_BRD], 1
    )
    understood = network.understand(grid_BNC, prompts_BPD)
    looks_BRD = network.regions(
        understood.hybrid_BND, pyramid, regions_BRD, weights_BRGG, make.tensor(1, 4)
    )
    prefix_BLD = torch.cat([understood.tokens_BTO, looks_BRD], 1)
    words = size.tokens
    if words is None:
        words = config.language.context_tokens - prefix_BLD.shape[1] - 1
    asked_BLD = network.look_up(make.tensor(words, config.width), understood.written_BSO)
    read_BLD = torch.cat([prefix_BLD, asked_BLD], 1)
    language = network.language
    cache = DynamicCache(config=language.config)
    # Once for all that is read, once for a token made.
    for embedded in (read_BLD, make.tensor(1, config.width)):
        hidden_BLD = language.base_model(
            inputs_embeds=embedded, past_key_values=cache, use_cache=True
        ).last_hidden_state
        language.get_output_embeddings()(hidden_BLD[:, -1])


@dataclass(frozen=True)
class _Inputs:
    config: ModelConfig
    batch: int
    device: torch.device
    dtype: torch.dtype

    def tensor(self, *shape: int) -> Tensor:
        return torch.rand(self.batch, *shape, device=self.device).to(self.dtype)

    def features(self) -> tuple[Tensor, tuple[Tensor, ...]]:
        grid = self.tensor(self.config.grid_side**2, self.config.grid_channels)
        return grid, tuple(self.tensor(*shape) for shape in self.config.pyramid_shapes)
