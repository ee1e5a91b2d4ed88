"""What was taken for what: the most frequent mistakes, and the matrix as a picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from earthgptx.evaluation.label_text import normalised
from earthgptx.evaluation.scoring import Outcome
from earthgptx.imagery.captions import Colour, font_of

OTHER = "(other)"
_MOST_CONFUSIONS = 12
_CELL_PX, _TEXT_PX, _MARGIN_PX = 34, 14, 12
_PAPER, _INK, _FAINT, _RULE = (255, 255, 255), (20, 24, 30), (120, 128, 140), (228, 231, 236)
# Of a cell in which a whole row lies.
_RIGHT, _WRONG = (24, 120, 82), (190, 52, 62)


def confusions(outcomes: Sequence[Outcome]) -> list[dict[str, object]]:
    """The most frequent wrong answers."""
    wrong = Counter(
        (outcome.sample.expected, normalised(outcome.text)[:40])
        for outcome in outcomes
        if not outcome.is_right
    )
    return [
        {"truth": truth, "said": said, "times": times}
        for (truth, said), times in wrong.most_common(_MOST_CONFUSIONS)
    ]


def confusion_counts(outcomes: Sequence[Outcome]) -> tuple[list[str], npt.NDArray[np.int64]]:
    """Labels, and counts [truth, said]; the last column holds what is none of the true labels."""
    labels = sorted({normalised(o.sample.expected) for o in outcomes})
    columns = {label: i for i, label in enumerate(labels)}
    counts = np.zeros((len(labels), len(labels) + 1), np.int64)
    for outcome in outcomes:
        said = columns.get(normalised(outcome.text), len(labels))
        counts[columns[normalised(outcome.sample.expected)], said] += 1
    return labels, counts


def draw_confusion(outcomes: Sequence[Outcome], title: str) -> Image.Image:
    """The matrix: a row a true label, a column a predicted one, shaded by its share of the row."""
    labels, counts = confusion_counts(outcomes)
    font = font_of(_TEXT_PX)
    names_px = round(max(font.getlength(name) for name in (*labels, OTHER))) + 2 * _MARGIN_PX
    top_px = names_px + 2 * _CELL_PX
    side_px = _CELL_PX * (len(labels) + 1)
    width_px = max(names_px + side_px, round(font.getlength(title))) + 2 * _MARGIN_PX
    image = Image.new("RGB", (width_px, top_px + _CELL_PX * len(labels) + _MARGIN_PX), _PAPER)
    draw = ImageDraw.Draw(image)
    draw.text((_MARGIN_PX, _MARGIN_PX), title, _INK, font=font)
    draw.text((_MARGIN_PX, top_px - _TEXT_PX - 6), "truth \\ said", _FAINT, font=font)
    for column, name in enumerate((*labels, OTHER)):
        upright = Image.new("RGB", (names_px, _TEXT_PX + 6), _PAPER)
        ImageDraw.Draw(upright).text((0, 0), name, _INK, font=font)
        x = names_px + column * _CELL_PX + (_CELL_PX - _TEXT_PX) // 2
        image.paste(upright.rotate(90, expand=True), (x, top_px - names_px - 6))
    for row, name in enumerate(labels):
        y = top_px + row * _CELL_PX
        middle = (names_px - _MARGIN_PX, y + _CELL_PX // 2)
        draw.text(middle, name, _INK, font=font, anchor="rm")
        for column, count in enumerate(counts[row].tolist()):
            share = count / int(counts[row].sum())
            full = _RIGHT if column == row else _WRONG
            _draw_cell(draw, (names_px + column * _CELL_PX, y), count, share, full)
    return image


def _draw_cell(
    draw: ImageDraw.ImageDraw, at: tuple[int, int], count: int, share: float, full: Colour
) -> None:
    x, y = at
    shade = tuple(round(255 - share * (255 - channel)) for channel in full)
    draw.rectangle((x, y, x + _CELL_PX - 2, y + _CELL_PX - 2), fill=shade, outline=_RULE)
    if count:
        ink = _PAPER if share > 0.5 else _INK
        middle = (x + _CELL_PX // 2, y + _CELL_PX // 2)
        draw.text(middle, str(count), ink, font=font_of(_TEXT_PX), anchor="mm")
