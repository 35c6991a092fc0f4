"""Reads the journal of a running daemon, for commands. It locks and writes nothing."""

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from callrec.adapters.disk.fsync import on_disk
from callrec.domain.calls.ids import RecordingId
from callrec.domain.calls.journal import Step
from callrec.domain.errors import Corrupt, Unavailable
from callrec.protocols.journal_lines import LineReader

TRIES = 10


class UnfinishedRecordings(Collection[RecordingId]):
    """The unfinished recordings in the journal, now or at any time since this object was created.

    Before `in` returns False it reads the journal again, since an intent is journaled before its files exist.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known = _read(folder)

    def __contains__(self, recording: object) -> bool:
        if recording not in self._known:
            self._known |= _read(self._folder)
        return recording in self._known

    def __iter__(self) -> Iterator[RecordingId]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


def _read(folder: Path) -> set[RecordingId]:
    """Every recording without a final entry. Raises Unavailable."""
    with on_disk(f"journal {folder}"):
        for _ in range(TRIES):
            segments = sorted(folder.glob("journal-*.log"), key=lambda path: (len(path.name), path.name))
            try:
                lines = [line for segment in segments for line in segment.read_bytes().splitlines(keepends=True)]
            except FileNotFoundError:
                continue  # the daemon has just replaced the segments by a new one
            return _unfinished(lines)
    raise Unavailable("journal-moves", f"journal {folder} changes faster than it can be read", hint="try again")


def _unfinished(lines: Iterable[bytes]) -> set[RecordingId]:
    unfinished: set[RecordingId] = set()
    reader = LineReader()
    for line in lines:
        try:
            entry = reader.entry(line)
        except Corrupt:
            continue  # the daemon reports damaged lines; an incomplete last line is being written now
        if entry.step is Step.FINISHED:
            unfinished.discard(entry.recording.id)
        else:
            unfinished.add(entry.recording.id)
    return unfinished
