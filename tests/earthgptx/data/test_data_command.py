import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from earthgptx.data.adapters.registry import FORMATS, open_dataset
from earthgptx.data.command import data
from tests.earthgptx.data.adapters import samples


def told(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> Any:
    assert data([*arguments, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_formats_lists_every_format(capsys: pytest.CaptureFixture[str]) -> None:
    assert set(told(capsys, "formats")) == set(FORMATS)
    assert data(["formats"]) == 0
    assert "MIT" in capsys.readouterr().out


def test_check_counts_labels_sizes_and_geometry(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = samples.dior(tmp_path)
    found = told(capsys, "check", str(path))
    assert (found["format"], found["pictures"], found["labelled_images"]) == ("dior", 3, 3)
    assert found["labels"] == {"golf course": 3, "expressway service area": 3}
    assert found["geometry"] == {"boxes": 6, "corners": 2, "masks": 0}
    assert found["sizes"] == {"80x60": 3} and found["fault_count"] == 0
    assert told(capsys, "check", str(path), "--split", "val")["pictures"] == 1
    assert told(capsys, "check", str(path), "--limit", "2")["pictures"] == 2


def test_check_counts_questions_by_task_and_marks_by_kind(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = told(capsys, "check", str(samples.dior_rsvg(tmp_path)))
    assert found["tasks"] == {"refer_box": 3, "region_caption": 3, "refer_class": 3}
    assert found["marks"] == {"box": 6}
    assert found["splits"] == {"train": 6, "val": 3}
    assert (found["records"], found["pictures"]) == (9, 2)


def test_check_lists_everything_that_is_broken_and_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = samples.dior(tmp_path)
    (path / "JPEGImages-trainval" / "00001.jpg").unlink()
    samples.picture(path / "JPEGImages-trainval" / "00002.jpg", (50, 50))
    found = told(capsys, "check", str(path), code=2)
    assert (found["fault_count"], found["pictures"]) == (2, 1)
    assert "00001.jpg" in found["faults"][0]
    assert "DIOR/00002: 50x50 px, but annotated as 80x60" in found["faults"][1]
    assert data(["check", str(path)]) == 2
    assert "00001.jpg" in capsys.readouterr().out


@pytest.mark.parametrize("write", [samples.ssdd, samples.rrsis_d, samples.resisc45, samples.dota])
def test_the_contact_sheet_is_a_picture_of_what_is_there(
    write: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "set")
    dataset = open_dataset(path)
    sheet = tmp_path / "out" / "sheet.png"
    found = told(capsys, "check", str(path), "--sheet", str(sheet))
    cells = len([*dataset.images(), *dataset.records()])
    assert found["sheet"] == {"file": str(sheet), "cells": cells}
    with Image.open(sheet) as opened:
        colours = opened.convert("RGB").getcolors(1 << 24)
        assert opened.width == 4 * 360 and opened.height >= 360 * -(-cells // 4)
    assert colours is not None and len(colours) > 100


def test_a_path_that_is_no_dataset_is_a_usage_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert data(["check", str(tmp_path / "nothing")]) == 2
    assert "no such file" in capsys.readouterr().err
    path = samples.msar(tmp_path)
    assert data(["check", str(path), "--split", "val"]) == 2
    assert "no split 'val' (there: none)" in capsys.readouterr().err


def test_shards_are_written_and_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, out = samples.rrsis_d(tmp_path / "set"), tmp_path / "shards"
    assert told(capsys, "shards", str(path), str(out), "--split", "train")["records"] == 3
    found = told(capsys, "check", str(out))
    assert (found["format"], found["records"], found["pictures"]) == ("shards", 3, 1)
    assert data(["shards", str(path), str(out)]) == 2
    assert "already there" in capsys.readouterr().err


def test_a_set_of_labels_alone_gives_no_shards(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = samples.dior(tmp_path / "set"), tmp_path / "shards"
    assert data(["shards", str(path), str(out)]) == 2
    assert "holds no instruction records" in capsys.readouterr().err
    assert not out.exists()


def test_the_readers_load_no_torch() -> None:
    loaded = "{'torch', 'tokenizers'} & {*sys.modules}"
    code = f"import sys, earthgptx.data.command; sys.exit(bool({loaded}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
