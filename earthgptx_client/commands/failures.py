"""How a failed command tells of it: one line that names the flag, and what to do."""

from __future__ import annotations

import argparse
import json
import re
import sys
from typing import Any

from earthgptx_client.commands.exit_codes import exit_code_of
from earthgptx_client.errors import DEADLINE_EXCEEDED, UNREACHABLE, ClientError

_PATH = re.compile(r"[.\[]")
_REGION = re.compile(r"regions\[(\d+)\]")
_FLAGS = {
    "image": "IMAGE",
    "image_id": "IMAGE",
    "question": "the question",
    "modality": "--modality",
    "zoom": "--zoom",
    "max_new_tokens": "--max-new-tokens",
    "adapter": "--adapter",
    "out": "--out",
    "timeout_s": "--deadline-s",
    "idempotency_key": "--key",
    "workflow": "the workflow",
    "run_id": "RUN",
    "api_key": "--api-key",
}


def report(error: ClientError, arguments: argparse.Namespace) -> int:
    """Prints the error (with --json also as the one object on stdout); returns the exit code."""
    flag = flag_of(error.field, arguments)
    words = error.message
    if flag and error.field:
        words = words.removeprefix(error.field).removeprefix(":").strip()
    if flag and not words.startswith(flag):
        words = f"{flag}: {words}"
    if error.limit and error.limit not in words:
        words = f"{words} (limit: {error.limit})"
    if error.code == UNREACHABLE:
        words = _unreachable(error, arguments)
    elif error.code == DEADLINE_EXCEEDED and vars(arguments).get("run_key"):
        words = f"{words}; wait for the same run: --durable --key {arguments.run_key}"
    elif error.code == DEADLINE_EXCEEDED and vars(arguments).get("followed"):
        words = f"{words}; the run goes on: earthgptx workflow watch {arguments.followed}"
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
    first, _, rest = field.partition(".")
    if first == "inputs":
        return f"--input {re.split(_PATH, rest)[0]}" if rest else "--input"
    return _FLAGS.get(first.split("[")[0])


def _unreachable(error: ClientError, arguments: argparse.Namespace) -> str:
    tried = getattr(arguments, "reached_address", "")
    if tried and getattr(arguments, "address", None) == tried:
        advice = "check --address, or leave it out to use the suite of `earthgptx up`"
    else:
        advice = "start the suite: earthgptx up"
    return f"cannot reach {tried or 'the suite'} ({error.message}); {advice}"


def _as_json(error: ClientError, flag: str | None) -> dict[str, Any]:
    return {
        "code": error.code,
        "message": error.message,
        "field": error.field,
        "flag": flag,
        "limit": error.limit,
        "retryable": error.retryable,
    }
