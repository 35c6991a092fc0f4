"""Intake on real files: each step once, or again, and the same outcome."""
# ruff: noqa: D102 - the stand-ins keep the promises of the ports that they stand for

import asyncio
import hashlib
import json
import os
import shutil
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from audit_trail import AuditTrail

from callrec.adapters.database.open_catalogue import open_catalogue
from callrec.adapters.disk.journal import DiskJournal
from callrec.adapters.disk.monitor_directory import MonitorLibrary
from callrec.adapters.disk.spool import DiskSpool
from callrec.adapters.media.encode import PyAvEncoder
from callrec.app.library.catalog import rebuild, verify
from callrec.app.library.finalize.finalizer import Finalizer, Ports, Terms
from callrec.app.recovery import plan as recovery_plan
from callrec.domain.calls.ids import CallId, CaptureId, LegId, NodeId, RecordingId
from callrec.domain.calls.journal import Entry, Step
from callrec.domain.calls.model import POLICY, Capture, Party, Presence, Recording
from callrec.domain.errors import CallrecError, Corrupt, Unavailable
from callrec.domain.library.captures import Encoded, EncodeJob, Room, TrackJob
from callrec.domain.library.file_names import Names
from callrec.domain.library.manifest import Format, Manifest, StoredState
from callrec.domain.rules import Rule

SECOND = b"\x01\x02" * 8000


@dataclass
class Catalogue:
    """Index and event stream in memory; `down` makes both Unavailable."""

    entries: dict[str, Mapping[str, str]] = field(default_factory=dict)
    events: list[Mapping[str, str]] = field(default_factory=list)
    down: bool = False

    def _ask(self) -> None:
        if self.down:
            raise Unavailable("redis", "down")

    async def put(self, entry: Mapping[str, str]) -> None:
        self._ask()
        self.entries[entry["id"]] = entry

    async def publish(self, event: Mapping[str, str]) -> None:
        self._ask()
        self.events.append(event)


@dataclass
class Heard:
    """What intake told of itself."""

    said: list[str] = field(default_factory=list)

    def stored(self, manifest: Manifest) -> None:
        self.said.append(f"stored {manifest.state.value}")

    def delayed(self, _recording: RecordingId, attempt: int, error: Exception) -> None:
        self.said.append(f"delayed {attempt} {error.code if isinstance(error, CallrecError) else type(error).__name__}")

    def unindexed(self, _recording: RecordingId, error: CallrecError) -> None:
        self.said.append(f"unindexed {error.code}")

    def damaged(self, _recording: RecordingId, error: Corrupt) -> None:
        self.said.append(f"damaged {error.code}")

    def refused(self, _recording: RecordingId, cause: str) -> None:
        self.said.append(f"refused {cause}")

    def overflowed(self) -> None:
        self.said.append("overflowed")


class Scripted(PyAvEncoder):
    """The real encoder, after the faults that it is given: one for each call, None for none."""

    def __init__(self, *faults: Exception | threading.Event | None) -> None:
        super().__init__()
        self.faults = list(faults)
        self.track_faults: list[Exception | None] = []
        self.formats: list[Format] = []

    def encode(self, job: EncodeJob, into: str) -> Encoded:
        self.formats.append(job.format)
        fault = self.faults.pop(0) if self.faults else None
        if isinstance(fault, threading.Event):
            fault.wait(5)
        if isinstance(fault, Exception):
            raise fault
        return super().encode(job, into)

    def encode_track(self, job: TrackJob, into: str) -> Encoded:
        if fault := self.track_faults.pop(0) if self.track_faults else None:
            raise fault
        return super().encode_track(job, into)


