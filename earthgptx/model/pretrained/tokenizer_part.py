"""A language model's own tokenizer, made to know the model's markup."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tokenizers import AddedToken, Tokenizer
from transformers import AutoTokenizer

from earthgptx.model.errors import CheckpointError
from earthgptx.model.language_model import MARKUP_TOKENS
from earthgptx.model.pretrained.source import Source


@dataclass(frozen=True)
class AdaptedTokenizer:
    """A tokenizer with all tokens ``Words`` asks for.

    Attributes:
        size: ids run below it.
        new_ids: of tokens its language model has never seen.
    """

    tokenizer: Tokenizer
    bos: str
    eos: str
    pad: str
    size: int
    new_ids: tuple[int, ...]


def adapt_tokenizer(source: Source) -> AdaptedTokenizer:
    """Adds what is missing; what begins and ends a sequence stays the language model's own.

    Raises:
        CheckpointError: the folder holds no tokenizer.
    """
    try:
        theirs = AutoTokenizer.from_pretrained(source.folder)
        tokenizer = _without_added_spaces(theirs.backend_tokenizer)
    except (OSError, ValueError, AttributeError) as error:
        raise CheckpointError(f"{source.name} has no tokenizer: {error}") from error
    bos, eos = theirs.bos_token or "<bos>", theirs.eos_token or "<eos>"
    pad = theirs.pad_token or "<pad>"
    before = tokenizer.get_vocab(with_added_tokens=True)
    wanted = dict.fromkeys((bos, eos, pad, *MARKUP_TOKENS))
    tokenizer.add_special_tokens(
        [AddedToken(token, special=True, normalized=False) for token in wanted]
    )
    after = tokenizer.get_vocab(with_added_tokens=True)
    new = sorted(number for token, number in after.items() if token not in before)
    return AdaptedTokenizer(tokenizer, bos, eos, pad, max(after.values()) + 1, tuple(new))


def _without_added_spaces(tokenizer: Tokenizer) -> Tokenizer:
    """Undoes what puts a space before every piece of text, as LLaMA-2's tokenizer does.

    Between special tokens it would appear in the middle of the markup: ``</p> [0.1,...``.
    """
    described = json.loads(tokenizer.to_str())
    for part in ("normalizer", "pre_tokenizer", "decoder"):
        described[part] = _quiet(described[part])
    return Tokenizer.from_str(json.dumps(described))


def _quiet(part: Any) -> Any:
    if not isinstance(part, dict):
        return part
    if part.get("type") == "Prepend":
        return None
    if part.get("type") == "Metaspace":
        return {**part, "prepend_scheme": "never"}
    return {
        key: [kept for item in value if (kept := _quiet(item)) is not None]
        if isinstance(value, list)
        else value
        for key, value in part.items()
    }
