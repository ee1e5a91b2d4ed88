from __future__ import annotations

from pathlib import Path

import cv2
import pytest

from earthgptx.data.synthetic.__main__ import main
from earthgptx.data.synthetic.classes import LABELS


def test_a_contact_sheet_shows_three_renderings_of_each_scene(tmp_path: Path) -> None:
    out = tmp_path / "sheet.png"
    assert main(["--out", str(out), "--count", "3", "--size-px", "128"]) == 0
    assert cv2.imread(str(out)).shape == (2 * 128, 2 * 3 * 128, 3)


def test_a_class_sheet_has_a_row_for_every_class(tmp_path: Path) -> None:
    out = tmp_path / "classes.png"
    assert main(["--out", str(out), "--count", "1", "--classes"]) == 0
    assert cv2.imread(str(out)).shape == (112 * len(LABELS), 130 + 3 * 112, 3)


def test_an_unwritable_file_is_reported(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "missing" / "sheet.png"
    assert main(["--out", str(out), "--count", "1", "--size-px", "64"]) == 1
    assert str(out) in capfd.readouterr().err