@dataclass
class House:
    """All that intake needs, below one folder."""

    folder: Path
    encoder: Scripted = field(default_factory=Scripted)
    terms: Terms = field(default_factory=lambda: Terms(first_delay_s=0.001, longest_delay_s=0.01))
    catalogue: Catalogue = field(default_factory=Catalogue)
    heard: Heard = field(default_factory=Heard)
    audit: AuditTrail = field(default_factory=AuditTrail)

    def __post_init__(self) -> None:
        self.spool = DiskSpool(self.folder / "spool")
        self.spool.prepare()
        self.library = MonitorLibrary(self.folder / "monitor")
        self.journal = DiskJournal(self.folder / "journal")

    def captured(self, nth: int = 1, seconds: int = 3) -> Recording:
        """An ended recording whose legs lie in the spool."""
        recording = RecordingId(f"c{nth}-1")
        capture = Capture(
            CaptureId(f"{recording}-1"), LegId("1.1"), "PJSIP/a-1", 8000, 1795341600.0, 1795341600.0 + seconds
        )
        self.lay(capture, seconds)
        party = Party(LegId("1.1"), None, "1000", "John", 1795341600.0)
        return Recording(
            recording,
            CallId(f"c{nth}"),
            "1.1",
            NodeId("n"),
            Rule.ALWAYS,
            POLICY,
            1795341600.0,
            1795341600.0 + seconds,
            captures=(capture,),
            parties=(party, replace(party, number="1001")),
        )

    def write(self, recording: Recording, side: str, content: bytes) -> None:
        """One side of what a recording's first capture holds, in place of what lies there."""
        Path(self.spool.path(recording.captures[0], side)).write_bytes(content)

    def lay(self, capture: Capture, seconds: int = 1) -> None:
        """Both legs of this capture."""
        for side in ("read", "write"):
            Path(self.spool.path(capture, side)).write_bytes(SECOND * seconds)

    def intake(self) -> Finalizer:
        catalogue = self.catalogue
        return Finalizer(
            Ports(self.journal, self.spool, self.library, self.encoder, catalogue, catalogue, self.heard, self.audit),  # type: ignore[arg-type] # what intake uses of the catalogue
            self.terms,
        )

    def stored(self) -> list[str]:
        """Media and sidecars; beside each media file there is one of peaks."""
        monitor = self.folder / "monitor"
        found = sorted(path.relative_to(monitor) for path in monitor.rglob("c*.*"))
        stored = [path for path in found if path.suffix != ".peaks"]
        media = [path for path in stored if path.suffix != ".json"]
        assert {path for path in found if path.suffix == ".peaks"} == {path.with_suffix(".peaks") for path in media}
        return list(map(str, stored))

    def in_spool(self) -> list[str]:
        return sorted(str(path.relative_to(self.folder / "spool")) for path in (self.folder / "spool").rglob("*.*"))


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    made = House(tmp_path)
    made.journal.load()
    yield made
    await made.journal.close()


