"""What the model does: each of these asks the stages of the suite."""

from __future__ import annotations

from workflow_language.tasks.task import Output, Parameter, Task
from workflow_language.value_types import BOOLEAN, IMAGE, MASKS, NUMBER, REGIONS, TEXT, list_of

# The public API's limit on marks of one question.
MAX_REGIONS = 64

_IMAGE = Parameter("image", IMAGE, "what is looked at", required=True)
_REGIONS = Parameter("regions", REGIONS, "what is asked about", required=True)
_DETAILED = Parameter("detailed", BOOLEAN, "at length", default=False)
_LABELS = Parameter("labels", list_of(TEXT), "the only names to choose from; all if not given")
_TOKENS = Parameter(
    "max_new_tokens",
    NUMBER,
    "the answer is cut there; 0 is the model's default",
    default=0,
    minimum=0,
    maximum=4096,
    whole=True,
)

MODEL_TASKS = (
    Task(
        "classify_scene",
        "Names the kind of scene.",
        (_IMAGE, _LABELS),
        (Output("label", TEXT, "the kind of scene in one or a few words"),),
        model=True,
    ),
    Task(
        "caption",
        "Describes an image in words.",
        (_IMAGE, _DETAILED, _TOKENS),
        (Output("text", TEXT, "the description"),),
        model=True,
    ),
    Task(
        "answer",
        "Answers a question about an image, or about regions of it (<Region 1> and so on).",
        (
            _IMAGE,
            Parameter("question", TEXT, "the question", required=True),
            Parameter("regions", REGIONS, "what <Region 1>, <Region 2>, ... are"),
            _TOKENS,
        ),
        (Output("text", TEXT, "the answer"),),
        model=True,
    ),
    Task(
        "classify_regions",
        "Names what each region shows.",
        (_IMAGE, _REGIONS, _LABELS),
        (
            Output(
                "regions",
                REGIONS,
                "the same, each with its label",
                follows="regions",
                limited_by=("regions",),
            ),
        ),
        model=True,
    ),
    Task(
        "caption_regions",
        "Describes each region in words.",
        (_IMAGE, _REGIONS, _DETAILED, _TOKENS),
        (
            Output(
                "regions",
                REGIONS,
                "the same, each with its caption",
                follows="regions",
                limited_by=("regions",),
            ),
        ),
        model=True,
    ),
    Task(
        "relate",
        "Says how two or more regions relate to each other.",
        (_IMAGE, _REGIONS, _TOKENS),
        (Output("text", TEXT, "the relation"),),
        model=True,
    ),
    Task(
        "detect",
        "Finds all things of the named kinds, each with a box.",
        (
            _IMAGE,
            Parameter("labels", list_of(TEXT), "what to find", required=True),
            Parameter(
                "side_px",
                NUMBER,
                "a larger image is searched in squares of this side; at once if not given",
                minimum=64,
                maximum=8192,
                whole=True,
            ),
            Parameter(
                "at_most",
                NUMBER,
                "the surest so many are kept",
                default=100,
                minimum=1,
                maximum=1000,
                whole=True,
            ),
        ),
        (Output("regions", REGIONS, "what was found, with label", limited_by=("at_most",)),),
        model=True,
    ),
    Task(
        "segment",
        "Outlines, pixel by pixel, what the words say.",
        (_IMAGE, Parameter("words", TEXT, 'what to outline, e.g. "all ships"', required=True)),
        (Output("masks", MASKS, "the outlines, labelled so", limited_by=(MAX_REGIONS,)),),
        model=True,
    ),
    Task(
        "segment_regions",
        "Outlines, pixel by pixel, the thing in each region.",
        (_IMAGE, _REGIONS),
        (Output("masks", MASKS, "one outline a region", limited_by=("regions",)),),
        model=True,
    ),
    Task(
        "grounded_caption",
        "Describes an image and outlines what the words mention.",
        (_IMAGE, _TOKENS),
        (
            Output("text", TEXT, "the description"),
            Output("masks", MASKS, "what it mentions, as label", limited_by=(MAX_REGIONS,)),
        ),
        model=True,
    ),
)
