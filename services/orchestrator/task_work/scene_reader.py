"""Windows of large scenes as they are shown to the model; all of it blocks."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import cast

import numpy as np
import numpy.typing as npt

from earthgptx.imagery.display import show
from earthgptx.imagery.errors import ImageryError
from earthgptx.imagery.modality import Modality
from earthgptx.imagery.stretch import Stretch
from earthgptx.imagery.windows import Window
from earthgptx.scenes.overview import scene_stretch, shape_within
from earthgptx.scenes.scene import Scene, open_scene
from earthgptx.scenes.tile_view import WindowView, view_window
from services.orchestrator.task_work.scene_spool import SceneSpool
from shared.errors import StageUnavailable, refused_as_invalid_input
from shared.image_records import KeptImage
from shared.tensors.store import TensorStore

PixelsHWC = npt.NDArray[np.uint8]

# A stretch is a few numbers, but fitting one may read all of a scene.
KEPT_STRETCHES = 1024


class SceneReader:
    """Reads scenes that came by parts, by way of the spool. For several threads."""

    def __init__(self, store: TensorStore, spool: SceneSpool) -> None:
        """Takes the store the scenes lie in, and where they are spooled."""
        self._store = store
        self._spool = spool
        self._stretches: OrderedDict[tuple[str, str], Stretch] = OrderedDict()
        self._fitting = threading.Lock()

    def window(
        self, image: KeptImage, modality: str, window: Window, side_px: int
    ) -> WindowView | None:
        """A square of `side_px`, with where it has data; None where it has none at all.

        Raises:
            InvalidInput: The scene is damaged, has no data, or cannot be of that modality.
            QueueFull, StageUnavailable: It cannot be spooled, or the disk fails.
        """
        with self._opened(image, modality) as (scene, stretch):
            return view_window(scene, stretch, window, side_px)

    def whole(self, image: KeptImage, modality: str, longest_px: int) -> PixelsHWC:
        """All of it, uint8 [H, W, 3], the longer side `longest_px` at most.

        Raises:
            InvalidInput, QueueFull, StageUnavailable: As `window`.
        """
        with self._opened(image, modality) as (scene, stretch):
            part = scene.read(scene.whole, shape_within(scene.header, longest_px))
            return show(part.bands_CHW, part.valid_HW, scene.channels, stretch)

    @contextmanager
    def opened(self, image: KeptImage, modality: str) -> Iterator[Scene]:
        """The scene, open; for the thread that opened it.

        Raises:
            InvalidInput, QueueFull, StageUnavailable: As `window`.
        """
        image_id, tenant = image.image_id, image.ref.tenant
        with ExitStack() as held:
            path = held.enter_context(
                self._spool.file(
                    image_id,
                    image.record.size_bytes,
                    lambda: self._store.image_chunks(image_id, tenant=tenant),
                )
            )
            held.enter_context(refused_as_invalid_input(ImageryError))
            try:
                # The gateway has found these bytes whole.
                opening = open_scene(path, _seen_by(modality), known_whole=True)
                scene = held.enter_context(opening)
            except OSError as error:
                what = error.strerror or "an error of the disk"
                raise StageUnavailable(f"the scene cannot be opened here: {what}") from error
            yield scene

    @contextmanager
    def _opened(self, image: KeptImage, modality: str) -> Iterator[tuple[Scene, Stretch]]:
        with self.opened(image, modality) as scene:
            yield scene, self._stretch(image.image_id, scene, _seen_by(modality))

    def _stretch(self, image_id: str, scene: Scene, modality: Modality | None) -> Stretch:
        key = (image_id, modality or "")
        with self._fitting:
            if key not in self._stretches:
                self._stretches[key] = scene_stretch(scene, modality)
            self._stretches.move_to_end(key)
            while len(self._stretches) > KEPT_STRETCHES:
                self._stretches.popitem(last=False)
            return self._stretches[key]


def _seen_by(modality: str) -> Modality | None:
    return cast(Modality, modality) if modality else None
