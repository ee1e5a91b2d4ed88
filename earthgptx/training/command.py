"""The ``earthgptx train`` subcommand.

    earthgptx train nano --out runs/nano --data DIR --steps 1650 --seed 0

A training that was cut off goes on where it left off.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

DEFAULT_STEPS = 1650
STOPPED = 4


def train(arguments: Sequence[str]) -> int:
    """Runs the subcommand with the arguments after its name.

    Returns:
        Exit code: 0, or 4 if training had to stop.
    """
    import torch

    from earthgptx.training.loop import TrainingStopped
    from earthgptx.training.recipes import RECIPES

    parser = argparse.ArgumentParser(
        prog="earthgptx train", description="train a preset from nothing, or go on"
    )
    parser.add_argument("recipe", choices=sorted(RECIPES))
    parser.add_argument("--out", type=Path, metavar="DIR", help="default: runs/RECIPE")
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder of COCO-style folders")
    parser.add_argument("--steps", type=int, default=DEFAULT_STEPS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2, help="cores for the training process")
    args = parser.parse_args(list(arguments))
    torch.set_num_threads(args.threads)
    folder = args.out or Path("runs") / args.recipe
    try:
        RECIPES[args.recipe](folder, args.data, args.steps, args.seed)
    except TrainingStopped as stopped:
        print(f"earthgptx train: {stopped}", file=sys.stderr)
        return STOPPED
    return 0


if __name__ == "__main__":
    sys.exit(train(sys.argv[1:]))
