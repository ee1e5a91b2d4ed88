"""The work of the image encoder: image file in, features of a window out.

file -> header checked -> pixels decoded -> three channels -> window cut -> experts (in batches)
-> features stored -> remembered, so that a second question about a window never encodes it again.
"""

from __future__ import annotations

import hashlib
import json
import time
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from earthgptx.imagery.display import DISPLAY_VERSION, Display, to_display
from earthgptx.imagery.errors import ImageryError
from earthgptx.imagery.gaps import deflated_gaps
from earthgptx.imagery.header import ImageLimits
from earthgptx.imagery.modality import MODALITIES
from earthgptx.imagery.read import read_image
from earthgptx.imagery.shown_images import ShownImages
from earthgptx.imagery.windows import Window, cut_window, validate_window, whole_image
from earthgptx.model.checkpoint import load_image_encoder, model_version
from earthgptx.model.features import ImageFeatures
from earthgptx.model.visual_experts import ImageEncoderModel
from protos.earthgptx.v1 import image_encoder_pb2
from shared.admission import Admission
from shared.batching import Batcher
from shared.errors import Internal, StageUnavailable, TensorGone, refused_as_invalid_input
from shared.feature_refs import ImageFeatureRefs, WindowPx
from shared.settings import StageSettings
from shared.single_flight import SingleFlight
from shared.stage_metrics import StageMetrics
from shared.telemetry import Telemetry
from shared.tensors.host_tensor import HostTensor
from shared.tensors.open_store import open_store
from shared.tensors.ref import TensorRef
from shared.tensors.store import TensorStore
from shared.tensors.torch_bridge import from_torch
from shared.worker_pool import WorkerPool

ViewSSC = npt.NDArray[np.uint8]

STAGE = "image_encoder"
# A decoded scene may take a GiB: few at a time.
DECODE_THREADS = 2
# Decoded images kept, since a scene is looked at tile by tile.
SHOWN_LIMIT_BYTES = 128 * 1024 * 1024
# Features found must outlive the request that found them.
MIN_LIFE_LEFT_S = 120.0


@dataclass(frozen=True)
class _View:
    """What the model will look at, and where it lies in the full image."""

    pixels: ViewSSC
    window: WindowPx
    image_width_px: int
    image_height_px: int
    band_note: str
    gaps: bytes | None


