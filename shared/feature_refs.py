"""What the stages hand each other, by reference: features of a window, tokens of marks.

Each record and its message of the contract, there and back. Coordinates are pixels of the full
image.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from protos.earthgptx.v1 import geometry_pb2, image_encoder_pb2, prompt_encoder_pb2
from shared.errors import InvalidInput, TensorRefused
from shared.tensors.ref import TensorRef

MODALITY_NUMBERS: dict[str | None, geometry_pb2.Modality] = {
    None: geometry_pb2.MODALITY_UNSPECIFIED,
    "optical": geometry_pb2.MODALITY_OPTICAL,
    "sar": geometry_pb2.MODALITY_SAR,
    "infrared": geometry_pb2.MODALITY_INFRARED,
}
MODALITY_NAMES: dict[int, str | None] = {int(n): name for name, n in MODALITY_NUMBERS.items()}
MAX_IMAGE_SIDE_PX = 30_000
MAX_IMAGE_PIXELS = 100_000_000
MAX_PYRAMID_LEVELS = 4
MAX_REGIONS = 64


@dataclass(frozen=True, slots=True)
class WindowPx:
    """The square [x0, x0 + side) x [y0, y0 + side); it may reach beyond the image."""

    x0: float
    y0: float
    side: float


@dataclass(frozen=True, slots=True)
class ImageFeatureRefs:
    """Features of one window of one image.

    Attributes:
        grid: [N, C], the experts' tokens, row-major.
        pyramid: [C, H, W] each, coarse to fine.
        window: What they are features of.
        image_width_px: Width of the full image.
        image_height_px: Height of the full image.
        modality: "optical", "sar", "infrared", or None where it is not known.
        version: Which weights and preprocessing made them.
        band_note: How bands became the three channels the model saw.
        gaps: Where there is no data, deflated: u8 [n]; None where there is data everywhere.
    """

    grid: TensorRef
    pyramid: tuple[TensorRef, ...]
    window: WindowPx
    image_width_px: int
    image_height_px: int
    modality: str | None
    version: str
    band_note: str
    gaps: TensorRef | None = None

    @property
    def refs(self) -> tuple[TensorRef, ...]:
        """All tensors."""
        return (self.grid, *self.pyramid, *(() if self.gaps is None else (self.gaps,)))

    def to_proto(self) -> image_encoder_pb2.EncodedImage:
        """As the contract's message."""
        return image_encoder_pb2.EncodedImage(
            grid=self.grid.to_proto(),
            pyramid=[ref.to_proto() for ref in self.pyramid],
            window=window_to_proto(self.window),
            image_width_px=self.image_width_px,
            image_height_px=self.image_height_px,
            modality=MODALITY_NUMBERS[self.modality],
            version=self.version,
            band_note=self.band_note,
            gaps=None if self.gaps is None else self.gaps.to_proto(),
        )

    @classmethod
    def from_proto(cls, message: image_encoder_pb2.EncodedImage) -> ImageFeatureRefs:
        """From the contract's message, its field called "image".

        Raises:
            InvalidInput: A part is missing or out of range.
        """
        if not message.HasField("grid") or not message.pyramid:
            raise InvalidInput(
                "image must carry grid and pyramid", field="image", limit="what EncodeImage returns"
            )
        if len(message.pyramid) > MAX_PYRAMID_LEVELS:
            raise InvalidInput(
                f"image.pyramid has {len(message.pyramid)} levels",
                field="image.pyramid",
                limit=f"{MAX_PYRAMID_LEVELS} levels",
            )
        window = window_from_proto(message, "image.window")
        if window is None:
            raise InvalidInput(
                "image.window is missing", field="image.window", limit="what EncodeImage returns"
            )
        width_px, height_px = image_size(message, "image.")
        return cls(
            grid=TensorRef.from_proto(message.grid),
            pyramid=tuple(TensorRef.from_proto(ref) for ref in message.pyramid),
            window=window,
            image_width_px=width_px,
            image_height_px=height_px,
            modality=modality_name(message.modality, "image.modality"),
            version=message.version,
            band_note=message.band_note,
            gaps=TensorRef.from_proto(message.gaps) if message.HasField("gaps") else None,
        )


