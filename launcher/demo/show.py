"""The demo as people see it: starts what is missing, asks, tells, draws, writes, stops."""

from __future__ import annotations

import json
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from earthgptx.imagery.display import to_display
from earthgptx.imagery.draw import draw_overlay
from earthgptx.imagery.errors import ImageryError
from earthgptx.imagery.read import read_image
from earthgptx_client.client import Client
from earthgptx_client.errors import ClientError
from earthgptx_client.suite_state import SuiteAddress
from launcher.demo.asking import Asked, ask_all
from launcher.demo.judging import without_markup
from launcher.demo.questions import DemoImage, questions_for_any, sample_images
from launcher.errors import LaunchError
from launcher.progress import Progress
from launcher.running import (
    SuiteOptions,
    living_suite,
    start_supervisor,
    stop_running,
    wait_serving,
)
from launcher.state import StateFolder

_WIDTH = 100


@dataclass(frozen=True)
class _Reached:
    """The suite that is asked; `start_s` is 0 if it ran already."""

    suite: dict[str, Any]
    api_key: str
    start_s: float


def run_demo(
    folder: StateFolder,
    options: SuiteOptions,
    elsewhere: SuiteAddress | None,
    own_image: Path | None,
    out: Path,
    as_json: bool,
) -> int:
    """Runs the demo; returns 0.

    Args:
        folder: where the suite of this machine keeps its state.
        options: how it is started if it does not run.
        elsewhere: a suite to ask instead, say one in containers.
        own_image: asked about instead of the sample images.
        out: folder for pictures and answers.
        as_json: print the summary, nothing else.

    Raises:
        LaunchError: no suite, a bad image, or an answer that failed.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        images = [_own(own_image)] if own_image else sample_images(out)
    except OSError as error:
        raise LaunchError(f"{error.filename}: {error.strerror}", 2) from None
    with (
        _suite(folder, options, elsewhere) as reached,
        Client(reached.suite["address"], reached.api_key) as client,
    ):
        teller = _Teller(quiet=as_json)
        began = time.monotonic()
        try:
            asked = ask_all(client, images, teller.tell)
        except ClientError as error:
            code = 2 if error.code == "INVALID_INPUT" else 4
            raise LaunchError(f"{error.code}: {error.message}", code) from None
        asking_s = time.monotonic() - began
    pictures = [_draw(image, asked, out) for image in images]
    summary = _summary(asked, reached, pictures, asking_s)
    answers = [one.to_json() for one in asked]
    (out / "answers.json").write_text(json.dumps(answers, indent=2) + "\n")
    (out / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")
    if as_json:
        print(json.dumps(summary))
    else:
        _tell_summary(summary, out)
    return 0


@contextmanager
def _suite(
    folder: StateFolder, options: SuiteOptions, elsewhere: SuiteAddress | None
) -> Iterator[_Reached]:
    """The suite that is named, the one that runs here, or one of our own that ends with us."""
    if elsewhere is not None:
        yield _Reached({"address": elsewhere.address}, elsewhere.api_key, 0.0)
        return
    running = living_suite(folder)
    if running is not None and running["phase"] == "running":
        yield _Reached(running, _api_key(folder), 0.0)
        return
    print("starting the suite", file=sys.stderr)
    began = time.monotonic()
    supervisor = start_supervisor(folder, options, leashed=True)
    try:
        suite = wait_serving(folder, supervisor, Progress())
        yield _Reached(suite, _api_key(folder), time.monotonic() - began)
    finally:
        if supervisor.stdin is not None:
            supervisor.stdin.close()
        stop_running(folder)
        supervisor.wait()


def _api_key(folder: StateFolder) -> str:
    return folder.api_key_file.read_text().strip()


def _own(path: Path) -> DemoImage:
    try:
        raster = read_image(path.read_bytes())
        shown_HWC = to_display(raster, None).pixels_HWC
    except ImageryError as error:
        raise LaunchError(f"--image {path}: {error}", 2) from None
    height_px, width_px = shown_HWC.shape[:2]
    questions = questions_for_any(width_px, height_px)
    return DemoImage(path.stem, path, shown_HWC, None, questions)


class _Teller:
    """Prints each answer as it comes."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._image = ""

    def tell(self, asked: Asked) -> None:
        if self._quiet:
            return
        if asked.image.name != self._image:
            self._image = asked.image.name
            print(f"\n{asked.image.path}")
        question = asked.question.text or "(one mask for each mark)"
        print(f"\n  {asked.question.kind}  ({asked.wall_s:.2f} s)")
        _say("    asked   ", question)
        _say("    answer  ", _answer_words(asked))
        verdict = {True: "right", False: "wrong", None: ""}[asked.judgement.right]
        if asked.judgement.words:
            ends = f" ({verdict})" if verdict else ""
            _say("    truth   ", asked.judgement.words + ends)
        sys.stdout.flush()


