r"""The language model and its words.

The sequence it reads is

    <bos> <modality> <image> image tokens </image> [<Region 1> token ...] question \n

and the answer follows, ended by <eos>. Where the question names a region, that region's token
stands again: a small model that has to find it by its number takes one region for another
(docs/results.md). Any causal LM of transformers fits: it is used through its
base model (post-norm hidden states), its input embeddings and its head.

L tokens, D width, B batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

from earthgptx.model.errors import CheckpointError
from earthgptx.model.presets import ModelConfig
from earthgptx.model.presets.configuration import LanguageModelConfig
from earthgptx.words import regions_named

MODALITY_TOKENS = {"optical": "<optical>", "sar": "<sar>", "infrared": "<infrared>"}
UNKNOWN_MODALITY_TOKEN = "<unknown>"
# What no language model knows before it has learnt to see.
MARKUP_TOKENS = (
    *("<image>", "</image>", *MODALITY_TOKENS.values(), UNKNOWN_MODALITY_TOKEN),
    *("[SEG]", "<p>", "</p>"),
)


def build_language_model(config: ModelConfig) -> PreTrainedModel:
    """A decoder of the configured family, with random weights."""
    language = config.language
    architecture = AutoConfig.for_model(
        language.model_type,
        vocab_size=language.vocab_size,
        hidden_size=config.width,
        intermediate_size=language.intermediate,
        num_hidden_layers=language.layers,
        num_attention_heads=language.heads,
        num_key_value_heads=language.key_value_heads,
        max_position_embeddings=language.context_tokens,
        tie_word_embeddings=language.tied,
        **language.extra,
    )
    model: PreTrainedModel = AutoModelForCausalLM.from_config(
        architecture, attn_implementation="sdpa"
    )
    return model


@dataclass(frozen=True)
class QuestionIds:
    """A question as ids.

    Attributes:
        ids: where ``region_columns`` say so, a placeholder.
        region_columns: column and number (from 0) of each region's token.
    """

    ids: list[int]
    region_columns: tuple[tuple[int, int], ...]


class Words:
    """The tokenizer with the names of its special tokens.

    The tokens that begin, end and fill a sequence are the language model's own; the others are the
    same for all.

    Raises:
        CheckpointError: the tokenizer lacks one of them.
    """

    def __init__(
        self, tokenizer: Tokenizer, bos: str = "<bos>", eos: str = "<eos>", pad: str = "<pad>"
    ) -> None:
        self.tokenizer = tokenizer
        self.bos = self._id(bos)
        self.eos = self._id(eos)
        self.pad = self._id(pad)
        self.image_start = self._id("<image>")
        self.image_end = self._id("</image>")
        self.seg = self._id("[SEG]")
        self.unknown_modality = self._id(UNKNOWN_MODALITY_TOKEN)
        self.modalities = {name: self._id(token) for name, token in MODALITY_TOKENS.items()}

    @classmethod
    def read(cls, path: Path, language: LanguageModelConfig | None = None) -> Words:
        """Reads a ``tokenizers`` JSON file, whose own tokens ``language`` names (None: nano's)."""
        tokenizer = Tokenizer.from_file(str(path))
        if language is None:
            return cls(tokenizer)
        return cls(tokenizer, language.bos_token, language.eos_token, language.pad_token)

    def markup_ids(self) -> list[int]:
        """Ids of all tokens that no other family has, in ascending order."""
        return sorted(self._id(token) for token in MARKUP_TOKENS)

    def _id(self, token: str) -> int:
        number = self.tokenizer.token_to_id(token)
        if number is None:
            raise CheckpointError(f"the tokenizer has no token {token!r}")
        return int(number)

    def question_ids(self, question: str, regions: int = 0) -> QuestionIds:
        """The user's words and the newline that ends them, with tokens of ``regions`` regions.

        Special tokens in the user's text are read as plain text: nobody talks the model into an
        image that is not there.
        """
        line = " ".join(question.split()) + "\n"
        self.tokenizer.encode_special_tokens = True
        try:
            encoded = self.tokenizer.encode(line, add_special_tokens=False)
        finally:
            self.tokenizer.encode_special_tokens = False
        named = [(end, n - 1) for n, end in regions_named(line) if 1 <= n <= regions]
        ids: list[int] = []
        columns: list[tuple[int, int]] = []
        for token, (_, token_end) in zip(encoded.ids, encoded.offsets, strict=True):
            ids.append(token)
            while named and named[0][0] <= token_end:
                columns.append((len(ids), named.pop(0)[1]))
                ids.append(self.pad)
        return QuestionIds(ids, tuple(columns))

    def answer_ids(self, answer: str) -> list[int]:
        """Ids of an answer in the model's markup, ended by <eos>."""
        return [*self.tokenizer.encode(answer, add_special_tokens=False).ids, self.eos]

    def region_ids(self, number: int) -> list[int]:
        """Ids of the name of region ``number`` (from 1)."""
        ids = self.tokenizer.encode(f"<Region {number}>", add_special_tokens=False).ids
        return list(ids)

    def name_ids(self, forms: Sequence[str]) -> list[int]:
        """Ids of the forms of a name, each as it stands inside a sentence."""
        encoded = [self.tokenizer.encode(f" {form}", add_special_tokens=False) for form in forms]
        return [number for each in encoded for number in each.ids]

    def text(self, ids: list[int]) -> str:
        """The text of ``ids``, markup tokens kept."""
        return str(self.tokenizer.decode(ids, skip_special_tokens=False))


def prefix_embeddings(
    language: PreTrainedModel,
    words: Words,
    image_tokens_TD: Tensor,
    regions_RD: Sequence[Tensor],
    modality: str | None,
) -> Tensor:
    """Embeddings [L, D] of everything before the question, for one request.

    Args:
        language: the language model.
        words: its tokenizer.
        image_tokens_TD: of the image.
        regions_RD: tokens of the regions.
        modality: what the image was seen with, if that is known.
    """
    embed: nn.Module = language.get_input_embeddings()
    device = image_tokens_TD.device

    def of(ids: list[int]) -> Tensor:
        embedded: Tensor = embed(torch.tensor(ids, device=device))
        return embedded.to(image_tokens_TD.dtype)

    seen = words.modalities.get(modality or "", words.unknown_modality)
    parts = [of([words.bos, seen, words.image_start]), image_tokens_TD, of([words.image_end])]
    for number, token_D in enumerate(regions_RD, start=1):
        parts += [of(words.region_ids(number)), token_D.unsqueeze(0)]
    return torch.cat(parts)
