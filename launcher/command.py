"""up, down, status, demo: subcommands of `earthgptx`, each from its arguments to an exit code."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from earthgptx_client.commands.exit_codes import EPILOG
from earthgptx_client.suite_state import state_dir
from launcher.demo.elsewhere import add_address_flags, named_suite
from launcher.errors import LaunchError
from launcher.progress import Progress, table
from launcher.running import (
    SuiteOptions,
    living_suite,
    start_supervisor,
    status_json,
    stop_running,
    wait_serving,
)
from launcher.state import StateFolder
from launcher.supervise import run_suite

_STATUS_EPILOG = "exit codes: 0 all of it serves, 2 bad input, 3 none runs, 4 some does not serve"


def up(arguments: Sequence[str]) -> int:
    """Starts the suite; says what runs if one does."""
    parser = _parser("up", "Start every service of the suite on this machine.")
    parser.add_argument("--detach", action="store_true", help="leave it running in the background")
    parser.add_argument("--weights", metavar="DIR", help="folder of the model (weights/nano)")
    parser.add_argument("--port", type=_port, default=0, help="where it answers (a free port)")
    given = parser.parse_args(arguments)
    options = SuiteOptions(given.weights, given.port)
    return _told(lambda: _up(options, detach=given.detach))


def down(arguments: Sequence[str]) -> int:
    """Stops the suite; fine if none runs."""
    parser = _parser("down", "Stop the suite and wait until nothing of it is left.")
    parser.parse_args(arguments)

    def stop() -> int:
        print("the suite is down" if stop_running(_folder()) else "no suite was running")
        return 0

    return _told(stop)


def status(arguments: Sequence[str]) -> int:
    """Says what runs; 0 if all of it serves, 3 if none runs, 4 if some does not serve."""
    parser = _parser("status", "Say what runs, where, and how it is.", _STATUS_EPILOG)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given = parser.parse_args(arguments)
    folder = _folder()
    suite = living_suite(folder)
    if given.json:
        print(status_json(suite, folder))
    elif suite is None:
        print("no suite is running; start it: earthgptx up")
    else:
        print(f"the suite is {suite['phase']} at {suite['address']}\n{table(suite)}")
    if suite is None:
        return 3
    all_serve = suite["services"] and all(s["state"] == "serving" for s in suite["services"])
    return 0 if all_serve else 4


def demo(arguments: Sequence[str]) -> int:
    """Asks about sample images, or one's own, and shows the answers."""
    parser = _parser("demo", "Questions and answers over sample images, with pictures of both.")
    parser.add_argument("--image", type=Path, metavar="PATH", help="one's own: PNG, JPEG, TIFF")
    parser.add_argument("--out", type=Path, default=Path("out/demo"), metavar="DIR")
    parser.add_argument("--weights", metavar="DIR", help="folder of the model (weights/nano)")
    add_address_flags(parser)
    parser.add_argument("--json", action="store_true", help="print the summary, nothing else")
    given = parser.parse_args(arguments)
    # Imported here: scenes and pictures need much that `up` and `down` do not.
    from launcher.demo.show import run_demo

    options = SuiteOptions(given.weights)
    elsewhere = named_suite(given)
    return _told(
        lambda: run_demo(_folder(), options, elsewhere, given.image, given.out, given.json),
        as_json=given.json,
    )


def _up(options: SuiteOptions, *, detach: bool) -> int:
    folder = _folder()
    running = living_suite(folder)
    if running is not None:
        print(f"a suite is already {running['phase']} at {running['address']}\n{table(running)}")
        return 0
    progress = Progress()
    if detach:
        supervisor = start_supervisor(folder, options, leashed=False)
        suite = wait_serving(folder, supervisor, progress)
        print(f"the suite answers at {suite['address']}; stop it: earthgptx down")
        return 0
    announced = False

    def show(suite: dict[str, object]) -> None:
        nonlocal announced
        progress.show(suite)
        if suite["phase"] == "running" and not announced:
            announced = True
            print(f"the suite answers at {suite['address']}; Ctrl-C stops it", flush=True)

    run_suite(folder, options, show)
    return 0


def _folder() -> StateFolder:
    return StateFolder(state_dir())


def _parser(name: str, words: str, epilog: str = EPILOG) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(
        prog=f"earthgptx {name}",
        description=words,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: 0 (a free one) to 65535")
    return int(text)


def _told(run: Callable[[], int], *, as_json: bool = False) -> int:
    try:
        return run()
    except LaunchError as error:
        print(f"earthgptx: {error}", file=sys.stderr)
        if as_json:
            print(json.dumps({"error": {"message": str(error)}}))
        return error.exit_code
