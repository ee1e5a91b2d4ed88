"""Python SDK of EarthGPT-X: images, marks and words in; words, boxes and masks out.

from earthgptx_client import Client, box

with Client("127.0.0.1:50050", api_key) as client:
    answer = client.ask("harbour.png", "What is <Region 1>?", regions=[box(10, 20, 80, 90)])
    print(answer.text)
"""

from earthgptx_client.answer import Answer
from earthgptx_client.client import Client
from earthgptx_client.errors import ClientError
from earthgptx_client.events import (
    Accepted,
    Event,
    Failure,
    Finished,
    GroundedBoxes,
    GroundedMask,
    ImageInfo,
    Text,
    Usage,
)
from earthgptx_client.regions import Region, box, mask, point, polygon, scribble
from earthgptx_client.run_events import RunEnded, RunEvent
from earthgptx_client.run_infos import Run, RunFile, RunInfo, StepInfo
from earthgptx_client.workflows import Kept, WorkflowInfo

__all__ = [
    "Accepted",
    "Answer",
    "Client",
    "ClientError",
    "Event",
    "Failure",
    "Finished",
    "GroundedBoxes",
    "GroundedMask",
    "ImageInfo",
    "Kept",
    "Region",
    "Run",
    "RunEnded",
    "RunEvent",
    "RunFile",
    "RunInfo",
    "StepInfo",
    "Text",
    "Usage",
    "WorkflowInfo",
    "box",
    "mask",
    "point",
    "polygon",
    "scribble",
]
