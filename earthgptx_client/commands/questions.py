"""ask, describe, classify: words (with boxes and masks) about an image."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator

from earthgptx_client.answer import Answer, gather
from earthgptx_client.client import Client
from earthgptx_client.commands.request_flags import open_client, request_options
from earthgptx_client.commands.uploading import upload
from earthgptx_client.errors import invalid_input
from earthgptx_client.events import Event, GroundedBoxes, GroundedMask, Text
from earthgptx_client.regions import Region

_MAX_QUESTION_BYTES = 4096


def ask(arguments: argparse.Namespace) -> int:
    """Answers one question."""
    check_question(arguments.question)
    with open_client(arguments) as client:
        asking = _Asking(client, arguments)
        regions = [marked.region for marked in arguments.marked]
        answer = asking.answer(arguments.question, regions)
    if arguments.json:
        print(json.dumps(answer.to_json(outlines=True)))
    return 0


def describe(arguments: argparse.Namespace) -> int:
    """Describes the image, or each marked region."""
    manner = " in detail" if arguments.detailed else " briefly"
    if arguments.masks:
        whole = "Describe the image and segment what you mention."
    else:
        whole = f"Describe the image{manner}."
    return _for_image_or_regions(arguments, whole, f"Describe <Region 1>{manner}.")


def classify(arguments: argparse.Namespace) -> int:
    """Names the scene, or what each marked region shows."""
    whole = "Classify the image. Use one or a few words."
    region = "What is the category of <Region 1>? Use only one word or phrase."
    return _for_image_or_regions(arguments, whole, region)


def _for_image_or_regions(arguments: argparse.Namespace, whole: str, region: str) -> int:
    """Asks `whole` without marks, else `region` for each mark by itself."""
    with open_client(arguments) as client:
        asking = _Asking(client, arguments)
        if not arguments.marked:
            answer = asking.answer(whole, [])
            if arguments.json:
                print(json.dumps(answer.to_json()))
            return 0
        found = []
        for number, marked in enumerate(arguments.marked, start=1):
            answer = asking.answer(region, [marked.region], number)
            found.append({"region": number, "mark": marked.flag, **answer.to_json()})
    if arguments.json:
        print(json.dumps({"regions": found}))
    return 0


class _Asking:
    """One image, any number of questions; shows answers as they come unless JSON is wanted."""

    def __init__(self, client: Client, arguments: argparse.Namespace) -> None:
        self._client = client
        self._arguments = arguments
        self._image = upload(client, arguments)

    def answer(self, question: str, regions: list[Region], number: int | None = None) -> Answer:
        """The whole answer; `number` of the mark asked about, where each has a question."""
        events = self._client.interpret(
            self._image, question, regions=regions, **request_options(self._arguments, number)
        )
        if not self._arguments.json:
            events = _shown(events, f"<Region {number}> " if number else "")
        answer = gather(events)
        if answer.truncated:
            print("earthgptx: the answer was cut: --max-new-tokens allows more", file=sys.stderr)
        return answer


def _shown(events: Iterator[Event], heading: str) -> Iterator[Event]:
    """Prints words as they come, boxes and masks after them, and passes all on."""
    grounded: list[str] = []
    wrote = False
    try:
        for event in events:
            match event:
                case Text():
                    print("" if wrote else heading, event.text, sep="", end="", flush=True)
                    wrote = True
                case GroundedBoxes():
                    grounded.append(f"box  {event.phrase or '-'}: {_boxes_words(event)}")
                case GroundedMask():
                    grounded.append(_mask_words(event))
            yield event
    finally:
        # Also where it breaks off: what is said about that begins on a line of its own.
        if wrote:
            print(flush=True)
    if heading and not wrote:
        print(heading)
    for line in grounded:
        print(line, flush=True)


def _mask_words(mask: GroundedMask) -> str:
    where = _box_words(mask.box_xyxy_px) if mask.box_xyxy_px else "empty"
    return f"mask {mask.phrase or '-'}: {where}, {mask.area_px} px, score {mask.score:.2f}"


def _boxes_words(found: GroundedBoxes) -> str:
    """Each box, with its score where it has one."""
    scores = [f" ({score:.2f})" for score in found.scores] or [""] * len(found.boxes_xyxy_px)
    boxes = zip(found.boxes_xyxy_px, scores, strict=True)
    return "; ".join(_box_words(box) + score for box, score in boxes)


def _box_words(box_xyxy_px: tuple[float, float, float, float]) -> str:
    return ",".join(f"{value:.0f}" for value in box_xyxy_px)


def check_question(question: str) -> None:
    """Refuses before anything is sent what the suite would refuse.

    Raises:
        ClientError: no words, too many, or no text.
    """
    limit = f"1 to {_MAX_QUESTION_BYTES:,} bytes of UTF-8"
    # Bytes of the command line that are no text come as lone surrogates.
    size_bytes = len(question.encode(errors="surrogateescape"))
    if not question.strip():
        raise invalid_input("is empty", "question", limit)
    if size_bytes > _MAX_QUESTION_BYTES:
        raise invalid_input(f"has {size_bytes:,} bytes", "question", limit)
    if question != question.encode(errors="replace").decode():
        raise invalid_input("is not UTF-8", "question", limit)
