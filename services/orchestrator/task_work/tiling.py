"""tile: a scene in squares, by the plan of whole scenes (`earthgptx.scenes.tile_plan`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from earthgptx.scenes.tile_plan import MAX_ENLARGEMENT, Tile, TilePlan, tile_grid
from services.orchestrator.task_work.arguments import Arguments, number_in, view_in, whole_in
from services.orchestrator.task_work.context import TaskContext
from services.orchestrator.task_work.views import CUT_SIDE_PX
from shared.errors import InvalidInput
from workflow_language.region_sets import BoxXyxyPx
from workflow_language.values import SceneView, Table, Value

SHOWN = ("gsd_m", "shown_gsd_m", "shown_px", "resampling")
# Squares that a task looks at by itself, and what neighbours share of their side.
MOST_SQUARES = 64
SHARED_BY_SQUARES = 0.25
# A scene shown smaller than the smallest tile is too far away to see anything.
LEAST_SHOWN_PX = 64


async def tile(context: TaskContext, arguments: Arguments) -> Mapping[str, Value]:
    """Cuts a scene into squares, row by row; at the far edges they overlap more."""
    scene = view_in(arguments, "scene")
    side_px, overlap_px = whole_in(arguments, "side_px"), whole_in(arguments, "overlap_px")
    wished_gsd_m = number_in(arguments, "gsd_m") if "gsd_m" in arguments else 0.0
    if overlap_px >= side_px:
        what = f"tiles of {side_px} px cannot share {overlap_px} px"
        raise _refused(context, "overlap_px", what, f"less than side_px, {side_px}")
    if wished_gsd_m:
        _refuse_absurd(context, scene, wished_gsd_m, side_px)
    plan = tile_grid(
        scene, side_px, wished_gsd_m, overlap_px / side_px, number_in(arguments, "offset")
    )
    most = whole_in(arguments, "at_most")
    if len(plan) > most:
        what = f"the scene has {len(plan)} tiles of {plan.side_px} px"
        raise _refused(context, "at_most", what, f"{most} tiles")
    if not wished_gsd_m and max(scene.width_px, scene.height_px) <= side_px:
        return {"tiles": (scene,), "shown": _shown(scene, plan, wished_gsd_m)}
    views = tuple(_view(scene, plan, one, wished_gsd_m) for one in plan.tiles())
    return {"tiles": views, "shown": _shown(scene, plan, wished_gsd_m)}


def squares(context: TaskContext, view: SceneView, side_px: int) -> tuple[SceneView, ...]:
    """What is larger than a square of this side, in such squares, a quarter of them shared.

    Raises:
        InvalidInput: There would be more than `MOST_SQUARES`.
    """
    x0, y0, x1, y1 = view.extent_xyxy_px
    width_px, height_px = round(x1 - x0), round(y1 - y0)
    if max(width_px, height_px) <= side_px:
        return (view,)
    part = replace(view, width_px=width_px, height_px=height_px)
    plan = tile_grid(part, side_px, 0.0, SHARED_BY_SQUARES, 0.0)
    if len(plan) > MOST_SQUARES:
        what = f"the image has {len(plan)} squares of {side_px} px"
        raise _refused(context, "side_px", what, f"{MOST_SQUARES} squares; tile is for more")
    return tuple(
        replace(
            view,
            window_xyxy_px=_moved(one.window_xyxy_px, x0, y0),
            trusted_xyxy_px=_moved(one.trusted_xyxy_px, x0, y0),
        )
        for one in plan.tiles()
    )


def _refuse_absurd(
    context: TaskContext, scene: SceneView, wished_gsd_m: float, side_px: int
) -> None:
    """Refuses a ground sampling that this scene cannot be shown at.

    Raises:
        InvalidInput: It has no ground coordinates, would be enlarged too much or shown too small,
            or the tiles would be larger than the model is shown any.
    """
    if not scene.gsd_m:
        what = f"{wished_gsd_m:g} m cannot be met, for the scene has no ground coordinates"
        raise _refused(context, "gsd_m", what, "a georeferenced scene, or no gsd_m")
    finest_m = scene.gsd_m / MAX_ENLARGEMENT
    coarsest_m = scene.gsd_m * max(scene.width_px, scene.height_px) / LEAST_SHOWN_PX
    if not finest_m <= wished_gsd_m <= coarsest_m:
        size = f"{scene.width_px} x {scene.height_px} px of {scene.gsd_m:g} m"
        what = f"a scene of {size} cannot be shown at {wished_gsd_m:g} m"
        raise _refused(context, "gsd_m", what, f"{finest_m:.3g} to {coarsest_m:.3g} m")
    if side_px > CUT_SIDE_PX:
        what = f"at {wished_gsd_m:g} m, tiles of {side_px} px cannot be shown"
        raise _refused(context, "side_px", what, f"{CUT_SIDE_PX} px where gsd_m is given")


def _refused(context: TaskContext, parameter: str, what: str, limit: str) -> InvalidInput:
    message = f"step {context.step}, {parameter}: {what}"
    return InvalidInput(message, field=context.field(parameter), limit=limit)


def _view(scene: SceneView, plan: TilePlan, one: Tile, wished_gsd_m: float) -> SceneView:
    return replace(
        scene,
        window_xyxy_px=_box(one.window_xyxy_px),
        trusted_xyxy_px=_box(one.trusted_xyxy_px),
        shown_px=plan.tile_px if wished_gsd_m else None,
    )


def _shown(scene: SceneView, plan: TilePlan, wished_gsd_m: float) -> Table:
    """How the model is shown the tiles, in one row; None where that is not known."""
    seen_px = min(plan.side_px, max(scene.width_px, scene.height_px))
    if not wished_gsd_m and seen_px > CUT_SIDE_PX:
        told = f"averaged over areas, {seen_px} px of the scene to {CUT_SIDE_PX} px or fewer"
        return Table(SHOWN, ((scene.gsd_m, None, None, told),))
    shown_px = plan.tile_px if wished_gsd_m else seen_px
    return Table(SHOWN, ((scene.gsd_m, plan.gsd_m or None, shown_px, plan.resampling),))


def _box(box_xyxy_px: tuple[float, float, float, float]) -> BoxXyxyPx:
    """As JSON has it."""
    return _moved(box_xyxy_px, 0.0, 0.0)


def _moved(box_xyxy_px: tuple[float, float, float, float], x_px: float, y_px: float) -> BoxXyxyPx:
    x0, y0, x1, y1 = map(float, box_xyxy_px)
    return x0 + x_px, y0 + y_px, x1 + x_px, y1 + y_px
