"""ask, describe, classify: words (with boxes and masks) about an image."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator

from earthgptx_client.answer import Answer, gather
from earthgptx_client.client import Client
from earthgptx_client.commands.request_flags import open_client, request_options
from earthgptx_client.errors import ClientError
from earthgptx_client.events import Event, GroundedBoxes, GroundedMask, Text
from earthgptx_client.regions import Region

_MAX_QUESTION_BYTES = 4096


def ask(arguments: argparse.Namespace) -> int:
    """Answers one question."""
    _check_question(arguments.question)
    with open_client(arguments) as client:
        regions = [marked.region for marked in arguments.marked]
        answer = _answer(client, arguments, arguments.question, regions, show=not arguments.json)
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
        if not arguments.marked:
            answer = _answer(client, arguments, whole, [], show=not arguments.json)
            if arguments.json:
                print(json.dumps(answer.to_json()))
            return 0
        found = []
        for number, marked in enumerate(arguments.marked, start=1):
            answer = _answer(client, arguments, region, [marked.region], show=False)
            found.append({"region": number, "mark": marked.flag, **answer.to_json()})
            if not arguments.json:
                print(f"<Region {number}> {answer.text}", flush=True)
    if arguments.json:
        print(json.dumps({"regions": found}))
    return 0


def _answer(
    client: Client,
    arguments: argparse.Namespace,
    question: str,
    regions: list[Region],
    show: bool,
) -> Answer:
    events = client.interpret(
        arguments.image, question, regions=regions, **request_options(arguments)
    )
    answer = gather(_shown(events) if show else events)
    if answer.truncated:
        print("earthgptx: the answer was cut: --max-new-tokens allows more", file=sys.stderr)
    return answer


def _shown(events: Iterator[Event]) -> Iterator[Event]:
    """Prints words as they come, boxes and masks after them, and passes all on."""
    grounded: list[str] = []
    wrote = False
    for event in events:
        match event:
            case Text():
                print(event.text, end="", flush=True)
                wrote = True
            case GroundedBoxes():
                boxes = "; ".join(_box_words(box) for box in event.boxes_xyxy_px)
                grounded.append(f"box  {event.phrase or '-'}: {boxes}")
            case GroundedMask():
                grounded.append(_mask_words(event))
        yield event
    if wrote:
        print()
    for line in grounded:
        print(line)
    sys.stdout.flush()


def _mask_words(mask: GroundedMask) -> str:
    where = _box_words(mask.box_xyxy_px) if mask.box_xyxy_px else "empty"
    return f"mask {mask.phrase or '-'}: {where}, {mask.area_px} px, score {mask.score:.2f}"


def _box_words(box_xyxy_px: tuple[float, float, float, float]) -> str:
    return ",".join(f"{value:.0f}" for value in box_xyxy_px)


def _check_question(question: str) -> None:
    size_bytes = len(question.encode(errors="replace"))
    if not question.strip():
        raise ClientError("INVALID_INPUT", "is empty", field="question")
    if size_bytes > _MAX_QUESTION_BYTES:
        limit = f"{_MAX_QUESTION_BYTES:,} bytes"
        raise ClientError(
            "INVALID_INPUT", f"has {size_bytes:,} bytes", field="question", limit=limit
        )
