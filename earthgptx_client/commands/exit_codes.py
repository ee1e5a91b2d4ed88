"""What the exit code of the command says; docs/cli.md tells people the same."""

from __future__ import annotations

from earthgptx_client.errors import (
    DEADLINE_EXCEEDED,
    INVALID_INPUT,
    UNREACHABLE,
    ClientError,
)

OK = 0
USAGE = 2
UNREACHED = 3
REFUSED = 4
LATE = 5
INTERRUPTED = 130
BROKEN_PIPE = 141

# Shown below the help of the command and of every subcommand.
EPILOG = """\
exit codes: 0 done, 2 bad input, 3 cannot reach the suite (earthgptx up), 4 the suite refused or
failed, 5 out of time, 130 interrupted, 1 a fault of this command"""

_BY_CODE = {
    INVALID_INPUT: USAGE,
    UNREACHABLE: UNREACHED,
    DEADLINE_EXCEEDED: LATE,
}


def exit_code_of(error: ClientError) -> int:
    """2 for bad input, 3 for no suite, 5 for no time left, 4 for all else."""
    return _BY_CODE.get(error.code, REFUSED)
