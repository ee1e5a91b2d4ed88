"""The values that flow between steps; `value_json.py` has their JSON.

    scene, image      SceneView          regions, masks    tuple of Region
    region, mask      Region             list of ...       tuple
    text              str                table             Table
    number            int or float       file              File
    boolean           bool

Positions are pixels of the whole scene, wherever a thing was found.
"""

from __future__ import annotations

from dataclasses import dataclass

from workflow_language.region_sets import BoxXyxyPx, Region

Cell = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class SceneView:
    """A scene, or the part of one that is looked at.

    Attributes:
        image_id: of the uploaded file.
        width_px: of the whole scene.
        height_px: of the whole scene.
        window_xyxy_px: the part; it may reach beyond the scene. None: all of it.
        trusted_xyxy_px: where masks found in it are kept when what several views show is stitched;
            None: everywhere.
        shown_px: side at which the model is shown the part, by a plan of tiles; None: as it is
            stored, within the model's limits.
        side_px: the longer side to which pictures of it are resampled; None: as it is stored.
        gsd_m: side of a pixel of the scene on the ground; None if not known.
        modality: "optical", "sar", "infrared", or "" if not known.
        georeferenced: whether pixels of the scene have a place on Earth.
    """

    image_id: str
    width_px: int
    height_px: int
    window_xyxy_px: BoxXyxyPx | None = None
    trusted_xyxy_px: BoxXyxyPx | None = None
    shown_px: int | None = None
    side_px: int | None = None
    gsd_m: float | None = None
    modality: str = ""
    georeferenced: bool = False

    @property
    def extent_xyxy_px(self) -> BoxXyxyPx:
        """The part that is looked at, or the whole scene."""
        return self.window_xyxy_px or (0.0, 0.0, float(self.width_px), float(self.height_px))


@dataclass(frozen=True, slots=True)
class MaskPixels:
    """`Region.mask` of a mask: pixels of the whole scene as compressed COCO run-length code."""

    height_px: int
    width_px: int
    counts: str


@dataclass(frozen=True, slots=True)
class Table:
    """Rows, each with a cell a column; None where there is nothing to say."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, slots=True)
class File:
    """Something written, to be fetched.

    Attributes:
        name: without folders, with its ending.
        media_type: such as "image/png".
        size_bytes: of its content.
        key: what it is fetched by; opaque, and of no use to another tenant.
        beside: what belongs in the same folder, e.g. the pictures of a report.
    """

    name: str
    media_type: str
    size_bytes: int
    key: str
    beside: tuple[File, ...] = ()


Value = SceneView | Region | Table | File | str | int | float | bool | tuple["Value", ...]


def field_of(value: Value, name: str) -> Value | None:
    """What `.name` reads of a value (`value_types.fields_of`); None if it is not known.

    Of a part of a scene, width and height are those of the part, in pixels of the scene.
    """
    match value:
        case SceneView():
            return _view_fields(value)[name]
        case Region():
            return value.fields()[name]
        case tuple() if name == "count":
            return len(value)
    raise KeyError(name)


def _view_fields(view: SceneView) -> dict[str, Value | None]:
    x0, y0, x1, y1 = view.extent_xyxy_px
    return {
        "width_px": x1 - x0 if view.window_xyxy_px else view.width_px,
        "height_px": y1 - y0 if view.window_xyxy_px else view.height_px,
        "gsd_m": view.gsd_m,
        "modality": view.modality or None,
        "georeferenced": view.georeferenced,
    }
