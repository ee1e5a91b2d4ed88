"""What a large scene costs a gateway and an orchestrator, without the model:

    python -m tests.services.measure_large_scene --side-px 20000 --folder out/large

Each part is a process of its own; peak memory as the kernel tells it.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.windows import Window as PixelWindow

from earthgptx.imagery.windows import Window
from services.gateway.large_uploads import LargeUploads
from services.gateway.unfinished_uploads import UnfinishedUploads, UploadLimits
from services.orchestrator.task_work.scene_cuts import SceneCuts
from services.orchestrator.task_work.scene_reader import SceneReader
from services.orchestrator.task_work.scene_spool import SceneSpool
from services.orchestrator.task_work.views import CUT_SIDE_PX
from shared.image_records import find_image
from shared.security import Signer
from shared.settings import Secret
from shared.tensors.directory_objects import DirectoryObjects
from shared.tensors.images import Images
from shared.tensors.inline_tier import InlineTier
from shared.tensors.object_tier import ObjectTier
from shared.tensors.ref import SIGNING_PURPOSE
from shared.tensors.store import TensorStore
from tests.earthgptx.scenes.measure_memory import peak_bytes
from tests.services.scenes import PLACE

STRIP_PX = 512
TENANT = "alpha"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side-px", type=int, default=20_000)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--part", choices=("take-in", "look"))
    given = parser.parse_args()
    if given.part == "take-in":
        print(json.dumps(take_in(given.folder)))
    elif given.part == "look":
        print(json.dumps(look(given.folder)))
    else:
        for part, cost in costs(given.folder, given.side_px).items():
            print(part, json.dumps(cost))


def costs(folder: Path, side_px: int) -> dict[str, Any]:
    """The cost of each part, on a scene that is made for it and gone afterwards."""
    made = folder / "measured"
    made.mkdir(parents=True)
    try:
        make_scene(made / "scene.tif", side_px)
        return {part: run(part, made) for part in ("take-in", "look")}
    finally:
        shutil.rmtree(made)


def run(part: str, folder: Path) -> Any:
    command = [sys.executable, "-m", "tests.services.measure_large_scene"]
    done = subprocess.run(
        [*command, "--folder", str(folder), "--part", part], capture_output=True, check=True
    )
    return json.loads(done.stdout)


def make_scene(path: Path, side_px: int) -> None:
    """Three bands of noise, not compressed, without overviews."""
    random = np.random.default_rng(0)
    profile: Any = {"driver": "GTiff", "width": side_px, "height": side_px, "count": 3} | PLACE
    with rasterio.open(path, "w", dtype="uint8", tiled=True, BIGTIFF="YES", **profile) as dataset:
        strip = random.integers(0, 255, (3, STRIP_PX, side_px), np.uint8)
        for y in range(0, side_px, STRIP_PX):
            rows = min(STRIP_PX, side_px - y)
            dataset.write(strip[:, :rows], window=PixelWindow(0, y, side_px, rows))


def take_in(folder: Path) -> dict[str, float]:
    """The gateway's part: parts kept, then made an image of."""
    store, objects = stores(folder)
    data = folder / "scene.tif"
    unfinished = UnfinishedUploads(objects, UploadLimits())
    uploads = LargeUploads(store, unfinished, folder / "uploads", 3600)
    began_s = time.monotonic()
    upload = unfinished.begin(TENANT, data.stat().st_size, "", "")
    with data.open("rb") as file:
        for number in range(1, upload.part_count + 1):
            unfinished.write_part(upload, number, memoryview(file.read(upload.part_bytes)))
    sent_s = time.monotonic()
    kept = uploads._complete(upload.upload_id, TENANT)
    (folder / "id").write_text(kept.image_id)
    done_s = time.monotonic()
    return {
        "bytes": kept.record.size_bytes,
        "parts_s": round(sent_s - began_s, 1),
        "complete_s": round(done_s - sent_s, 1),
        **memory_mb(),
    }


def look(folder: Path) -> dict[str, float]:
    """The orchestrator's part: the overview, 64 windows of 1024 px, and these again."""
    store, _ = stores(folder)
    scene = find_image(store, (folder / "id").read_text(), TENANT)
    spool = SceneSpool(folder / "scenes", 2**40)
    cuts, reader = SceneCuts(store), SceneReader(store, spool)
    side_px = scene.record.width_px
    began_s = time.monotonic()
    cuts.cut(scene, "", Window(0, 0, side_px), CUT_SIDE_PX, reader.window)
    overview_s = time.monotonic()
    windows = [Window(x * side_px // 8, y * side_px // 8, 1024) for y in range(8) for x in range(8)]
    for window in windows:
        cuts.cut(scene, "", window, CUT_SIDE_PX, reader.window)
    cut_s = time.monotonic()
    for window in windows:
        cuts.cut(scene, "", window, CUT_SIDE_PX, reader.window)
    again_s = time.monotonic()
    return {
        "spool_and_overview_s": round(overview_s - began_s, 1),
        "ms_a_cut": round((cut_s - overview_s) / 64 * 1000, 1),
        "ms_a_cut_again": round((again_s - cut_s) / 64 * 1000, 1),
        **memory_mb(),
    }


def stores(folder: Path) -> tuple[TensorStore, DirectoryObjects]:
    objects = DirectoryObjects(folder / "objects")
    tiers = [InlineTier(), ObjectTier(objects)]
    key = Secret("a suite key for tests, 32 letters or more")
    return TensorStore(tiers, Signer(key, SIGNING_PURPOSE), images=Images(objects)), objects


def memory_mb() -> dict[str, float]:
    """VmHWM: ru_maxrss would begin with that of the process that started this one."""
    return {"peak_mb": round(peak_bytes() / 2**20)}


if __name__ == "__main__":
    main()
