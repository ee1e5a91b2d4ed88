"""The blocks that the deep parts are made of: of the experts and of the language model.

Where memory is short, one block at a time has its weights whole (``sharding``) and its activations
made (``recompute_in_backward``).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from timm.models.convnext import ConvNeXtBlock
from timm.models.eva import EvaBlock
from timm.models.vision_transformer import Block
from timm.models.vision_transformer_sam import Block as SamBlock
from torch import nn
from torch.utils.checkpoint import checkpoint
from transformers.modeling_layers import GradientCheckpointingLayer

# The last is what the layers of every language model of transformers are.
BLOCKS = (ConvNeXtBlock, Block, EvaBlock, SamBlock, GradientCheckpointingLayer)


def blocks_of(*parts: nn.Module) -> list[nn.Module]:
    """Every block of ``parts``, in the order of their modules."""
    return [module for part in parts for module in part.modules() if isinstance(module, BLOCKS)]


def recompute_in_backward(blocks: Sequence[nn.Module]) -> None:
    """Gradient checkpointing (Chen et al. 2016): a block keeps its inputs alone until backward.

    What it made of them is made once more there: a third more work for a fraction of the memory,
    and the same gradients to the bit. Blocks with batch norms are left as they are: they would
    count what they see twice.
    """
    for block in blocks:
        if not any(isinstance(module, nn.BatchNorm2d) for module in block.modules()):
            # Inside of a module's hooks: those of sharded weights must not run a second time.
            block.forward = partial(checkpoint, block.forward, use_reentrant=False)
