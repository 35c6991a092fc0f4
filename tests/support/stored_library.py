"""A library with real encoded recordings, an index of it, and what a test has to hear: the audit log and alarms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from callrec.adapters.database.sqlite_catalogue import SqliteCatalogue
from callrec.adapters.encryption.contents import Contents
from callrec.adapters.media.encode import PyAvEncoder
from callrec.app.library.catalog import index_entry
from callrec.app.library.media.waveforms import keep_waveforms
from callrec.config import Settings
from callrec.domain.access.audit import AuditEntry
from callrec.domain.calls.ids import CallId, CaptureId, LegId, NodeId, RecordingId
from callrec.domain.calls.model import Actor, ActorKind, Capture, Interval, Party, Recording
from callrec.domain.errors import CallrecError, Corrupt, Unavailable
from callrec.domain.library.captures import EncodeJob, Piece, TrackJob, TrackVoice
from callrec.domain.library.manifest import SCHEMA, Format, Manifest, Media, StoredState, Track
from callrec.domain.library.search import Filter
from callrec.domain.library.search_pages import Page, PageRequest
from callrec.domain.rules import Rule, UserId
from callrec.domain.vocabulary import DropReason
from callrec.wiring.encryption import contents_of, library_of
from callrec.wiring.media import FOLDER

RATE_HZ = 8000
BEGAN_S = 1795341600.25


def tone(hz: float, seconds: float) -> NDArray[np.int16]:
    """One frequency, loud."""
    return (8000 * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE_HZ)) / RATE_HZ)).astype(np.int16)


@dataclass
class StoredLibrary:
    """Implements the ports of what is stored, of the audit log, and of notices, as far as handing out media uses them."""

    folder: Path
    entries: dict[str, dict[str, str]] = field(default_factory=dict)
    audited: list[AuditEntry] = field(default_factory=list)
    alarms: list[str] = field(default_factory=list)
    lost: list[DropReason] = field(default_factory=list)
    events: list[dict[str, str]] = field(default_factory=list)
    unshared: set[str] = field(default_factory=set)
    audit_is_full: bool = False
    index_is_away: bool = False
    encrypts: bool = False
    """Whether what is stored is encrypted, with the master key in the file `keys`."""

    def __post_init__(self) -> None:
        """The monitor directory below the folder."""
        keys = self.folder / "keys"
        if self.encrypts and not keys.exists():
            keys.touch(0o600)
            keys.write_text(f"2026 {bytes(range(32)).hex()}\n")
        self.settings = Settings(
            monitor_dir=self.folder / "monitor",
            state_dir=self.folder / "state",
            transcoded_mb=16,
            encryption=self.encrypts,
            encryption_keys=f"file:{keys}" if self.encrypts else "",
        )
        self.library = library_of(self.settings)

    @property
    def contents(self) -> Contents:
        """How the daemon opens files."""
        return contents_of(self.library, self.settings, FOLDER)

    def store(
        self,
        nth: int,
        media_format: Format = Format.WAV,
        *,
        left: NDArray[np.int16] | None = None,
        right: NDArray[np.int16] | None = None,
        tracks: bool = False,
        recording: Recording | None = None,
        path: str = "",
    ) -> Manifest:
        """Store a recording: 440 Hz left, 1000 Hz right, 3 s, unless other sound is given. `path`: by default callrec's own."""
        read, write = (
            self._leg(tone(440, 3) if left is None else left),
            self._leg(tone(1000, 3) if right is None else right),
        )
        piece = Piece(read, write, RATE_HZ, 0)
        job = EncodeJob((piece,), media_format, RATE_HZ)
        said = recording or recorded(nth)
        path = path or f"2026/11/22/{said.id}"
        stem = path.rpartition("/")[2]
        temporary = self.library.temporary(said.id, media_format)
        encoder = PyAvEncoder(self.library.contents)
        encoded = encoder.encode(job, temporary)
        media = Media(
            f"{stem}.{media_format.value}", media_format, RATE_HZ, encoded.samples, encoded.bytes, encoded.sha256
        )
        manifest, files, waveforms = (
            Manifest(SCHEMA, StoredState.SOUND, said, media),
            [temporary],
            [(None, encoded.waveform)],
        )
        if tracks:
            for number, is_heard in ((1, False), (2, True)):
                files.append(self.library.temporary(said.id, media_format))
                voice = TrackVoice(piece, is_heard, ((0, encoded.samples),))
                one = encoder.encode_track(TrackJob(job, encoded.samples, (voice,)), files[-1])
                name = f"{stem}.track-{number}.{media_format.value}"
                of = Media(name, media_format, RATE_HZ, one.samples, one.bytes, one.sha256)
                party = said.parties[number - 1]
                present = (Interval(said.from_s, said.to_s),)
                track = Track(number, (party.leg,), party.user, party.number, party.name, present, (), of)
                manifest = replace(manifest, tracks=(*manifest.tracks, track))
                waveforms.append((number, one.waveform))
        manifest = self.library.place(manifest, path, files)
        keep_waveforms(self.library, path, manifest, waveforms)
        self.library.tidy(said.id)
        self.entries[str(said.id)] = index_entry(path, manifest)
        return manifest

    def file(self, manifest: Manifest) -> Path:
        """The stored media of a recording."""
        return self.folder / "monitor/2026/11/22" / manifest.media.name

    def content(self, file: Path) -> bytes:
        """What the file has to say, also an encrypted one."""
        with self.library.contents.reading(file) as content:
            return content.read(0, content.size_bytes)

    def _leg(self, sound: NDArray[np.int16]) -> str:
        path = self.folder / f"leg-{len(list(self.folder.glob('leg-*')))}"
        path.write_bytes(sound.astype("<i2").tobytes())
        return str(path)

    async def get(self, recording: str) -> dict[str, str] | None:
        """The catalogue."""
        return self.entries.get(recording)

    async def search(self, wanted: Filter, request: PageRequest) -> Page:
        """The catalogue: a real one, filled for this question."""
        with TemporaryDirectory() as folder:
            catalogue = SqliteCatalogue(Path(folder))
            try:
                for entry in self.entries.values():
                    await catalogue.put(entry)
                return await catalogue.search(wanted, request)
            finally:
                await catalogue.close()

    async def put(self, entry: Mapping[str, str]) -> None:
        """The catalogue."""
        if self.index_is_away:
            raise Unavailable("catalogue-busy", "the catalogue does not answer")
        self.entries[entry["id"]] = dict(entry)

    async def forget(self, recording: str) -> bool:
        """The catalogue."""
        if self.index_is_away:
            raise Unavailable("catalogue-busy", "the catalogue does not answer")
        return self.entries.pop(recording, None) is not None

    async def purge(self) -> None:
        """The catalogue."""

    def erased(self, recordings: int, bytes_: int, cause: str) -> None:
        """Recordings are gone."""

    def erasure_unfinished(self, place: str, error: CallrecError) -> None:
        """An alarm."""
        self.alarms.append(f"{place}: {error.code}")

    def erased_again(self, recording: RecordingId) -> None:
        """One had come back."""
        self.alarms.append(f"{recording}: again")

    def retained(self, erased: int, bytes_: int, why: str) -> None:
        """A run of retention."""

    def retention_stopped(self, cause: str, reason: str) -> None:
        """An alarm."""
        self.alarms.append(f"retention: {cause}: {reason}")

    async def append(self, entries: Sequence[AuditEntry]) -> None:
        """The audit log."""
        if self.audit_is_full:
            raise Unavailable("disk", "the audit log's disk is full")
        self.audited += entries

    async def may_share(self, maker: str) -> bool:
        """Whether the maker of a link may share recordings."""
        return maker not in self.unshared

    async def publish(self, event: Mapping[str, str]) -> None:
        """An event."""
        self.events.append(dict(event))

    def media_changed(self, recording: RecordingId, error: Corrupt) -> None:
        """An alarm."""
        self.alarms.append(f"{recording}: {error.code}")

    def unindexed(self, recording: RecordingId, error: CallrecError) -> None:
        """The index does not know a change."""
        self.alarms.append(f"{recording}: {error.code}")

    def dropped(self, what: DropReason) -> None:
        """A request that found no place."""
        self.lost.append(what)


def recorded(nth: int, seconds: float = 3.0) -> Recording:
    """A call of 1000 with 1001."""
    first = Party(LegId("1.1"), UserId("7"), "1000", "John Doe", BEGAN_S, BEGAN_S + seconds)
    other = Party(LegId("1.2"), UserId("8"), "1001", "George Clinton", BEGAN_S, BEGAN_S + seconds)
    return Recording(
        RecordingId(f"c{nth}-1"),
        CallId(f"c{nth}"),
        "1.1",
        NodeId("n"),
        Rule.ALWAYS,
        Actor(ActorKind.POLICY),
        BEGAN_S,
        BEGAN_S + seconds,
        captures=(Capture(CaptureId(f"c{nth}-1-1"), first.leg, "PJSIP/a-1", RATE_HZ, BEGAN_S, BEGAN_S + seconds),),
        parties=(first, other),
    )
