"""What a run gave: printed, and its files written."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from earthgptx_client.client import Client
from earthgptx_client.commands import exit_codes
from earthgptx_client.errors import CANCELLED, ClientError, invalid_input
from earthgptx_client.run_infos import Run, RunFile

_LONGEST_LIST = 20
_LONGEST_LINE = 3


def check_out(out: Path | None) -> None:
    """Refuses before anything is sent a folder that could not be written; makes it if it is not.

    Raises:
        ClientError: it cannot be made, or written.
    """
    if out is None:
        return
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise invalid_input(f"cannot make {out}: {error.strerror}", "out") from None
    if not os.access(out, os.W_OK):
        raise invalid_input(f"cannot write into {out}", "out")


def tell(client: Client, run: Run, arguments: argparse.Namespace) -> int:
    """Writes the files of a run that has succeeded into `--out`, prints what it gave.

    Raises:
        ClientError: it has not succeeded, or a file cannot be written.
    """
    _check_succeeded(run)
    paths = _write_files(client, run, arguments) if arguments.out else {}
    if arguments.json:
        files = [
            asdict(file) | {"path": str(paths[file]) if file in paths else None}
            for file in run.files
        ]
        given = {"outputs": dict(run.outputs), "files": files}
        print(json.dumps({"run_id": run.info.run_id, "state": run.info.state, **given}))
        return exit_codes.OK
    for name, value in run.outputs.items():
        for line in _lines(name, value):
            print(line)
    for path in paths.values():
        print(f"wrote {path}")
    return exit_codes.OK


def _check_succeeded(run: Run) -> None:
    if run.info.state == "succeeded":
        return
    failure, run_id = run.info.failure, run.info.run_id
    print(f"take it up again: earthgptx workflow resume {run_id}", file=sys.stderr)
    if failure is not None and run.info.state == "failed":
        raise failure.as_error(f"the run failed: {failure.message}")
    raise ClientError(CANCELLED, f"the run is {run.info.state}")


def _write_files(client: Client, run: Run, arguments: argparse.Namespace) -> dict[RunFile, Path]:
    paths: dict[RunFile, Path] = {}
    for file in run.files:
        folder = _folder_of(file, arguments.out)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            paths[file] = client.runs.download(
                run.info.run_id, file, folder, timeout_s=arguments.deadline.remaining_s()
            )
        except OSError as error:
            raise invalid_input(f"cannot write into {folder}: {error.strerror}", "out") from None
    return paths


def _folder_of(file: RunFile, out: Path) -> Path:
    """DIR/<output>, for a list DIR/<output>/<number from 1>: names may be the same in both."""
    if Path(file.output).name != file.output or file.output in ("", ".", ".."):
        raise ClientError("INTERNAL", f"the suite named an output {file.output!r}")
    return out.joinpath(file.output, *(str(number + 1) for number in file.position))


def _lines(name: str, value: Any) -> Iterator[str]:
    if not isinstance(value, list):
        yield f"{name}: {_words(value)}"
        if isinstance(value, dict) and "rows" in value:
            yield from _rows(value)
        return
    yield f"{name}: {len(value)} item{'' if len(value) == 1 else 's'}"
    for each in value[:_LONGEST_LIST]:
        yield f"  {_words(each)}"
    if len(value) > _LONGEST_LIST:
        yield f"  and {len(value) - _LONGEST_LIST} more: --json tells all"


def _rows(table: Mapping[str, Any]) -> Iterator[str]:
    for row in table["rows"][:_LONGEST_LIST]:
        yield "  " + "  ".join("-" if cell is None else str(cell) for cell in row)
    if len(table["rows"]) > _LONGEST_LIST:
        yield f"  and {len(table['rows']) - _LONGEST_LIST} more: --json tells all"


def _words(value: Any) -> str:
    """A value on one line: texts and numbers as they are, of others what matters most."""
    match value:
        case bool():
            return "true" if value else "false"
        case list() if len(value) <= _LONGEST_LINE:
            return "; ".join(map(_words, value)) or "none"
        case list():
            return f"{len(value)} items"
        case {"columns": columns}:
            return ", ".join(map(str, columns))
        case {"media_type": media_type, "name": name, "size_bytes": size_bytes}:
            return f"{name} ({media_type}, {size_bytes:,} bytes)"
        case {"box_xyxy_px": box}:
            score = f" {value['score']:.2f}" if "score" in value else ""
            at = ",".join(f"{edge:.0f}" for edge in box)
            return f"{value.get('label') or '-'}{score} at {at}"
        case {"image_id": image_id}:
            return str(image_id)
    return str(value)
