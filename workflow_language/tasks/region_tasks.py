"""What is done with what was found, without the model."""

from __future__ import annotations

from workflow_language.tasks.task import Output, Parameter, Task
from workflow_language.value_types import (
    BOOLEAN,
    CONDITION,
    FIELD,
    NUMBER,
    REGIONS,
    TABLE,
    TEXT,
    list_of,
)

_REGIONS = Parameter("regions", REGIONS, "what was found", required=True)
_FOUND = Parameter("regions", list_of(REGIONS), "what was found, in any views", required=True)

REGION_TASKS = (
    Task(
        "filter",
        "Keeps the regions for which a condition holds.",
        (
            _REGIONS,
            Parameter("where", CONDITION, "e.g. label == 'ship' and score > 0.5", required=True),
        ),
        (Output("regions", REGIONS, "those kept", follows="regions", limited_by=("regions",)),),
    ),
    Task(
        "sort",
        "Puts regions in order, and keeps the first so many if wanted.",
        (
            _REGIONS,
            Parameter("by", FIELD, "field of the regions", default="score"),
            Parameter(
                "order",
                TEXT,
                "which comes first",
                default="descending",
                choices=("ascending", "descending"),
            ),
            Parameter(
                "at_most",
                NUMBER,
                "the first so many are kept; all if not given",
                minimum=1,
                maximum=10_000,
                whole=True,
            ),
        ),
        (
            Output(
                "regions",
                REGIONS,
                "in order; those without the field last",
                follows="regions",
                limited_by=("regions", "at_most"),
            ),
        ),
    ),
    Task(
        "merge",
        "Stitches what several views show, e.g. tiles: each thing once and whole.",
        (
            _FOUND,
            Parameter(
                "overlap",
                NUMBER,
                "from which two are one: share of the smaller; of whole boxes, of both together",
                default=0.5,
                minimum=0,
                maximum=1,
            ),
            Parameter("same_label", BOOLEAN, "only those of one label", default=True),
        ),
        (
            Output(
                "regions",
                REGIONS,
                "each thing once, the surest first",
                follows="regions",
                limited_by=("regions",),
            ),
        ),
    ),
    Task(
        "count",
        "Counts regions.",
        (_FOUND,),
        (
            Output("number", NUMBER, "how many there are"),
            Output("by_label", TABLE, "label and number, the most frequent first"),
        ),
    ),
    Task(
        "measure",
        "Measures regions: in metres where the scene has a place on Earth, in pixels always.",
        (_REGIONS,),
        (
            Output(
                "regions",
                REGIONS,
                "with area_px, and area_m2 and length_m where known",
                follows="regions",
                limited_by=("regions",),
            ),
            Output("table", TABLE, "a row a region"),
            Output("total_area_m2", NUMBER, "of all; 0 where not known"),
        ),
    ),
)
