"""Configurations: a preset is a function that returns one.

``nano`` is the paper's model made small; every part is there.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ConvExpertConfig:
    """A timm ConvNeXt; ``stages`` of it are kept, the last at the grid's stride."""

    timm_name: str
    input_side_px: int
    kernel_sizes: tuple[int, ...]
    stages: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


@dataclass(frozen=True)
class VitExpertConfig:
    """A DINOv2-style ViT (timm VisionTransformer with layer scale)."""

    input_side_px: int
    patch_px: int
    width: int
    depth: int
    heads: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


@dataclass(frozen=True)
class PromptEncoderConfig:
    """The ViT over the prompt map, and the region tokens."""

    patch_cells: int
    width: int
    depth: int
    heads: int
    fourier_bands: int


@dataclass(frozen=True)
class LanguageModelConfig:
    """A LLaMA-type decoder."""

    vocab_size: int
    layers: int
    heads: int
    key_value_heads: int
    intermediate: int
    context_tokens: int


@dataclass(frozen=True)
class MaskDecoderConfig:
    """A SAM-2-style mask decoder."""

    width: int
    layers: int
    heads: int
    mlp_width: int
    sparse_tokens: int


@dataclass(frozen=True)
class ModelConfig:
    """Everything that decides shapes.

    Attributes:
        view_side_px: side of the square view the model looks at.
        width: width of hybrid block, prompt tokens and language model.
        image_tokens_side: side of the grid of image tokens the language model reads.
        summary_tokens: tokens of the image as a whole, read after those of the grid.
        max_new_tokens: default length limit of an answer.
    """

    preset: str
    view_side_px: int
    width: int
    hybrid_heads: int
    image_tokens_side: int
    summary_tokens: int
    conv: ConvExpertConfig
    vit: VitExpertConfig
    prompt: PromptEncoderConfig
    language: LanguageModelConfig
    mask: MaskDecoderConfig
    max_new_tokens: int

    @property
    def grid_side(self) -> int:
        """Cells per side of the experts' common grid."""
        return self.vit.input_side_px // self.vit.patch_px

    @property
    def image_tokens(self) -> int:
        """Tokens of the image that the language model reads."""
        return self.image_tokens_side**2 + self.summary_tokens

    @property
    def fine_side(self) -> int:
        """Cells per side of the finest grid (stride 4)."""
        return self.view_side_px // 4


def nano() -> ModelConfig:
    """About 9.5 M parameters: laptops, CI, the embedded default."""
    half = (0.5, 0.5, 0.5)
    return ModelConfig(
        preset="nano",
        view_side_px=224,
        width=256,
        hybrid_heads=4,
        image_tokens_side=7,
        summary_tokens=4,
        conv=ConvExpertConfig(
            timm_name="convnext_atto",
            input_side_px=224,
            kernel_sizes=(3, 5, 7, 7),
            stages=3,
            mean=half,
            std=(0.25, 0.25, 0.25),
        ),
        vit=VitExpertConfig(
            input_side_px=196,
            patch_px=14,
            width=160,
            depth=5,
            heads=5,
            mean=half,
            std=(0.25, 0.25, 0.25),
        ),
        prompt=PromptEncoderConfig(patch_cells=8, width=128, depth=2, heads=4, fourier_bands=8),
        language=LanguageModelConfig(
            vocab_size=1280,
            layers=4,
            heads=4,
            key_value_heads=2,
            intermediate=448,
            context_tokens=768,
        ),
        mask=MaskDecoderConfig(width=128, layers=2, heads=4, mlp_width=256, sparse_tokens=2),
        max_new_tokens=160,
    )


PRESETS = {"nano": nano}


def write_config(config: ModelConfig, path: Path) -> None:
    """Writes ``config`` as JSON."""
    path.write_text(json.dumps(dataclasses.asdict(config), indent=2) + "\n")


def read_config(path: Path) -> ModelConfig:
    """Reads what ``write_config`` wrote.

    Raises:
        KeyError, TypeError: a field is missing or unknown.
    """
    raw = json.loads(path.read_text())

    def part(cls: type, name: str) -> object:
        fields = {k: tuple(v) if isinstance(v, list) else v for k, v in raw.pop(name).items()}
        return cls(**fields)

    parts = {
        "conv": part(ConvExpertConfig, "conv"),
        "vit": part(VitExpertConfig, "vit"),
        "prompt": part(PromptEncoderConfig, "prompt"),
        "language": part(LanguageModelConfig, "language"),
        "mask": part(MaskDecoderConfig, "mask"),
    }
    return ModelConfig(**raw, **parts)  # type: ignore[arg-type]
