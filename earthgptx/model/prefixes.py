"""What the language model read before a question: another question begins where it ended.

Image, modality and marks come before the question, so what was read of them (keys and values of
every layer) does not depend on it. Every prefix is read alone, not in the batch of those who came
along: what is kept is the same whoever asked first.

B batch, L tokens, S labels, R regions, D width, H key-value heads, E width of a head.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
import xxhash
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel

from earthgptx.model.features import ImageFeatures, PromptFeatures


@dataclass(frozen=True)
class LookedUp:
    """What the words of a question look up, where there is any.

    Attributes:
        written_SD: tallies (``word_lookup``).
        regions_RD: tokens of the regions it may name.
    """

    written_SD: Tensor | None = None
    regions_RD: Tensor | None = None

    @property
    def size_bytes(self) -> int:
        """Memory that it takes."""
        return sum(t.nbytes for t in (self.written_SD, self.regions_RD) if t is not None)


@dataclass(frozen=True)
class Prefix:
    """Tokens that were read.

    Attributes:
        keys, values: of each layer, [H, L, E].
    """

    keys: tuple[Tensor, ...]
    values: tuple[Tensor, ...]
    looked_up: LookedUp

    @property
    def tokens(self) -> int:
        """How many tokens were read."""
        return self.keys[0].shape[1]

    @property
    def size_bytes(self) -> int:
        """Memory that it takes."""
        read = sum(tensor.nbytes for tensor in (*self.keys, *self.values))
        return read + self.looked_up.size_bytes


def read_prefix(language: PreTrainedModel, embedded_LD: Tensor, looked_up: LookedUp) -> Prefix:
    """Reads embedded tokens as the beginning of a sequence."""
    cache = DynamicCache(config=language.config)
    language.base_model(
        inputs_embeds=embedded_LD.unsqueeze(0), past_key_values=cache, use_cache=True
    )
    return Prefix(
        tuple(layer.keys[0] for layer in cache.layers),
        tuple(layer.values[0] for layer in cache.layers),
        looked_up,
    )


def begun_with(
    language: PreTrainedModel, prefixes: Sequence[Prefix]
) -> tuple[DynamicCache, Tensor]:
    """A batch whose rows have read their prefixes, and seen_BL: False where a row is padded.

    Left padding keeps every row's newest token in the last column.
    """
    longest = max(prefix.tokens for prefix in prefixes)
    cache = DynamicCache(config=language.config)
    for layer in range(len(prefixes[0].keys)):
        cache.update(
            torch.stack([_padded(prefix.keys[layer], longest) for prefix in prefixes]),
            torch.stack([_padded(prefix.values[layer], longest) for prefix in prefixes]),
            layer,
        )
    lengths_B = torch.tensor([prefix.tokens for prefix in prefixes])
    seen_BL = torch.arange(longest) >= (longest - lengths_B).unsqueeze(1)
    return cache, seen_BL.to(prefixes[0].keys[0].device)


def _padded(read_HLE: Tensor, longest: int) -> Tensor:
    # Most are of one length, and torch copies what it pads by nothing.
    if read_HLE.shape[1] == longest:
        return read_HLE
    return F.pad(read_HLE, (0, 0, longest - read_HLE.shape[1], 0))


def content_key(image: ImageFeatures, prompts: PromptFeatures | None) -> str:
    """Names what a prefix is read from: 32 hex digits over the features' bytes."""
    digest = xxhash.xxh3_128()
    tensors = [image.grid_NC]
    if prompts is not None:
        # Only marked regions are looked at on the finer maps.
        tensors += [*image.pyramid, prompts.map_MD, prompts.regions_RD]
        tensors += [prompts.weights_RGG, prompts.places_R4]
    for tensor in tensors:
        digest.update(f"{tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().view(torch.uint8).numpy())
    return digest.hexdigest()
