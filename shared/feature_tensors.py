"""Reading features by reference, with every shape checked before a byte is fetched.

N grid cells, C channels, H W map size, M prompt map tokens, R regions, D width, G finest grid side.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shared.errors import InvalidInput
from shared.feature_refs import (
    MAX_IMAGE_PIXELS,
    MAX_IMAGE_SIDE_PX,
    ImageFeatureRefs,
    PromptFeatureRefs,
)
from shared.tensors.host_tensor import HostTensor
from shared.tensors.ref import TensorRef
from shared.tensors.store import TensorStore

FLOAT_DTYPES = ("f32", "bf16")
# A bit a pixel, and what deflating may add to it.
LIMIT_GAPS_BYTES = MAX_IMAGE_PIXELS // 8 + MAX_IMAGE_SIDE_PX + 64 * 1024
_BF16_EXPONENT = np.uint16(0x7F80)


@dataclass(frozen=True)
class FeatureShapes:
    """What a model takes.

    Attributes:
        grid: (N, C).
        pyramid: (C, H, W) each, coarse to fine.
        map_tokens: M.
        prompt_width: D, of prompt tokens.
        state_width: of the state of a [SEG].
        fine_side: G.
    """

    grid: tuple[int, int]
    pyramid: tuple[tuple[int, int, int], ...]
    map_tokens: int
    prompt_width: int
    state_width: int
    fine_side: int


class FeatureReader:
    """Fetches what other stages made, for models of one configuration."""

    def __init__(self, store: TensorStore, shapes: FeatureShapes) -> None:
        """Reads from `store`, accepts `shapes` only."""
        self._store = store
        self.shapes = shapes

    def image(
        self, refs: ImageFeatureRefs, tenant: str, *, with_pyramid: bool = True
    ) -> list[HostTensor]:
        """Grid [N, C], then the pyramid [C, H, W], coarse to fine.

        Args:
            refs: Of the image.
            tenant: Whom the reader acts for.
            with_pyramid: Without, the finer maps are neither fetched nor given.

        Raises:
            InvalidInput: A tensor is not of the shape or dtype this model takes, or not finite.
            TensorGone: A tensor is no longer there.
            TensorRefused: A ref does not hold.
        """
        levels = len(self.shapes.pyramid)
        if len(refs.pyramid) != levels:
            raise InvalidInput(
                f"image.pyramid has {len(refs.pyramid)} levels",
                field="image.pyramid",
                limit=f"{levels} levels",
            )
        wanted: list[tuple[str, TensorRef, tuple[int, ...]]] = [
            ("image.grid", refs.grid, self.shapes.grid)
        ]
        if with_pyramid:
            for i, (ref, shape) in enumerate(zip(refs.pyramid, self.shapes.pyramid, strict=True)):
                wanted.append((f"image.pyramid[{i}]", ref, shape))
        return self._read(wanted, tenant)

    def gaps(self, refs: ImageFeatureRefs, tenant: str) -> bytes:
        """Where the window has no data, deflated.

        Args:
            refs: Of the image; it has gaps.
            tenant: Whom the reader acts for.

        Raises:
            InvalidInput: They are no bytes, or more than those of the largest image.
            TensorGone: They are no longer there.
            TensorRefused: The ref does not hold.
        """
        ref = refs.gaps
        assert ref is not None
        if ref.dtype != "u8" or len(ref.shape) != 1 or ref.size_bytes > LIMIT_GAPS_BYTES:
            raise InvalidInput(
                f"image.gaps is {ref.dtype} {list(ref.shape)}",
                field="image.gaps",
                limit=f"u8 [{LIMIT_GAPS_BYTES} at most]",
            )
        return bytes(self._store.get(ref, tenant=tenant).data)

    def prompts(self, refs: PromptFeatureRefs, tenant: str) -> list[HostTensor]:
        """Map tokens [M, D], region tokens [R, D], region weights [R, G, G], places [R, 4].

        Raises:
            InvalidInput: A tensor is not of the shape or dtype this model takes, or not finite.
            TensorGone: A tensor is no longer there.
            TensorRefused: A ref does not hold.
        """
        count, width, side = refs.region_count, self.shapes.prompt_width, self.shapes.fine_side
        wanted: list[tuple[str, TensorRef, tuple[int, ...]]] = [
            ("prompts.map_tokens", refs.map_tokens, (self.shapes.map_tokens, width)),
            ("prompts.region_tokens", refs.region_tokens, (count, width)),
            ("prompts.region_weights", refs.region_weights, (count, side, side)),
            ("prompts.region_places", refs.region_places, (count, 4)),
        ]
        return self._read(wanted, tenant)

    def state(self, ref: TensorRef, tenant: str, field: str) -> HostTensor:
        """The state [state_width] of one [SEG].

        Raises:
            InvalidInput: It is not of the shape or dtype this model takes, or not finite.
            TensorGone: It is no longer there.
            TensorRefused: The ref does not hold.
        """
        return self._read([(field, ref, (self.shapes.state_width,))], tenant)[0]

    def _read(
        self, wanted: list[tuple[str, TensorRef, tuple[int, ...]]], tenant: str
    ) -> list[HostTensor]:
        for field, ref, shape in wanted:
            if ref.shape != shape or ref.dtype not in FLOAT_DTYPES:
                raise InvalidInput(
                    f"{field} is {ref.dtype} {list(ref.shape)}",
                    field=field,
                    limit=f"f32 or bf16 {list(shape)}",
                )
        found = [self._store.get(ref, tenant=tenant) for _, ref, _ in wanted]
        for (field, _, _), tensor in zip(wanted, found, strict=True):
            if not _is_finite(tensor):
                raise InvalidInput(
                    f"{field} has values that are not finite", field=field, limit="finite values"
                )
        return found


def _is_finite(tensor: HostTensor) -> bool:
    values = tensor.to_numpy()
    if tensor.dtype == "bf16":
        # NaN and infinities have all eight bits of the exponent set.
        return not bool(((values & _BF16_EXPONENT) == _BF16_EXPONENT).any())
    return bool(np.isfinite(values).all())
