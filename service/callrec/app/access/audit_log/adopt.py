"""Recordings that were there before the log: each gets an entry once, with the digests of its files as they are now.

From then on a recording without an entry is one that callrec did not store. It is done once for each log, in the background of
the daemon's start; an entry says that it is done, and a mark in the log's folder saves reading the log for it.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

from callrec.app.access.audit_log.log_check import CheckedLog, check_log
from callrec.app.access.audit_log.stored_entries import stored_entry
from callrec.app.ports.access import AdoptionMark, AuditLog, LogReader
from callrec.app.ports.calls import Journal
from callrec.app.ports.library import Library
from callrec.domain.access.audit import Action, Actor, ActorKind, AuditEntry
from callrec.domain.errors import CallrecError, Corrupt
from callrec.domain.library.manifest import Manifest

AT_ONCE = 100
ALL = "library:all"
"""The subject of the last entry: all recordings that were there have theirs."""
AGAIN_S = 60.0


async def adopt_former(
    library: Library, journal: Journal, log: AuditLog, reader: LogReader, mark: AdoptionMark
) -> None:
    """Log each recording that has no entry, unless it was done before. It is tried again after an error; returns when all have
    one."""
    while True:
        try:
            if not await asyncio.to_thread(mark.is_set):
                await _adopt(library, journal, log, reader)
                await asyncio.to_thread(mark.set)
        except CallrecError:  # the log or the library cannot be read or written now: `/readyz` says why
            await asyncio.sleep(AGAIN_S)
        else:
            return


async def _adopt(library: Library, journal: Journal, log: AuditLog, reader: LogReader) -> None:
    checked = await asyncio.to_thread(check_log, reader)
    if checked.findings:
        first = checked.findings[0]
        raise Corrupt(first.code, first.message, hint="run callrec verify")
    if is_done(checked):  # the mark was lost: who removes it cannot add recordings in this way
        return
    known = {entry.recording for _, entry in checked.entries}
    known.update(entry.recording.id for entry in journal.live())  # these are logged when they are finished
    entries = _entries(library, known)
    while some := await asyncio.to_thread(_next, entries):
        await log.append(some)
    await log.append([AuditEntry(Action.ADOPTED, Actor(ActorKind.DAEMON), subject=ALL)])


def is_done(checked: CheckedLog) -> bool:
    """Whether the log says that recordings from before it have their entries."""
    return any(entry.subject == ALL for _, entry in checked.entries)


def _next(entries: Iterator[AuditEntry]) -> list[AuditEntry]:
    return list(islice(entries, AT_ONCE))


def _entries(library: Library, known: set[str]) -> Iterator[AuditEntry]:
    """The entries that are missing. A damaged sidecar has none, and keeps no other recording from its own: `callrec verify` names
    it."""
    for path, manifest in library.sidecars():
        if isinstance(manifest, Manifest) and manifest.recording.id not in known:
            try:
                entry = stored_entry(library, path, manifest)
            except Corrupt:
                continue
            yield replace(entry, action=Action.ADOPTED)
