"""What the scorecard asks, and what is wanted of each answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from earthgptx.data.labelled_image import MODALITIES
from earthgptx.evaluation.prompts import Prompts

Report = dict[str, Any]


@dataclass(frozen=True)
class Goal:
    """One score that a line shows.

    Attributes:
        metric: its name.
        least: wanted at least; None where nothing is wanted.
        over: a baseline that must be beaten: by ``factor`` and, on top, by ``margin``.
    """

    metric: str
    least: float | None = None
    over: str | None = None
    factor: float = 1.0
    margin: float = 0.0

    def wanted(self, report: Report) -> float | None:
        """What the score must reach, None for a goal that only informs."""
        wanted = [] if self.least is None else [self.least]
        baseline = report["baselines"].get(self.over, {}).get(self.metric)
        if isinstance(baseline, float):
            wanted.append(baseline * self.factor + self.margin)
        return max(wanted) if wanted else None


@dataclass(frozen=True)
class Line:
    """One evaluation.

    Attributes:
        folder: "synthetic-<modality>" or the name of a real set.
        only: labels of samples (kinds of question) to ask; all where it is empty.
        tile_px: detect: side of the tiles in which images are searched; 0: at once.
    """

    folder: str
    task: str
    goals: tuple[Goal, ...]
    prompts: Prompts = "box"
    only: tuple[str, ...] = ()
    tile_px: int = 0

    @property
    def name(self) -> str:
        """For ``--lines``."""
        tiled = (f"{self.tile_px}px",) if self.tile_px else ()
        return "/".join((self.folder, self.task, self.prompts, *self.only, *tiled))


_SYNTHETIC = tuple(f"synthetic-{modality}" for modality in MODALITIES)


def _labels(ss: float, overlap: float) -> tuple[Goal, ...]:
    return (Goal("SS", ss), Goal("S-IoU", overlap), Goal("accuracy"))


def _classified() -> list[Line]:
    """For boxes on optical images the paper's pair, which it reached on harder data."""
    lines = []
    for folder in _SYNTHETIC:
        box = _labels(0.984, 0.971) if folder.endswith("optical") else _labels(0.95, 0.93)
        lines.append(Line(folder, "classify_regions", box))
        lines += [
            Line(folder, "classify_regions", _labels(0.96, 0.93), prompts)
            for prompts in ("point", "scribble", "polygon")
        ]
    return lines


def _on_each(
    task: str, *goals: Goal, prompts: Prompts = "box", only: tuple[str, ...] = ()
) -> list[Line]:
    return [Line(folder, task, goals, prompts, only) for folder in _SYNTHETIC]


_BEATS_CROPS = Goal("accuracy", over="crop_classifier", margin=0.02)
_BEATS_CAPTIONER = Goal("CIDEr-D", over="crop_captioner", factor=1.5)

LINES: tuple[Line, ...] = (
    *_classified(),
    *_on_each("segment", Goal("mIoU", 0.70), Goal("oIoU", 0.78), Goal("Pr@0.5")),
    *_on_each("segment_by_mark", Goal("mIoU", 0.80)),
    *_on_each("segment_by_mark", Goal("mIoU", 0.72), prompts="point"),
    *_on_each("caption_regions", _BEATS_CAPTIONER, Goal("BLEU-4"), Goal("ROUGE-L")),
    *_on_each("answer", Goal("accuracy", 0.85), Goal("count_error"), only=("presence", "count")),
    *_on_each("classify_image", Goal("accuracy")),
    *_on_each("caption", Goal("CIDEr-D"), Goal("BLEU-4")),
    *_on_each("detect", Goal("F1@0.5"), Goal("Acc@0.5"), Goal("count_error")),
    Line("hit_uav", "classify_regions", (_BEATS_CROPS, Goal("SS"), Goal("S-IoU"))),
    Line(
        "mstar_chips",
        "classify_image",
        (Goal("accuracy", 0.95, "crop_classifier", margin=0.02),),
    ),
    Line("buildings", "segment_by_mark", (Goal("mIoU", 0.70),)),
    Line("buildings", "segment", (Goal("mIoU", 0.50), Goal("oIoU"))),
    Line("hit_uav", "detect", (Goal("F1@0.5"), Goal("Acc@0.5"), Goal("count_error"))),
    Line("hit_uav", "detect", (Goal("F1@0.5", 0.45), Goal("count_error")), tile_px=224),
    Line("ships_sar", "segment_by_mark", (Goal("mIoU"),)),
)
# In the order of the table.
FOLDERS = tuple(dict.fromkeys(line.folder for line in LINES))