@dataclass(frozen=True, slots=True)
class PromptFeatureRefs:
    """Tokens of the marks of one request.

    Attributes:
        map_tokens: [M, D], of the map of all regions.
        region_tokens: [R, D], one a region.
        region_weights: [R, G, G] in 0..1, where each region is.
        region_places: [R, 4], extents in 0..1 of the full image's width and height.
        version: Which weights made them.
    """

    map_tokens: TensorRef
    region_tokens: TensorRef
    region_weights: TensorRef
    region_places: TensorRef
    region_count: int
    version: str

    @property
    def refs(self) -> tuple[TensorRef, ...]:
        """All tensors."""
        return (self.map_tokens, self.region_tokens, self.region_weights, self.region_places)

    def to_proto(self) -> prompt_encoder_pb2.EncodedPrompts:
        """As the contract's message."""
        return prompt_encoder_pb2.EncodedPrompts(
            map_tokens=self.map_tokens.to_proto(),
            region_tokens=self.region_tokens.to_proto(),
            region_weights=self.region_weights.to_proto(),
            region_places=self.region_places.to_proto(),
            region_count=self.region_count,
            version=self.version,
        )

    @classmethod
    def from_proto(cls, message: prompt_encoder_pb2.EncodedPrompts) -> PromptFeatureRefs:
        """From the contract's message, its field called "prompts".

        Raises:
            InvalidInput: A part is missing or out of range.
        """
        for name in ("map_tokens", "region_tokens", "region_weights", "region_places"):
            if not message.HasField(name):
                raise InvalidInput(
                    f"prompts.{name} is missing",
                    field=f"prompts.{name}",
                    limit="what EncodePrompts returns",
                )
        if not 1 <= message.region_count <= MAX_REGIONS:
            raise InvalidInput(
                f"prompts.region_count is {message.region_count}",
                field="prompts.region_count",
                limit=f"1 to {MAX_REGIONS} regions",
            )
        return cls(
            map_tokens=TensorRef.from_proto(message.map_tokens),
            region_tokens=TensorRef.from_proto(message.region_tokens),
            region_weights=TensorRef.from_proto(message.region_weights),
            region_places=TensorRef.from_proto(message.region_places),
            region_count=message.region_count,
            version=message.version,
        )


def tenant_of(refs: Iterable[TensorRef]) -> str:
    """The one tenant of all refs of a request.

    Raises:
        TensorRefused: They belong to more than one.
    """
    tenants = {ref.tenant for ref in refs}
    if len(tenants) != 1:
        raise TensorRefused(
            "the tensors of a request belong to several tenants", field="tenant", limit="one tenant"
        )
    return tenants.pop()


def modality_name(number: int, field: str = "modality") -> str | None:
    """The name of a modality ("sar"), None for unspecified.

    Raises:
        InvalidInput: The number is none of the contract's.
    """
    if number not in MODALITY_NAMES:
        raise InvalidInput(f"{field} {number} is not known", field=field, limit="0 to 3")
    return MODALITY_NAMES[number]


def window_to_proto(window: WindowPx) -> geometry_pb2.Window:
    """As the contract's message."""
    return geometry_pb2.Window(x0_px=window.x0, y0_px=window.y0, side_px=window.side)


def window_from_proto(
    message: image_encoder_pb2.EncodeImageRequest
    | image_encoder_pb2.EncodedImage
    | prompt_encoder_pb2.EncodePromptsRequest,
    field: str = "window",
) -> WindowPx | None:
    """The message's window; None if it has none.

    Raises:
        InvalidInput: A coordinate is not finite, or the side is not positive.
    """
    if not message.HasField("window"):
        return None
    window = message.window
    if not all(map(math.isfinite, (window.x0_px, window.y0_px, window.side_px))):
        raise InvalidInput(
            f"{field} has a coordinate that is not finite", field=field, limit="finite numbers"
        )
    if window.side_px <= 0:
        raise InvalidInput(
            f"{field}.side_px is {window.side_px:g}", field=f"{field}.side_px", limit="above 0 px"
        )
    return WindowPx(window.x0_px, window.y0_px, window.side_px)


def image_size(
    message: image_encoder_pb2.EncodedImage | prompt_encoder_pb2.EncodePromptsRequest,
    prefix: str = "",
) -> tuple[int, int]:
    """Width and height in pixels of the full image the message is about.

    Raises:
        InvalidInput: One is not positive, or they are larger than any image the suite takes.
    """
    sides = {
        "image_width_px": message.image_width_px,
        "image_height_px": message.image_height_px,
    }
    for name, side_px in sides.items():
        if not 1 <= side_px <= MAX_IMAGE_SIDE_PX:
            raise InvalidInput(
                f"{prefix}{name} is {side_px}",
                field=f"{prefix}{name}",
                limit=f"1 to {MAX_IMAGE_SIDE_PX} px",
            )
    if message.image_width_px * message.image_height_px > MAX_IMAGE_PIXELS:
        raise InvalidInput(
            f"the image is {message.image_width_px} x {message.image_height_px} px",
            field=f"{prefix}image_width_px",
            limit=f"{MAX_IMAGE_PIXELS} px in all",
        )
    return message.image_width_px, message.image_height_px
