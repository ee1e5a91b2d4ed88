"""Contact sheets: scenes in their three renderings, and crops of every class, to be looked at."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from earthgptx.data.labelled_image import MODALITIES
from earthgptx.data.synthetic.classes import LABELS
from earthgptx.data.synthetic.scene import Scene, generate_scene

ImageRGB = npt.NDArray[np.uint8]
BOX_RGB = (255, 230, 0)


def three_views(scene: Scene, boxes: bool = True) -> ImageRGB:
    """The renderings side by side, boxes and labels drawn on them."""
    views = []
    for modality in MODALITIES:
        image = scene.render(modality)
        view = np.broadcast_to(image, (*image.shape[:2], 3)).copy()
        if boxes:
            _draw_boxes(view, scene, modality == "optical")
        views.append(view)
    return np.concatenate(views, axis=1)


def _draw_boxes(view: ImageRGB, scene: Scene, named: bool) -> None:
    for thing in scene.objects:
        if thing.stuff:
            continue
        x0, y0, x1, y1 = (int(v) for v in thing.box_xyxy_px)
        cv2.rectangle(view, (x0, y0), (x1 - 1, y1 - 1), BOX_RGB, 1)
        if named:
            text = f"{thing.colour or ''} {thing.label}".strip()
            at = (max(0, x0), max(8, y0 - 2))
            cv2.putText(view, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.3, BOX_RGB, 1, cv2.LINE_AA)


def contact_sheet(seed: int, count: int, size_px: int, columns: int, boxes: bool) -> ImageRGB:
    """``count`` scenes from ``seed`` on, ``columns`` scenes a row."""
    rows: list[ImageRGB] = []
    for start in range(0, count, columns):
        cells = []
        for k in range(start, start + columns):
            scene = generate_scene(seed + k, size_px)
            cell = three_views(scene, boxes)
            cv2.putText(cell, f"{scene.seed} {scene.scene}", (4, size_px - 6),
                        cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 255, 255), 1, cv2.LINE_AA)  # fmt: skip
            cells.append(cell)
        rows.append(np.concatenate(cells, axis=1))
    return np.concatenate(rows, axis=0)


def class_sheet(seed: int, per_class: int, crop_px: int = 112) -> ImageRGB:
    """Crops of each class, one row a class, each crop in three renderings."""
    found: dict[str, list[ImageRGB]] = {label: [] for label in LABELS}
    k = seed
    while any(len(crops) < per_class for crops in found.values()):
        scene = generate_scene(k)
        k += 1
        seen: set[str] = set()
        for thing in scene.objects:
            if thing.label in seen or len(found.get(thing.label, [None] * per_class)) >= per_class:
                continue
            seen.add(thing.label)
            found[thing.label].append(_crop(scene, thing.box_xyxy_px, crop_px))
    rows = []
    for label, crops in found.items():
        name = np.zeros((crop_px, 130, 3), np.uint8)
        cv2.putText(name, label[-20:], (2, crop_px // 2), cv2.FONT_HERSHEY_SIMPLEX, 0.38,
                    (255, 255, 255), 1, cv2.LINE_AA)  # fmt: skip
        rows.append(np.concatenate([name, *crops], axis=1))
    return np.concatenate(rows, axis=0)


def _crop(scene: Scene, box: tuple[float, float, float, float], crop_px: int) -> ImageRGB:
    x0, y0, x1, y1 = box
    half = min(scene.size_px / 2, max(x1 - x0, y1 - y0) * 0.6 + 4)
    cx = min(max((x0 + x1) / 2, half), scene.size_px - half)
    cy = min(max((y0 + y1) / 2, half), scene.size_px - half)
    window = np.s_[int(cy - half) : int(cy + half), int(cx - half) : int(cx + half)]
    views = []
    for modality in MODALITIES:
        image = scene.render(modality)
        view = np.broadcast_to(image, (*image.shape[:2], 3))[window]
        views.append(cv2.resize(view, (crop_px, crop_px), interpolation=cv2.INTER_AREA))
    return np.asarray(np.concatenate(views, axis=1), np.uint8)
