"""Low-rank adapters (Hu et al. 2022) of the language model, by peft and in peft's file format.

A few numbers beside every matrix learn; the rest of the model stays what it is. An adapter is a
folder with ``adapter_config.json`` and ``adapter_model.safetensors``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from peft import LoraConfig, PeftModel, inject_adapter_in_model
from peft.utils import get_peft_model_state_dict
from safetensors.torch import save_file
from torch import nn
from transformers import PreTrainedModel

ADAPTED = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


def add_adapter(language: PreTrainedModel, rank: int, new_tokens: Sequence[int] = ()) -> LoraConfig:
    """Freezes the language model and puts an adapter beside its matrices, in place.

    Args:
        language: a decoder; its classes and the names of its modules stay the same.
        rank: of the adapter's matrices; the scale is 2, as is usual.
        new_tokens: ids whose embeddings learn too: tokens that a pretrained model never read.
    """
    settings = LoraConfig(
        r=rank,
        lora_alpha=2 * rank,
        target_modules=list(ADAPTED),
        trainable_token_indices=list(new_tokens) or None,
        task_type="CAUSAL_LM",
    )
    language.requires_grad_(False)
    inject_adapter_in_model(settings, language)
    return settings


def save_adapter(language: nn.Module, settings: LoraConfig, folder: Path) -> None:
    """Writes what learnt as an adapter folder."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = get_peft_model_state_dict(language, adapter_name="default")
    partial = folder / ".adapter.partial"
    save_file({name: tensor.contiguous().cpu() for name, tensor in tensors.items()}, partial)
    partial.replace(folder / "adapter_model.safetensors")
    settings.save_pretrained(str(folder))


def merged(language: PreTrainedModel, folder: Path) -> PreTrainedModel:
    """The language model with an adapter's numbers added to its own.

    Raises:
        OSError, ValueError: the folder holds no adapter, or one of another model.
    """
    adapted = PeftModel.from_pretrained(language, str(folder))
    return adapted.merge_and_unload()  # type: ignore[no-any-return]
