"""What each process of ``earthgptx train tune`` holds, computed from shapes alone.

Weights, gradients, moments and the average are exact. Activations are what the experts and the
language model keep for backward in bf16, counted on fake tensors; those of the smaller parts and of
the losses are left out, and so is what ``earthgptx.model.memory.predict`` leaves out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import nn
from torch._subclasses import FakeTensorMode

from earthgptx.model.memory.predict import make_fake
from earthgptx.model.memory.tensor_peak import TensorPeak
from earthgptx.model.meta_construction import parameters_without_memory
from earthgptx.model.presets import ModelConfig
from earthgptx.training.blocks import blocks_of, recompute_in_backward
from earthgptx.training.learning import Learning, open_to_learn
from earthgptx.training.network import TrainingNetwork

FLOAT32_BYTES = 4
# One in use, one on its way.
BLOCKS_AT_ONCE = 2


@dataclass(frozen=True)
class TrainingShape:
    """How a training is shared out.

    Attributes:
        processes: that share it.
        sharded: weights lie in slices.
        checkpointing: activations of blocks are made again in backward.
        rank: of the adapter; 0 trains everything but the conv expert.
        images: of one process's share of a batch; each has one row of questions.
        tokens: of a row, those of the image included; None fills the context.
    """

    processes: int = 1
    sharded: bool = False
    checkpointing: bool = False
    rank: int = 0
    images: int = 1
    tokens: int | None = None


@dataclass(frozen=True)
class TrainingMemory:
    """What one process holds, in bytes.

    Attributes:
        parameters, learning: how many there are in all, and how many of them learn.
        weights_bytes: float32; its slices where they are sharded. Tables are in it, whole.
        gradients_bytes, moments_bytes, average_bytes: of what learns.
        gathered_bytes: whole blocks beside the slices, and what is in no block, at most; their
            gradients included.
        activations_bytes: kept for backward, casts of weights to bf16 included; about.
    """

    parameters: int
    learning: int
    weights_bytes: int
    gradients_bytes: int
    moments_bytes: int
    average_bytes: int
    gathered_bytes: int
    activations_bytes: int

    @property
    def total_bytes(self) -> int:
        """All of it."""
        held_bytes = self.weights_bytes + self.gradients_bytes + self.moments_bytes
        return held_bytes + self.average_bytes + self.gathered_bytes + self.activations_bytes


def predict_training(config: ModelConfig, shape: TrainingShape) -> TrainingMemory:
    """What one process of a training of a preset holds; the first one, which holds the most."""
    network = _build(config, shape)
    slices = shape.processes if shape.sharded else 1
    parameters = list(network.parameters())
    learning = [p for p in parameters if p.requires_grad]
    learning_bytes = _slice_bytes(learning, slices)
    buffers_bytes = sum(held.nbytes for held in network.buffers())
    return TrainingMemory(
        parameters=sum(p.numel() for p in parameters),
        learning=sum(p.numel() for p in learning),
        weights_bytes=_slice_bytes(parameters, slices) + buffers_bytes,
        gradients_bytes=learning_bytes,
        moments_bytes=2 * learning_bytes,
        average_bytes=learning_bytes,
        gathered_bytes=_gathered_bytes(network) if slices > 1 else 0,
        activations_bytes=_activations_bytes(config, shape),
    )


def _build(config: ModelConfig, shape: TrainingShape) -> TrainingNetwork:
    """The network of ``tune`` as it learns."""
    with parameters_without_memory():
        network = TrainingNetwork(config, helped=False)
        open_to_learn(network, Learning(rank=shape.rank))
    return network


def _slice_bytes(parameters: list[nn.Parameter], slices: int) -> int:
    """The first process's rows, which are the most; scalars are whole everywhere."""
    return FLOAT32_BYTES * sum(
        -(-p.shape[0] // slices) * p[0].numel() if p.ndim else 1 for p in parameters
    )


def _gathered_bytes(network: TrainingNetwork) -> int:
    deep = blocks_of(network.image_encoder, network.reasoner.language)
    in_blocks = {parameter for block in deep for parameter in block.parameters()}
    rest = [p for p in network.parameters() if p not in in_blocks]
    largest_bytes = max(_with_gradients_bytes(list(block.parameters())) for block in deep)
    return _with_gradients_bytes(rest) + BLOCKS_AT_ONCE * largest_bytes


def _with_gradients_bytes(parameters: list[nn.Parameter]) -> int:
    return FLOAT32_BYTES * sum(p.numel() * (1 + p.requires_grad) for p in parameters)


def _activations_bytes(config: ModelConfig, shape: TrainingShape) -> int:
    """Kept of one forward pass; where blocks are made again, what the largest keeps as well."""
    if not shape.checkpointing:
        return _kept_bytes(config, shape)[0]
    kept_bytes, _ = _kept_bytes(config, shape)
    _, largest_bytes = _kept_bytes(config, replace(shape, checkpointing=False))
    return kept_bytes + largest_bytes


def _kept_bytes(config: ModelConfig, shape: TrainingShape) -> tuple[int, int]:
    """What experts and language model keep for backward: in all, and the block that keeps most."""
    network = _build(config, shape)
    resting = {name for name, p in network.named_parameters() if not p.requires_grad}
    deep = blocks_of(network.image_encoder, network.reasoner.language)
    peak = TensorPeak()
    by_block: list[int] = []

    def starts(*_: object) -> None:
        by_block.append(peak.live_bytes)

    def ends(*_: object) -> None:
        by_block.append(peak.live_bytes - by_block.pop())

    for block in deep:
        block.register_forward_pre_hook(starts)
        block.register_forward_hook(ends)
    if shape.checkpointing:
        recompute_in_backward(deep)
    with FakeTensorMode() as fakes:
        make_fake(network, fakes, torch.float32)
        for name, parameter in network.named_parameters():
            parameter.requires_grad_(name not in resting)
        for tensor in (*network.parameters(), *network.buffers()):
            peak.hold(tensor)
        before_bytes = peak.live_bytes
        # Sharded weights are cast anew each time (``Learner.learn``).
        with peak, torch.autocast("cpu", torch.bfloat16, cache_enabled=not shape.sharded):
            kept = _look_and_read(network, config, shape)
            kept_bytes = peak.live_bytes - before_bytes
            del kept
    return kept_bytes, max(by_block)


def _look_and_read(
    network: TrainingNetwork, config: ModelConfig, shape: TrainingShape
) -> tuple[object, object]:
    """One forward pass of experts and language model on a share of a batch."""
    side, tokens = config.view_side_px, shape.tokens or config.language.context_tokens
    seen = network.image_encoder(torch.rand(shape.images, 3, side, side))
    read_BLD = torch.rand(shape.images, tokens, config.width, requires_grad=True)
    language = network.reasoner.language
    return seen, language.base_model(inputs_embeds=read_BLD, use_cache=False)
