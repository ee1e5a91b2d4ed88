"""The ``earthgptx scene`` subcommand.

earthgptx scene info berlin.tif
earthgptx scene tiles berlin.tif --model-gsd-m 0.5 --out overview.png
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from earthgptx.imagery.errors import ImageryError
from earthgptx.imagery.modality import MODALITIES
from earthgptx.scenes.grid_picture import draw_grid
from earthgptx.scenes.header import SceneHeader
from earthgptx.scenes.overview import OVERVIEW_SIDE_PX, look_over
from earthgptx.scenes.scene import open_scene
from earthgptx.scenes.tile_plan import TilePlan, plan_tiles
from earthgptx.scenes.whole_file import whole_file

USAGE = 2


def scene(arguments: Sequence[str]) -> int:
    """Runs the subcommand with the arguments after its name.

    Returns:
        Exit code: 0, or 2 where the scene cannot be used or the picture not be written.
    """
    parsed = _parser().parse_args(list(arguments))
    try:
        code: int = parsed.run(parsed)
    except (ImageryError, OSError) as error:
        print(f"earthgptx scene: {error}", file=sys.stderr)
        return USAGE
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="earthgptx scene", description="look at a scene of any size, without a model"
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    info = commands.add_parser("info", help="say what a scene is; nothing but its header is read")
    info.set_defaults(run=_info)
    tiles = commands.add_parser("tiles", help="plan the tiles and draw them on the overview")
    tiles.set_defaults(run=_tiles)
    tiles.add_argument("--out", type=Path, required=True, metavar="FILE.png")
    tiles.add_argument("--overwrite", action="store_true", help="replace FILE.png")
    tiles.add_argument("--tile-px", type=int, default=512, help="side of what the model is shown")
    tiles.add_argument("--model-gsd-m", type=float, default=0.0, help="0: pixels as they are")
    tiles.add_argument("--overlap", type=float, default=0.25, help="share of a tile's side")
    tiles.add_argument("--side-px", type=int, default=OVERVIEW_SIDE_PX, help="of the picture")
    for command in (info, tiles):
        command.add_argument("path", type=Path, metavar="FILE")
        command.add_argument("--modality", choices=MODALITIES)
        command.add_argument("--bands", type=_numbers, metavar="R,G,B", help="numbers from 1")
        command.add_argument("--json", action="store_true", help="one JSON object, nothing else")
    return parser


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


def _info(args: argparse.Namespace) -> int:
    with open_scene(args.path, args.modality, args.bands) as opened:
        _tell(_facts(opened.header), as_json=args.json)
    return 0


def _tiles(args: argparse.Namespace) -> int:
    with open_scene(args.path, args.modality, args.bands) as opened:
        plan = plan_tiles(opened.header, args.tile_px, args.model_gsd_m, args.overlap)
        with whole_file(args.out, overwrite=args.overwrite) as unfinished:
            overview = look_over(opened, args.modality, args.side_px)
            draw_grid(overview, plan).save(unfinished, format="PNG")
    shown = {"shown": overview.note or "bands as they are", "picture": str(args.out)}
    _tell({**_plan_facts(plan), **shown}, as_json=args.json)
    return 0


def _facts(header: SceneHeader) -> dict[str, Any]:
    return {
        "name": header.name,
        "driver": "GTiff" if header.format == "TIFF" else header.format,
        "size_px": [header.width_px, header.height_px],
        "size_bytes": header.size_bytes,
        "bands": header.band_count,
        "band_names": [meaning.name for meaning in header.band_meanings if meaning.name],
        "band_roles": _roles(header),
        "type": header.band_dtype,
        "crs": header.crs or None,
        "gsd_m": header.gsd_m or None,
        "nodata": header.nodata,
        "overviews": list(header.overview_factors),
        "block_px": list(header.block_wh_px),
        "acquired": header.acquired.isoformat() if header.acquired else None,
        "notes": list(header.notes),
    }


def _roles(header: SceneHeader) -> list[str]:
    """Of every band; nothing where the file tells none."""
    roles = [meaning.role for meaning in header.band_meanings]
    return [role or "not told" for role in roles] if any(roles) else []


def _plan_facts(plan: TilePlan) -> dict[str, Any]:
    return {
        "tiles": len(plan),
        "grid": [len(plan.xs_px), len(plan.ys_px)],
        "side_px": plan.side_px,
        "shown_px": plan.tile_px,
        "overlap_px": plan.overlap_px,
        "gsd_m": plan.gsd_m or None,
        "resampling": plan.resampling,
    }


def _tell(facts: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        # NaN, the nodata value of many, is no JSON.
        print(json.dumps({k: str(v) if v != v else v for k, v in facts.items()}))
        return
    for name, value in facts.items():
        if value is not None and value != []:
            between = " x " if name in ("size_px", "block_px", "grid") else ", "
            print(f"{name.replace('_', ' '):<12} {_in_words(value, between)}")


def _in_words(value: object, between: str) -> str:
    if isinstance(value, list):
        return between.join(_in_words(part, "") for part in value)
    return f"{value:,}" if isinstance(value, int) else str(value)
