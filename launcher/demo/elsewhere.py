"""A suite the demo asks that was not started here: in containers, on a cluster."""

from __future__ import annotations

import argparse
import os

from earthgptx_client.commands.request_flags import ADDRESS_VARIABLE, API_KEY_VARIABLE
from earthgptx_client.suite_state import SuiteAddress


def add_address_flags(parser: argparse.ArgumentParser) -> None:
    """Adds where the suite is and the key it takes."""
    parser.add_argument(
        "--address", metavar="HOST:PORT", help=f"else {ADDRESS_VARIABLE}, else one is started here"
    )
    parser.add_argument("--api-key", metavar="KEY", help=f"else {API_KEY_VARIABLE}")


def named_suite(arguments: argparse.Namespace) -> SuiteAddress | None:
    """The suite that the flags or the environment name; None for the one of this machine."""
    address = arguments.address or os.environ.get(ADDRESS_VARIABLE)
    api_key = arguments.api_key or os.environ.get(API_KEY_VARIABLE, "")
    return SuiteAddress(address, api_key) if address else None
