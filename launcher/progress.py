"""What people see while the suite starts and stops: a line for each process."""

from __future__ import annotations

import sys
from typing import Any, TextIO

_COLOURS = {"serving": "32", "starting": "33", "restarting": "31", "no answer": "31"}


class Progress:
    """Prints states: in place on a terminal, else one line whenever a process begins to serve."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = sys.stderr if out is None else out
        self._live = self._out.isatty()
        self._lines_drawn = 0
        self._told: dict[str, str] = {}

    def show(self, suite: dict[str, Any]) -> None:
        """Shows the state of the suite, as in suite.json."""
        if self._live:
            self._redraw([_line(service, colour=True) for service in suite["services"]])
            return
        for service in suite["services"]:
            name, state = service["name"], service["state"]
            before = self._told.get(name)
            self._told[name] = state
            if state != before and state in ("serving", "restarting"):
                print(_line(service, colour=False), file=self._out, flush=True)

    def _redraw(self, lines: list[str]) -> None:
        if self._lines_drawn:
            self._out.write(f"\x1b[{self._lines_drawn}F")
        self._out.writelines(f"\x1b[2K{line}\n" for line in lines)
        self._out.flush()
        self._lines_drawn = len(lines)


def table(suite: dict[str, Any]) -> str:
    """All processes, for `status`."""
    rows = [("process", "state", "pid", "address", "metrics", "restarts")]
    for service in suite["services"]:
        values = (service.get(key) for key in ("pid", "address", "metrics_port", "restarts"))
        shown = ("-" if value is None else str(value) for value in values)
        rows.append((service["name"], service["state"], *shown))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _line(service: dict[str, Any], colour: bool) -> str:
    state = service["state"].ljust(11)
    if colour and service["state"] in _COLOURS:
        state = f"\x1b[{_COLOURS[service['state']]}m{state}\x1b[0m"
    after = service.get("serving_after_s")
    seconds = f"  {after:5.1f} s" if after is not None else ""
    return f"  {service['name']:<15} {state} {service['address']:<16}{seconds}"
