"""The `earthgptx` command. Exit codes and examples: docs/cli.md."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import TracebackType
from typing import Any

from earthgptx_client.commands import exit_codes, extensions

DEBUG_VARIABLE = "EARTHGPTX_DEBUG"
_FORM: dict[str, Any] = {
    "epilog": exit_codes.EPILOG,
    "formatter_class": argparse.RawDescriptionHelpFormatter,
    "allow_abbrev": False,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code. Usage errors leave by SystemExit(2)."""
    # The C core would write its own lines about connections beside ours.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    if not os.environ.get(DEBUG_VARIABLE):
        sys.excepthook = _one_line
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if given and given[0] in extensions.names():
            return extensions.run(given[0], given[1:])
        return _own(given)
    except extensions.MissingExtra as error:
        print(f"earthgptx: {error}", file=sys.stderr)
        return exit_codes.USAGE
    except KeyboardInterrupt:
        print("earthgptx: interrupted", file=sys.stderr)
        return exit_codes.INTERRUPTED
    except BrokenPipeError:
        # The reader left (`| head`): nothing to say, and nowhere to flush to at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return exit_codes.BROKEN_PIPE


def _own(given: list[str]) -> int:
    """Runs a subcommand of the client itself."""
    from earthgptx_client.commands.failures import report
    from earthgptx_client.commands.mark_flags import join_negative
    from earthgptx_client.commands.tracing import traced_command
    from earthgptx_client.errors import ClientError

    parsed = _parser().parse_args(join_negative(given))
    run: Callable[[argparse.Namespace], int] = parsed.run
    try:
        with traced_command(parsed.command):
            return run(parsed)
    except ClientError as error:
        return report(error, parsed)
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        named = f"{error.filename}: " if error.filename else ""
        fault = ClientError("INVALID_INPUT", f"{named}{error.strerror or error}")
        return report(fault, parsed)


def _parser() -> argparse.ArgumentParser:
    from earthgptx_client.commands import questions, segmentation, workflow
    from earthgptx_client.commands.mark_flags import add_mark_flags
    from earthgptx_client.commands.request_flags import add_request_flags

    parser = argparse.ArgumentParser(
        prog="earthgptx",
        description="Ask overhead imagery by words and marks.",
        **_FORM,
    )
    parser.add_argument("--version", action="version", version=f"earthgptx {installed_version()}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def add(
        name: str, run: Callable[[argparse.Namespace], int], words: str
    ) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=words, description=words, **_FORM)
        command.add_argument("image", metavar="IMAGE", help="PNG, JPEG or TIFF")
        command.set_defaults(run=run, command=name)
        return command

    ask = add("ask", questions.ask, "answer a question about an image")
    ask.add_argument("question", metavar="QUESTION", help='marks are "<Region 1>" and so on')
    segment = add("segment", segmentation.segment, "masks of an expression, or of marks")
    segment.add_argument("expression", nargs="?", default="", metavar="EXPRESSION")
    segment.add_argument("--out", type=Path, required=True, metavar="FILE.png|.geojson")
    describe = add("describe", questions.describe, "describe the image, or each mark")
    describe.add_argument("--detailed", action="store_true", help="at length")
    describe.add_argument("--masks", action="store_true", help="with masks of what is mentioned")
    classify = add("classify", questions.classify, "name the scene, or what each mark shows")
    for command in (ask, segment, describe, classify):
        add_mark_flags(command)
        add_request_flags(command)
    flow = commands.add_parser("workflow", help=workflow.WORDS, description=workflow.WORDS, **_FORM)
    workflow.add_workflow_parser(flow, _FORM)
    for name in extensions.names():
        _, words = extensions.KNOWN.get(name, ("", ""))
        commands.add_parser(name, help=words, add_help=False)
    return parser


def installed_version() -> str:
    """The version of the installed distribution; "checkout" where it runs from source alone."""
    try:
        return version(extensions.DISTRIBUTION)
    except PackageNotFoundError:
        return "checkout"


def _one_line(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """A fault of the command itself, without its trace; Python then exits with 1."""
    del trace
    print(
        f"earthgptx: a fault of this command: {kind.__name__}: {error} "
        f"({DEBUG_VARIABLE}=1 shows where)",
        file=sys.stderr,
    )
