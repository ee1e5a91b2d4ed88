"""Peak memory of a whole scene, from opening it to all of its files.

    python -m tests.earthgptx.scenes.measure_memory --side-px 30000 --bands 3 --folder out/large

Makes the scene in the folder if it is not there (a GeoTIFF without overviews, in blocks of 512),
then looks at it with the threshold model and prints one JSON object. Peak memory is what the kernel
says of this process (VmHWM; ru_maxrss would begin with that of the process that started it), which
has made no scene where the file was there before. Linux only.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import rasterio
from rasterio.windows import Window

from earthgptx.exports.export import export_scene
from earthgptx.exports.model_facts import ModelFacts
from earthgptx.scenes.interpret import interpret_scene
from earthgptx.scenes.scene import open_scene
from earthgptx.scenes.tile_plan import plan_tiles
from tests.earthgptx.scenes.generated import UTM_HALF_METRE, ThresholdModel, blobs, picture_of

PART_PX = 2048


def make_scene(path: Path, side_px: int, bands: int, compress: str) -> None:
    """A scene of tanks with holes, in strips, so that making it needs no memory either."""
    pattern = picture_of(blobs(PART_PX, PART_PX, largest_px=120))[:bands]
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=side_px,
        height=side_px,
        count=bands,
        dtype="uint8",
        tiled=True,
        blockxsize=512,
        blockysize=512,
        compress=compress,
        BIGTIFF="IF_SAFER",
        **UTM_HALF_METRE,
    ) as dataset:
        for y in range(0, side_px, PART_PX):
            height = min(PART_PX, side_px - y)
            for x in range(0, side_px, PART_PX):
                width = min(PART_PX, side_px - x)
                part = pattern[:, :height, :width]
                dataset.write(part, window=Window(x, y, width, height))


def peak_bytes() -> int:
    """The most memory this program has had, since it was started."""
    lines = Path("/proc/self/status").read_text().splitlines()
    told = next(line for line in lines if line.startswith("VmHWM:"))
    return int(told.split()[1]) * 1024


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side-px", type=int, default=30_000)
    parser.add_argument("--bands", type=int, choices=(1, 3), default=3)
    parser.add_argument("--compress", default="NONE")
    parser.add_argument("--tile-px", type=int, default=512)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--only-make", action="store_true")
    args = parser.parse_args(arguments)
    args.folder.mkdir(parents=True, exist_ok=True)
    path = args.folder / f"tanks-{args.side_px}-{args.bands}.tif"
    if not path.exists():
        make_scene(path, args.side_px, args.bands, args.compress)
    if args.only_make:
        return 0
    facts = ModelFacts("threshold", "1", "threshold", "./threshold")
    began = time.monotonic()
    with open_scene(path) as scene:
        plan = plan_tiles(scene.header, args.tile_px)
        result = interpret_scene(scene, plan, ThresholdModel())
        looked_s = time.monotonic() - began
        files = export_scene(result, scene, facts, args.folder / "files", overwrite=True)
    told = {
        "side_px": args.side_px,
        "bands": args.bands,
        "scene_bytes": path.stat().st_size,
        "tiles": len(plan),
        "objects": len(result.objects),
        "looked_s": round(looked_s, 1),
        "exported_s": round(time.monotonic() - began - looked_s, 1),
        "files_bytes": sum(file.stat().st_size for file in files.values()),
        "peak_bytes": peak_bytes(),
        "decoded_bytes": int(np.prod([args.bands, args.side_px, args.side_px])),
    }
    print(json.dumps(told))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
