"""The audit entry of a command on this machine: by the daemon that has the log open, else by the command itself.

One process writes the log at a time. While a daemon has it, the command sends its entry through the daemon's own socket, and the
kernel tells the daemon which system user that is. Else the command takes the log's lock, appends, and signs a checkpoint; a
daemon that starts meanwhile waits for the lock. Files that root makes get the owner of the folder: the daemon must be able
to read them.
"""

import asyncio
import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from callrec.adapters.audit.log import DiskAuditLog
from callrec.adapters.audit.witness import Witness
from callrec.adapters.daemon_api import DaemonApi
from callrec.adapters.disk.fsync import on_disk
from callrec.adapters.lock import is_locked
from callrec.adapters.system import SystemClock
from callrec.adapters.system_user import this_user
from callrec.domain.access.audit import AuditEntry
from callrec.domain.errors import CallrecError, Refused
from callrec.protocols.checkpoints import VerifierKey

PATH = "/api/v1/audit"
_PATIENCE_S, _LOOK_S = 10.0, 0.05


def log_from_here(folder: Path, origin: str, witness: Path | None, entry: AuditEntry) -> None:
    """Return when this entry is on disk; the actor and the address are those of this process. `folder`: the audit log's, in the
    state folder. Blocking. Raises Unavailable, Misconfigured, Corrupt, Refused: then nothing may be handed out or changed."""
    user = this_user()
    entry = replace(entry, actor=user.actor, address=user.place)
    ends_s = time.monotonic() + _PATIENCE_S
    while True:
        try:
            if is_locked(folder / "lock"):
                _by_daemon(folder, entry)
            else:
                _by_itself(folder, origin, witness, entry)
        except CallrecError as error:
            if error.code not in {"audit-locked", "daemon-away"} or time.monotonic() > ends_s:
                raise
            time.sleep(_LOOK_S)  # a daemon that starts or ends just now, or another command
        else:
            return


async def change_key(folder: Path, origin: str, witness: Path | None) -> VerifierKey:
    """Give the log a new key; returns its public part. Raises Refused (`daemon-runs`) while a daemon has the log, Misconfigured,
    Unavailable, Corrupt."""
    if is_locked(folder / "lock"):
        raise Refused("daemon-runs", "the daemon runs and has the audit log", hint="stop callrec serve first")
    with _as_owner(folder.parent):
        log = DiskAuditLog(folder, origin, SystemClock(), witness=Witness(witness) if witness else None)
        try:
            log.open()
            return await log.change_key(this_user().actor)
        finally:
            await log.close()


def _by_daemon(folder: Path, entry: AuditEntry) -> None:
    body = {
        "action": entry.action.value,
        "recording": entry.recording,
        "subject": entry.subject,
        "details": entry.details,
    }
    DaemonApi(folder.parent).ask("POST", PATH, body)


def _by_itself(folder: Path, origin: str, witness: Path | None, entry: AuditEntry) -> None:
    async def append() -> None:
        log = DiskAuditLog(folder, origin, SystemClock(), witness=Witness(witness) if witness else None)
        try:
            log.open()
            await log.append([entry])
        finally:
            await log.close()

    with _as_owner(folder.parent):
        asyncio.run(append())


@contextlib.contextmanager
def _as_owner(state_dir: Path) -> Iterator[None]:
    """Let root make files as the owner of this folder does. Raises Unavailable."""
    with on_disk(f"the state folder {state_dir}"):
        state_dir.mkdir(mode=0o750, parents=True, exist_ok=True)
        owner = state_dir.stat()
    if os.geteuid() != 0 or owner.st_uid == 0:
        yield
        return
    group = os.getegid()
    try:
        os.setegid(owner.st_gid)
        os.seteuid(owner.st_uid)
        yield
    finally:
        os.seteuid(0)
        os.setegid(group)
