"""Free ports, chosen so that they are still free when the process that gets them listens."""

from __future__ import annotations

import random
import socket

from launcher.errors import LaunchError

# Below the range from which systems take the local ports of outgoing connections (32768 and up on
# Linux, 49152 and up on macOS): nothing takes one of these by accident.
_FIRST, _LAST = 20_000, 32_000
_ATTEMPTS = 500


def free_ports(count: int) -> list[int]:
    """As many different ports of 127.0.0.1 on which nothing listens.

    Raises:
        LaunchError: there are not enough.
    """
    found: list[int] = []
    for port in random.sample(range(_FIRST, _LAST), _ATTEMPTS):
        if len(found) == count:
            break
        if is_free(port):
            found.append(port)
    if len(found) < count:
        raise LaunchError(f"no {count} free ports between {_FIRST} and {_LAST}")
    return found


def is_free(port: int) -> bool:
    """Whether a server could listen there."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        # As servers do: a port in TIME_WAIT is free.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
