"""Intake on real files: each step once, or again, and the same outcome."""
# ruff: noqa: D102 - the stand-ins keep the promises of the ports that they stand for

import asyncio
import shutil
import threading
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from callrec.adapters.disk.journal import DiskJournal
from callrec.adapters.disk.monitor import MonitorLibrary
from callrec.adapters.disk.spool import DiskSpool
from callrec.adapters.media.encode import PyAvEncoder
from callrec.app import reconcile
from callrec.app.intake import Doors, Intake, Terms
from callrec.app.library import rebuild, verify
from callrec.app.ports import Encoded, EncodeJob
from callrec.domain.errors import CallrecError, Corrupt, Unavailable
from callrec.domain.lifecycle import Entry, Format, Manifest, State, Step
from callrec.domain.model import POLICY, CallId, LegId, NodeId, Party, Recording, RecordingId, Take, TakeId
from callrec.domain.naming import Names
from callrec.domain.provisioning.model import Rule

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

    async def index_recording(self, entry: Mapping[str, str]) -> None:
        self._ask()
        self.entries[entry["id"]] = entry

    async def publish(self, event: Mapping[str, str]) -> None:
        self._ask()
        self.events.append(event)

    async def rebuild_index(self, entries: Iterable[Mapping[str, str]]) -> int:
        self._ask()
        self.entries = {entry["id"]: entry for entry in entries}
        return len(self.entries)


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

    def overflowed(self) -> None:
        self.said.append("overflowed")


class Scripted(PyAvEncoder):
    """The real encoder, after the faults that it is given: one for each call, None for none."""

    def __init__(self, *faults: Exception | threading.Event | None) -> None:
        self.faults = list(faults)
        self.formats: list[Format] = []

    def encode(self, job: EncodeJob, into: str) -> Encoded:
        self.formats.append(job.format)
        fault = self.faults.pop(0) if self.faults else None
        if isinstance(fault, threading.Event):
            fault.wait(5)
        if isinstance(fault, Exception):
            raise fault
        return super().encode(job, into)


@dataclass
class House:
    """All that intake needs, below one folder."""

    folder: Path
    encoder: Scripted = field(default_factory=Scripted)
    terms: Terms = field(default_factory=lambda: Terms(first_delay_s=0.001, longest_delay_s=0.01))
    catalogue: Catalogue = field(default_factory=Catalogue)
    heard: Heard = field(default_factory=Heard)

    def __post_init__(self) -> None:
        self.spool = DiskSpool(self.folder / "spool")
        self.spool.prepare()
        self.library = MonitorLibrary(self.folder / "monitor")
        self.journal = DiskJournal(self.folder / "journal")

    def captured(self, nth: int = 1, seconds: int = 3) -> Recording:
        """An ended recording whose legs lie in the spool."""
        recording = RecordingId(f"c{nth}-1")
        take = Take(TakeId(f"{recording}-1"), LegId("1.1"), "PJSIP/a-1", 8000, 1795341600.0, 1795341600.0 + seconds)
        self.lay(take, seconds)
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
            takes=(take,),
            parties=(party, replace(party, number="1001")),
        )

    def lay(self, take: Take, seconds: int = 1) -> None:
        """Both legs of this take."""
        for side in ("read", "write"):
            Path(self.spool.path(take, side)).write_bytes(SECOND * seconds)

    def intake(self) -> Intake:
        catalogue = self.catalogue
        return Intake(
            Doors(self.journal, self.spool, self.library, self.encoder, catalogue, catalogue, self.heard),  # type: ignore[arg-type] # the half of RecordingIndex that intake uses
            self.terms,
        )

    def stored(self) -> list[str]:
        return sorted(
            str(path.relative_to(self.folder / "monitor")) for path in (self.folder / "monitor").rglob("c*.*")
        )

    def in_spool(self) -> list[str]:
        return sorted(str(path.relative_to(self.folder / "spool")) for path in (self.folder / "spool").rglob("*.*"))


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    made = House(tmp_path)
    made.journal.load()
    yield made
    await made.journal.close()


@asynccontextmanager
async def running(intake: Intake) -> AsyncIterator[None]:
    task = asyncio.create_task(intake.run())
    yield
    await asyncio.wait_for(intake.idle(), 10)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


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
    assert [event["type"] for event in house.catalogue.events] == ["recording-stored"]
    assert house.heard.said == ["stored sound"]


async def test_finishing_again_changes_nothing_though_the_spool_is_empty(house: House) -> None:
    recording = house.captured()
    intake = house.intake()
    first = await intake.finish(recording)
    assert await intake.finish(recording) == first
    assert len(house.encoder.formats) == 1


