"""The one error of the launcher: why the suite cannot be started or stopped, in plain words."""

from __future__ import annotations


class LaunchError(Exception):
    """What is wrong and, where there is something to do about it, what.

    Attributes:
        exit_code: as documented for the command: 2 bad input, 3 nothing runs, 4 failed, 5 too late.
    """

    def __init__(self, message: str, exit_code: int = 4) -> None:
        super().__init__(message)
        self.exit_code = exit_code
