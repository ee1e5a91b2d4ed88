"""Write a contact sheet.

``python -m earthgptx.data.synthetic --out sheet.png --seed 0 --count 12``
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cv2

from earthgptx.data.synthetic.sheet import class_sheet, contact_sheet


def main(arguments: list[str] | None = None) -> int:
    """Draw the sheet asked for; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m earthgptx.data.synthetic")
    parser.add_argument("--out", type=Path, required=True, help="PNG file to write")
    parser.add_argument("--seed", type=int, default=0, help="first seed")
    parser.add_argument("--count", type=int, default=12, help="scenes, or crops per class")
    parser.add_argument("--size-px", type=int, default=256, help="side of a scene")
    parser.add_argument("--columns", type=int, default=2, help="scenes in a row")
    parser.add_argument("--plain", action="store_true", help="draw no boxes")
    parser.add_argument("--classes", action="store_true", help="crops of every class instead")
    given = parser.parse_args(arguments)
    if given.classes:
        sheet = class_sheet(given.seed, given.count)
    else:
        sheet = contact_sheet(
            given.seed, given.count, given.size_px, given.columns, not given.plain
        )
    if not cv2.imwrite(str(given.out), cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR)):
        print(f"{given.out}: cannot be written", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
