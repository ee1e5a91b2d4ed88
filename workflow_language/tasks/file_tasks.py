"""What people take away: pictures, map data, tables, reports."""

from __future__ import annotations

from workflow_language.tasks.task import Output, Parameter, Task
from workflow_language.value_types import (
    ANY,
    BOOLEAN,
    FILE,
    IMAGE,
    MASKS,
    NUMBER,
    REGIONS,
    SCENE,
    TABLE,
    TEXT,
    list_of,
)

_FOUND = Parameter("regions", list_of(REGIONS), "what was found", required=True)
_SIMPLIFY_PX = Parameter(
    "simplify_px",
    NUMBER,
    "how far an outline may move where it loses vertices, in pixels of the scene; 0 keeps all",
    default=1.5,
    minimum=0,
    maximum=100,
)
_SCENE = Parameter("scene", SCENE, "in which it was found", required=True)

FILE_TASKS = (
    Task(
        "render",
        "Draws regions and masks over an image.",
        (
            Parameter("image", IMAGE, "what is drawn on", required=True),
            _FOUND,
            Parameter("labels", BOOLEAN, "with their labels", default=True),
            Parameter(
                "style", TEXT, "how", default="outline", choices=("outline", "filled", "boxes")
            ),
        ),
        (Output("file", FILE, "a PNG picture"),),
    ),
    Task(
        "export_geojson",
        "Writes regions as GeoJSON: longitude and latitude, or pixels where there are none.",
        (_FOUND, _SIMPLIFY_PX),
        (Output("file", FILE, "GeoJSON (RFC 7946)"),),
    ),
    Task(
        "export_geopackage",
        "Writes regions of a scene with class, score, area and caption, in the scene's own CRS.",
        (_SCENE, _FOUND, _SIMPLIFY_PX),
        (Output("file", FILE, "GeoPackage, one layer"),),
    ),
    Task(
        "export_masks",
        "Writes masks as one picture of the scene's size, numbered from 1.",
        (Parameter("masks", list_of(MASKS), "what was outlined", required=True),),
        (Output("file", FILE, "a PNG picture, 16 bit"),),
    ),
    Task(
        "export_mask_cog",
        "Writes masks of a scene as classes on the scene's own pixels.",
        (_SCENE, Parameter("masks", list_of(MASKS), "what was outlined", required=True)),
        (Output("file", FILE, "a Cloud Optimized GeoTIFF, one band of class numbers"),),
    ),
    Task(
        "export_csv",
        "Writes a table.",
        (Parameter("table", TABLE, "what is written", required=True),),
        (Output("file", FILE, "CSV (RFC 4180)"),),
    ),
    Task(
        "export_report",
        "Writes one report of texts, numbers, tables and pictures.",
        (
            Parameter("title", TEXT, "its heading", required=True),
            Parameter("parts", list_of(ANY), "what is in it, in order", required=True),
            Parameter("format", TEXT, "as what", default="markdown", choices=("markdown", "html")),
        ),
        (Output("file", FILE, "the report, with its pictures beside it"),),
    ),
    Task(
        "export_stac",
        "Writes a STAC item of what was found in a scene, by which model, in which files.",
        (
            _SCENE,
            _FOUND,
            Parameter("files", list_of(FILE), "what it tells of", required=True),
            Parameter("weights", TEXT, "where the model's weights are: a URL", required=True),
            Parameter("version", TEXT, "of the weights", default="not told"),
            Parameter("description", TEXT, "the scene in words", default=""),
        ),
        (Output("file", FILE, "a STAC item, with its files beside it"),),
    ),
)
