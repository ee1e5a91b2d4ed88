"""Runs a program that dies with its parent (Linux): `leash.py PARENT_PID program arguments...`.

A program of its own and not a `preexec_fn`, because code between fork and exec is not safe in a
process with threads. Needs only the standard library and no site-packages, to start fast.
Source: prctl(2), PR_SET_PDEATHSIG; it survives execve.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    parent_pid, program, *arguments = sys.argv[1:]
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    # The parent may have died before the request was made: then no signal would ever come.
    if os.getppid() == int(parent_pid):
        os.execvp(program, [program, *arguments])


if __name__ == "__main__":
    main()
