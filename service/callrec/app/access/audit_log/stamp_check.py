"""Time stamps of checkpoints by an authority: since when entries are proven by somebody else's clock, and whether the log is
still the one that was stamped."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import cache

from callrec.app.library.catalog import Finding
from callrec.app.ports.access import LogReader, Stamp
from callrec.domain.errors import CallrecError, Corrupt
from callrec.protocols.audit_entries import decode_entry, time_text
from callrec.protocols.checkpoints import Checkpoint, VerifierKey
from callrec.protocols.key_changes import KeyChange, opened_by_any
from callrec.protocols.log_tiles import WIDTH, tile_with
from callrec.protocols.time_stamps import TimeStamp, check_signature, check_stamped

AHEAD_MS = 120_000
"""An entry whose time is so much later than the stamp that covers it was written by a clock that was ahead."""

Root = Callable[[int], bytes]
"""The root hash over so many of the log's first entries."""


class StampTimes:
    """When entries were stamped first, for lists. Blocking. Raises Unavailable."""

    def __init__(self, log: LogReader) -> None:
        self._log, self._sizes = log, list(log.stamps())
        self._time = cache(self._read)

    def of(self, index: int) -> str | None:
        """The time of the first stamp whose checkpoint speaks of this entry; None without one. `callrec verify` checks it."""
        nth = bisect_right(self._sizes, index)
        return self._time(self._sizes[nth]) if nth < len(self._sizes) else None

    def _read(self, size: int) -> str | None:
        try:
            stamp = self._log.stamp(size)
            return time_text(check_stamped(stamp.answer, stamp.note).time_ms)
        except Corrupt:
            return None


def checked_stamps(
    log: LogReader, key: VerifierKey, changes: Sequence[KeyChange], reached: Checkpoint, root: Root | None
) -> tuple[list[TimeStamp], list[Finding], list[Finding]]:
    """Those that are right, the findings, and notes. `root`: None when the log itself is damaged. Raises Unavailable."""
    right: list[TimeStamp] = []
    findings: list[Finding] = []
    notes: list[Finding] = []
    authorities = log.authorities()
    for size in log.stamps():
        path = f"stamps/{size}.tsr"
        try:
            stamp = log.stamp(size)
            _check_checkpoint(opened_by_any(stamp.note, key, changes), size, reached, root)
            found = check_stamped(stamp.answer, stamp.note)
            if authorities:
                check_signature(stamp.answer, stamp.note, authorities)
        except Corrupt as error:
            findings.append(Finding("audit-stamp", path, error.message))
            continue
        right.append(found)
        if root is not None and (says := _ahead(log, size, reached, found)):
            notes.append(Finding("clock-ahead", path, says))
    if right and not authorities:
        says = "whether the authority has signed the time stamps was not checked: CALLREC_AUDIT_TIMESTAMP_CA is not set"
        notes.append(Finding("audit-stamp", "stamps", says))
    return right, findings, notes


def first_stamp(log: LogReader, index: int, fits: Callable[[Checkpoint], bool]) -> tuple[Checkpoint, Stamp] | None:
    """The first right stamp whose checkpoint speaks of this entry, and fits. Raises Misconfigured, Unavailable."""
    key, changes = log.key(), log.key_changes()
    for size in (one for one in log.stamps() if one > index):
        try:
            stamp = log.stamp(size)
            checkpoint = opened_by_any(stamp.note, key, changes)
            check_stamped(stamp.answer, stamp.note)
            if checkpoint.size == size and fits(checkpoint):
                return checkpoint, stamp
        except Corrupt:
            continue  # callrec verify names it
    return None


def _check_checkpoint(stamped: Checkpoint, size: int, reached: Checkpoint, root: Root | None) -> None:
    if stamped.size != size:
        raise Corrupt("audit-stamp", f"it has a checkpoint of {stamped.size} entries")
    if size > reached.size:
        says = f"the log has {reached.size} entries, and {size} of it were stamped: it was cut off"
        raise Corrupt("audit-stamp", says)
    if root is not None and root(size) != stamped.root:
        raise Corrupt("audit-stamp", f"the first {size} entries are not those that were stamped: the log was rewritten")


def _ahead(log: LogReader, size: int, reached: Checkpoint, found: TimeStamp) -> str:
    """What is said of the clock at the last stamped entry; empty when nothing is."""
    try:
        last = decode_entry(log.entries(tile_with(None, size - 1, reached.size))[(size - 1) % WIDTH])
    except CallrecError:
        return ""
    if last.time_ms <= found.time_ms + AHEAD_MS:
        return ""
    return (
        f"entry {size - 1} says {time_text(last.time_ms)}, and was stamped at {time_text(found.time_ms)}:"
        f" the machine's clock was ahead by {(last.time_ms - found.time_ms) / 1000:.0f} s or more"
    )
