"""What the launcher keeps on disk, and who holds it.

    supervisor.lock   held (flock) by the supervisor while it lives; its pid is inside
    groups.lock       held by the watchdog until every process of the suite is gone
    suite.json        what runs and where; true only while supervisor.lock is held
    api_key           the key of tenant "local", made once (mode 0600)
    secrets.json      suite key and Redis password, made once (mode 0600)
    api_keys.json     what the gateway reads: hashes of keys
    logs/ objects/ redis-state/ redis-tensors/

The kernel lets go of a lock when its holder dies, however it dies: a stale file is never believed.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from earthgptx_client.suite_state import API_KEY_FILE, SUITE_FILE
from launcher.errors import LaunchError

TENANT = "local"
_LOCK_PATIENCE_S = 1.0


@dataclass(frozen=True)
class StateFolder:
    """The folder of one suite."""

    root: Path

    @property
    def lock_file(self) -> Path:
        return self.root / "supervisor.lock"

    @property
    def groups_lock_file(self) -> Path:
        return self.root / "groups.lock"

    @property
    def suite_file(self) -> Path:
        return self.root / SUITE_FILE

    @property
    def api_key_file(self) -> Path:
        return self.root / API_KEY_FILE

    @property
    def api_keys_file(self) -> Path:
        return self.root / "api_keys.json"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    def make(self) -> None:
        """Makes the folders, for the user alone.

        Raises:
            LaunchError: they cannot be made.
        """
        try:
            for folder in (self.root, self.logs, self.root / "objects"):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise LaunchError(f"cannot use the folder {self.root}: {error.strerror}", 2) from None

    def read_suite(self) -> dict[str, Any] | None:
        """The last written state of the suite, whether it still holds or not."""
        try:
            suite = json.loads(self.suite_file.read_text())
        except (OSError, ValueError):
            return None
        return suite if isinstance(suite, dict) else None

    def write_suite(self, suite: dict[str, Any]) -> None:
        """Writes the state whole."""
        write_private(self.suite_file, json.dumps(suite, indent=2))


@dataclass(frozen=True)
class Secrets:
    """What the suite's processes and its user know."""

    suite_key: str
    redis_password: str
    api_key: str


def load_secrets(folder: StateFolder) -> Secrets:
    """Reads the secrets; makes them the first time."""
    path = folder.root / "secrets.json"
    try:
        kept = json.loads(path.read_text())
        suite_key, redis_password = str(kept["suite_key"]), str(kept["redis_password"])
    except (OSError, ValueError, KeyError, TypeError):
        suite_key, redis_password = secrets.token_hex(32), secrets.token_hex(16)
        made = {"suite_key": suite_key, "redis_password": redis_password}
        write_private(path, json.dumps(made))
    try:
        api_key = folder.api_key_file.read_text().strip()
    except OSError:
        api_key = ""
    if not api_key:
        api_key = f"egx_{secrets.token_urlsafe(32)}"
        write_private(folder.api_key_file, api_key + "\n")
    hashed = hashlib.sha256(api_key.encode()).hexdigest()
    write_private(folder.api_keys_file, json.dumps([{"sha256": hashed, "tenant": TENANT}]))
    return Secrets(suite_key, redis_password, api_key)


def write_private(path: Path, text: str) -> None:
    """Writes a file of mode 0600 so that readers see all of it or what was there before."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    number = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(number, "w") as file:
        file.write(text)
    os.replace(beside, path)


class Lock:
    """A lock on a file, held until `release` or the end of the process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._number = -1

    def take(self) -> bool:
        """Takes the lock and writes our pid inside; False if another process holds it."""
        number = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        give_up_at = time.monotonic() + _LOCK_PATIENCE_S
        while not _try(number, fcntl.LOCK_EX):
            # Someone who only looks (`held`) may have it for a moment.
            if time.monotonic() > give_up_at:
                os.close(number)
                return False
            time.sleep(0.02)
        os.truncate(number, 0)
        os.write(number, str(os.getpid()).encode())
        self._number = number
        return True

    def release(self) -> None:
        """Lets go."""
        if self._number >= 0:
            os.close(self._number)
            self._number = -1


def held(path: Path) -> bool:
    """Whether a living process holds the lock."""
    try:
        number = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        return not _try(number, fcntl.LOCK_SH)
    finally:
        os.close(number)


def holder_pid(path: Path) -> int | None:
    """The pid that the holder wrote; None if there is none to read."""
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None


def _try(number: int, kind: int) -> bool:
    try:
        fcntl.flock(number, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
