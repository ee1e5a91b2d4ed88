"""Small images cut from scenes, as the stages are to see them; kept like uploaded ones.

A cut is named by its content, as images are: cut again, it is the same image, and the features that
the stages remember of it serve the next question. Where it was cut is remembered too, so that
nothing is cut twice. All of it blocks.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress

import cv2
import numpy as np
from rasterio.io import MemoryFile
from rasterio.transform import Affine

from earthgptx.imagery.display import DISPLAY_VERSION
from earthgptx.imagery.masks import encode_rle
from earthgptx.imagery.windows import Window
from earthgptx.scenes.tile_view import WindowView
from services.orchestrator.task_work.scene_reader import PixelsHWC
from shared.errors import NotFound, StageUnavailable
from shared.image_records import ImageRecord, KeptImage, find_image
from shared.messages.json_codec import to_json
from shared.tensors.store import TensorStore

CUT_TTL_S = 86_400.0
# What is gone sooner is cut anew.
_LEAST_LIFE_S = 3600.0
_EMPTY = b"empty"
_VERSION = 3
# Of the run-length code of where a cut has data. Gaps as ragged as that are salt and pepper: a mask
# that covers some of them is no wrong one.
_MOST_VALID_BYTES = 64 * 1024

# A window of an image of that modality, resampled to a side; None where it has no data at all.
Look = Callable[[KeptImage, str, Window, int], WindowView | None]


class SceneCuts:
    """Cuts of scenes of all tenants; each belongs to the tenant of its scene."""

    def __init__(self, store: TensorStore, clock: Callable[[], float] = time.time) -> None:
        """Takes the store of scenes and cuts."""
        self._store = store
        self._clock = clock

    def cut(
        self, scene: KeptImage, modality: str, window: Window, side_px: int, look: Look
    ) -> KeptImage | None:
        """The window as an image of its own; None where it has no data at all.

        Args:
            scene: The image it is cut from.
            modality: What its sensor saw; "" if not known.
            window: In pixels of the scene.
            side_px: Of the image.
            look: Reads it.

        Raises:
            InvalidInput, QueueFull, StageUnavailable: As `look`, or the object store has no room.
        """
        tenant = scene.ref.tenant
        at = f"{window.x0_px!r},{window.y0_px!r},{window.side_px!r},{side_px}"
        name = f"{scene.image_id}:cut:{_VERSION}.{DISPLAY_VERSION}:{at}:{modality}"
        payload = self._remembered(tenant, name)
        if payload == _EMPTY:
            return None
        if payload is not None and (kept := self._find(payload.decode(), tenant)):
            return kept
        view = look(scene, modality, window, side_px)
        kept = None if view is None else self._keep(view, scene, window, modality)
        # Without the index the next question cuts again: slower, not wrong.
        with suppress(StageUnavailable):
            content = _EMPTY if kept is None else kept.image_id.encode()
            self._store.remember(tenant, name, content, CUT_TTL_S)
        return kept

    def _remembered(self, tenant: str, name: str) -> bytes | None:
        try:
            return self._store.find(tenant, name)
        except StageUnavailable:
            return None

    def _find(self, image_id: str, tenant: str) -> KeptImage | None:
        try:
            found = find_image(self._store, image_id, tenant)
        except NotFound:
            return None
        dies_soon = 0 < found.ref.expires_at_ms < (self._clock() + _LEAST_LIFE_S) * 1000
        return None if dies_soon else found

    def _keep(self, view: WindowView, scene: KeptImage, window: Window, modality: str) -> KeptImage:
        data, bands = encode_cut(view.pixels_HWC, modality)
        side_px = view.pixels_HWC.shape[0]
        record = ImageRecord(
            format="PNG" if bands != 2 else "TIFF",
            width_px=side_px,
            height_px=side_px,
            band_count=bands,
            band_dtype="uint8",
            size_bytes=len(data),
            crs="",
            gsd_m=scene.record.gsd_m * window.side_px / side_px,
            transform=(),
            shown_as_is=bands != 2,
            valid_counts=_valid_counts(view),
        )
        described = json.loads(to_json(record))
        tenant = scene.ref.tenant
        ref = self._store.put_image(data, tenant=tenant, ttl_s=CUT_TTL_S, description=described)
        return KeptImage(ref, record)


def _valid_counts(view: WindowView) -> str:
    if view.valid_HW is None:
        return ""
    counts = encode_rle(view.valid_HW)[2]
    return counts if len(counts) <= _MOST_VALID_BYTES else ""


def encode_cut(pixels_HWC: PixelsHWC, modality: str) -> tuple[bytes, int]:
    """The file of a cut, and its bands: such that the stages show exactly these pixels.

    Two polarisations of a radar stay two bands: a colour picture would not be taken for radar.
    """
    red, green, blue = (pixels_HWC[..., channel] for channel in range(3))
    if np.array_equal(red, blue) and np.array_equal(red, green):
        return _png(np.ascontiguousarray(red)), 1
    if np.array_equal(red, blue) and modality == "sar":
        return _tiff(np.stack((red, green))), 2
    return _png(np.ascontiguousarray(pixels_HWC[..., ::-1])), 3


def _png(pixels: PixelsHWC) -> bytes:
    # Compressed least: whatever is done once for a thousand tiles must be quick.
    _, encoded = cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    return encoded.tobytes()


def _tiff(bands_CHW: PixelsHWC) -> bytes:
    count, height, width = bands_CHW.shape
    with MemoryFile() as memory:
        size = {"count": count, "height": height, "width": width, "dtype": "uint8"}
        # rasterio warns of a file without a transform; any means nothing without a CRS.
        any_transform = Affine.scale(2)
        with memory.open(
            driver="GTiff", compress="deflate", transform=any_transform, **size
        ) as dataset:
            dataset.write(bands_CHW)
        return bytes(memory.read())