def _say(heading: str, words: str) -> None:
    lines = textwrap.wrap(
        words, _WIDTH, initial_indent=heading, subsequent_indent=" " * len(heading)
    )
    print("\n".join(lines) or heading.rstrip())


def _answer_words(asked: Asked) -> str:
    answer = asked.answer
    parts = [answer.text.replace("\n", "; ")] if answer.text else []
    boxes = sum(len(group.boxes_xyxy_px) for group in answer.boxes)
    if boxes:
        parts.append(f"[{boxes} box{'es' if boxes > 1 else ''}]")
    if answer.masks:
        areas = ", ".join(f"{mask.area_px} px" for mask in answer.masks)
        parts.append(f"[{len(answer.masks)} mask{'s' if len(answer.masks) > 1 else ''}: {areas}]")
    return " ".join(parts) or "(nothing)"


def _draw(image: DemoImage, everything: list[Asked], out: Path) -> Path:
    """One picture: marks, boxes and masks of all answers, and what was said below."""
    asked = [one for one in everything if one.image is image]
    regions = max((one.question.regions for one in asked), key=len, default=())
    boxes = [
        (_noun(group.phrase), box)
        for one in asked
        for group in one.answer.boxes
        for box in group.boxes_xyxy_px
    ]
    masks = [
        (_noun(mask.phrase), mask.to_array())
        for one in asked
        for mask in one.answer.masks
        if mask.area_px
    ]
    captions = [
        (one.question.text or "One mask for each mark", without_markup(_answer_words(one)))
        for one in asked
    ]
    path = out / f"{image.name}_answers.png"
    draw_overlay(image.pixels_HWC, regions, boxes, masks, captions).save(path)
    return path


def _noun(phrase: str) -> str:
    """Without its article, so that the same thing has one colour whoever speaks of it."""
    return phrase.removeprefix("a ").removeprefix("an ")


def _summary(
    asked: list[Asked], reached: _Reached, pictures: list[Path], asking_s: float
) -> dict[str, Any]:
    judged = [one for one in asked if one.judgement.right is not None]
    walls_s = sorted(one.wall_s for one in asked)
    return {
        "questions": len(asked),
        "kinds": sorted({one.question.kind for one in asked}),
        "judged": len(judged),
        "right": sum(bool(one.judgement.right) for one in judged),
        "durable": sum(one.question.durable for one in asked),
        "suite_start_s": round(reached.start_s, 2),
        "asking_s": round(asking_s, 2),
        "median_answer_s": round(walls_s[len(walls_s) // 2], 3),
        "pictures": [str(path) for path in pictures],
        "versions": reached.suite.get("versions", {}),
        "weights_dir": reached.suite.get("weights_dir"),
    }


def _tell_summary(summary: dict[str, Any], out: Path) -> None:
    judged = f"{summary['right']} of {summary['judged']} right" if summary["judged"] else "no truth"
    print(
        f"\n{summary['questions']} questions in {summary['asking_s']} s "
        f"(median {summary['median_answer_s']} s), {judged}\n"
        f"pictures and answers: {out}/"
    )
    for picture in summary["pictures"]:
        print(f"  {picture}")
