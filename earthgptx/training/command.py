"""The ``earthgptx train`` subcommand.

earthgptx train --recipe nano --out runs/nano --data DIR --steps 9000 --seed 0
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds ``train`` to the command's subparsers."""
    parser = subparsers.add_parser("train", help="train a preset from scratch, or go on")
    parser.add_argument("--recipe", choices=["nano"], default="nano")
    parser.add_argument("--out", type=Path, default=Path("runs/nano"), metavar="DIR")
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder of COCO-style folders")
    parser.add_argument("--steps", type=int, default=DEFAULT_STEPS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2, help="cores for the training process")
    parser.set_defaults(run=run)


DEFAULT_STEPS = 2600


def run(args: argparse.Namespace) -> int:
    """Trains; exit code 0, or 4 if training had to stop."""
    import torch

    from earthgptx.training.loop import TrainingStopped
    from earthgptx.training.recipes import RECIPES

    torch.set_num_threads(args.threads)
    try:
        RECIPES[args.recipe](args.out, args.data, args.steps, args.seed)
    except TrainingStopped as stopped:
        print(f"earthgptx train: {stopped}", file=sys.stderr)
        return 4
    return 0


if __name__ == "__main__":
    main = argparse.ArgumentParser(prog="earthgptx")
    add_parser(main.add_subparsers(required=True))
    arguments = main.parse_args()
    sys.exit(arguments.run(arguments))
