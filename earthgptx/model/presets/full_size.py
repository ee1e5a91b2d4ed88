"""The paper's model at full size, and its relatives. Weights: ``earthgptx assemble``.

The paper names the experts, the language model and SAM, but neither the input sizes nor the widths
between them. Sizes are those of its parents (SPHINX: 512 px for ConvNeXt, 224 px for DINOv2, one
grid of 16 x 16); widths between the parts are our choice.
"""

from __future__ import annotations

import dataclasses

from earthgptx.model.presets.configuration import (
    ConvExpertConfig,
    LanguageModelConfig,
    MaskDecoderConfig,
    ModelConfig,
    PromptEncoderConfig,
    SamEncoderConfig,
    VitExpertConfig,
)

CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
SATELLITE_MEAN, SATELLITE_STD = (0.43, 0.411, 0.296), (0.213, 0.156, 0.143)

CLIP_CONVNEXT_LARGE = ConvExpertConfig(
    timm_name="convnext_large_mlp.clip_laion2b_ft_soup_320",
    input_side_px=512,
    kernel_sizes=(7, 7, 7, 7),
    stages=4,
    mean=CLIP_MEAN,
    std=CLIP_STD,
    widths=(192, 384, 768, 1536),
    depths=(3, 3, 27, 3),
)
DINOV2_LARGE = VitExpertConfig(
    timm_name="vit_large_patch14_dinov2.lvd142m",
    input_side_px=224,
    patch_px=14,
    width=1024,
    depth=24,
    heads=16,
    mean=IMAGENET_MEAN,
    std=IMAGENET_STD,
)
DINOV2_BASE_WITH_REGISTERS = VitExpertConfig(
    timm_name="vit_base_patch14_reg4_dinov2.lvd142m",
    input_side_px=224,
    patch_px=14,
    width=768,
    depth=12,
    heads=12,
    mean=IMAGENET_MEAN,
    std=IMAGENET_STD,
)
DINOV3_LARGE_SATELLITE = VitExpertConfig(
    timm_name="vit_large_patch16_dinov3.sat493m",
    input_side_px=256,
    patch_px=16,
    width=1024,
    depth=24,
    heads=16,
    mean=SATELLITE_MEAN,
    std=SATELLITE_STD,
)
SAM_HUGE = SamEncoderConfig(
    name="facebook/sam-vit-huge",
    timm_name="samvit_huge_patch16.sa1b",
    input_side_px=1024,
    patch_px=16,
    width=1280,
    depth=32,
    heads=16,
    channels=256,
    window=14,
    global_blocks=(7, 15, 23, 31),
    mean=IMAGENET_MEAN,
    std=IMAGENET_STD,
)
SAM_BASE = dataclasses.replace(
    SAM_HUGE,
    name="facebook/sam-vit-base",
    timm_name="samvit_base_patch16.sa1b",
    width=768,
    depth=12,
    heads=12,
    global_blocks=(2, 5, 8, 11),
)
SAM_DECODER = MaskDecoderConfig(
    width=256, layers=2, heads=8, mlp_width=2048, sparse_tokens=2, head="sam"
)
# 32,000 words and the added tokens, rounded up to a multiple of 64 as matrix kernels like it.
LLAMA_2_13B = LanguageModelConfig(
    name="meta-llama/Llama-2-13b-hf",
    model_type="llama",
    vocab_size=32_064,
    layers=40,
    heads=40,
    key_value_heads=40,
    intermediate=13_824,
    context_tokens=4096,
    tied=False,
    bos_token="<s>",
    eos_token="</s>",
    extra={"rms_norm_eps": 1e-5},
)
# Its embedding has more rows than its tokenizer has words: the added tokens find room.
QWEN3_4B = LanguageModelConfig(
    name="Qwen/Qwen3-4B",
    model_type="qwen3",
    vocab_size=151_936,
    layers=36,
    heads=32,
    key_value_heads=8,
    intermediate=9728,
    context_tokens=4096,
    tied=True,
    eos_token="<|im_end|>",
    pad_token="<|endoftext|>",
    extra={
        "head_dim": 128,
        "rms_norm_eps": 1e-6,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1_000_000.0},
    },
)


def earthgpt_x() -> ModelConfig:
    """The paper's: CLIP ConvNeXt-L, DINOv2 ViT-L/14, LLaMA-2 13B, SAM ViT-H; several GPUs."""
    return ModelConfig(
        preset="earthgpt-x",
        view_side_px=1024,
        width=5120,
        hybrid_width=1024,
        hybrid_heads=16,
        image_tokens_side=16,
        summary_tokens=4,
        conv=CLIP_CONVNEXT_LARGE,
        vit=DINOV2_LARGE,
        sam=SAM_HUGE,
        prompt=PromptEncoderConfig(patch_cells=16, width=512, depth=6, heads=8, fourier_bands=10),
        language=LLAMA_2_13B,
        mask=SAM_DECODER,
        max_new_tokens=512,
    )


def base() -> ModelConfig:
    """One 24 GB GPU: DINOv2 ViT-B/14 with registers, SAM ViT-B, a 4 B language model."""
    return dataclasses.replace(
        earthgpt_x(),
        preset="base",
        width=2560,
        vit=DINOV2_BASE_WITH_REGISTERS,
        sam=SAM_BASE,
        language=QWEN3_4B,
    )


def sat() -> ModelConfig:
    """``earthgpt-x`` with DINOv3, pretrained on satellite images, in place of DINOv2."""
    return dataclasses.replace(earthgpt_x(), preset="sat", vit=DINOV3_LARGE_SATELLITE)


def base_mask2former() -> ModelConfig:
    """``base`` with Mask2Former's decoder on the experts' maps, in place of SAM."""
    return dataclasses.replace(
        base(),
        preset="base-mask2former",
        view_side_px=512,
        sam=None,
        prompt=PromptEncoderConfig(patch_cells=8, width=512, depth=6, heads=8, fourier_bands=10),
        mask=MaskDecoderConfig(
            width=256,
            layers=9,
            heads=8,
            mlp_width=2048,
            sparse_tokens=1,
            head="mask2former",
            encoder_layers=6,
        ),
    )
