"""The ``earthgptx survey`` subcommand: a scene of any size, every tile asked, files written.

earthgptx survey berlin.tif --for building --for "tennis court" --model-gsd-m 0.5 --out out/berlin
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress

from earthgptx.evaluation.feature_cache import RememberingEncoder
from earthgptx.exports.export import FILES, export_scene
from earthgptx.exports.model_facts import ModelFacts
from earthgptx.imagery.errors import ImageryError
from earthgptx.imagery.modality import MODALITIES
from earthgptx.model.checkpoint import model_version
from earthgptx.model.errors import CheckpointError, ModelInputError
from earthgptx.model.pipeline import EarthGptX
from earthgptx.scenes.interpret import SceneResult, interpret_scene
from earthgptx.scenes.scene import Scene, open_scene
from earthgptx.scenes.tile_plan import plan_tiles
from earthgptx.survey.tile_model import AskingTileModel, OverviewDescriber

USAGE = 2


def survey(arguments: Sequence[str]) -> int:
    """Runs the subcommand with the arguments after its name.

    Returns:
        Exit code: 0, or 2 where the scene, the weights or a place to write cannot be used.
    """
    args = _parser().parse_args(list(arguments))
    try:
        started = time.monotonic()
        with open_scene(args.path, args.modality, None) as scene:
            result, facts = look(scene, args)
            files = export_scene(
                result, scene, facts, args.out, kinds=args.files or FILES, overwrite=args.overwrite
            )
        _tell(result, files, time.monotonic() - started, as_json=args.json)
    except (ImageryError, CheckpointError, ModelInputError, OSError) as error:
        print(f"earthgptx survey: {error}", file=sys.stderr)
        return USAGE
    return 0


def look(scene: Scene, args: argparse.Namespace) -> tuple[SceneResult, ModelFacts]:
    """Asks the model about every tile of an open scene.

    Raises:
        ImageryError: the scene cannot be used. CheckpointError: the weights cannot be read.
    """
    model = EarthGptX.load(args.weights, args.device)
    model.image_encoder = RememberingEncoder(model.image_encoder)
    plan = plan_tiles(
        scene.header, model.image_encoder.view_side_px, args.model_gsd_m, args.overlap
    )
    console = Console(stderr=True)
    with Progress(console=console, disable=args.json or not console.is_terminal) as progress:
        bar = progress.add_task("tiles", total=len(plan))
        result = interpret_scene(
            scene,
            plan,
            AskingTileModel(model, tuple(args.labels), args.modality, args.least_score),
            modality=args.modality,
            describe=OverviewDescriber(model, args.modality),
            batch_tiles=args.batch_tiles,
            on_progress=lambda done, _: progress.update(bar, completed=done),
        )
    version = model_version(args.weights, "reasoner")
    return result, ModelFacts("EarthGPT-X", version, "EarthGPT-X", str(args.weights))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="earthgptx survey", description="find things in a scene of any size"
    )
    parser.add_argument("path", type=Path, metavar="FILE")
    parser.add_argument(
        "--for",
        dest="labels",
        action="append",
        required=True,
        metavar="LABEL",
        help='what to find, e.g. ship or "storage tank"; repeatable',
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--files", nargs="*", choices=sorted(FILES), help="(all)")
    parser.add_argument("--overwrite", action="store_true", help="replace files of these names")
    parser.add_argument("--modality", choices=MODALITIES)
    parser.add_argument("--weights", type=Path, default=Path("weights/nano"), metavar="DIR")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--model-gsd-m", type=float, default=0.0, help="0: pixels as they are")
    parser.add_argument("--overlap", type=float, default=0.25, help="share of a tile's side")
    parser.add_argument(
        "--least-score", type=float, default=0.3, help="masks less sure of are left out (0.3)"
    )
    parser.add_argument("--batch-tiles", type=int, default=8, help="asked together")
    parser.add_argument("--json", action="store_true", help="one JSON object, nothing else")
    return parser


def _tell(result: SceneResult, files: dict[str, Path], took_s: float, *, as_json: bool) -> None:
    counts = Counter(thing.label for thing in result.objects)
    told: dict[str, Any] = {
        "description": result.description,
        "found": dict(sorted(counts.items())),
        "tiles": len(result.plan),
        "empty_tiles": result.empty_tiles,
        "took_s": round(took_s, 1),
        "files": {kind: str(path) for kind, path in files.items()},
    }
    if as_json:
        print(json.dumps(told))
        return
    print(result.description or "(nothing said of the whole)")
    for label, count in told["found"].items():
        print(f"{count:>6} {label}")
    print(f"{told['tiles']} tiles in {told['took_s']} s; files:")
    for path in told["files"].values():
        print(f"  {path}")
