"""A scene: one seed, one geometry, three renderings, one truth."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Final

from earthgptx.data.labelled_image import (
    LabelledImage,
    LabelledObject,
    Modality,
    PixelsHWC,
    Relation,
)
from earthgptx.data.synthetic.canvas import Canvas
from earthgptx.data.synthetic.classes import LABELS
from earthgptx.data.synthetic.conditions import Conditions, draw_conditions
from earthgptx.data.synthetic.geometry import EXTENT
from earthgptx.data.synthetic.layouts.recipes import Recipe, choose
from earthgptx.data.synthetic.optical import render_optical
from earthgptx.data.synthetic.sar import render_sar
from earthgptx.data.synthetic.site import Site
from earthgptx.data.synthetic.thermal import render_infrared
from earthgptx.data.synthetic.truth import find_objects, find_relations, find_stuff

SIDE_LIMITS_PX: Final = (64, 2048)
_RENDERERS: Final = {"optical": render_optical, "sar": render_sar, "infrared": render_infrared}


@dataclass(frozen=True)
class Scene:
    """A drawn scene and its truth; coordinates are pixels of any of its renderings."""

    seed: int
    size_px: int
    scene: str
    gsd_m: float | None
    objects: tuple[LabelledObject, ...]
    relations: tuple[Relation, ...]
    exhaustive: frozenset[str]
    absent_stuff: frozenset[str]
    canvas: Canvas
    conditions: Conditions

    def render(self, modality: Modality) -> PixelsHWC:
        """uint8 [H, W, 3] for optical, [H, W, 1] for SAR and infrared; the same at every call."""
        rng = Random(f"{self.seed}:{self.size_px}:{modality}")
        return _RENDERERS[modality](self.canvas, self.conditions, rng)

    def labelled(self, modality: Modality) -> LabelledImage:
        """The truth record of one rendering; pixels are rendered when they are asked for.

        The record keeps the scene alive (about 1 MB at 256 px).
        """
        return LabelledImage(
            image_id=f"synthetic-{self.seed}-{self.size_px}-{modality}",
            source="synthetic",
            licence="CC0-1.0",
            modality=modality,
            width_px=self.size_px,
            height_px=self.size_px,
            load_pixels=partial(self.render, modality),
            objects=self.objects if modality == "optical" else self._without_colours(),
            relations=self.relations,
            exhaustive=self.exhaustive,
            absent_stuff=self.absent_stuff,
            scene=self.scene,
            group=f"synthetic-{self.seed}",
            gsd_m=self.gsd_m,
        )

    def _without_colours(self) -> tuple[LabelledObject, ...]:
        return tuple(
            LabelledObject(o.label, o.box_xyxy_px, o.mask, None, o.size, o.stuff, o.polygon_xy_px)
            for o in self.objects
        )


def generate_scene(seed: int, size_px: int = 256, recipe: Recipe | None = None) -> Scene:
    """Draw the scene of a seed: the same seed and size always give the same scene.

    Args:
        seed: any integer.
        size_px: side of the square image, within SIDE_LIMITS_PX.
        recipe: scene type; None draws one by weight.

    Raises:
        ValueError: size_px outside of SIDE_LIMITS_PX.
    """
    low, high = SIDE_LIMITS_PX
    if not low <= size_px <= high:
        raise ValueError(f"size_px: {size_px} is not within {low} to {high}")
    rng = Random(f"scene:{seed}")
    chosen = recipe or choose(rng)
    while True:
        site = Site(Canvas(size_px), rng, draw_conditions(rng))
        chosen.lay_out(site)
        things, numbers, unsure = find_objects(site.canvas)
        if things:
            break
    stuff, absent_stuff = find_stuff(site.canvas)
    relations = find_relations(site.canvas, things, numbers)
    gsd_m = None if site.gsd_m is None else site.gsd_m * EXTENT / size_px
    return Scene(
        seed=seed,
        size_px=size_px,
        scene=chosen.scene,
        gsd_m=gsd_m,
        objects=(*things, *stuff),
        relations=tuple(relations),
        exhaustive=frozenset(LABELS) - unsure,
        absent_stuff=absent_stuff,
        canvas=site.canvas,
        conditions=site.conditions,
    )