@asynccontextmanager
async def running(intake: Finalizer) -> AsyncIterator[None]:
    task = asyncio.create_task(intake.run())
    yield
    await asyncio.wait_for(intake.idle(), 10)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def until(what: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not what():  # noqa: ASYNC110 - what other threads do sends no event
            await asyncio.sleep(0.005)


async def ended(house: House, *recordings: Recording) -> None:
    for recording in recordings:
        await house.journal.append(Entry(Step.ENDED, recording))


async def test_an_ended_recording_becomes_one_file_one_sidecar_one_entry_and_one_event(house: House) -> None:
    recording = house.captured()
    await ended(house, recording)
    intake = house.intake()
    async with running(intake):
        intake.submit(recording)
        intake.submit(recording)
    assert house.stored() == ["2026/11/22/c1-1.json", "2026/11/22/c1-1.wav"]
    assert house.in_spool() == []
    assert list(house.journal.live()) == []
    assert house.catalogue.entries["c1-1"]["media"] == "2026/11/22/c1-1.wav"
    assert house.catalogue.entries["c1-1"]["length_s"] == "3.000"
    assert [event["type"] for event in house.catalogue.events] == ["recording-indexed", "recording-stored"]
    assert house.heard.said == ["stored sound"]


async def test_the_entry_says_how_much_more_may_be_missing(house: House) -> None:
    """Short silences are told, or nothing tells them from the phone's own; without a file nothing is said."""
    whole, torn, muted = (house.captured(nth) for nth in (1, 2, 3))
    piece, long = bytes(3200), bytes(8000)
    for recording, content in ((torn, SECOND + piece + SECOND), (muted, SECOND + piece + SECOND + long + SECOND)):
        house.write(recording, "read", content)
        house.write(recording, "write", SECOND * (len(content) // len(SECOND) + 1))
    nothing = replace(house.captured(4), captures=(), cause="not-covered")
    intake = house.intake()
    stored = [(await intake.finish(one)) for one in (whole, torn, muted, nothing)]
    assert [one.recording.may_lack_s for one in stored] == [0.0, 0.0, 0.2, None]
    assert {one.cause for one in stored[1].recording.missing} >= {"late-packets"}
    assert house.catalogue.entries["c3-1"]["may_lack_s"] == "0.200"


async def test_the_digests_are_logged_before_the_recording_is_finished(house: House) -> None:
    """A journal that says *finished* stands for an entry in the audit log: what is stored can be proven."""
    recording = house.captured()
    await ended(house, recording)
    house.audit.refuses = True
    with pytest.raises(Unavailable, match="audit log"):
        await house.intake().finish(recording)
    assert [entry.recording.id for entry in house.journal.live()] == ["c1-1"]
    assert (house.in_spool(), house.catalogue.events) != ([], [])
    house.audit.refuses = False
    await house.intake().finish(recording)
    (entry,) = house.audit.entries
    assert (entry.action, entry.recording) == ("stored", "c1-1")
    files = [house.folder / "monitor/2026/11/22" / name for name in ("c1-1.json", "c1-1.wav")]
    assert [(one.part, one.sha256) for one in entry.files] == [
        (part, hashlib.sha256(file.read_bytes()).hexdigest())
        for part, file in zip(("manifest", "media"), files, strict=True)
    ]
    assert list(house.journal.live()) == []


async def test_a_recording_that_waits_for_its_index_is_logged_once(house: House) -> None:
    recording = house.captured()
    await ended(house, recording)
    intake = house.intake()
    house.catalogue.down = True
    await intake.finish(recording)
    house.catalogue.down = False
    await intake.finish(recording)
    assert house.audit.actions == ["stored"]


async def test_finishing_again_changes_nothing_though_the_spool_is_empty(house: House) -> None:
    recording = house.captured()
    intake = house.intake()
    first = await intake.finish(recording)
    assert await intake.finish(recording) == first
    assert len(house.encoder.formats) == 1


async def test_with_the_catalogue_down_it_is_stored_and_a_rebuild_enters_it(house: House, tmp_path: Path) -> None:
    house.catalogue.down = True
    intake = house.intake()
    await intake.finish(house.captured())
    assert (intake.index_is_behind, house.heard.said) == (True, ["unindexed redis", "stored sound"])
    assert house.in_spool() == []
    async with open_catalogue("sqlite:", tmp_path / "state") as catalogue:
        assert (await rebuild(house.library, catalogue)).recordings == 1
        assert await catalogue.get("c1-1") is not None


async def test_what_the_index_missed_stays_in_the_journal_until_it_knows(house: House) -> None:
    """Over restarts, too. It is stored once and told once; what is still being recorded is left alone."""
    recording, later = house.captured(), replace(house.captured(2), to_s=None)
    await ended(house, recording)
    await house.journal.append(Entry(Step.OPENED, later))
    house.catalogue.down = True
    async with running(intake := house.intake()):
        intake.submit(recording)
    async with running(intake := house.intake()):
        intake.catch_up()
        await asyncio.wait_for(intake.idle(), 10)
        assert intake.index_is_behind
        house.catalogue.down = False
        intake.catch_up()
    assert not intake.index_is_behind
    assert list(house.catalogue.entries) == ["c1-1"]
    assert [entry.recording.id for entry in house.journal.live()] == ["c2-1"]
    assert house.heard.said == ["unindexed redis", "stored sound"] * 2
    assert len(house.encoder.formats) == 1


async def test_a_full_disk_delays_and_loses_nothing(house: House) -> None:
    house.encoder.faults = [Unavailable("disk", "full")] * 3
    recording, intake = house.captured(), house.intake()
    await ended(house, recording)
    async with running(intake):
        intake.submit(recording)
    assert house.heard.said == [*(f"delayed {attempt} disk" for attempt in (1, 2, 3)), "stored sound"]
    assert house.stored() == ["2026/11/22/c1-1.json", "2026/11/22/c1-1.wav"]


async def test_one_that_cannot_be_stored_does_not_stop_the_others(house: House) -> None:
    first, second = house.captured(1), house.captured(2)
    house.encoder.faults = [RuntimeError("a defect")]
    intake = house.intake()
    async with running(intake):
        intake.submit(first)
        intake.submit(second)
    assert house.heard.said == ["delayed 1 RuntimeError", "stored sound", "stored sound"]


async def test_an_encoder_that_fails_is_replaced_by_wav(house: House) -> None:
    house.terms = replace(house.terms, media_format=Format.OPUS)
    house.encoder.faults = [Corrupt("codec", "broken")]
    manifest = await house.intake().finish(house.captured())
    assert (manifest.state, house.encoder.formats) == (StoredState.SOUND, [Format.OPUS, Format.WAV])
    assert house.stored() == ["2026/11/22/c1-1.json", "2026/11/22/c1-1.wav"]
    assert house.heard.said == ["damaged codec", "stored sound"]
    assert list(house.library.leftovers(-60)) == []


async def test_legs_that_nothing_can_encode_are_kept_aside_and_explained(house: House) -> None:
    house.terms = replace(house.terms, media_format=Format.FLAC)
    house.encoder.faults = [Corrupt("codec", "broken"), Corrupt("encoder-length", "lies")]
    recording, intake = house.captured(), house.intake()
    manifest = await intake.finish(recording)
    assert (manifest.state, manifest.recording.cause, manifest.media) == (
        StoredState.FAILED,
        "encoder: encoder-length",
        None,
    )
    assert house.in_spool() == ["kept/c1-1-1.read.sln", "kept/c1-1-1.write.sln"]
    assert await intake.finish(recording) == manifest


async def test_wav_that_fails_is_not_tried_twice(house: House) -> None:
    house.encoder.faults = [Corrupt("codec", "broken")]
    assert (await house.intake().finish(house.captured())).state is StoredState.FAILED
    assert house.encoder.formats == [Format.WAV]


async def test_an_encoder_that_runs_out_of_time_is_tried_again_with_more(house: House) -> None:
    """One that was slow once. It was *failed*, without audio; its legs lay where no command looked."""
    slow = threading.Event()
    house.terms = Terms(media_format=Format.FLAC, encode_s=0.2, first_delay_s=0.3, longest_delay_s=1.0)
    house.encoder.faults = [slow]
    recording, intake = house.captured(), house.intake()
    await ended(house, recording)
    async with running(intake):
        intake.submit(recording)
        await until(lambda: "delayed 1 encoder-hangs" in house.heard.said)
        slow.set()
    assert [name for name in house.stored() if not name.endswith(".json")] == ["2026/11/22/c1-1.flac"]
    assert house.heard.said[-1] == "stored sound"
    assert set(house.heard.said[:-1]) <= {f"delayed {nth} encoder-hangs" for nth in (1, 2, 3)}


async def test_a_codec_that_hangs_for_good_is_replaced_by_wav_after_a_few_tries(house: House) -> None:
    """And is not begun again and again: each would keep a thread."""
    never = threading.Event()
    house.terms = replace(house.terms, media_format=Format.MP3, encode_s=0.3)
    house.encoder.faults = [never]
    recording, intake = house.captured(), house.intake()
    await ended(house, recording)
    async with running(intake):
        intake.submit(recording)
    never.set()
    assert house.encoder.formats == [Format.MP3, Format.WAV]
    assert house.heard.said == [*(f"delayed {nth} encoder-hangs" for nth in (1, 2, 3)), "stored sound"]
    assert house.in_spool() == []


async def test_how_long_encoding_may_take_follows_from_the_bytes(house: House) -> None:
    """A clock that was set back by an hour in the call left it no time at all: *failed*, `encoder-hangs`."""
    recording = house.captured()
    (capture,) = recording.captures
    set_back = replace(capture, from_s=capture.from_s + 3600.0)
    manifest = await house.intake().finish(replace(recording, captures=(set_back,)))
    assert manifest.media is not None
    assert manifest.media.samples == 3 * len(SECOND) // 2


async def test_legs_that_still_grow_are_left_for_the_next_try(house: House) -> None:
    recording = house.captured()
    path = Path(house.spool.path(recording.captures[0], "read"))
    encode = house.encoder.encode

    def growing(job: EncodeJob, into: str) -> Encoded:
        done = encode(job, into)
        with path.open("ab") as leg:
            leg.write(SECOND)
        return done

    house.encoder.encode = growing  # type: ignore[method-assign] # for this one call
    with pytest.raises(Unavailable) as caught:
        await house.intake().finish(recording)
    assert caught.value.code == "capture-grows"
    assert not house.stored()
    assert len(house.in_spool()) == 2


async def test_a_recording_without_legs_gets_an_entry_that_says_why(house: House) -> None:
    recording = replace(house.captured(), captures=(), cause="unanswered: BUSY")
    assert (await house.intake().finish(recording)).state is StoredState.UNANSWERED
    failed = replace(house.captured(2), captures=(), cause="file-not-opened")
    assert (await house.intake().finish(failed)).state is StoredState.FAILED
    assert house.stored() == ["2026/11/22/c1-1.json", "2026/11/22/c2-1.json"]


async def test_a_later_take_of_a_recording_that_is_stored_becomes_a_recording_of_its_own(house: House) -> None:
    """The journal, which was full, did not learn of it: what was stored does not hold it."""
    first = house.captured()
    later = replace(first.captures[0], id=CaptureId("c1-1-2"))
    await ended(house, first)
    house.lay(later, 60)
    (orphan,) = recovery_plan.orphans(house.spool.captured_files(), [first], NodeId("n"), 1795341700.0)
    intake = house.intake()
    await intake.finish(first)
    assert house.in_spool() == ["c1-1-2.read.sln", "c1-1-2.write.sln"]
    manifest = await intake.finish(orphan)
    assert manifest.media is not None
    assert (manifest.state, manifest.recording.cause, manifest.media.length_s) == (
        StoredState.PARTIAL,
        "journal-lost",
        60.0,
    )
    assert house.stored() == [f"2026/11/22/c1-{one}.{end}" for one in ("1", "1002") for end in ("json", "wav")]
    assert house.in_spool() == []
    assert not verify(house.library, house.spool, house.encoder, ()).findings


async def test_legs_that_are_in_no_media_are_not_dropped_whoever_says_that_they_are(house: House) -> None:
    """They wait for the next look at what nobody knows, and verify names them."""
    first = house.captured()
    later = replace(first.captures[0], id=CaptureId("c1-1-2"))
    intake = house.intake()
    await intake.finish(first)
    house.lay(later)
    await intake.finish(replace(first, captures=(*first.captures, later)))
    assert house.in_spool() == ["c1-1-2.read.sln", "c1-1-2.write.sln"]
    report = verify(house.library, house.spool, house.encoder, ())
    assert [(one.code, one.path, one.message) for one in report.findings] == [
        ("spool-leftover", "c1-1-2", "capture c1-1-2 belongs to no recording")
    ]


async def test_two_recordings_with_one_xivo_name_count_up(house: House) -> None:
    house.terms = replace(house.terms, names=Names.XIVO)
    recordings, intake = [house.captured(nth) for nth in (1, 2)], house.intake()
    for recording in (*recordings, *recordings):
        await intake.finish(recording)
    names = sorted(path.name for path in (house.folder / "monitor").glob("*.wav"))
    assert names == ["user-1000-1001-1795341600-2.wav", "user-1000-1001-1795341600.wav"]


async def test_a_path_that_is_taken_for_good_is_told_and_the_legs_stay(house: House) -> None:
    recording, intake = house.captured(), house.intake()
    (house.folder / "monitor/2026/11/22").mkdir(parents=True)
    (house.folder / "monitor/2026/11/22/c1-1.json").write_bytes(b"damaged")
    with pytest.raises(CallrecError) as caught:
        await intake.finish(recording)
    assert caught.value.code == "path-taken"
    assert len(house.in_spool()) == 2


async def test_what_does_not_fit_into_the_queue_comes_back_from_the_journal(house: House) -> None:
    house.terms = replace(house.terms, queue=1)
    recordings, intake = [house.captured(nth) for nth in (1, 2, 3)], house.intake()
    await ended(house, *recordings)
    for recording in recordings:
        intake.submit(recording)
    async with running(intake):
        pass
    assert house.heard.said.count("stored sound") == 3
    assert house.heard.said.count("overflowed") >= 2


async def test_a_journal_that_refuses_leaves_the_recording_for_the_next_try(house: House, tmp_path: Path) -> None:
    recording = house.captured()
    await ended(house, recording)
    await house.journal.close()
    with pytest.raises(Unavailable):
        await house.intake().finish(recording)
    house.journal = DiskJournal(tmp_path / "journal")
    assert house.journal.load() == [Entry(Step.ENDED, recording)]
    await house.intake().finish(recording)
    assert list(house.journal.live()) == []


async def test_a_monitor_directory_that_is_gone_is_made_anew(house: House) -> None:
    intake = house.intake()
    await intake.finish(house.captured(1))
    shutil.rmtree(house.folder / "monitor")
    assert (await intake.finish(house.captured(2))).state is StoredState.SOUND


HUGE_BYTES = 6 << 30


def sparse(path: Path, size: int = HUGE_BYTES) -> None:
    """A file that says it has this many bytes, and holds none."""
    path.touch()
    os.truncate(path, size)


async def test_a_sparse_file_of_6_gb_is_put_aside_at_once_and_real_recordings_beside_it_are_stored(
    house: House,
) -> None:
    """It used to occupy the only encoder for minutes, and to fill the monitor disk."""
    huge = house.captured(1)
    sparse(Path(house.spool.path(huge.captures[0], "read")))
    orphan = Capture(CaptureId("strange-1-1"), LegId(""), "", 8000, 0.0, 0.0)
    for side in ("read", "write"):
        sparse(Path(house.spool.path(orphan, side)))
    real = [house.captured(nth) for nth in (2, 3)]
    odd = recovery_plan.orphans(house.spool.captured_files(), [huge, *real], NodeId("n"), 1795341700.0)
    await ended(house, huge, *odd, *real)
    intake = house.intake()
    async with running(intake):
        for recording in (huge, *odd, *real):
            intake.submit(recording)
    assert [house.catalogue.entries[one.id]["state"] for one in (huge, *odd, *real)] == [
        "failed",
        "failed",
        "sound",
        "sound",
    ]
    says = house.catalogue.entries[huge.id]["cause"]
    assert says.startswith("refused: sparse-file: read has 6442450944 bytes, of which ")
    assert house.catalogue.entries[odd[0].id]["cause"].startswith("refused: sparse-file: read")
    assert house.catalogue.entries[odd[0].id]["start_s"] == "1795341700.000"
    assert len(house.encoder.formats) == len(real)
    assert f"refused {says}" in house.heard.said
    assert house.in_spool() == [
        "kept/c1-1-1.read.sln",
        "kept/c1-1-1.write.sln",
        "kept/strange-1-1.read.sln",
        "kept/strange-1-1.write.sln",
    ]
    assert list(house.journal.live()) == []


async def test_of_two_takes_the_impossible_one_is_put_aside_and_the_other_is_heard(house: House) -> None:
    recording = house.captured(1)
    second = replace(recording.captures[0], id=CaptureId("c1-1-2"))
    house.lay(second, 3)
    os.link(house.spool.path(second, "write"), house.folder / "another-name")
    manifest = await house.intake().finish(replace(recording, captures=(*recording.captures, second)))
    assert (manifest.state, manifest.recording.cause) == (
        StoredState.PARTIAL,
        "refused: linked-file: write has 2 names",
    )
    assert manifest.media is not None
    assert manifest.media.samples == 3 * 8000
    assert house.in_spool() == ["kept/c1-1-2.read.sln", "kept/c1-1-2.write.sln"]


async def test_what_was_put_aside_before_is_not_overwritten(house: House) -> None:
    """Nor is its name a reason to try for ever."""
    for _ in range(2):
        recording = house.captured(1)
        sparse(Path(house.spool.path(recording.captures[0], "read")))
        await house.intake().finish(recording)
    assert house.in_spool() == [f"kept/c1-1-1.{side}.sln{nth}" for side in ("read", "write") for nth in ("", ".2")]


async def test_a_long_recording_is_encoded_beside_the_others(house: House) -> None:
    """The only worker used to wait for it."""
    going_on = threading.Event()
    house.encoder.faults = [going_on]
    house.terms = replace(house.terms, long_bytes=5 * 16_000 * 2, left_bytes=0)
    long, short = house.captured(1, seconds=6), [house.captured(nth, seconds=4) for nth in range(2, 5)]
    await ended(house, long, *short)
    intake = house.intake()
    async with running(intake):
        intake.submit(long)
        await until(lambda: bool(house.encoder.formats))
        for recording in short:
            intake.submit(recording)
        await until(lambda: house.catalogue.entries.keys() == {one.id for one in short})
        assert long.id not in house.catalogue.entries
        going_on.set()
    assert long.id in house.catalogue.entries


class Small(MonitorLibrary):
    """The real library, on a disk of this size."""

    rooms: list[Room]

    def room(self) -> Room:
        return self.rooms.pop(0) if len(self.rooms) > 1 else self.rooms[0]


async def test_a_full_monitor_disk_is_seen_before_anything_is_written(house: House) -> None:
    """The legs wait; with room they are stored."""
    library = house.library = Small(house.folder / "monitor")
    library.rooms = [Room(100_000, 1 << 30), Room(1 << 29, 1 << 30)]
    recording = house.captured(1)
    await ended(house, recording)
    intake = house.intake()
    async with running(intake):
        intake.submit(recording)
    assert house.heard.said == ["delayed 1 monitor-full", "stored sound"]
    assert len(house.encoder.formats) == 1


async def test_why_recordings_wait_is_known_until_the_disk_takes_one(house: House) -> None:
    """Readiness said ok of a monitor disk that was full or read-only. What only one recording has is no fault of the disk."""
    intake = house.intake()
    first, second = house.captured(1), house.captured(2)
    for error, says in (
        (RuntimeError("a defect"), ""),
        (Unavailable("encoder-hangs", "too slow"), ""),
        (Unavailable("disk", "monitor: Read-only file system"), "in the spool: monitor: Read-only file system"),
    ):
        house.encoder.faults = [error]
        with pytest.raises(type(error)):
            await intake.finish(first)
        assert intake.why_not.endswith(says)
        assert bool(intake.why_not) is bool(says)
    await intake.finish(second)
    assert intake.why_not == ""


async def test_what_is_larger_than_the_disk_is_not_tried_again(house: House) -> None:
    library = house.library = Small(house.folder / "monitor")
    library.rooms = [Room(80_000, 90_000)]
    manifest = await house.intake().finish(house.captured(1))
    assert manifest.state is StoredState.FAILED
    assert manifest.recording.cause == "too-large: 100096 bytes, the monitor disk has 90000 in all"
    assert house.in_spool() == ["kept/c1-1-1.read.sln", "kept/c1-1-1.write.sln"]


async def test_a_long_recording_leaves_room_for_the_others(house: House) -> None:
    library = house.library = Small(house.folder / "monitor")
    library.rooms = [Room(150_000, 1 << 30)]
    house.terms = replace(house.terms, long_bytes=90_000, left_bytes=100_000)
    with pytest.raises(Unavailable, match="needs 100096 bytes on the monitor disk, and 100000 left") as refused:
        await house.intake().finish(house.captured(1))
    assert refused.value.code == "monitor-full"
    house.terms = replace(house.terms, long_bytes=100_000)
    assert (await house.intake().finish(house.captured(1))).state is StoredState.SOUND


def with_tracks(house: House) -> Recording:
    """Three talk: what the recorded leg hears is a mix, and each partner has a capture of their own."""
    own = house.captured()
    (first,) = own.captures
    partners = tuple(
        replace(first, id=CaptureId(f"c1-1-{nth}"), leg=LegId(f"1.{nth}"), is_partner=True, track_s=first.from_s)
        for nth in (2, 3)
    )
    for one in partners:
        house.lay(one, 3)
    legs = [one.leg for one in (first, *partners)]
    return replace(
        own,
        partner_captures=partners,
        parties=tuple(Party(leg, None, f"100{nth}", "", own.from_s) for nth, leg in enumerate(legs)),
        presences=tuple(Presence(leg, own.from_s, own.to_s) for leg in legs),
        mono_s=1.0,
    )


@pytest.mark.parametrize("media_format", list(Format))
async def test_each_participant_has_a_track_as_long_as_the_recording(house: House, media_format: Format) -> None:
    """They are checked by `verify`, and listed in the catalogue."""
    house.terms = replace(house.terms, media_format=media_format)
    manifest = await house.intake().finish(with_tracks(house))
    assert manifest.media is not None
    names = ["c1-1", "c1-1.track-1", "c1-1.track-2", "c1-1.track-3"]
    assert [one.name for one in manifest.files] == [f"{name}.{media_format.value}" for name in names]
    assert {one.samples for one in manifest.files} == {24_000}
    assert [(one.number, one.missing) for one in manifest.tracks] == [("1000", ()), ("1001", ()), ("1002", ())]
    assert manifest.recording.presences is None
    assert house.in_spool() == []
    assert verify(house.library, house.spool, house.encoder, ()).findings == ()
    listed = json.loads(house.catalogue.entries["c1-1"]["tracks"])
    assert [one["media"] for one in listed] == [f"2026/11/22/{one.name}" for one in manifest.files[1:]]
    track = house.folder / "monitor" / "2026/11/22" / manifest.files[3].name
    track.write_bytes(track.read_bytes()[:-1] + b"x")
    assert [one.code for one in verify(house.library, house.spool, house.encoder, ()).findings] == ["media-changed"]
    track.unlink()
    assert [one.code for one in verify(house.library, house.spool, house.encoder, ()).findings] == ["media-missing"]


async def test_a_track_that_cannot_be_encoded_costs_nothing_else_and_its_capture_is_kept(house: House) -> None:
    recording = with_tracks(house)
    house.encoder.track_faults = [None, Corrupt("codec", "no"), None]
    manifest = await house.intake().finish(recording)
    assert [one.media is None for one in manifest.tracks] == [False, True, False]
    (lost,) = manifest.tracks[1].missing
    assert (lost.cause, lost.from_s, lost.to_s) == ("encoder: codec", recording.from_s, recording.to_s)
    assert house.heard.said == ["damaged codec", "stored sound"]
    assert house.in_spool() == ["kept/c1-1-2.read.sln", "kept/c1-1-2.write.sln"]
    assert house.stored() == [f"2026/11/22/c1-1{end}" for end in (".json", ".track-1.wav", ".track-3.wav", ".wav")]
