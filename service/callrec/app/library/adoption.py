"""Takes recordings of other programs into the library. Their files stay as they are: each is copied, or linked.

A file is adopted once: its recording's id and path follow from its name and its content, so that a run that was broken off goes
on with the next one. What is in the library then gets its audit entry and its entry in the catalogue from the daemon
(`adopted_entries`), in batches; a recording without one gets it in the next run.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from enum import StrEnum

from callrec.app.ports.library import AdoptableFiles, Encoder, Library
from callrec.domain.calls.ids import NodeId, RecordingId, recording_id
from callrec.domain.error_codes import ErrorCode
from callrec.domain.errors import CallrecError, Refused
from callrec.domain.library.adoption import NamedFile, adopted_manifest, identified, named_file
from callrec.domain.library.manifest import Manifest

BATCH = 100
"""Recordings that are entered at once."""
SETTLED_S = 10.0
"""A file that changed less than this before may still be written."""


class Outcome(StrEnum):
    """What became of a file."""

    ADOPTED = "adopted"
    THERE = "already-there"
    REFUSED = "not-adopted"
    WOULD = "would-be-adopted"
    """In a run that changes nothing."""


@dataclass(frozen=True, slots=True)
class FileReport:
    """One file of the folder: its path there; the recording that it is; or why it is none."""

    file: str
    outcome: Outcome
    recording: str = ""
    code: ErrorCode | None = None
    says: str = ""


@dataclass(frozen=True, slots=True)
class AdoptionPorts:
    """What adopting uses. `enter`: has the daemon enter recordings, by their paths in the library. `is_entered`: whether one
    needs that no more. `is_erased`: whether one was adopted before, and erased."""

    files: AdoptableFiles
    library: Library
    encoder: Encoder
    enter: Callable[[Sequence[str]], None]
    is_entered: Callable[[RecordingId], bool]
    is_erased: Callable[[RecordingId], bool] = lambda _recording: False


class Adoption:
    """One run over one folder. Blocking."""

    def __init__(self, ports: AdoptionPorts, zone: tzinfo, node: NodeId, *, links: bool = False) -> None:
        """`zone`: that of the machine that named the files. `links`: link the files in place of copying them."""
        self._ports, self._zone, self._node, self._links = ports, zone, node, links

    def preview(self) -> Iterator[FileReport]:
        """What `run` would do with each file. Changes nothing. Raises Unavailable when the folder cannot be read."""
        for file in self._ports.files.names():
            try:
                named, digest, _ = self._read(file)
                recording, found = self._found(named, digest)
                if found is None:
                    self._ports.encoder.played(self._ports.files.absolute(file), named.format)
            except CallrecError as error:
                yield _refused(file, error)
            else:
                yield FileReport(file, Outcome.THERE if found else Outcome.WOULD, recording)

    def run(self) -> Iterator[FileReport]:
        """Adopt each file that can be; its report comes when its recording is entered. Raises Unavailable when the folder or the
        library cannot be read, or the daemon does not enter: then run it again."""
        waiting: list[FileReport] = []
        paths: list[str] = []
        for file in self._ports.files.names():
            try:
                report, path = self._adopted(file)
            except CallrecError as error:
                report, path = _refused(file, error), ""
            waiting.append(report)
            if path:
                paths.append(path)
            if len(paths) == BATCH:
                self._ports.enter(paths)
                yield from waiting
                waiting, paths = [], []
        if paths:
            self._ports.enter(paths)
        yield from waiting

    def _adopted(self, file: str) -> tuple[FileReport, str]:
        """The report, and the path of the recording to enter; empty for none."""
        named, digest, size_bytes = self._read(file)
        recording, found = self._found(named, digest)
        _, path = identified(named, digest)
        if found:
            return FileReport(file, Outcome.THERE, recording), "" if self._ports.is_entered(recording) else path
        self._place(file, named, recording, path, (size_bytes, digest))
        return FileReport(file, Outcome.ADOPTED, recording), path

    def _read(self, file: str) -> tuple[NamedFile, str, int]:
        named = named_file(file.rpartition("/")[2], self._zone)
        size_bytes, digest = self._ports.files.measure(file, SETTLED_S)
        return named, digest, size_bytes

    def _found(self, named: NamedFile, digest: str) -> tuple[RecordingId, Manifest | None]:
        call, path = identified(named, digest)
        recording = recording_id(call, 1)
        found = self._ports.library.find(recording, [path])
        if found is None and self._ports.is_erased(recording):
            says = f"it was adopted before, as {recording}, and erased"
            raise Refused("adopt-erased", says, hint="remove the file, too")
        return recording, found[1] if found else None

    def _place(self, file: str, named: NamedFile, recording: RecordingId, path: str, measured: tuple[int, str]) -> None:
        files, library = self._ports.files, self._ports.library
        temporary = library.temporary(recording, named.format)
        try:
            files.copy(file, temporary, links=self._links)
            played = self._ports.encoder.played(temporary, named.format)
            if files.digest(temporary) != measured:
                raise Refused(
                    "adopt-busy", "the file has changed while it was read", hint="run the command again later"
                )
            size_bytes, digest = measured
            library.place(adopted_manifest(named, played, self._node, digest, size_bytes), path, [temporary])
        finally:
            library.tidy(recording)


def counted(reports: Collection[FileReport]) -> dict[str, int]:
    """How many files had each outcome."""
    return {outcome.value: sum(one.outcome is outcome for one in reports) for outcome in Outcome}


def _refused(file: str, error: CallrecError) -> FileReport:
    says = f"{error.message}: {error.hint}" if error.hint else error.message
    return FileReport(file, Outcome.REFUSED, code=error.code, says=says)
