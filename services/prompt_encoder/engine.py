"""The work of the prompt encoder: marks in, prompt tokens out.

marks checked -> drawn into the window's map -> encoded (in batches) -> tokens stored
"""

from __future__ import annotations

import torch

from earthgptx.imagery.errors import ImageryError
from earthgptx.imagery.marks import (
    BoxMark,
    Mark,
    MaskMark,
    PointMark,
    PolygonMark,
    Region,
    ScribbleMark,
    validate_regions,
)
from earthgptx.imagery.prompt_raster import PromptRaster, rasterise_regions
from earthgptx.imagery.windows import Window, validate_window, whole_image
from earthgptx.model.checkpoint import load_prompt_encoder, model_version
from earthgptx.model.features import PromptFeatures
from earthgptx.model.prompt_encoder import PromptEncoderModel
from shared.admission import Admission
from shared.batching import Batcher
from shared.errors import Internal, refused_as_invalid_input
from shared.feature_refs import PromptFeatureRefs, WindowPx
from shared.settings import StageSettings
from shared.stage_metrics import StageMetrics
from shared.telemetry import Telemetry
from shared.tensors.open_store import open_store
from shared.tensors.store import TensorStore
from shared.tensors.torch_bridge import from_torch
from shared.worker_pool import WorkerPool

__all__ = [
    "BoxMark",
    "Engine",
    "Mark",
    "MaskMark",
    "PointMark",
    "PolygonMark",
    "Region",
    "ScribbleMark",
]

STAGE = "prompt_encoder"
DRAWING_THREADS = 2


class Engine:
    """Model, store and queue of the stage."""

    def __init__(
        self,
        model: PromptEncoderModel,
        version: str,
        store: TensorStore,
        settings: StageSettings,
        telemetry: Telemetry,
    ) -> None:
        """Takes the parts; `open` makes them from settings."""
        metrics = StageMetrics(telemetry.meter, STAGE)
        self._model = model
        self._version = version
        self._store = store
        self._ttl_s = settings.tensor_ttl_s
        self._batcher: Batcher[PromptRaster, PromptFeatures] = Batcher(
            model.encode,
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
        model = load_prompt_encoder(settings.weights_dir, settings.device, settings.dtype)
        version = model_version(settings.weights_dir, STAGE)
        return cls(model, version, open_store(settings), settings, telemetry)

    async def encode(
        self,
        tenant: str,
        regions: tuple[Region, ...],
        window: WindowPx | None,
        image_width_px: int,
        image_height_px: int,
    ) -> PromptFeatureRefs:
        """Tokens of `regions`, drawn in pixels of the full image, as seen in `window`.

        Raises:
            InvalidInput: A mark or the window cannot be used.
            QueueFull: The stage has as much to do as it may.
        """
        with self._admission.enter():
            with self._batcher.announced():
                raster = await self._pool.run(
                    self._draw, regions, window, image_width_px, image_height_px
                )
            features = await self._batcher.submit(raster)
            return await self._pool.run(self._keep, features, tenant, len(regions))

    async def probe(self) -> None:
        """Encodes a point through the queue.

        Raises:
            Internal: The tokens are not finite numbers.
        """
        side = self._model.view_side_px
        middle = (Region((PointMark(side / 2, side / 2),)),)
        features = await self._batcher.submit(self._draw(middle, None, side, side))
        if not bool(torch.isfinite(features.map_MD.float()).all()):
            raise Internal("the prompt encoder makes tokens that are not finite")

    async def close(self) -> None:
        """Ends the model's thread and the store."""
        await self._batcher.close()
        await self._pool.close()
        self._store.close()

    def _draw(
        self,
        regions: tuple[Region, ...],
        window: WindowPx | None,
        image_width_px: int,
        image_height_px: int,
    ) -> PromptRaster:
        with refused_as_invalid_input(ImageryError):
            validate_regions(regions, image_width_px, image_height_px)
            seen = whole_image(image_width_px, image_height_px)
            if window is not None:
                seen = Window(window.x0, window.y0, window.side)
                validate_window(seen, image_width_px, image_height_px)
            side = self._model.view_side_px
            return rasterise_regions(regions, seen, side, image_width_px, image_height_px)

    def _keep(self, features: PromptFeatures, tenant: str, region_count: int) -> PromptFeatureRefs:
        tensors = features.map_MD, features.regions_RD, features.weights_RGG, features.places_R4
        tokens, region_tokens, weights, places = (
            self._store.put(from_torch(tensor), tenant=tenant, ttl_s=self._ttl_s)
            for tensor in tensors
        )
        return PromptFeatureRefs(
            tokens, region_tokens, weights, places, region_count, self._version
        )
