"""workflow run, watch, status, runs, cancel, resume, rerun."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from itertools import islice
from pathlib import Path

from earthgptx_client.client import Client
from earthgptx_client.commands import exit_codes
from earthgptx_client.commands.request_flags import add_suite_flags, connect
from earthgptx_client.commands.run_inputs import read_inputs
from earthgptx_client.commands.run_progress import shown
from earthgptx_client.commands.run_results import check_out, tell
from earthgptx_client.commands.uploading import upload_image
from earthgptx_client.commands.workflow_files import compiled
from earthgptx_client.commands.workflow_kept import AddAction
from earthgptx_client.commands.workflow_names import is_file, kept_named
from earthgptx_client.run_infos import RunInfo, StepInfo
from earthgptx_client.runs import STATES
from earthgptx_client.workflows import Kept

# As long as the suite itself gives a run.
_PATIENCE_S = 86_400.0


def add_actions(add: AddAction) -> None:
    """Adds run, watch, status, runs, cancel, resume and rerun."""
    start = add("run", run, "run a workflow, a file or one the suite keeps, and wait for its end")
    start.add_argument("workflow", metavar="FILE|NAME[@VERSION]")
    start.add_argument(
        "--input",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="an image file or id, words, a number, YAML, @FILE with YAML; again for each input",
    )
    again = add("rerun", rerun, "do a run again from its beginning, as a new one")
    for action in (start, again):
        action.add_argument(
            *("--key", "--idempotency-key"),
            default="",
            help="asking again with it waits for the same run",
        )
    look = add("watch", watch, "follow a run to its end; what it gave")
    look.add_argument(
        "--after", type=int, default=0, metavar="N", help="only events after number N (0)"
    )
    further = add("resume", resume, "take up a run that failed or was cancelled")
    for action in (start, again, further):
        action.add_argument("--detach", action="store_true", help="do not wait for its end")
    for action in (start, again, look, further):
        action.add_argument("--out", type=Path, metavar="DIR", help="write the files of the run")
    stands = add("status", status, "say how the steps of a run stand")
    stop = add("cancel", cancel, "call a run off")
    for action in (again, look, further, stands, stop):
        action.add_argument("run_id", metavar="RUN")
    listing = add("runs", runs, "list runs, the newest first")
    listing.add_argument("--state", choices=[state for state in STATES if state], default="")
    listing.add_argument("--workflow", default="", metavar="NAME", help="only of this one")
    listing.add_argument("--limit", type=int, default=20, metavar="N", help="at most (20)")
    for action in (start, again, look, further):
        add_suite_flags(action, _PATIENCE_S)
    for action in (stands, stop, listing):
        add_suite_flags(action)


def run(arguments: argparse.Namespace) -> int:
    """Uploads what is a file, starts the run, follows it."""
    check_out(arguments.out)
    workflow: str | Kept
    types: Mapping[str, str] | None = None
    if is_file(arguments.workflow):
        found = compiled(Path(arguments.workflow), arguments.json)
        if found is None:
            return exit_codes.USAGE
        workflow = found.text
        types = {name: str(each.type) for name, each in found.plan.definition.inputs.items()}
    else:
        workflow = kept_named(arguments.workflow)
    with connect(arguments) as client:
        if isinstance(workflow, Kept):
            kept = client.workflows.get(workflow.name, workflow.version)
            inputs = kept.definition.get("inputs", {})
            types = {name: each["type"] for name, each in inputs.items()}
            # That version, should another come between.
            workflow = Kept(workflow.name, kept.info.version.version)
        given = read_inputs(
            arguments.input,
            types or {},
            lambda image: upload_image(client, image, arguments.deadline),
        )
        started = client.workflows.run(workflow, given, idempotency_key=arguments.key or None)
        return _follow(client, started.run_id, arguments)


def watch(arguments: argparse.Namespace) -> int:
    """Follows a run from any event on; each is told with its number."""
    check_out(arguments.out)
    with connect(arguments) as client:
        return _follow(client, arguments.run_id, arguments, arguments.after, numbered=True)


def rerun(arguments: argparse.Namespace) -> int:
    """Starts a new run, follows it."""
    check_out(arguments.out)
    with connect(arguments) as client:
        started = client.runs.rerun(arguments.run_id, idempotency_key=arguments.key or None)
        return _follow(client, started.run_id, arguments)


def resume(arguments: argparse.Namespace) -> int:
    """Takes up a run, follows it from there on."""
    check_out(arguments.out)
    with connect(arguments) as client:
        last = client.runs.get(arguments.run_id).info.last_event
        client.runs.resume(arguments.run_id)
        return _follow(client, arguments.run_id, arguments, last)


def cancel(arguments: argparse.Namespace) -> int:
    """Calls a run off; says how it stands then."""
    with connect(arguments) as client:
        client.runs.cancel(arguments.run_id)
        state = client.runs.get(arguments.run_id).info.state
    print(json.dumps({"run_id": arguments.run_id, "state": state}) if arguments.json else state)
    return exit_codes.OK


def status(arguments: argparse.Namespace) -> int:
    """How a run and its steps stand."""
    with connect(arguments) as client:
        found = client.runs.get(arguments.run_id)
    if arguments.json:
        print(json.dumps({"run": asdict(found.info), "steps": [asdict(s) for s in found.steps]}))
        return exit_codes.OK
    print(_run_words(found.info))
    for step in found.steps:
        print(_step_words(step))
    return exit_codes.OK


def runs(arguments: argparse.Namespace) -> int:
    """Lists runs."""
    with connect(arguments) as client:
        listing = client.runs.list(state=arguments.state, workflow=arguments.workflow)
        found = list(islice(listing, max(0, arguments.limit)))
    if arguments.json:
        print(json.dumps({"runs": [asdict(each) for each in found]}))
    for each in found if not arguments.json else ():
        print(_run_words(each))
    return exit_codes.OK


def _follow(
    client: Client,
    run_id: str,
    arguments: argparse.Namespace,
    after_event: int = 0,
    *,
    numbered: bool = False,
) -> int:
    """Waits for the end, unless that is not wanted; tells what the run gave."""
    # For messages: an error does not know which run was followed.
    arguments.followed = run_id
    if vars(arguments).get("detach"):
        print(json.dumps({"run_id": run_id}) if arguments.json else run_id)
        return exit_codes.OK
    events = client.runs.watch(
        run_id, after_event=after_event, timeout_s=arguments.deadline.remaining_s()
    )
    if not arguments.json:
        print(f"run {run_id}", file=sys.stderr)
        events = shown(events, sys.stderr, numbered=numbered)
    try:
        for _ in events:
            pass
    except KeyboardInterrupt:
        print(f"the run goes on: earthgptx workflow watch|cancel {run_id}", file=sys.stderr)
        raise
    return tell(client, client.runs.get(run_id), arguments)


def _run_words(run: RunInfo) -> str:
    began = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(run.created_at_ms / 1000))
    version = f"@{run.version}" if run.version else ""
    until_ms = run.ended_at_ms or time.time() * 1000
    took_s = max(0.0, until_ms - run.created_at_ms) / 1000
    why = f"  {run.failure.code}: {run.failure.message}" if run.failure else ""
    return f"{run.run_id}  {began}  {took_s:8.1f} s  {run.state:9}  {run.workflow}{version}{why}"


def _step_words(step: StepInfo) -> str:
    items = "" if step.items is None else f"  {step.items_done} of {step.items}"
    took_ms = step.ended_at_ms - step.started_at_ms
    took = f"  {took_ms / 1000:.1f} s" if step.started_at_ms and step.ended_at_ms else ""
    failed = f"  {step.failures} failed: {step.error}" if step.failures else ""
    return f"  {step.step:20} {step.task:18} {step.state}{items}{took}{failed}"
