"""The journal, read by somebody who does not own it: a command beside the running daemon. Nothing is locked or written."""

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from callrec.adapters.disk.durable import on_disk
from callrec.domain.errors import Corrupt, Unavailable
from callrec.domain.lifecycle import Step
from callrec.domain.model import RecordingId
from callrec.protocols.documents import decode_entry

TRIES = 10


class UnfinishedRecordings(Collection[RecordingId]):
    """The recordings that the journal works on, or worked on since this was made: what has not arrived is no finding yet.

    A question that is answered with no reads the journal anew first: an intent is journaled before its files exist.
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
    """Every recording with an entry and no last one. Raises Unavailable."""
    with on_disk(f"journal {folder}"):
        for _ in range(TRIES):
            segments = sorted(folder.glob("journal-*.log"), key=lambda path: (len(path.name), path.name))
            try:
                lines = [line for segment in segments for line in segment.read_bytes().splitlines(keepends=True)]
            except FileNotFoundError:
                continue  # its owner has just begun a newer segment, which holds what is live
            return _unfinished(lines)
    raise Unavailable("journal-moves", f"journal {folder} changes faster than it can be read", hint="try again")


def _unfinished(lines: Iterable[bytes]) -> set[RecordingId]:
    unfinished: set[RecordingId] = set()
    for line in lines:
        try:
            entry = decode_entry(line)
        except Corrupt:
            continue  # its owner reports it; a torn last line is being written now
        if entry.step is Step.FINISHED:
            unfinished.discard(entry.recording.id)
        else:
            unfinished.add(entry.recording.id)
    return unfinished
