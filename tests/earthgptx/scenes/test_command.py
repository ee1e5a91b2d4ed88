"""`earthgptx scene`: what it prints, draws and refuses."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from earthgptx.scenes.command import scene
from tests.contract.tree import ROOT
from tests.earthgptx.scenes.generated import UTM_HALF_METRE, blobs, picture_of, write_scene


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_scene(tmp_path / "tanks.tif", picture_of(blobs(600, 900)), **UTM_HALF_METRE)


def test_info_says_what_a_scene_is(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert scene(["info", str(path)]) == 0
    told = capsys.readouterr().out
    assert "size px      900 x 600" in told and "crs          EPSG:32633" in told
    assert scene(["info", str(path), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["size_px"] == [900, 600] and facts["gsd_m"] == 0.5 and facts["overviews"] == []


def test_tiles_draws_the_grid(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = path.parent / "grid.png"
    how = ["tiles", str(path), "--out", str(out), "--tile-px", "128", "--model-gsd-m", "1"]
    assert scene([*how, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["side_px"] == 256 and told["grid"] == [5, 3] and told["tiles"] == 15
    assert told["resampling"].startswith("averaged over areas, 0.5 m to 1 m")
    with Image.open(out) as picture:
        drawn = np.asarray(picture)
    assert drawn.shape == (600, 900, 3)
    assert (drawn == (255, 196, 61)).all(axis=2).any()
    assert scene(how) == 2
    assert "may be overwritten" in capsys.readouterr().err
    assert scene([*how, "--overwrite"]) == 0


def test_what_cannot_be_used_is_told_on_stderr(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = path.parent / "grid.png"
    for arguments in (
        ["info", str(path.parent / "none.tif")],
        ["info", str(path), "--bands", "1,2,9"],
        ["tiles", str(path), "--out", str(out), "--overlap", "0.9"],
    ):
        assert scene(arguments) == 2
        told = capsys.readouterr()
        assert told.out == "" and told.err.startswith("earthgptx scene: ")
    assert not out.exists()


def test_it_runs_from_the_clients_command_without_torch(path: Path) -> None:
    program = (
        "import sys; from earthgptx_client.command import main; "
        "code = main(sys.argv[1:]); sys.exit(code or 'torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "scene", "info", str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "900 x 600" in done.stdout
