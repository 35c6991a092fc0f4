"""A voice is there with its first fifth of a second after the meeting, and each sample is read once."""

from collections.abc import Sequence
from pathlib import Path

from callrec.adapters.disk.spool import DiskSpool
from callrec.app.calls.capture_files.voice_watch import VoiceWatch
from callrec.domain.calls.commands import AwaitVoice
from callrec.domain.calls.events import Event, PartnerHeard
from callrec.domain.calls.ids import CaptureId, LegId
from callrec.domain.calls.model import Capture
from callrec.domain.errors import Unavailable
from callrec.domain.library.captures import CaptureFiles
from callrec.domain.library.file_names import CaptureFile

CAPTURE = Capture(CaptureId("c-1-1"), LegId("a"), "PJSIP/a-1", 8000, 1000.0)
SECOND = 8000
VOICE = b"\1\0" * round(0.2 * SECOND)
PACKET = b"\1\0" * 160
B, C = LegId("b"), LegId("c")


class CountingSpool(DiskSpool):
    """Counts from where it is read; may refuse."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.read_from: list[int] = []
        self.refuses = False

    def silences(
        self, file: CaptureFile, from_sample: int, to_sample: int, least_samples: int
    ) -> Sequence[tuple[int, int]]:
        """As on a disk."""
        if self.refuses:
            raise Unavailable("disk", "away")
        self.read_from.append(from_sample)
        return super().silences(file, from_sample, to_sample, least_samples)


class Ear:
    """A call that records one leg and awaits voices of others."""

    def __init__(self, folder: Path) -> None:
        self.spool, self.folder, self.heard = CountingSpool(folder), folder, list[Event]()
        self.voices = VoiceWatch(self.spool)

    def awaits(self, leg: LegId, since_s: float) -> None:
        """They met at this moment."""
        self.voices.await_voice(AwaitVoice(CAPTURE, leg, since_s), self.heard.append)

    def holds(self, content: bytes) -> None:
        """The file of what the leg hears, so far."""
        (self.folder / f"{CAPTURE.id}.write.sln").write_bytes(content)
        self.voices.grew(CaptureFiles(CAPTURE.id, 8000, len(content), len(content)))


def test_what_was_heard_before_the_meeting_proves_nothing(tmp_path: Path) -> None:
    """Nor a ringing tone that ends a little late."""
    ear = Ear(tmp_path)
    ear.awaits(B, 1001.0)
    before = b"\1\0" * (SECOND + 1000)
    ear.holds(before)
    ear.holds(before + bytes(2 * SECOND))
    assert ear.heard == []
    ear.holds(before + bytes(2 * SECOND) + VOICE)
    assert ear.heard == [PartnerHeard(CAPTURE.id, B, 1001.0)]
    assert not ear.voices.awaits(CAPTURE.id)


def test_each_sample_is_read_once(tmp_path: Path) -> None:
    """A partner who is muted for an hour must not cost more with each second."""
    ear = Ear(tmp_path)
    ear.awaits(B, 1000.0)
    for seconds in (1, 2, 3):
        ear.holds(bytes(2 * SECOND * seconds))
    assert ear.spool.read_from == [1200, SECOND, 2 * SECOND]
    assert ear.voices.awaits(CAPTURE.id)


def test_each_partner_is_awaited_and_a_new_meeting_replaces_the_old_one(tmp_path: Path) -> None:
    ear = Ear(tmp_path)
    ear.awaits(B, 1000.0)
    ear.awaits(B, 1002.0)
    ear.awaits(C, 1000.0)
    ear.holds(bytes(2 * SECOND) + VOICE)
    assert ear.heard == [PartnerHeard(CAPTURE.id, C, 1000.0)]
    ear.holds(bytes(2 * SECOND) + b"\1\0" * 3 * SECOND)
    assert ear.heard[1:] == [PartnerHeard(CAPTURE.id, B, 1002.0)]


def test_a_disk_that_refuses_is_asked_again_at_the_next_growth(tmp_path: Path) -> None:
    ear = Ear(tmp_path)
    ear.awaits(B, 1000.0)
    ear.spool.refuses = True
    ear.holds(b"\1\0" * SECOND)
    assert (ear.heard, ear.voices.awaits(CAPTURE.id)) == ([], True)
    ear.spool.refuses = False
    ear.holds(b"\1\0" * 2 * SECOND)
    assert len(ear.heard) == 1


def test_of_a_capture_that_has_ended_nothing_is_awaited(tmp_path: Path) -> None:
    ear = Ear(tmp_path)
    ear.awaits(B, 1000.0)
    ear.voices.forget(CAPTURE.id)
    ear.holds(b"\1\0" * SECOND)
    assert ear.heard == []


def test_a_fast_phone_makes_no_deaf_recorder_hear(tmp_path: Path) -> None:
    """Its file is 0.36 s longer than its twenty minutes when it gets a partner: a ringing tone until then is not the partner."""
    ear = Ear(tmp_path)
    before = b"\1\0" * round(1200.36 * SECOND)
    (tmp_path / f"{CAPTURE.id}.write.sln").write_bytes(before)
    ear.awaits(B, 2200.0)
    ear.holds(before + bytes(2 * 30 * SECOND))
    assert ear.heard == []


def test_a_file_that_is_shorter_than_its_time_shows_a_voice_as_soon(tmp_path: Path) -> None:
    """Five minutes without music, in which nothing was written: a partner is not awaited for five minutes more. Asterisk may keep
    back 2 s of what was before."""
    ear = Ear(tmp_path)
    before = b"\1\0" * 8 * SECOND
    (tmp_path / f"{CAPTURE.id}.write.sln").write_bytes(before)
    ear.awaits(B, 1310.0)
    ear.holds(before + b"\1\0" * 2 * SECOND)
    assert ear.heard == []
    ear.holds(before + b"\1\0" * 3 * SECOND)
    assert ear.heard == [PartnerHeard(CAPTURE.id, B, 1310.0)]


def test_some_packets_are_no_voice(tmp_path: Path) -> None:
    """A deaf recorder gets them whenever the partner's phone has sent nothing for a while, and nothing of what it sends then. A
    phone with silence suppression does that between words: with the second one the only recorder that hears it was stopped."""
    ear = Ear(tmp_path)
    ear.awaits(B, 1000.0)
    few = bytes(2 * SECOND) + PACKET * 5
    for times in range(1, 6):
        ear.holds(few * times)
        assert (ear.heard, ear.voices.awaits(CAPTURE.id)) == ([], True)
    ear.holds(few * 5 + PACKET * 4)
    assert ear.heard == []
    ear.holds(few * 5 + PACKET * 10)
    assert ear.heard == [PartnerHeard(CAPTURE.id, B, 1000.0)]


def test_a_voice_in_the_midst_of_what_is_new_is_there(tmp_path: Path) -> None:
    ear = Ear(tmp_path)
    ear.awaits(B, 1000.0)
    ear.holds(bytes(2 * SECOND) + PACKET + bytes(2 * SECOND) + VOICE + bytes(2 * SECOND) + PACKET)
    assert ear.heard == [PartnerHeard(CAPTURE.id, B, 1000.0)]
