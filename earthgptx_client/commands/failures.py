"""How a failed command tells of it: one line that names the flag, and what to do."""

from __future__ import annotations

import argparse
import json
import re
import sys
from typing import Any

from earthgptx_client.commands.exit_codes import exit_code_of
from earthgptx_client.errors import UNREACHABLE, ClientError

_REGION = re.compile(r"regions\[(\d+)\]")
_FLAGS = {
    "image": "IMAGE",
    "image_id": "IMAGE",
    "question": "the question",
    "modality": "--modality",
    "zoom": "--zoom",
    "max_new_tokens": "--max-new-tokens",
    "out": "--out",
    "timeout_s": "--deadline-s",
}


def report(error: ClientError, arguments: argparse.Namespace) -> int:
    """Prints the error (with --json also as the one object on stdout); returns the exit code."""
    flag = flag_of(error.field, arguments)
    words = error.message
    if flag and error.field:
        words = words.removeprefix(f"{error.field}: ")
    if flag and not words.startswith(flag):
        words = f"{flag}: {words}"
    if error.limit and error.limit not in words:
        words = f"{words} (limit: {error.limit})"
    if error.code == UNREACHABLE:
        address = getattr(arguments, "reached_address", "") or "the suite"
        words = f"cannot reach {address} ({error.message}); start the suite: earthgptx up"
    elif error.retryable:
        words = f"{words}; the same request may succeed later"
    print(f"earthgptx: {error.code}: {words}", file=sys.stderr)
    if getattr(arguments, "json", False):
        print(json.dumps({"error": _as_json(error, flag)}))
    return exit_code_of(error)


def flag_of(field: str | None, arguments: argparse.Namespace) -> str | None:
    """The words of the command line behind a field of the request; None if there are none."""
    if not field:
        return None
    region = _REGION.match(field)
    marked = getattr(arguments, "marked", ())
    if region and int(region[1]) < len(marked):
        number = int(region[1])
        return f"{marked[number].flag} (<Region {number + 1}>)"
    return _FLAGS.get(field.split(".")[0].split("[")[0])


def _as_json(error: ClientError, flag: str | None) -> dict[str, Any]:
    return {
        "code": error.code,
        "message": error.message,
        "field": error.field,
        "flag": flag,
        "limit": error.limit,
        "retryable": error.retryable,
    }
