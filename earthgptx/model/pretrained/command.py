"""The ``earthgptx assemble`` subcommand.

    earthgptx assemble base --out weights/base
    earthgptx assemble earthgpt-x --language /models/Llama-2-13b-hf --out weights/earthgpt-x

Each part is a folder in the hub's own layout, or a repository's name; what is not named is what the
preset names.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

USAGE = 2
FAILED = 4


def assemble(arguments: Sequence[str]) -> int:
    """Runs the subcommand with the arguments after its name; returns its exit code."""
    from earthgptx.model.errors import CheckpointError
    from earthgptx.model.presets import PRESETS
    from earthgptx.model.pretrained import assemble as assembly
    from earthgptx.model.pretrained.source import find_source

    parser = argparse.ArgumentParser(
        prog="earthgptx assemble", description="make a preset's weights out of pretrained parts"
    )
    full_size = sorted(name for name, make in PRESETS.items() if make().language.name)
    parser.add_argument("preset", choices=full_size)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    for part in ("conv", "vit", "language", "sam"):
        parser.add_argument(f"--{part}", metavar="DIR|NAME", help="folder, or name on the hub")
    parser.add_argument("--seed", type=int, default=0, help="of the parts that are to be trained")
    parser.add_argument("--shard-gb", type=float, default=2.0, help="largest weights file")
    args = parser.parse_args(list(arguments))
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    preset = PRESETS[args.preset]()
    names = {
        "conv": args.conv or f"timm/{preset.conv.timm_name}",
        "vit": args.vit or f"timm/{preset.vit.timm_name}",
        "language": args.language or preset.language.name,
    }
    if preset.sam is not None:
        names["sam"] = args.sam or preset.sam.name
    elif args.sam:
        print(f"earthgptx assemble: {args.preset} has no SAM", file=sys.stderr)
        return USAGE
    try:
        found = {}
        for part, name in names.items():
            found[part] = find_source(name)
            print(f"{part}: {name}, licence: {found[part].licence}")
        limit_bytes = int(args.shard_gb * 1e9)
        assembly.assemble(preset, assembly.Sources(**found), args.out, args.seed, limit_bytes)
    except CheckpointError as error:
        print(f"earthgptx assemble: {error}", file=sys.stderr)
        return FAILED
    print(f"{args.out}: written; prompt encoder, hybrid block and inputs of masks are untrained")
    return 0
