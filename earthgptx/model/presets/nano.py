"""The paper's model made small; every part is there."""

from __future__ import annotations

import dataclasses

from earthgptx.model.presets.configuration import (
    ConvExpertConfig,
    LanguageModelConfig,
    MaskDecoderConfig,
    ModelConfig,
    PromptEncoderConfig,
    VitExpertConfig,
)

# What the training scenes and sets have labels for.
TALLIED_LABELS = (
    *("airplane", "airport", "baseball field", "basketball court", "bridge", "chimney", "dam"),
    *("expressway service area", "expressway toll station", "golf course", "ground track field"),
    *("harbor", "overpass", "ship", "stadium", "storage tank", "tennis court", "train station"),
    *("vehicle", "windmill", "road", "building", "water", "forest", "field", "person", "car"),
    *("bicycle", "other vehicle", "tree", "solar panel", "flood", "truck", "bus", "minibus"),
    *("cyclist", "2s1", "bmp2", "brdm2", "btr60", "btr70", "d7", "t62", "t72", "zil131", "zsu234"),
)


def nano() -> ModelConfig:
    """About 9.8 M parameters: laptops, CI, the embedded default."""
    half = (0.5, 0.5, 0.5)
    return ModelConfig(
        preset="nano",
        view_side_px=224,
        width=256,
        hybrid_heads=4,
        image_tokens_side=7,
        summary_tokens=4,
        tallied_labels=TALLIED_LABELS,
        conv=ConvExpertConfig(
            timm_name="convnext_atto",
            input_side_px=224,
            kernel_sizes=(3, 5, 7, 7),
            stages=3,
            mean=half,
            std=(0.25, 0.25, 0.25),
            batch_norm=True,
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
        mask=MaskDecoderConfig(
            width=128, layers=2, heads=4, mlp_width=256, sparse_tokens=2, instance_width=48
        ),
        max_new_tokens=160,
    )


def nano_mask2former() -> ModelConfig:
    """``nano`` with the other pixel head, of about the same size."""
    return dataclasses.replace(
        nano(),
        preset="nano-mask2former",
        mask=MaskDecoderConfig(
            width=128,
            layers=3,
            heads=4,
            mlp_width=128,
            sparse_tokens=1,
            head="mask2former",
            encoder_layers=1,
            instance_width=48,
        ),
    )
