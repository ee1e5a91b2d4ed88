"""merge: the same thing once, by the rules by which scenes are stitched (`earthgptx.scenes`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace

from earthgptx.imagery.masks import rle_area_px, rle_box_xyxy_px, united_rle
from earthgptx.scenes.pieces import Piece, trusted_part
from earthgptx.scenes.stitching import MergeRules, Stitcher, merged_caption, merged_shape
from services.orchestrator.task_work.lone_masks import lie_apart
from services.orchestrator.task_work.outlines import cells_in, mask_of, pixel_box
from services.orchestrator.task_work.shapes import shape_of
from workflow_language.region_sets import BoxXyxyPx, Region, surest_first
from workflow_language.values import MaskPixels


@dataclass(frozen=True)
class _Found(Piece):
    """A piece, and the region it is."""

    region: Region


def merged(regions: Sequence[Region], overlap: float, same_label: bool) -> tuple[Region, ...]:
    """Each thing once, the surest first; what lies in two scenes is never one thing.

    Regions found in one view are told apart as the model did, but for doubles; those that nobody
    has found in a view (drawn by hand, put together before) are compared with all others.

    Args:
        regions: in any order; the result does not depend on it.
        overlap: from which two are one, 0 to 1: the share of the smaller for masks and cut boxes,
            the intersection over union for whole boxes.
        same_label: only regions of one label become one.

    Raises:
        ImageryError: a mask is malformed or in too many pieces, or those of one scene differ in
            size (field "mask").
    """
    of_scene: dict[str, list[Region]] = defaultdict(list)
    for region in sorted(regions, key=surest_first):
        of_scene[region.image_id].append(region)
    rules = MergeRules(overlap, overlap, overlap)
    things: list[Region] = []
    for found in of_scene.values():
        apart = lie_apart(found)
        things += [region for region, alone in zip(found, apart, strict=True) if alone]
        stitched = _stitched(found, apart, rules, same_label)
        things += [_thing(group) for group in stitched.groups()]
    return tuple(sorted(things, key=surest_first))


def _stitched(
    regions: Sequence[Region], apart: Sequence[bool], rules: MergeRules, same_label: bool
) -> Stitcher[_Found]:
    """All that was found in one scene, view by view, but for what lies apart."""
    x0s, y0s, x1s, y1s = zip(*(region.box_xyxy_px for region in regions), strict=True)
    everywhere = (min(x0s), min(y0s), max(x1s), max(y1s))
    views: dict[Hashable, list[Region]] = defaultdict(list)
    for number, (region, alone) in enumerate(zip(regions, apart, strict=True)):
        if not alone:
            views[region.seen.window_xyxy_px if region.seen else number].append(region)
    stitcher = Stitcher[_Found](rules)
    for view, found in views.items():
        stitcher.add(view, _pieces(found, everywhere, same_label))
    return stitcher


def _pieces(
    regions: Sequence[Region], everywhere_xyxy_px: BoxXyxyPx, same_label: bool
) -> Iterator[_Found]:
    for region in regions:
        seen_px = shape_of(region)
        window = region.seen.window_xyxy_px if region.seen else everywhere_xyxy_px
        trusted = region.seen.trusted_xyxy_px if region.seen else None
        is_mask = isinstance(region.mask, MaskPixels)
        shape_px = trusted_part(seen_px, trusted) if is_mask and trusted else seen_px
        if shape_px is not None:
            yield _Found(
                window,
                (region.label or "") if same_label else "",
                region.score or 0.0,
                region.caption or "",
                seen_px,
                shape_px,
                is_mask,
                region.seen is not None and region.seen.cut,
                region,
            )


def _thing(group: Sequence[_Found]) -> Region:
    """One region of its pieces, with the words and the score of the surest."""
    if len(group) == 1 and group[0].shape_px is group[0].seen_px:
        return group[0].region
    surest = min((piece.region for piece in group), key=surest_first)
    told = replace(surest, caption=merged_caption(group) or None)
    return _united_mask(told, group) if group[0].is_mask else _one_box(told, group)


def _one_box(told: Region, group: Sequence[_Found]) -> Region:
    shape_px = merged_shape(group)
    for piece in group:
        if piece.shape_px is shape_px:
            whole = piece.region
            return replace(whole, label=told.label, score=told.score, caption=told.caption)
    x0, y0, x1, y1 = shape_px.bounds
    return replace(_unmeasured(told), box_xyxy_px=(x0, y0, x1, y1))


def _united_mask(told: Region, group: Sequence[_Found]) -> Region:
    mask = mask_of(told)
    height_px, width_px = mask.height_px, mask.width_px
    counts = united_rle(height_px, width_px, [_trusted_code(piece) for piece in group])
    box = rle_box_xyxy_px(height_px, width_px, counts)
    if box is None:  # the box of a mask from elsewhere may not be that of its pixels
        return told
    return replace(
        _unmeasured(told),
        box_xyxy_px=box,
        mask=MaskPixels(height_px, width_px, counts),
        area_px=rle_area_px(height_px, width_px, counts),
    )


def _trusted_code(piece: _Found) -> str:
    """The run-length code of what of a mask is trusted."""
    mask, seen = mask_of(piece.region), piece.region.seen
    if piece.shape_px is piece.seen_px or seen is None or seen.trusted_xyxy_px is None:
        return mask.counts
    x0, y0, x1, y1 = pixel_box(piece.region)
    left, top, right, bottom = map(round, seen.trusted_xyxy_px)
    kept = (max(x0, left), max(y0, top), min(x1, right), min(y1, bottom))
    return cells_in(piece.region, kept).encoded(mask.height_px, mask.width_px)


def _unmeasured(region: Region) -> Region:
    """Of what was put together of several, measures and views of one say nothing."""
    return replace(region, area_px=None, area_m2=None, length_m=None, drawn=None, seen=None)
