"""Asks the demo's questions through the SDK, as any caller would."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from earthgptx.imagery import mark_shapes
from earthgptx.imagery.masks import decode_rle
from earthgptx_client import regions as sdk
from earthgptx_client.answer import Answer
from earthgptx_client.client import Client
from launcher.demo.judging import Judgement, judge
from launcher.demo.questions import DemoImage, DemoQuestion


@dataclass(frozen=True)
class Asked:
    """A question with its answer; `wall_s` as the caller saw it."""

    image: DemoImage
    question: DemoQuestion
    answer: Answer
    judgement: Judgement
    wall_s: float

    def to_json(self) -> dict[str, Any]:
        """For answers.json."""
        return {
            "image": self.image.name,
            "kind": self.question.kind,
            "question": self.question.text,
            "regions": len(self.question.regions),
            "durable": self.question.durable,
            "truth": self.question.truth.text,
            "right": self.judgement.right,
            "judgement": self.judgement.words,
            "wall_s": round(self.wall_s, 3),
            "answer": self.answer.to_json(),
        }


def ask_all(client: Client, images: list[DemoImage], tell: Callable[[Asked], None]) -> list[Asked]:
    """Asks everything in order; `tell` hears of each answer as it comes.

    Raises:
        ClientError: the suite refused or failed.
    """
    everything = []
    for image in images:
        uploaded = client.upload(image.path)
        for question in image.questions:
            began = time.monotonic()
            answer = client.ask(
                uploaded,
                question.text,
                regions=[to_sdk(region) for region in question.regions],
                modality=image.modality,
                task=question.task,
                durable=question.durable,
            )
            wall_s = time.monotonic() - began
            asked = Asked(image, question, answer, judge(answer, question.truth), wall_s)
            tell(asked)
            everything.append(asked)
    return everything


def to_sdk(region: mark_shapes.Region) -> sdk.Region:
    """The region as the SDK sends it."""
    made = sdk.Region(())
    for mark in region.marks:
        made = made + _mark(mark)
    return made


def _mark(mark: mark_shapes.Mark) -> sdk.Region:
    match mark:
        case mark_shapes.PointMark():
            return sdk.point(mark.x_px, mark.y_px)
        case mark_shapes.BoxMark():
            return sdk.box(mark.x0_px, mark.y0_px, mark.x1_px, mark.y1_px)
        case mark_shapes.PolygonMark():
            return sdk.polygon(mark.vertices_xy_px)
        case mark_shapes.ScribbleMark():
            return sdk.scribble(mark.vertices_xy_px, mark.width_px)
        case mark_shapes.MaskMark():
            return sdk.mask(decode_rle(mark.height_px, mark.width_px, mark.counts))
