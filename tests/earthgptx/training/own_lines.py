"""A small set of one's own, and a training on it as a user starts it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

NEW_WORD = "zeppelin hangar"


def write_own_lines(folder: Path, drawn: bool = False) -> Path:
    """Grey squares that somebody calls by a word the model never gave as an answer.

    ``drawn`` ones are answered by their mask, too.
    """
    folder.mkdir(exist_ok=True)
    lines = []
    for number in range(6):
        pixels = np.full((96, 96, 3), 90, np.uint8)
        pixels[30:60, 20 + number : 50 + number] = 200
        Image.fromarray(pixels).save(folder / f"{number}.png")
        x0, y0, x1, y1 = 20 + number, 30, 50 + number, 60
        line: dict[str, object] = {
            "image": f"{number}.png",
            "question": "what is <Region 1>?",
            "answer": NEW_WORD,
            "marks": [[{"box": [x0, y0, x1, y1]}]],
        }
        if drawn:
            outline = [x0, y0, x1, y0, x1, y1, x0, y1]
            line |= {"answer": f"<p>{NEW_WORD}</p>[SEG]", "masks": [[outline]]}
        lines.append(line)
    path = folder / "own.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def train_command(*arguments: str) -> list[str]:
    """``earthgptx train`` in a process of its own."""
    return [sys.executable, "-m", "earthgptx.training.command", *arguments]


def train(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A training that ends by itself."""
    return subprocess.run(
        train_command(*arguments), check=False, capture_output=True, text=True, timeout=170
    )
