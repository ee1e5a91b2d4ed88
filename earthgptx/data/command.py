"""The ``earthgptx data`` subcommand.

earthgptx data formats
earthgptx data check data/DIOR --split val --sheet out/dior.png
earthgptx data shards data/RSICD out/rsicd --split train
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from earthgptx.data.adapters.dataset import nothing
from earthgptx.data.adapters.registry import AUTO, FORMATS, open_dataset
from earthgptx.data.check import Summary, walk
from earthgptx.data.coco_folder import DataError
from earthgptx.data.contact_sheet import ContactSheet
from earthgptx.data.record_shards import write_shards

USAGE = 2
# How many entries of a histogram are told to people; --json tells all.
MOST_TOLD = 25

Item = TypeVar("Item")


def data(arguments: Sequence[str]) -> int:
    """Runs the subcommand with the arguments after its name.

    Returns:
        Exit code: 0, or 2 where the dataset cannot be read or something in it is broken.
    """
    parsed = _parser().parse_args(list(arguments))
    try:
        code: int = parsed.run(parsed)
    except (DataError, FileExistsError) as error:
        print(f"earthgptx data: {error}", file=sys.stderr)
        return USAGE
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="earthgptx data", description="read datasets")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    formats = commands.add_parser("formats", help="list the formats that are read")
    formats.set_defaults(run=_formats)
    check = commands.add_parser("check", help="walk a dataset and say what is in it")
    check.add_argument("--sheet", type=Path, metavar="FILE.png", help="draw a contact sheet")
    check.add_argument("--limit", type=int, metavar="N", help="labelled images, and records")
    check.set_defaults(run=_check)
    shards = commands.add_parser("shards", help="write its instruction records into tar files")
    shards.set_defaults(run=_shards)
    for command in (check, shards):
        command.add_argument("path", type=Path, metavar="PATH", help="folder or file")
        command.add_argument("--format", choices=[AUTO, *sorted(FORMATS)], default=AUTO)
        command.add_argument("--split", help="train, val, test, ... as its makers divided it")
    shards.add_argument("out", type=Path, metavar="OUT", help="folder")
    for command in (formats, check, shards):
        command.add_argument("--json", action="store_true", help="one JSON object, nothing else")
    return parser


def _formats(args: argparse.Namespace) -> int:
    listed = {
        name: {"about": f.about, "splits": list(f.splits), "licence": f.licence}
        for name, f in sorted(FORMATS.items())
    }
    if args.json:
        print(json.dumps(listed))
        return 0
    for name, described in listed.items():
        splits = ", ".join(described["splits"]) or "no splits"
        print(f"{name:<16} {described['about']}\n{'':<16} {splits}; {described['licence']}")
    return 0


def _check(args: argparse.Namespace) -> int:
    dataset = open_dataset(args.path, args.format)
    sheet = ContactSheet()
    summary = walk(dataset, args.split, args.limit, sheet.show)
    told: dict[str, Any] = {
        "path": str(args.path),
        "format": dataset.format_name,
        "name": dataset.name,
        "split": args.split,
        **summary.as_json(),
    }
    if args.sheet is not None:
        args.sheet.parent.mkdir(parents=True, exist_ok=True)
        told["sheet"] = {"file": str(args.sheet), "cells": sheet.save(args.sheet)}
    print(json.dumps(told) if args.json else _in_words(told))
    return USAGE if summary.fault_count or not _anything(summary) else 0


def _anything(summary: Summary) -> bool:
    return bool(summary.labelled_images or summary.records)


def _in_words(told: dict[str, Any]) -> str:
    """The summary for people."""
    part = f", {told['split']}" if told["split"] else ""
    lines = [f"{told['path']} ({told['format']}{part})"]
    for name in ("pictures", "labelled_images", "records"):
        lines.append(f"  {name.replace('_', ' '):<17} {told[name]:,}")
    if told["groups"]:
        lines.append(f"  groups            {told['groups']}")
    if told["gsd_m"]:
        low, high = told["gsd_m"]
        lines.append(f"  metres a pixel    {low:g} to {high:g}")
    for name, value in told.items():
        if isinstance(value, dict) and name != "sheet" and any(value.values()):
            lines.append(f"  {name}")
            entries = list(value.items())
            lines += [f"    {number:>9,}  {entry}" for entry, number in entries[:MOST_TOLD]]
            if len(entries) > MOST_TOLD:
                lines.append(f"               and {len(entries) - MOST_TOLD} more (--json)")
    if "sheet" in told:
        lines.append(f"  sheet             {told['sheet']['file']}")
    if told["fault_count"]:
        lines.append(f"  broken            {told['fault_count']}")
        lines += [f"    {fault}" for fault in told["faults"]]
    return "\n".join(lines)


def _shards(args: argparse.Namespace) -> int:
    dataset = open_dataset(args.path, args.format)
    if dataset.format.records is nothing:
        raise DataError(f"{args.path}: format {dataset.format_name} holds no instruction records")
    index = write_shards(_progress(dataset.records(args.split)), args.out, dataset.name)
    told = {"folder": str(args.out), "shards": len(index.shards), "records": index.records}
    words = f"{index.records} records in {len(index.shards)} shards"
    print(json.dumps(told) if args.json else words)
    return 0


def _progress(items: Iterable[Item]) -> Iterator[Item]:
    """A bar on stderr; nothing where stderr is no terminal."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    yield from track(items, "writing", console=console, disable=not console.is_terminal)


if __name__ == "__main__":
    sys.exit(data(sys.argv[1:]))
