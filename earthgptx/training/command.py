"""The ``earthgptx train`` subcommand.

    earthgptx train nano --out runs/nano --data DIR
    earthgptx train further --start runs/nano --out runs/further --data DIR --steps 5000
    earthgptx train regions --start weights/nano --out runs/regions --data DIR
    earthgptx train drawing --start weights/nano --out runs/drawing --data DIR
    earthgptx train tune --start weights/nano --data my.jsonl --out runs/mine --steps 300 --rank 8
    earthgptx train tune --start weights/base --data shards/* --rank 8 --train bridge,mask-decoder
    earthgptx train merge --start weights/nano --adapter runs/mine/adapter --out weights/mine

A training that was cut off goes on where it left off. ``torchrun -m --
earthgptx.training.command`` in place of ``earthgptx train`` shares it among processes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from earthgptx.training.processes import Processes

    Kinds = argparse._SubParsersAction[argparse.ArgumentParser]

DEFAULT_STEPS = 2790
STOPPED = 4


def train(arguments: Sequence[str]) -> int:
    """Runs the subcommand with the arguments after its name.

    Returns:
        Exit code: 0, 2 if something given cannot be used, 4 if training had to stop.
    """
    args = _parser().parse_args(list(arguments))
    from earthgptx.data.coco_folder import DataError
    from earthgptx.model.errors import CheckpointError
    from earthgptx.training.loop import TrainingStopped

    try:
        return int(args.run(args))
    except TrainingStopped as stopped:
        print(f"earthgptx train: {stopped}", file=sys.stderr)
        return STOPPED
    except (DataError, CheckpointError, OSError, ValueError) as refused:
        print(f"earthgptx train: {refused}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="earthgptx train", description="train, or go on")
    kinds = parser.add_subparsers(required=True, metavar="nano|further|regions|drawing|tune|merge")
    _add_machine(_add_nano(kinds), DEFAULT_STEPS)
    _add_machine(_add_further(kinds), 5000, workers=14)
    _add_machine(_add_practice(kinds, "regions", "what they say of marks", 2.5e-4, 0.0), 3000)
    _add_machine(_add_practice(kinds, "drawing", "what they draw", 4e-4, 0.5), 3000)
    _add_machine(_add_tune(kinds), 300)
    merge = kinds.add_parser("merge", help="an adapter into the weights it was trained on")
    merge.add_argument("--start", type=Path, default=Path("weights/nano"), metavar="DIR")
    merge.add_argument("--adapter", type=Path, required=True, metavar="DIR")
    merge.add_argument("--out", type=Path, required=True, metavar="DIR")
    merge.set_defaults(run=_merge)
    return parser


def _add_nano(kinds: Kinds) -> argparse.ArgumentParser:
    nano = kinds.add_parser("nano", help="the small model, from nothing")
    _add_sets(nano, "runs/nano")
    nano.set_defaults(run=_nano)
    return nano


def _add_further(kinds: Kinds) -> argparse.ArgumentParser:
    further = kinds.add_parser("further", help="the small model, much further: on a GPU")
    further.add_argument(
        "--start", type=Path, default=Path("runs/nano"), metavar="DIR", help="a run of `train nano`"
    )
    _add_sets(further, "runs/further")
    further.add_argument("--batch-size", type=int, default=128, help="images a step")
    further.add_argument("--learning-rate", type=float, default=1.4e-3, help="the highest")
    further.set_defaults(run=_further)
    return further


def _add_practice(
    kinds: Kinds, name: str, what: str, rate: float, keep: float
) -> argparse.ArgumentParser:
    kind = kinds.add_parser(name, help=f"trained weights, {what}")
    kind.add_argument(
        "--start", type=Path, default=Path("weights/nano"), metavar="DIR", help="weights"
    )
    _add_sets(kind, f"runs/{name}")
    kind.add_argument("--learning-rate", type=float, default=rate, help="the highest")
    kind.add_argument(
        "--keep", type=float, default=keep, metavar="SHARE", help="of the weights it starts from"
    )
    kind.set_defaults(run=_practise, practice=name)
    return kind


def _add_tune(kinds: Kinds) -> argparse.ArgumentParser:
    tune = kinds.add_parser("tune", help="trained weights, on your own data")
    tune.add_argument(
        "--start", type=Path, default=Path("weights/nano"), metavar="DIR", help="weights"
    )
    tune.add_argument(
        "--data",
        type=Path,
        action="extend",
        nargs="+",
        required=True,
        metavar="PATH",
        help=".jsonl, COCO .json, shards or folders in any format of `earthgptx data formats`",
    )
    tune.add_argument("--out", type=Path, default=Path("runs/tune"), metavar="DIR")
    tune.add_argument("--rank", type=int, default=0, help="of a LoRA adapter; 0: none")
    tune.add_argument(
        "--train",
        metavar="PART,...",
        help="what learns: experts (conv-expert, vit-expert, sam-encoder), bridge (regions), "
        "language (language-attention, language-embeddings), mask-decoder; default: all but "
        "conv-expert, with --rank the adapter alone",
    )
    tune.add_argument(
        "--rehearsal", type=float, default=0.2, help="share of synthetic scenes in between"
    )
    tune.add_argument("--batch-size", type=int, default=16, help="images a step")
    tune.add_argument(
        "--learning-rate", type=float, default=2e-4, help="the highest; an adapter's is 15 times it"
    )
    tune.add_argument(
        "--save-every", type=int, default=250, metavar="STEPS", help="where a cut off run goes on"
    )
    tune.set_defaults(run=_tune)
    return tune


def _add_sets(kind: argparse.ArgumentParser, out: str) -> None:
    """What a recipe learns from, and where its run lies."""
    kind.add_argument("--data", type=Path, metavar="DIR", help="folder of COCO-style folders")
    kind.add_argument("--out", type=Path, default=Path(out), metavar="DIR")


def _add_machine(kind: argparse.ArgumentParser, steps: int, workers: int = 1) -> None:
    """How long, and on what: the same for all kinds."""
    kind.add_argument("--steps", type=int, default=steps)
    kind.add_argument("--seed", type=int, default=0)
    kind.add_argument("--threads", type=int, default=2, help="cores for each process")
    kind.add_argument(
        "--workers", type=int, default=workers, help="data processes beside each process"
    )
    kind.add_argument("--cpu", action="store_true", help="even where there is a GPU")
    kind.add_argument("--sharded", action="store_true", help="weights in slices (FSDP)")
    kind.add_argument(
        "--checkpointing", action="store_true", help="activations made again, not kept"
    )


def _processes(args: argparse.Namespace) -> Processes:
    import torch

    from earthgptx.training.processes import Processes

    torch.set_num_threads(args.threads)
    return Processes(args.cpu, args.sharded, args.checkpointing, args.workers)


def _nano(args: argparse.Namespace) -> int:
    from earthgptx.training.recipes import nano

    nano(args.out, args.data, args.steps, args.seed, _processes(args))
    return 0


def _further(args: argparse.Namespace) -> int:
    from earthgptx.training.further import further

    further(
        args.start,
        args.data,
        args.out,
        args.steps,
        args.batch_size,
        args.learning_rate,
        args.seed,
        _processes(args),
    )
    return 0


def _practise(args: argparse.Namespace) -> int:
    from earthgptx.training.drawing import DRAWING
    from earthgptx.training.practice import practise
    from earthgptx.training.regions import REGIONS

    practise(
        {"regions": REGIONS, "drawing": DRAWING}[args.practice],
        args.start,
        args.data,
        args.out,
        args.steps,
        args.learning_rate,
        seed=args.seed,
        kept=args.keep,
        processes=_processes(args),
    )
    return 0


def _tune(args: argparse.Namespace) -> int:
    from earthgptx.training.learning import Learning, parts_named
    from earthgptx.training.tune import tune

    if not 0 <= args.rehearsal < 1:
        raise ValueError(f"--rehearsal {args.rehearsal:g}: a share from 0 to below 1")
    if args.save_every < 1:
        raise ValueError(f"--save-every {args.save_every}: at least one step")
    parts = None if args.train is None else parts_named(args.train)
    tune(
        args.start,
        args.data,
        args.out,
        args.steps,
        Learning(parts, args.rank),
        args.seed,
        args.rehearsal,
        args.batch_size,
        args.learning_rate,
        args.save_every,
        _processes(args),
    )
    return 0


def _merge(args: argparse.Namespace) -> int:
    from earthgptx.training.tune import merge_adapter

    version = merge_adapter(args.start, args.adapter, args.out)
    print(f"{args.out}: {version}")
    return 0


if __name__ == "__main__":
    sys.exit(train(sys.argv[1:]))
