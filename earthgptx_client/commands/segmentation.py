"""segment: masks of an expression or of marks, written as PNG or GeoJSON."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from earthgptx_client.answer import Answer
from earthgptx_client.client import Client
from earthgptx_client.commands.questions import check_question
from earthgptx_client.commands.request_flags import open_client, request_options
from earthgptx_client.commands.uploading import upload
from earthgptx_client.errors import invalid_input
from earthgptx_client.events import ImageInfo
from earthgptx_client.geojson import feature_collection
from earthgptx_client.mask_files import write_mask_png
from earthgptx_client.whole_files import write_whole

PNG_SUFFIXES = (".png",)
GEOJSON_SUFFIXES = (".geojson", ".json")


def segment(arguments: argparse.Namespace) -> int:
    """Segments and writes; `--json` prints what was found."""
    _check(arguments)
    with open_client(arguments) as client:
        image = upload(client, arguments)
        answer = _masks(client, arguments, image)
    _write(answer, image, arguments)
    if arguments.json:
        print(json.dumps({"out": str(arguments.out), **answer.to_json()}))
        return 0
    if not answer.masks:
        print(f"earthgptx: no mask in the answer: {answer.text!r}", file=sys.stderr)
    for mask in answer.masks:
        print(f"{mask.index + 1} {mask.phrase or '-'}: {mask.area_px} px, score {mask.score:.2f}")
    print(f"wrote {arguments.out}")
    return 0


def _check(arguments: argparse.Namespace) -> None:
    """Refuses before anything is sent what could not be written afterwards."""
    if bool(arguments.expression) == bool(arguments.marked):
        raise invalid_input("give an expression or marks, one of the two", "expression")
    if arguments.expression:
        check_question(_question(arguments))
    out: Path = arguments.out
    if out.suffix.lower() not in PNG_SUFFIXES + GEOJSON_SUFFIXES:
        known = ", ".join(PNG_SUFFIXES + GEOJSON_SUFFIXES)
        raise invalid_input(f"{out.name!r} does not end in {known}", "out")
    if not out.parent.is_dir():
        raise invalid_input(f"no such directory: {out.parent}", "out")
    if os.path.isdir(out) or not os.access(out.parent, os.W_OK):
        raise invalid_input(f"cannot write {out}", "out")


def _masks(client: Client, arguments: argparse.Namespace, image: ImageInfo) -> Answer:
    options = request_options(arguments)
    if arguments.marked:
        regions = [marked.region for marked in arguments.marked]
        return client.ask(image, regions=regions, task="segment_regions", **options)
    return client.ask(image, _question(arguments), **options)


def _question(arguments: argparse.Namespace) -> str:
    return f"Segment {arguments.expression.rstrip('.')}."


def _write(answer: Answer, image: ImageInfo, arguments: argparse.Namespace) -> None:
    out: Path = arguments.out
    try:
        if out.suffix.lower() in PNG_SUFFIXES:
            write_mask_png(answer.masks, out, image.width_px, image.height_px)
            return
        collection = feature_collection(answer.masks, Path(arguments.image).name)
        write_whole(out, (json.dumps(collection) + "\n").encode())
    except OSError as error:
        raise invalid_input(f"cannot write {out}: {error.strerror}", "out") from None
