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
    TABLE,
    TEXT,
    list_of,
)

_FOUND = Parameter("regions", list_of(REGIONS), "what was found", required=True)

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
        (
            _FOUND,
            Parameter(
                "simplify_px",
                NUMBER,
                "how far an outline may be straightened",
                default=1,
                minimum=0,
                maximum=100,
            ),
        ),
        (Output("file", FILE, "GeoJSON (RFC 7946)"),),
    ),
    Task(
        "export_masks",
        "Writes masks as one picture of the scene's size, numbered from 1.",
        (Parameter("masks", list_of(MASKS), "what was outlined", required=True),),
        (Output("file", FILE, "a PNG picture, 16 bit"),),
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
        ),
        (Output("file", FILE, "Markdown, with its pictures beside it"),),
    ),
)
