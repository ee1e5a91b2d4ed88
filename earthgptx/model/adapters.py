"""Low-rank adapters (Hu et al. 2022) of the language model, by peft and in peft's file format.

A few numbers beside every matrix learn; the rest of the model stays what it is. An adapter is a
folder with ``adapter_config.json`` and ``adapter_model.safetensors``. A running model takes new
ones from a folder of such folders, by name, when first asked for them.
"""

from __future__ import annotations

import hashlib
import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

from peft import LoraConfig, PeftModel, inject_adapter_in_model, set_peft_model_state_dict
from peft.tuners.tuners_utils import BaseTunerLayer
from peft.utils import get_peft_model_state_dict
from peft.utils.other import AuxiliaryTrainingWrapper
from safetensors import SafetensorError
from safetensors.torch import load, save_file
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from earthgptx.model.errors import CheckpointError, ModelInputError

WEIGHTS_FILE = "adapter_model.safetensors"
# Of every name in peft's files.
PREFIX = "base_model.model."
# In the names of what an adapter adds: matrices, and rows of new tokens.
ADDED = ("lora_", "trainable_tokens_")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
MOST_RANK = 256


def add_adapter(language: PreTrainedModel, rank: int, new_tokens: Sequence[int] = ()) -> LoraConfig:
    """Freezes the language model and puts an adapter beside its matrices, in place.

    Args:
        language: a decoder; its class and the names of its modules stay the same.
        rank: of the adapter's matrices; the scale is 2, as is usual.
        new_tokens: ids whose embeddings learn too: tokens that a pretrained model never read.
    """
    layers = block_layers(language)
    settings = LoraConfig(
        r=rank,
        lora_alpha=2 * rank,
        target_modules=sorted({name.rpartition(".")[2] for name in layers}),
        # GPT-2's layers keep their matrices the other way round.
        fan_in_fan_out=any(isinstance(layer, Conv1D) for layer in layers.values()),
        trainable_token_indices=list(new_tokens) or None,
        task_type="CAUSAL_LM",
    )
    language.requires_grad_(False)
    inject_adapter_in_model(settings, language)
    return settings


def block_layers(language: PreTrainedModel) -> dict[str, nn.Module]:
    """The linear layers of a decoder's blocks by name, whatever its family calls them."""
    head = language.get_output_embeddings()
    return {
        name: layer
        for name, layer in language.named_modules()
        if isinstance(layer, nn.Linear | Conv1D) and layer is not head
    }


def adapter_tensors(language: nn.Module) -> dict[str, Tensor]:
    """What an added adapter has learnt, by the names of peft's files without their prefix."""
    tensors: dict[str, Tensor] = get_peft_model_state_dict(language, adapter_name="default")
    return tensors


def save_adapter(tensors: Mapping[str, Tensor], settings: LoraConfig, folder: Path) -> None:
    """Writes what ``adapter_tensors`` gave as an adapter folder."""
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / ".adapter.partial"
    save_file({PREFIX + name: t.contiguous().cpu() for name, t in tensors.items()}, partial)
    settings.save_pretrained(str(folder))
    partial.replace(folder / WEIGHTS_FILE)


def merged(language: PreTrainedModel, folder: Path) -> PreTrainedModel:
    """The language model with an adapter's numbers added to its own.

    Raises:
        CheckpointError: the folder holds no adapter, or one of another model.
    """
    read_settings(folder)
    try:
        with warnings.catch_warnings():
            # peft asks transformers 5 by a name it is giving up.
            warnings.filterwarnings("ignore", "`is_gradient_checkpointing`", FutureWarning)
            adapted = PeftModel.from_pretrained(language, str(folder))
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise CheckpointError(f"{folder}: no adapter of these weights: {error}") from error
    return adapted.merge_and_unload()  # type: ignore[no-any-return]


