"""Ends what the supervisor leaves, however it ended: `watchdog.py LOCK_FILE GRACE_S [FOLDER...]`.

Reads `+GROUP` and `-GROUP` lines (process groups) from stdin, whose other end only the supervisor
holds. At the end of the input it sends SIGTERM to all groups that are left, SIGKILL after the
grace, and removes the folders (memory that the processes shared). While it lives it holds a lock on
the lock file: who can take the lock knows that nothing of the suite runs any more. Works wherever
there are pipes and process groups (Linux, macOS); needs only the standard library, to be small and
to start fast.
"""

import fcntl
import os
import shutil
import signal
import sys
import time

POLL_S = 0.05


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    lock_file, grace_s, *folders = sys.argv[1:]
    lock = os.open(lock_file, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    print("ready", flush=True)
    stop(read_groups(), float(grace_s))
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def read_groups() -> set[int]:
    """The groups that are left when the supervisor is gone."""
    groups: set[int] = set()
    for line in sys.stdin:
        group = int(line[1:])
        groups.add(group) if line[0] == "+" else groups.discard(group)
    return groups


def stop(groups: set[int], grace_s: float) -> None:
    """SIGTERM, patience, SIGKILL."""
    give_up_at = time.monotonic() + grace_s
    groups = {group for group in groups if send(group, signal.SIGTERM)}
    while groups and time.monotonic() < give_up_at:
        time.sleep(POLL_S)
        groups = {group for group in groups if send(group, 0)}
    for group in groups:
        send(group, signal.SIGKILL)


def send(group: int, number: int) -> bool:
    """Whether there was anyone to send to."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


if __name__ == "__main__":
    main()
