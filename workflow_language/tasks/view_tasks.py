"""What is looked at: parts of a scene, closer or with more around, and two dates side by side."""

from __future__ import annotations

from workflow_language.tasks.task import Output, Parameter, Task
from workflow_language.value_types import IMAGE, NUMBER, REGION, REGIONS, SCENE, TABLE, list_of

VIEW_TASKS = (
    Task(
        "tile",
        "Cuts a scene into square images that overlap.",
        (
            Parameter("scene", SCENE, "what is cut", required=True),
            Parameter(
                "side_px",
                NUMBER,
                "side of a tile in pixels of the scene; with gsd_m, as the model is shown it",
                default=1024,
                minimum=64,
                maximum=8192,
                whole=True,
            ),
            Parameter(
                "gsd_m",
                NUMBER,
                "ground sampling at which tiles are shown, in metres; the scene's own if not given",
                minimum=0.001,
                maximum=10_000,
            ),
            Parameter(
                "overlap_px",
                NUMBER,
                "what neighbours share; at least the size of what is sought",
                default=128,
                minimum=0,
                maximum=4096,
                whole=True,
            ),
            Parameter(
                "offset",
                NUMBER,
                "share of a tile's side by which the grid is moved",
                default=0,
                minimum=0,
                maximum=0.99,
            ),
            Parameter(
                "at_most",
                NUMBER,
                "a scene of more tiles is refused",
                default=256,
                minimum=1,
                maximum=4096,
                whole=True,
            ),
        ),
        (
            Output("tiles", list_of(IMAGE), "row by row", limited_by=("at_most",)),
            Output("shown", TABLE, "ground sampling of scene and tiles, resampling", about=True),
        ),
    ),
    Task(
        "zoom",
        "Looks at a region: closer with little context, from farther away with much.",
        (
            Parameter("image", IMAGE, "where the region lies", required=True),
            Parameter("region", REGION, "what is in the middle", required=True),
            Parameter(
                "context",
                NUMBER,
                "side of the view in longer sides of the region; 1 shows it alone",
                default=3,
                minimum=1,
                maximum=64,
            ),
            Parameter(
                "side_px",
                NUMBER,
                "resample the view to this side; as it is stored if not given",
                minimum=64,
                maximum=4096,
                whole=True,
            ),
        ),
        (Output("image", IMAGE, "the view"),),
    ),
    Task(
        "compare",
        "Finds where two images of one place differ.",
        (
            Parameter("before", IMAGE, "the earlier", required=True),
            Parameter("after", IMAGE, "the later, of the same ground", required=True),
            Parameter(
                "threshold",
                NUMBER,
                "difference that counts, as a share of the range of values",
                default=0.2,
                minimum=0,
                maximum=1,
            ),
            Parameter(
                "at_most",
                NUMBER,
                "the largest so many are kept",
                default=100,
                minimum=1,
                maximum=1000,
                whole=True,
            ),
        ),
        (
            Output("regions", REGIONS, "where they differ, in the later", limited_by=("at_most",)),
            Output("share", NUMBER, "share of the area that differs, 0 to 1"),
        ),
    ),
    Task(
        "match",
        "Tells which things of two dates are the same, new or gone.",
        (
            Parameter("before", REGIONS, "things of the earlier date", required=True),
            Parameter("after", REGIONS, "things of the later date", required=True),
            Parameter(
                "overlap",
                NUMBER,
                "intersection over union from which two are one thing",
                default=0.3,
                minimum=0,
                maximum=1,
            ),
        ),
        (
            Output("appeared", REGIONS, "only later", follows="after", limited_by=("after",)),
            Output("vanished", REGIONS, "only earlier", follows="before", limited_by=("before",)),
            Output("remained", REGIONS, "both", follows="after", limited_by=("after", "before")),
        ),
    ),
)