def read_settings(folder: Path) -> LoraConfig:
    """The settings of an adapter folder.

    Raises:
        CheckpointError: there are none, they are no LoRA's, or the rank is beyond ``MOST_RANK``.
    """
    if not (folder / WEIGHTS_FILE).is_file():
        raise CheckpointError(f"{folder / WEIGHTS_FILE}: no such file")
    try:
        settings = LoraConfig.from_pretrained(str(folder))
    except (OSError, TypeError, ValueError) as error:
        raise CheckpointError(f"{folder}: no adapter settings: {error}") from error
    if not isinstance(settings, LoraConfig) or not 1 <= settings.r <= MOST_RANK:
        raise CheckpointError(f"{folder}: not a LoRA of rank 1 to {MOST_RANK}")
    return settings


class Adapters:
    """The adapters a running language model knows; one is in use at a time, or none.

    Not safe between threads: the thread that steps the model uses it.

    Args:
        language: the model; adapters are put beside its matrices when first asked for.
        folder: of adapter folders. What was read once is not read again: a new state of an
            adapter is a new folder.
    """

    def __init__(self, language: PreTrainedModel, folder: Path) -> None:
        self._language = language
        self._folder = folder
        self._digests: dict[str, str] = {}
        self._in_use = ""

    def known(self) -> list[str]:
        """Names of the folder's adapters, sorted."""
        if not self._folder.is_dir():
            return []
        return sorted(
            path.name
            for path in self._folder.iterdir()
            if NAME.fullmatch(path.name) and (path / WEIGHTS_FILE).is_file()
        )

    def digest(self, name: str) -> str:
        """Twelve hex digits of an adapter that was loaded."""
        return self._digests[name]

    def load(self, name: str) -> None:
        """Reads the adapter unless it was read before.

        Raises:
            ModelInputError: there is none of that name, or it is not one of this model.
        """
        if name in self._digests:
            return
        folder = self._folder / name
        if not NAME.fullmatch(name) or not (folder / WEIGHTS_FILE).is_file():
            raise _refused(f"no adapter {name!r}", self.known())
        try:
            settings = read_settings(folder)
            content = (folder / WEIGHTS_FILE).read_bytes()
            self._insert(name, settings, load(content))
        except (CheckpointError, OSError, RuntimeError, ValueError, SafetensorError) as error:
            self._remove(name)
            raise _refused(f"adapter {name!r} cannot be used: {error}", self.known()) from error
        self._digests[name] = hashlib.sha256(content).hexdigest()[:12]

    def use(self, name: str) -> None:
        """From now on the model answers with this adapter; "" is the model alone."""
        if name == self._in_use:
            return
        for layer in self._layers():
            if name:
                layer.enable_adapters(True)
                layer.set_adapter(name, inference_mode=True)
            else:
                layer.enable_adapters(False)
        self._in_use = name

    def _insert(self, name: str, settings: LoraConfig, tensors: dict[str, Tensor]) -> None:
        settings.inference_mode = True
        place, dtype = self._language.device, self._language.dtype
        with warnings.catch_warnings():
            # Several adapters in one model are what is wanted.
            warnings.filterwarnings("ignore", "Already found a `peft_config`", UserWarning)
            inject_adapter_in_model(settings, self._language, adapter_name=name)
        wanted = get_peft_model_state_dict(self._language, adapter_name=name).keys()
        given = {key.removeprefix(PREFIX): tensor for key, tensor in tensors.items()}
        if wanted != given.keys():
            odd = sorted(wanted ^ given.keys())[0]
            raise CheckpointError(f"its parts are not those of its settings: {odd}")
        set_peft_model_state_dict(self._language, given, adapter_name=name)
        self._language.to(place, dtype).eval()
        # Putting it in has also put it in use.
        self._in_use = name
        self.use("")

    def _remove(self, name: str) -> None:
        for layer in self._layers():
            layer.delete_adapter(name)
            layer.enable_adapters(False)
        self._in_use = ""

    def _layers(self) -> list[BaseTunerLayer | AuxiliaryTrainingWrapper]:
        kinds = (BaseTunerLayer, AuxiliaryTrainingWrapper)
        return [module for module in self._language.modules() if isinstance(module, kinds)]


def _refused(reason: str, known: Sequence[str]) -> ModelInputError:
    names = ", ".join(known) or "none here"
    return ModelInputError(reason, field="adapter", limit=f"one of: {names}")
