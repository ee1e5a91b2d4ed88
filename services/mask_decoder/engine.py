"""The work of the mask decoder: states of [SEG]s and bare regions in, masks of the full image out.

features fetched -> queries decoded in the window's frame (in batches) -> put into the full image
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch

from earthgptx.imagery.closer_look import clicked_extent_xyxy_px, closer_window, sure_logits
from earthgptx.imagery.errors import ImageryError
from earthgptx.imagery.gaps import Gaps, inflated_gaps, outside_gaps
from earthgptx.imagery.masks import MaskPart, encode_rle_part, window_mask_part
from earthgptx.imagery.windows import Window, validate_window
from earthgptx.model.checkpoint import load_mask_decoder, model_version
from earthgptx.model.features import ImageFeatures
from earthgptx.model.pixel_perception import MaskDecoderModel, MaskPrediction, MaskQuery
from earthgptx.model.presets import ModelConfig, read_config
from shared.admission import Admission
from shared.batching import Batcher
from shared.errors import Internal, InvalidInput, refused_as_invalid_input
from shared.feature_refs import ImageFeatureRefs, PromptFeatureRefs, tenant_of
from shared.feature_tensors import FeatureReader, FeatureShapes
from shared.settings import StageSettings
from shared.stage_metrics import StageMetrics
from shared.telemetry import Telemetry
from shared.tensors.open_store import open_store
from shared.tensors.ref import TensorRef
from shared.tensors.store import TensorStore
from shared.tensors.torch_bridge import to_torch
from shared.worker_pool import WorkerPool

STAGE = "mask_decoder"
DRAWING_THREADS = 2
# Every query brings its image's features along: few in one call keep the memory bounded.
QUERIES_PER_CALL = 16

Queries = tuple[MaskQuery, ...]
BoxPx = tuple[float, float, float, float]


@dataclass(frozen=True)
class Asked:
    """One mask that is wanted.

    Attributes:
        by: The state of a [SEG], or the number of a region.
        counted: Its instances are wanted, too.
        clicks: Points (x, y) in pixels of the full image, if a closer window is wanted for what
            they marked.
    """

    by: TensorRef | int
    counted: bool = False
    clicks: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class DrawnMask:
    """A mask of the full image.

    Attributes:
        counts: Compressed COCO run-length code, column-major.
        score: The decoder's own estimate of the IoU with the truth, 0..1.
        box_xyxy_px: Tight box; None if the mask is empty.
        instances: Box and score, 0..1, of each instance; the surest first.
        clicked_xyxy_px: Box of what was clicked; None if nothing was, or the mask is empty.
    """

    height_px: int
    width_px: int
    counts: str
    score: float
    box_xyxy_px: BoxPx | None
    area_px: int
    instances: tuple[tuple[BoxPx, float], ...] = ()
    clicked_xyxy_px: BoxPx | None = None


class Engine:
    """Model, store and queue of the stage."""

    def __init__(
        self,
        model: MaskDecoderModel,
        version: str,
        shapes: FeatureShapes,
        store: TensorStore,
        settings: StageSettings,
        telemetry: Telemetry,
    ) -> None:
        """Takes the parts; `open` makes them from settings."""
        metrics = StageMetrics(telemetry.meter, STAGE)
        self._model = model
        self.version = version
        self._store = store
        self._reader = FeatureReader(store, shapes)
        self._batcher: Batcher[Queries, list[MaskPrediction]] = Batcher(
            self._decode_requests,
            max_batch=settings.max_batch,
            max_wait_s=settings.max_wait_ms / 1000,
            max_queue=settings.max_queue,
            name=STAGE,
            metrics=metrics,
            tracer=telemetry.tracer,
        )
        self._admission = Admission(settings.max_queue + settings.max_batch, metrics)
        self._pool = WorkerPool(STAGE, DRAWING_THREADS)

    @classmethod
    def open(cls, settings: StageSettings, telemetry: Telemetry) -> Engine:
        """Loads the weights and opens the store."""
        if settings.threads:
            torch.set_num_threads(settings.threads)
        model = load_mask_decoder(settings.weights_dir, settings.device, settings.dtype)
        version = model_version(settings.weights_dir, STAGE)
        shapes = shapes_of(read_config(settings.weights_dir / "config.json"))
        return cls(model, version, shapes, open_store(settings), settings, telemetry)

    async def decode(
        self,
        image: ImageFeatureRefs,
        prompts: PromptFeatureRefs | None,
        queries: tuple[Asked, ...],
    ) -> list[DrawnMask]:
        """One mask of the full image for each query.

        Raises:
            InvalidInput: A query or the features are not what this model takes.
            TensorGone: A tensor is no longer there.
            QueueFull: The stage has as much to do as it may.
        """
        self._check(image, prompts, queries)
        states = tuple(query.by for query in queries if isinstance(query.by, TensorRef))
        tenant = tenant_of((*image.refs, *(prompts.refs if prompts else ()), *states))
        with self._admission.enter():
            with self._batcher.announced():
                gaps = await self._pool.run(self._gaps, image, tenant) if image.gaps else None
                asked = await self._pool.run(self._fetch, image, prompts, queries, tenant)
            predictions = await self._batcher.submit(asked)
            return [
                await self._pool.run(_draw, found, query.clicks, image, gaps)
                for query, found in zip(queries, predictions, strict=True)
            ]

    async def probe(self) -> None:
        """Decodes a mask of nothing through the queue.

        Raises:
            Internal: The logits are not finite numbers.
        """
        shapes = self._reader.shapes
        image = ImageFeatures(
            torch.zeros(shapes.grid), tuple(torch.zeros(level) for level in shapes.pyramid)
        )
        query = MaskQuery(image, seg_state=torch.zeros(shapes.state_width))
        (prediction,) = await self._batcher.submit((query,))
        if not bool(torch.isfinite(torch.from_numpy(prediction.logits_hw)).all()):
            raise Internal("the mask decoder makes logits that are not finite")

    async def close(self) -> None:
        """Ends the model's thread and the store."""
        await self._batcher.close()
        await self._pool.close()
        self._store.close()

    def _check(
        self,
        image: ImageFeatureRefs,
        prompts: PromptFeatureRefs | None,
        queries: tuple[Asked, ...],
    ) -> None:
        with refused_as_invalid_input(ImageryError, inside="image."):
            validate_window(_window_of(image), image.image_width_px, image.image_height_px)
        count = prompts.region_count if prompts else 0
        for i, query in enumerate(queries):
            if isinstance(query.by, int) and not 0 <= query.by < count:
                raise InvalidInput(
                    f"queries[{i}].region_index is {query.by}",
                    field=f"queries[{i}].region_index",
                    limit=f"0 to {count - 1}" if count else "needs prompts",
                )

    def _gaps(self, image: ImageFeatureRefs, tenant: str) -> Gaps:
        data = self._reader.gaps(image, tenant)
        size_px = (image.image_width_px, image.image_height_px)
        with refused_as_invalid_input(ImageryError, inside="image."):
            return inflated_gaps(data, _window_of(image), *size_px)

    def _fetch(
        self,
        image: ImageFeatureRefs,
        prompts: PromptFeatureRefs | None,
        queries: tuple[Asked, ...],
        tenant: str,
    ) -> Queries:
        grid, *pyramid = map(to_torch, self._reader.image(image, tenant))
        features = ImageFeatures(grid, tuple(pyramid))
        regions: list[torch.Tensor] = []
        weights: list[torch.Tensor] = []
        if prompts is not None:
            _, tokens_RD, weights_RGG, _ = map(to_torch, self._reader.prompts(prompts, tenant))
            regions, weights = list(tokens_RD), list(weights_RGG)
        made: list[MaskQuery] = []
        for i, query in enumerate(queries):
            if isinstance(query.by, TensorRef):
                state = self._reader.state(query.by, tenant, f"queries[{i}].seg_state")
                asked = MaskQuery(features, seg_state=to_torch(state))
            else:
                asked = MaskQuery(
                    features, region_token=regions[query.by], region_weights=weights[query.by]
                )
            made.append(replace(asked, counted=query.counted))
        return tuple(made)

    def _decode_requests(self, requests: list[Queries]) -> list[list[MaskPrediction]]:
        """All queries of all requests, a bounded number at a time; sorted back by request."""
        queries = [query for request in requests for query in request]
        predictions: list[MaskPrediction] = []
        for start in range(0, len(queries), QUERIES_PER_CALL):
            predictions += self._model.decode(queries[start : start + QUERIES_PER_CALL])
        results = iter(predictions)
        return [[next(results) for _ in request] for request in requests]


