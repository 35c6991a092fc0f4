"""The lock on a folder that only one daemon may use: the spool and the monitor directory.

The journal has its own lock in the state folder, but two daemons with different state folders and the same spool would each adopt
the other's captures and store each recording twice. The lock file names its holder.
"""

import json
import logging
import os
import time
from collections.abc import Mapping
from pathlib import Path

from callrec.adapters.lock import FileLock, is_locked
from callrec.domain.errors import Misconfigured

log = logging.getLogger(__name__)

NAME = ".callrec.lock"
MODE = 0o640
_PATIENCE_S = 1.0
"""How long to wait for the lock: a command that reads the holder's name holds it for an instant."""
_LOOK_S = 0.05


class FolderLock:
    """`take` before any work in the folder, `release` at the end. `holder`: the facts about this daemon in the lock file."""

    def __init__(self, folder: Path, setting: str, holder: Mapping[str, str]) -> None:
        self._folder, self._setting = folder, setting
        self._holder = holder
        self._lock = FileLock(folder / NAME, MODE)

    def take(self) -> None:
        """Lock the folder that is at this path now; may be called again, also after the folder was replaced. Blocking.

        Raises Misconfigured when another daemon has it. On a disk without locks it logs a warning and the daemon works without.
        """
        if self._lock.holds():
            return
        try:
            self._folder.mkdir(mode=0o750, parents=True, exist_ok=True)
            self._wait_for_it()
        except OSError as error:
            log.warning("cannot lock %s against a second daemon: %s", self._folder, error.strerror)
            return
        try:
            self._lock.write(json.dumps({**self._holder, "pid": os.getpid()}).encode() + b"\n")
        except OSError as error:  # a full disk: the lock itself holds
            log.warning("cannot write the holder's name into the lock file of %s: %s", self._folder, error.strerror)

    def release(self) -> None:
        """Release the lock."""
        self._lock.release()

    def _wait_for_it(self) -> None:
        deadline_s = time.monotonic() + _PATIENCE_S
        while not self._lock.take():
            if time.monotonic() > deadline_s:
                raise _taken(self._folder, self._setting, _said(self._lock))
            time.sleep(_LOOK_S)


def holder_of(folder: Path) -> dict[str, str] | None:
    """The facts about the daemon that has this folder; None when no daemon has it, or the lock file cannot be read."""
    path = folder / NAME
    return _said(FileLock(path)) if is_locked(path) else None


def _said(lock: FileLock) -> dict[str, str]:
    """The facts that the lock's holder wrote; empty when they cannot be read."""
    try:
        said = json.loads(lock.note())
    except ValueError:
        return {}
    return {str(key): str(value) for key, value in said.items()} if isinstance(said, dict) else {}


def _taken(folder: Path, setting: str, holder: Mapping[str, str]) -> Misconfigured:
    who = ", ".join(f"{name} {holder[name]}" for name in ("node", "pid", "state") if name in holder) or "unknown"
    hint = f"stop the other daemon, or give this one its own {setting}"
    return Misconfigured("folder-locked", f"another callrec ({who}) works in {folder}", hint=hint)