async def test_with_redis_down_it_is_stored_and_the_index_is_mended_later(house: House) -> None:
    house.catalogue.down = True
    intake = house.intake()
    await intake.finish(house.captured())
    assert (intake.index_is_behind, house.heard.said) == (True, ["unindexed redis", "stored sound"])
    assert house.in_spool() == []
    house.catalogue.down = False
    assert await rebuild(house.library, house.catalogue) == 1  # type: ignore[arg-type] # the half that rebuild uses
    assert list(house.catalogue.entries) == ["c1-1"]


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
    assert (manifest.state, house.encoder.formats) == (State.SOUND, [Format.OPUS, Format.WAV])
    assert house.stored() == ["2026/11/22/c1-1.json", "2026/11/22/c1-1.wav"]
    assert house.heard.said == ["damaged codec", "stored sound"]
    assert list(house.library.leftovers(-60)) == []


async def test_legs_that_nothing_can_encode_are_kept_aside_and_explained(house: House) -> None:
    house.terms = replace(house.terms, media_format=Format.FLAC)
    house.encoder.faults = [Corrupt("codec", "broken"), Corrupt("encoder-length", "lies")]
    recording, intake = house.captured(), house.intake()
    manifest = await intake.finish(recording)
    assert (manifest.state, manifest.recording.cause, manifest.media) == (State.FAILED, "encoder: encoder-length", None)
    assert house.in_spool() == ["kept/c1-1-1.read.sln", "kept/c1-1-1.write.sln"]
    assert await intake.finish(recording) == manifest


async def test_wav_that_fails_is_not_tried_twice(house: House) -> None:
    house.encoder.faults = [Corrupt("codec", "broken")]
    assert (await house.intake().finish(house.captured())).state is State.FAILED
    assert house.encoder.formats == [Format.WAV]


async def test_an_encoder_that_hangs_is_given_up(house: House) -> None:
    release = threading.Event()
    house.terms = replace(house.terms, media_format=Format.MP3, encode_s=0.3)
    house.encoder.faults = [release]
    manifest = await house.intake().finish(house.captured(seconds=1))
    release.set()
    assert manifest.media is not None
    assert manifest.media.format is Format.WAV
    assert house.heard.said == ["damaged encoder-hangs", "stored sound"]


async def test_legs_that_still_grow_are_left_for_the_next_try(house: House) -> None:
    recording = house.captured()
    path = Path(house.spool.path(recording.takes[0], "read"))
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
    recording = replace(house.captured(), takes=(), cause="unanswered: BUSY")
    assert (await house.intake().finish(recording)).state is State.UNANSWERED
    failed = replace(house.captured(2), takes=(), cause="file-not-opened")
    assert (await house.intake().finish(failed)).state is State.FAILED
    assert house.stored() == ["2026/11/22/c1-1.json", "2026/11/22/c2-1.json"]


async def test_a_later_take_of_a_recording_that_is_stored_becomes_a_recording_of_its_own(house: House) -> None:
    """The journal, which was full, did not learn of it: what was stored does not hold it."""
    first = house.captured()
    later = replace(first.takes[0], id=TakeId("c1-1-2"))
    await ended(house, first)
    house.lay(later, 60)
    (orphan,) = reconcile.orphans(house.spool.captures(), [first], NodeId("n"), 1795341700.0)
    intake = house.intake()
    await intake.finish(first)
    assert house.in_spool() == ["c1-1-2.read.sln", "c1-1-2.write.sln"]
    manifest = await intake.finish(orphan)
    assert manifest.media is not None
    assert (manifest.state, manifest.recording.cause, manifest.media.length_s) == (State.PARTIAL, "journal-lost", 60.0)
    assert house.stored() == [f"2026/11/22/c1-{one}.{end}" for one in ("1", "1002") for end in ("json", "wav")]
    assert house.in_spool() == []
    assert verify(house.library, house.spool, house.encoder, ()).clean


async def test_legs_that_are_in_no_media_are_not_dropped_whoever_says_that_they_are(house: House) -> None:
    """They wait for the next look at what nobody knows, and verify names them."""
    first = house.captured()
    later = replace(first.takes[0], id=TakeId("c1-1-2"))
    intake = house.intake()
    await intake.finish(first)
    house.lay(later)
    await intake.finish(replace(first, takes=(*first.takes, later)))
    assert house.in_spool() == ["c1-1-2.read.sln", "c1-1-2.write.sln"]
    report = verify(house.library, house.spool, house.encoder, ())
    assert [(one.code, one.path, one.message) for one in report.findings] == [
        ("spool-leftover", "c1-1-2", "take c1-1-2 is known to nobody")
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
    assert (await intake.finish(house.captured(2))).state is State.SOUND
