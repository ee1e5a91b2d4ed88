"""What decides the shapes of a network: dataclasses, without torch.

Fields with a default were added after the first weights: what a configuration file leaves out is
as in ``nano``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

ChannelStatistics = tuple[float, float, float]

MASK_HEADS = ("sam2", "sam", "mask2former")


@dataclass(frozen=True)
class ConvExpertConfig:
    """A timm ConvNeXt; ``stages`` of it are kept, the last at the grid's stride.

    Attributes:
        mean, std: normalisation of values in 0..1, by channel.
        widths, depths: channels and blocks of the architecture's four stages.
        batch_norm: batch instead of layer norms: learns from nothing in half the steps; the
            published weights have layer norms.
    """

    timm_name: str
    input_side_px: int
    kernel_sizes: tuple[int, ...]
    stages: int
    mean: ChannelStatistics
    std: ChannelStatistics
    widths: tuple[int, ...] = (40, 80, 160, 320)
    depths: tuple[int, ...] = (2, 2, 6, 2)
    batch_norm: bool = False

    @property
    def sides(self) -> tuple[int, ...]:
        """Cells per side of each kept stage's map, fine to coarse (strides 4, 8, ...)."""
        return tuple(self.input_side_px // (4 * 2**stage) for stage in range(self.stages))


@dataclass(frozen=True)
class VitExpertConfig:
    """A ViT of timm.

    Attributes:
        timm_name: its architecture and weights (DINOv2, DINOv3); empty for a plain
            VisionTransformer with layer scale.
    """

    input_side_px: int
    patch_px: int
    width: int
    depth: int
    heads: int
    mean: ChannelStatistics
    std: ChannelStatistics
    timm_name: str = ""


@dataclass(frozen=True)
class SamEncoderConfig:
    """SAM's image encoder (Kirillov et al. 2023), whose map SAM's mask decoder reads.

    Attributes:
        name: repository of the pretrained SAM, encoder and decoder.
        timm_name: the encoder's architecture.
        channels: of its map.
        window: side of the windows in which most blocks attend, in patches.
        global_blocks: indices of the blocks that attend everywhere.
    """

    name: str
    timm_name: str
    input_side_px: int
    patch_px: int
    width: int
    depth: int
    heads: int
    channels: int
    window: int
    global_blocks: tuple[int, ...]
    mean: ChannelStatistics
    std: ChannelStatistics

    @property
    def side(self) -> int:
        """Cells per side of its map."""
        return self.input_side_px // self.patch_px


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
    """A causal language model of transformers.

    Attributes:
        vocab_size: rows of its embedding, those of the added tokens among them.
        context_tokens: longest sequence it reads.
        model_type: its family, as transformers names it ("llama", "qwen3").
        tied: its head shares its weights with its embedding.
        name: repository of its pretrained weights; empty where there are none.
        extra: fields of transformers' configuration that only its family has.
    """

    vocab_size: int
    layers: int
    heads: int
    key_value_heads: int
    intermediate: int
    context_tokens: int
    model_type: str = "llama"
    tied: bool = True
    name: str = ""
    bos_token: str = "<bos>"
    eos_token: str = "<eos>"
    pad_token: str = "<pad>"
    extra: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class MaskDecoderConfig:
    """The pixel head.

    Attributes:
        width: channels of its image embedding, its tokens and its hidden states.
        sparse_tokens: tokens a query becomes (SAM heads).
        head: "sam2" reads the experts' grid and finer maps with a SAM 2 decoder, "sam" the map of
            SAM's own encoder with SAM's decoder, "mask2former" the experts' maps with a
            Mask2Former decoder.
        encoder_layers: of Mask2Former's pixel decoder.
        instance_width: channels of what tells instances apart (``instance_head``); 0 does not.
    """

    width: int
    layers: int
    heads: int
    mlp_width: int
    sparse_tokens: int
    head: str = "sam2"
    encoder_layers: int = 6
    instance_width: int = 0


@dataclass(frozen=True)
class ModelConfig:
    """Everything that decides shapes.

    Attributes:
        view_side_px: side of the square view the model looks at.
        width: width of the language model, and of every token it reads.
        image_tokens_side: side of the grid of image tokens the language model reads.
        summary_tokens: tokens of the image as a whole, read after those of the grid.
        tallied_labels: labels that are counted; each gives a token, read after those (``tallies``).
        max_new_tokens: default length limit of an answer.
        sam: SAM's image encoder, where the pixel head reads it.
        hybrid_width: width of the hybrid block and of prompt tokens; None for ``width``.

    Raises:
        ValueError: parts do not fit together.
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
    sam: SamEncoderConfig | None = None
    hybrid_width: int | None = None
    tallied_labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Checks that the parts meet on one grid."""
        if self.conv.sides[-1] != self.grid_side:
            raise ValueError(
                f"the experts' grids differ: ConvNeXt {self.conv.sides[-1]}, ViT {self.grid_side}"
            )
        if self.grid_side % self.image_tokens_side:
            raise ValueError(f"image_tokens_side must divide the grid's side {self.grid_side}")
        if self.mask.head not in MASK_HEADS:
            raise ValueError(f"mask.head is {self.mask.head!r}, not one of {MASK_HEADS}")
        if (self.mask.head == "sam") != (self.sam is not None):
            raise ValueError('mask.head "sam" and the SAM encoder need each other')
        if self.sam is not None and 4 * self.sam.side != self.fine_side:
            raise ValueError("SAM's masks, 4 times its map, must be a quarter of the view")

    @property
    def grid_side(self) -> int:
        """Cells per side of the experts' common grid."""
        return self.vit.input_side_px // self.vit.patch_px

    @property
    def grid_channels(self) -> int:
        """Channels of a grid cell: both experts'."""
        return self.conv.widths[self.conv.stages - 1] + self.vit.width

    @property
    def pyramid_shapes(self) -> tuple[tuple[int, int, int], ...]:
        """[C, H, W] of the finer maps: SAM's if there is one, then ConvNeXt's, coarse to fine."""
        own = () if self.sam is None else ((self.sam.channels, self.sam.side, self.sam.side),)
        finer = range(self.conv.stages - 2, -1, -1)
        sides = self.conv.sides
        return (*own, *((self.conv.widths[i], sides[i], sides[i]) for i in finer))

    @property
    def pyramid_channels(self) -> tuple[int, ...]:
        """Channels of the finer maps, in the order of ``pyramid_shapes``."""
        return tuple(shape[0] for shape in self.pyramid_shapes)

    @property
    def prompt_width(self) -> int:
        """Width of the hybrid block and of prompt tokens."""
        return self.width if self.hybrid_width is None else self.hybrid_width

    @property
    def prompt_map_tokens(self) -> int:
        """Tokens of the prompt map."""
        return (self.fine_side // self.prompt.patch_cells) ** 2

    @property
    def image_tokens(self) -> int:
        """Tokens of the image that the language model reads."""
        return self.image_tokens_side**2 + self.summary_tokens + len(self.tallied_labels)

    @property
    def fine_side(self) -> int:
        """Cells per side of the finest grid (stride 4): of region weights and masks."""
        return self.view_side_px // 4