class Engine:
    """Model, store, cache and queue of the stage."""

    def __init__(
        self,
        model: ImageEncoderModel,
        version: str,
        store: TensorStore,
        settings: StageSettings,
        telemetry: Telemetry,
    ) -> None:
        """Takes the parts; `open` makes them from settings."""
        metrics = StageMetrics(telemetry.meter, STAGE)
        self._model = model
        seen = f"view-{model.view_side_px}-{settings.dtype}-display-{DISPLAY_VERSION}"
        self._version = f"{version}/{seen}"
        self._store = store
        self._ttl_s = settings.tensor_ttl_s
        self._batcher: Batcher[ViewSSC, ImageFeatures] = Batcher(
            model.encode,
            max_batch=settings.max_batch,
            max_wait_s=settings.max_wait_ms / 1000,
            max_queue=settings.max_queue,
            name=STAGE,
            metrics=metrics,
            tracer=telemetry.tracer,
        )
        self._admission = Admission(settings.max_queue + settings.max_batch, metrics)
        self._pool = WorkerPool(STAGE, DECODE_THREADS)
        self._shown = ShownImages(SHOWN_LIMIT_BYTES)
        self._flights: SingleFlight[tuple[ImageFeatureRefs, bool]] = SingleFlight()
        self._encodes = telemetry.meter.create_counter(
            "earthgptx_image_encoder_encodes", description="Windows the experts have seen"
        )
        self._lookups = telemetry.meter.create_counter(
            "earthgptx_image_encoder_cache", description="Requests by result: hit or miss"
        )

    @classmethod
    def open(cls, settings: StageSettings, telemetry: Telemetry) -> Engine:
        """Loads the weights and opens the store."""
        if settings.threads:
            torch.set_num_threads(settings.threads)
        model = load_image_encoder(settings.weights_dir, settings.device, settings.dtype)
        version = model_version(settings.weights_dir, STAGE)
        return cls(model, version, open_store(settings), settings, telemetry)

    async def encode(
        self, image: TensorRef, modality: str | None, window: WindowPx | None
    ) -> tuple[ImageFeatureRefs, bool]:
        """Features of `window` (None for the whole image), and whether no expert ran for them.

        Raises:
            InvalidInput: The image or the window cannot be used.
            TensorGone: The image is no longer there.
            QueueFull: The stage has as much to do as it may.
        """
        led = False

        async def find_or_encode() -> tuple[ImageFeatureRefs, bool]:
            nonlocal led
            led = True
            found = await self._pool.run(self._find, image.tenant, name)
            if found is not None:
                return found, True
            return await self._encode(image, modality, window, name), False

        with self._admission.enter():
            self._store.verify(image, tenant=image.tenant)
            name = self._cache_name(image, modality, window)
            encoded, from_cache = await self._flights.run((image.tenant, name), find_or_encode)
        from_cache = from_cache or not led
        self._lookups.add(1, {"result": "hit" if from_cache else "miss"})
        return encoded, from_cache

    async def probe(self) -> None:
        """Encodes a grey view through the queue.

        Raises:
            Internal: The features are not finite numbers.
        """
        side = self._model.view_side_px
        features = await self._batcher.submit(np.full((side, side, 3), 128, np.uint8))
        if not bool(torch.isfinite(features.grid_NC.float()).all()):
            raise Internal("the image encoder makes features that are not finite")

    async def close(self) -> None:
        """Ends the model's thread and the store."""
        await self._batcher.close()
        await self._pool.close()
        self._store.close()

    async def _encode(
        self, image: TensorRef, modality: str | None, window: WindowPx | None, name: str
    ) -> ImageFeatureRefs:
        with self._batcher.announced():
            view = await self._pool.run(self._cut, image, modality, window)
        features = await self._batcher.submit(view.pixels)
        self._encodes.add(1)
        return await self._pool.run(self._keep, features, view, image.tenant, modality, name)

    def _cut(self, image: TensorRef, modality: str | None, window: WindowPx | None) -> _View:
        key = (image.tenant, image.digest, modality)
        with refused_as_invalid_input(ImageryError):
            display = self._shown.show(key, lambda: self._decode(image, modality))
            height, width = display.pixels_HWC.shape[:2]
            seen = whole_image(width, height)
            if window is not None:
                seen = Window(window.x0, window.y0, window.side)
                validate_window(seen, width, height)
            pixels = cut_window(display.pixels_HWC, seen, self._model.view_side_px)
        at = WindowPx(seen.x0_px, seen.y0_px, seen.side_px)
        gaps = deflated_gaps(display.valid_HW, seen)
        return _View(pixels, at, width, height, display.band_note, gaps)

    def _decode(self, image: TensorRef, modality: str | None) -> Display:
        limits = ImageLimits()
        file = self._store.get(image, tenant=image.tenant, dtype="u8", limit_bytes=limits.max_bytes)
        known = next((m for m in MODALITIES if m == modality), None)
        return to_display(read_image(bytes(file.data), limits), known)

    def _keep(
        self,
        features: ImageFeatures,
        view: _View,
        tenant: str,
        modality: str | None,
        name: str,
    ) -> ImageFeatureRefs:
        tensors = [from_torch(tensor) for tensor in (features.grid_NC, *features.pyramid)]
        if view.gaps is not None:
            tensors.append(HostTensor.from_numpy(np.frombuffer(view.gaps, np.uint8)))
        grid, *others = (
            self._store.put(tensor, tenant=tenant, ttl_s=self._ttl_s) for tensor in tensors
        )
        levels = len(features.pyramid)
        encoded = ImageFeatureRefs(
            grid=grid,
            pyramid=tuple(others[:levels]),
            window=view.window,
            image_width_px=view.image_width_px,
            image_height_px=view.image_height_px,
            modality=modality,
            version=self._version,
            band_note=view.band_note,
            gaps=others[levels] if others[levels:] else None,
        )
        payload = encoded.to_proto().SerializeToString()
        # Without the index the next question encodes again: slower, not wrong.
        with suppress(StageUnavailable):
            self._store.remember(tenant, name, payload, ttl_s=self._ttl_s)
        return encoded

    def _find(self, tenant: str, name: str) -> ImageFeatureRefs | None:
        """Features remembered under `name`, if all of them are still there for long enough."""
        try:
            payload = self._store.find(tenant, name)
        except StageUnavailable:
            return None
        if payload is None:
            return None
        encoded = ImageFeatureRefs.from_proto(image_encoder_pb2.EncodedImage.FromString(payload))
        alive_until_ms = (time.time() + MIN_LIFE_LEFT_S) * 1000
        if any(ref.expires_at_ms < alive_until_ms for ref in encoded.refs):
            return None
        try:
            for ref in encoded.refs:
                self._store.get(ref, tenant=tenant)
        except (TensorGone, StageUnavailable):
            return None
        return encoded

    def _cache_name(self, image: TensorRef, modality: str | None, window: WindowPx | None) -> str:
        """A digest over everything the features depend on; the tenant is the store's part."""
        at = None if window is None else (window.x0, window.y0, window.side)
        parts = (image.digest, image.dtype, image.shape, modality, at, self._version)
        # Deleting an image forgets the names that begin with its id, which is its digest.
        return f"{image.digest}/{hashlib.sha256(json.dumps(parts).encode()).hexdigest()}"
