"""Records and pixels of uploaded images."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import cast

import cv2
import numpy as np

from earthgptx.imagery.display import Display, to_display
from earthgptx.imagery.errors import ImageryError
from earthgptx.imagery.modality import Modality
from earthgptx.imagery.read import ValidHW, read_image
from earthgptx.imagery.shown_images import ShownImages
from earthgptx.imagery.windows import Window, cut_window, touched_px, whole_image
from earthgptx.scenes.scene import Scene
from earthgptx.scenes.tile_view import WindowView, valid_as_shown
from services.orchestrator.task_work.scene_cuts import SceneCuts
from services.orchestrator.task_work.scene_reader import PixelsHWC, SceneReader
from services.orchestrator.task_work.scene_spool import SceneSpool
from services.orchestrator.task_work.views import window_of
from shared.errors import NotFound, refused_as_invalid_input
from shared.image_records import KeptImage, find_image, scene_of
from shared.tensors.store import TensorStore
from shared.worker_pool import WorkerPool
from workflow_language.values import SceneView

# Decoding may take a GiB: one at a time.
DECODE_THREADS = 1
STORE_THREADS = 8
# A thread may wait for a large scene to be fetched, or read all of it once.
READ_THREADS = 2
# Shown scenes kept, since the tasks of a run look at one scene again and again.
SHOWN_LIMIT_BYTES = 256 * 1024 * 1024


class ImageAccess:
    """Reads images. Another tenant's image is an unknown one."""

    def __init__(self, store: TensorStore, spool: SceneSpool) -> None:
        """Takes the store the files lie in, and where large scenes are spooled."""
        self._store = store
        self._reader = SceneReader(store, spool)
        self._cuts = SceneCuts(store)
        self._reading = WorkerPool("scenes", READ_THREADS)
        self._storing = WorkerPool("images", STORE_THREADS)
        self._decoding = WorkerPool("decode", DECODE_THREADS)
        self._shown = ShownImages(SHOWN_LIMIT_BYTES)

    async def find(self, image_id: str, *, tenant: str) -> KeptImage:
        """The image of that id.

        Raises:
            NotFound: The tenant has none.
        """
        return await self._storing.run(find_image, self._store, image_id, tenant)

    async def scene(self, image_id: str, *, tenant: str) -> SceneView | None:
        """The whole image as a value of a workflow; None if the tenant has none such."""
        try:
            return scene_of(await self.find(image_id, tenant=tenant))
        except NotFound:
            return None

    async def pixels(self, view: SceneView, longest_px: int, *, tenant: str) -> PixelsHWC:
        """A picture of the view as it is shown to the model.

        Args:
            view: what is looked at; a part is padded to a square with 0.
            longest_px: longer side of the picture at most.
            tenant: whose image.

        Returns:
            uint8 [H, W, 3], as stored, or as the view's `side_px` wants it.

        Raises:
            NotFound: The tenant has no such image.
            InvalidInput: It is damaged, or cannot be of the view's modality.
        """
        image = await self.find(view.image_id, tenant=tenant)
        if image.record.by_window:
            return await self._reading.run(self._scene_picture, image, view, longest_px)
        return await self._decoding.run(self._picture, view, longest_px, tenant)

    async def cut(
        self, scene: KeptImage, modality: str, window: Window, side_px: int
    ) -> KeptImage | None:
        """A window of a scene as an image of its own (`SceneCuts.cut`)."""
        if scene.record.by_window:
            work, look = self._reading, self._reader.window
        else:
            work, look = self._decoding, self._window
        return await work.run(self._cuts.cut, scene, modality, window, side_px, look)

    async def has_data(self, scene: KeptImage, modality: str, window: Window) -> bool:
        """Whether a window of an image that is decoded as a whole has data anywhere.

        Raises:
            InvalidInput: It is damaged, or cannot be of that modality.
        """
        width_px, height_px = scene.record.width_px, scene.record.height_px
        if not scene.record.has_gaps or window == whole_image(width_px, height_px):
            return True
        return await self._decoding.run(self._has_data, scene, modality, window)

    async def valid(self, image: KeptImage) -> ValidHW | None:
        """Where an image that is decoded as a whole has data; None where everywhere.

        Raises:
            InvalidInput: It is damaged.
        """
        return await self._decoding.run(self._valid, image)

    def opened(self, scene: KeptImage, modality: str) -> AbstractContextManager[Scene]:
        """A scene that is read by window, for the thread that asks (`SceneReader.opened`)."""
        return self._reader.opened(scene, modality)

    async def close(self) -> None:
        """Ends the threads."""
        await self._reading.close()
        await self._decoding.close()
        await self._storing.close()

    def _scene_picture(self, image: KeptImage, view: SceneView, longest_px: int) -> PixelsHWC:
        if view.window_xyxy_px is None:
            wanted_px = view.side_px or max(view.width_px, view.height_px)
            return self._reader.whole(image, view.modality, min(wanted_px, longest_px))
        window = window_of(view)
        side_px = min(view.side_px or max(round(window.side_px), 1), longest_px)
        seen = self._reader.window(image, view.modality, window, side_px)
        return np.zeros((side_px, side_px, 3), np.uint8) if seen is None else seen.pixels_HWC

    def _picture(self, view: SceneView, longest_px: int, tenant: str) -> PixelsHWC:
        shown_HWC = self._show(view.image_id, view.modality, tenant).pixels_HWC
        if view.window_xyxy_px is not None:
            window = window_of(view)
            side_px = min(view.side_px or max(round(window.side_px), 1), longest_px)
            return cut_window(shown_HWC, window, side_px)
        height, width = shown_HWC.shape[:2]
        ratio = min(view.side_px or max(height, width), longest_px) / max(height, width)
        size = (max(1, round(width * ratio)), max(1, round(height * ratio)))
        method = cv2.INTER_AREA if ratio < 1 else cv2.INTER_LINEAR
        return cv2.resize(shown_HWC, size, interpolation=method).astype(np.uint8, copy=False)

    def _valid(self, image: KeptImage) -> ValidHW | None:
        data = self._store.get_image(image.image_id, tenant=image.ref.tenant)
        with refused_as_invalid_input(ImageryError):
            return read_image(data).valid_HW

    def _window(
        self, image: KeptImage, modality: str, window: Window, side_px: int
    ) -> WindowView | None:
        """A window of an image that is decoded as a whole; None where it has no data at all."""
        shown = self._show(image.image_id, modality, image.ref.tenant)
        size_hw = shown.pixels_HWC.shape[:2]
        valid_HW = valid_as_shown(shown.valid_HW, size_hw, window, side_px)
        if valid_HW is not None and not valid_HW.any():
            return None
        return WindowView(cut_window(shown.pixels_HWC, window, side_px), valid_HW)

    def _has_data(self, image: KeptImage, modality: str, window: Window) -> bool:
        valid_HW = self._show(image.image_id, modality, image.ref.tenant).valid_HW
        if valid_HW is None:
            return True
        x0, y0, x1, y1 = touched_px(window, image.record.width_px, image.record.height_px)
        return bool(valid_HW[y0:y1, x0:x1].any())

    def _show(self, image_id: str, modality: str, tenant: str) -> Display:
        """All of the scene."""

        def decode() -> Display:
            seen_by = cast(Modality, modality) if modality else None
            return to_display(read_image(self._store.get_image(image_id, tenant=tenant)), seen_by)

        with refused_as_invalid_input(ImageryError):
            return self._shown.show((tenant, image_id, modality), decode)