def _window_of(image: ImageFeatureRefs) -> Window:
    return Window(image.window.x0, image.window.y0, image.window.side)


def closer_window_of(masks: Sequence[DrawnMask], image: ImageFeatureRefs) -> Window | None:
    """A smaller window that does for all that was clicked; None if there is none, or no click."""
    extents = [mask.clicked_xyxy_px for mask in masks]
    return closer_window(extents, _window_of(image), image.image_width_px, image.image_height_px)


def _draw(
    prediction: MaskPrediction,
    clicks: tuple[tuple[float, float], ...],
    image: ImageFeatureRefs,
    gaps: Gaps | None,
) -> DrawnMask:
    window = _window_of(image)
    height, width = image.image_height_px, image.image_width_px
    # A tile is a small part of its scene: the mask of the whole is coded, never made.
    found = _inside(prediction.logits_hw, image, gaps)
    instances = prediction.instances
    return DrawnMask(
        height_px=height,
        width_px=width,
        counts=encode_rle_part(found.part_HW, found.x0_px, found.y0_px, height, width),
        score=prediction.score,
        box_xyxy_px=found.box_xyxy_px(),
        area_px=int(found.part_HW.sum()),
        instances=instances.in_image(window, width, height) if instances else (),
        clicked_xyxy_px=_clicked(prediction, clicks, image, gaps) if clicks else None,
    )


def _clicked(
    prediction: MaskPrediction,
    clicks: tuple[tuple[float, float], ...],
    image: ImageFeatureRefs,
    gaps: Gaps | None,
) -> BoxPx | None:
    found = _inside(sure_logits(prediction.logits_hw), image, gaps)
    return clicked_extent_xyxy_px(found.part_HW, clicks, found.x0_px, found.y0_px)


def _inside(
    logits_hw: npt.NDArray[np.floating], image: ImageFeatureRefs, gaps: Gaps | None
) -> MaskPart:
    window, size_px = _window_of(image), (image.image_width_px, image.image_height_px)
    found = window_mask_part(logits_hw, window, *size_px)
    return found if gaps is None else outside_gaps(found, gaps, window, *size_px)


def shapes_of(config: ModelConfig) -> FeatureShapes:
    """Shapes of the features a model of this configuration takes."""
    return FeatureShapes(
        grid=(config.grid_side**2, config.grid_channels),
        pyramid=config.pyramid_shapes,
        map_tokens=config.prompt_map_tokens,
        prompt_width=config.prompt_width,
        state_width=config.width,
        fine_side=config.fine_side,
    )
