"""Flags that every question takes, and the client they open."""

from __future__ import annotations

import argparse
import math
import os
import uuid
from pathlib import Path
from typing import Any

from earthgptx_client.calls import Deadline
from earthgptx_client.client import Client
from earthgptx_client.errors import UNREACHABLE, ClientError
from earthgptx_client.suite_state import SuiteAddress, read_suite_address, state_dir

ADDRESS_VARIABLE = "EARTHGPTX_ADDRESS"
API_KEY_VARIABLE = "EARTHGPTX_API_KEY"
_LONGEST_S = 86_400
_LONGEST_CALL_S = 120.0


def add_request_flags(parser: argparse.ArgumentParser) -> None:
    """Adds what the image is, how to look at it, and where the suite is."""
    parser.add_argument("--modality", choices=("optical", "sar", "infrared"), help="the sensor")
    parser.add_argument(
        "--zoom",
        choices=("auto", "close", "whole"),
        default="auto",
        help="how close to look at small marks",
    )
    parser.add_argument(
        "--max-new-tokens",
        type=_tokens,
        default=0,
        metavar="N",
        help="cut the answer (the model's)",
    )
    parser.add_argument(
        "--adapter", default="", metavar="NAME", help="of the language model (none)"
    )
    parser.add_argument(
        "--durable", action="store_true", help="survives the loss of any process of the suite"
    )
    parser.add_argument(
        "--key", default="", help="with --durable: asking again with it waits for the same run"
    )
    parser.set_defaults(run_key="")
    add_suite_flags(parser)


def add_suite_flags(parser: argparse.ArgumentParser, deadline_s: float = 120.0) -> None:
    """Adds where the suite is, how long to wait for it, and in which form to tell."""
    parser.add_argument(
        "--deadline-s",
        type=_seconds,
        default=deadline_s,
        metavar="S",
        help=f"give up after ({deadline_s:.0f})",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object, nothing else")
    parser.add_argument(
        "--address", metavar="HOST:PORT", help=f"else {ADDRESS_VARIABLE}, else `up`"
    )
    parser.add_argument("--api-key", metavar="KEY", help=f"else {API_KEY_VARIABLE}, else `up`")


def request_options(arguments: argparse.Namespace, number: int | None = None) -> dict[str, Any]:
    """The keyword arguments of `Client.interpret` that the flags give, and the time left.

    Args:
        arguments: as parsed.
        number: of the question, where the command asks several; each is a run of its own.
    """
    key = _run_key(arguments)
    deadline: Deadline = arguments.deadline
    return {
        "modality": arguments.modality,
        "zoom": arguments.zoom,
        "max_new_tokens": arguments.max_new_tokens,
        "adapter": arguments.adapter,
        "durable": arguments.durable,
        "idempotency_key": f"{key}/{number}" if key and number else key or None,
        "timeout_s": deadline.remaining_s(),
    }


def _run_key(arguments: argparse.Namespace) -> str:
    """The key of a durable run; kept, so that a message can name it."""
    if not arguments.run_key:
        arguments.run_key = arguments.key or (uuid.uuid4().hex if arguments.durable else "")
    return str(arguments.run_key)


def open_client(arguments: argparse.Namespace) -> Client:
    """`connect`, once the image that the command line names is there to be sent.

    Raises:
        ClientError: it is not, or no suite is named.
    """
    check_image_file(arguments.image)
    return connect(arguments)


def connect(arguments: argparse.Namespace) -> Client:
    """The client of the suite that flags, environment or the state of `up` name, in this order.

    Raises:
        ClientError: none of them names one.
    """
    suite = _suite(arguments)
    arguments.deadline = Deadline.after(arguments.deadline_s)
    # For messages: an error does not know which address was tried.
    arguments.reached_address = suite.address
    # Only following a run may take longer, and says so.
    timeout_s = min(arguments.deadline_s, _LONGEST_CALL_S)
    return Client(suite.address, suite.api_key, timeout_s=timeout_s)


def check_image_file(image: str) -> None:
    """Refuses what is not a readable file with something in it.

    Raises:
        ClientError: it is not.
    """
    path = Path(image)
    if not path.exists():
        raise ClientError("INVALID_INPUT", f"no such file: {image}", field="image")
    if path.is_dir():
        raise ClientError("INVALID_INPUT", f"{image} is a directory", field="image")
    if not os.access(path, os.R_OK):
        raise ClientError("INVALID_INPUT", f"cannot read {image}", field="image")
    if path.is_file() and path.stat().st_size == 0:
        raise ClientError("INVALID_INPUT", f"{image} is empty", field="image")


def _suite(arguments: argparse.Namespace) -> SuiteAddress:
    address = arguments.address or os.environ.get(ADDRESS_VARIABLE)
    api_key = arguments.api_key or os.environ.get(API_KEY_VARIABLE)
    local = read_suite_address(state_dir())
    if address:
        # The local key is only for the local suite: no other address shall see it.
        own = local.api_key if local and local.address == address else ""
        return SuiteAddress(address, api_key or own)
    if local is None:
        raise ClientError(UNREACHABLE, "no suite is running here and no --address was given")
    return SuiteAddress(local.address, api_key or local.api_key)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= _LONGEST_S:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a number of seconds above 0, at most {_LONGEST_S}"
        )
    return seconds


def _tokens(text: str) -> int:
    if not text.isdecimal() or int(text) >= 2**31:
        raise argparse.ArgumentTypeError(f"{text!r} is not 0 (the model's default) or more")
    return int(text)
