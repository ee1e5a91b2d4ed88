"""A scene from end to end: a look at the whole, a close look at each tile, one answer.

Work is in three functions that can also be called one by one: ``look_over`` (once),
``batches`` (tiles as the model sees them) and ``Stitcher.add`` (in any order).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from earthgptx.imagery.errors import ImageryError
from earthgptx.imagery.modality import Modality
from earthgptx.imagery.stretch import Stretch
from earthgptx.scenes.ground import Ground
from earthgptx.scenes.header import SceneHeader
from earthgptx.scenes.model import SceneDescriber, TileModel, TileView
from earthgptx.scenes.objects import SceneObject
from earthgptx.scenes.overview import Overview, look_over
from earthgptx.scenes.pieces import Piece, pieces_of
from earthgptx.scenes.scene import Scene
from earthgptx.scenes.stitching import MergeRules, Stitcher
from earthgptx.scenes.tile_plan import TilePlan
from earthgptx.scenes.tile_view import view_tile

# Told tiles done so far (those without data too), and tiles in all.
OnProgress = Callable[[int, int], None]


@dataclass(frozen=True)
class SceneResult:
    """What was found in a scene, and how it was looked at.

    Attributes:
        header: of the scene.
        overview: as it was shown to the model.
        plan: the grid of tiles.
        objects: the things found.
        description: the scene in words; empty if nobody was asked.
        empty_tiles: tiles without data, which the model was not shown.
    """

    header: SceneHeader
    overview: Overview
    plan: TilePlan
    objects: tuple[SceneObject, ...]
    description: str
    empty_tiles: int

    @property
    def resampling(self) -> str:
        """What was done to the scene's pixels before the model saw them, in words."""
        return self.plan.resampling


def interpret_scene(
    scene: Scene,
    plan: TilePlan,
    model: TileModel,
    *,
    modality: Modality | None = None,
    describe: SceneDescriber | None = None,
    batch_tiles: int = 8,
    rules: MergeRules | None = None,
    on_progress: OnProgress | None = None,
) -> SceneResult:
    """Looks at all of a scene.

    Args:
        scene: an open scene.
        plan: its grid of tiles.
        model: looks at a batch of tiles.
        modality: what the sensor saw; None is treated as optical.
        describe: looks at the overview; None: nobody is asked.
        batch_tiles: tiles shown to the model at once.
        rules: when pieces of neighbouring tiles are the same thing.
        on_progress: told after each batch.

    Raises:
        ImageryError: the scene cannot be used, or the model answered for another number of tiles
            than it was shown (field "instances").
    """
    overview = look_over(scene, modality)
    description = describe(overview) if describe else ""
    stitcher = Stitcher[Piece](rules)
    shown = 0
    for done, views in batches(scene, overview.stretch, plan, batch_tiles):
        answers = model(views) if views else ()
        if len(answers) != len(views):
            raise ImageryError("instances", f"are of {len(answers)} tiles", f"{len(views)} tiles")
        for view, instances in zip(views, answers, strict=True):
            stitcher.add(view.tile, pieces_of(view, instances, plan))
        shown += len(views)
        if on_progress:
            on_progress(done, len(plan))
    return SceneResult(
        scene.header,
        overview,
        plan,
        tuple(stitcher.objects(Ground(scene.header))),
        description.strip(),
        len(plan) - shown,
    )


def batches(
    scene: Scene, stretch: Stretch, plan: TilePlan, batch_tiles: int
) -> Iterator[tuple[int, list[TileView]]]:
    """Tiles as the model sees them, those without data left out.

    Yields:
        (tiles gone through so far, views): as many views as were asked for, or, at the end, fewer.

    Raises:
        DamagedImage: the scene cannot be read somewhere (field "image").
    """
    views: list[TileView] = []
    done = 0
    for done, tile in enumerate(plan.tiles(), start=1):
        view = view_tile(scene, stretch, plan, tile)
        if view is not None:
            views.append(view)
        if len(views) == batch_tiles:
            yield done, views
            views = []
    yield done, views
