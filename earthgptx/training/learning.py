"""What of a model learns: its parts by name, and an adapter of its language model.

The paper (EarthGPT-X, arXiv:2504.12795) keeps the experts frozen or not, and opens the attention
of the language model or puts adapters beside it; what stands between them always learns.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from peft import LoraConfig
from torch import nn
from transformers import PreTrainedModel

from earthgptx.model.adapters import MOST_RANK, add_adapter
from earthgptx.training.network import TrainingNetwork

# What the families of transformers call their attention's modules: self_attn, attn, attention, ...
ATTENTION = ("attn", "attention")


class LearningPart(StrEnum):
    """A part that can learn. Some are parts of others: what learns is what any of them holds."""

    EXPERTS = "experts"
    CONV_EXPERT = "conv-expert"
    VIT_EXPERT = "vit-expert"
    SAM_ENCODER = "sam-encoder"
    BRIDGE = "bridge"
    REGIONS = "regions"
    LANGUAGE = "language"
    LANGUAGE_ATTENTION = "language-attention"
    LANGUAGE_EMBEDDINGS = "language-embeddings"
    MASK_DECODER = "mask-decoder"


IN_LANGUAGE = frozenset(part for part in LearningPart if part.startswith("language"))
# With no parts named, all of these that a model has.
ALL_BUT_CONV = frozenset(
    {
        *(LearningPart.VIT_EXPERT, LearningPart.SAM_ENCODER, LearningPart.BRIDGE),
        *(LearningPart.LANGUAGE, LearningPart.MASK_DECODER),
    }
)


@dataclass(frozen=True)
class Learning:
    """What learns in a training on trained weights.

    Attributes:
        parts: of the model; None for the adapter alone, or without one for all but the conv expert.
        rank: of the LoRA adapter of the language model, 0 to ``MOST_RANK``; 0 has none.

    Raises:
        ValueError: the rank is out of range, nothing would learn, or the language model would learn
            both by itself and by an adapter.
    """

    parts: frozenset[LearningPart] | None = None
    rank: int = 0

    def __post_init__(self) -> None:
        """Checks that they can learn together."""
        if not 0 <= self.rank <= MOST_RANK:
            raise ValueError(f"rank {self.rank}: from 0 to {MOST_RANK}")
        if not self.rank and self.parts is not None and not self.parts:
            raise ValueError(f"nothing would learn: name a rank, or parts of {_listed()}")
        if self.rank and (both := IN_LANGUAGE & (self.parts or frozenset())):
            raise ValueError(
                f"{', '.join(sorted(both))} beside rank {self.rank}: the language model learns by "
                "itself or by an adapter, not both"
            )

    def names_in(self, network: TrainingNetwork) -> frozenset[str]:
        """Names of the parameters in the parts that learn.

        Raises:
            ValueError: the model has no such part; says which there are.
        """
        there = {part: frozenset(_names(network, part)) for part in LearningPart}
        if self.parts is None:
            wanted = frozenset() if self.rank else ALL_BUT_CONV
        else:
            wanted = self.parts
            if lacking := sorted(part for part in wanted if not there[part]):
                has = _listed(part for part in LearningPart if there[part])
                raise ValueError(f"{network.config.preset} has no {lacking[0]}; it has {has}")
        return frozenset().union(*(there[part] for part in wanted))


def open_to_learn(
    network: TrainingNetwork, learning: Learning, new_tokens: Sequence[int] = ()
) -> tuple[frozenset[str], LoraConfig | None]:
    """Opens what is to learn and freezes the rest, in place.

    Args:
        network: its parameters may be on the meta device.
        learning: what learns.
        new_tokens: ids whose embeddings learn beside an adapter.

    Returns:
        Names of the network's own parameters that learn; settings of the adapter, None without one.

    Raises:
        ValueError: the model has no such part.
    """
    names = learning.names_in(network)
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(name in names)
    if not learning.rank:
        return names, None
    return names, add_adapter(network.reasoner.language, learning.rank, new_tokens)


def parts_named(text: str) -> frozenset[LearningPart]:
    """The parts of a list with commas: ``"bridge,mask-decoder"``.

    Raises:
        ValueError: one is none of ``LearningPart``; says which there are.
    """
    names = [name.strip() for name in text.split(",")]
    if unknown := [name for name in names if name not in set(LearningPart)]:
        raise ValueError(f"{unknown[0]!r} is no part that learns; parts are {_listed()}")
    return frozenset(map(LearningPart, names))


def _listed(parts: Iterable[LearningPart] = tuple(LearningPart)) -> str:
    return ", ".join(parts)


def _names(network: TrainingNetwork, part: LearningPart) -> Iterator[str]:
    """Names of a part's parameters; none where the model has no such part."""
    held = {id(parameter) for parameter in _parameters(network, part)}
    return (name for name, parameter in network.named_parameters() if id(parameter) in held)


def _parameters(network: TrainingNetwork, part: LearningPart) -> Iterator[nn.Parameter]:
    experts, reasoner = network.image_encoder, network.reasoner
    match part:
        case LearningPart.EXPERTS:
            return experts.parameters()
        case LearningPart.CONV_EXPERT:
            return experts.conv.parameters()
        case LearningPart.VIT_EXPERT:
            return experts.vit.parameters()
        case LearningPart.SAM_ENCODER:
            return iter(()) if network.config.sam is None else experts.sam.parameters()
        case LearningPart.BRIDGE:
            return _bridge(network)
        case LearningPart.REGIONS:
            return reasoner.regions.parameters()
        case LearningPart.LANGUAGE:
            return reasoner.language.parameters()
        case LearningPart.LANGUAGE_ATTENTION:
            return _attention(reasoner.language)
        case LearningPart.LANGUAGE_EMBEDDINGS:
            return _embeddings(reasoner.language)
        case LearningPart.MASK_DECODER:
            return network.mask_decoder.parameters()


def _bridge(network: TrainingNetwork) -> Iterator[nn.Parameter]:
    """The prompt encoder, and all of the reasoner but its language model."""
    yield from network.prompt_encoder.parameters()
    for name, parameter in network.reasoner.named_parameters():
        if not name.startswith("language."):
            yield parameter


def _attention(language: PreTrainedModel) -> Iterator[nn.Parameter]:
    """Matrices of the decoder's attention; no norms, no biases."""
    for name, parameter in language.named_parameters():
        if parameter.ndim >= 2 and any(called in name for called in ATTENTION):
            yield parameter


def _embeddings(language: PreTrainedModel) -> Iterator[nn.Parameter]:
    """The rows of all tokens, as they are read and as they are said."""
    yield from language.get_input_embeddings().parameters()
    yield from language.get_output_embeddings().parameters()
