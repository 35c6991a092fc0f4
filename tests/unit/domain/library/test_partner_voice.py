"""When a partner capture may stand in: while its partner talks with the recorded user, and at no other time."""

from dataclasses import replace

import pytest

from callrec.domain.calls.ids import CallId, CaptureId, LegId, NodeId, RecordingId
from callrec.domain.calls.model import POLICY, Capture, Party, Pause, Recording, Waiting, WaitingKind
from callrec.domain.library.captures import CaptureFiles
from callrec.domain.library.partner_voice import usable, voices
from callrec.domain.library.timeline import CaptureTimeline, Gap, steady
from callrec.domain.rules import Rule

A, B = LegId("a"), LegId("b")
CAPTURE = Capture(CaptureId("c-1-2"), B, "PJSIP/b-1", 8000, 10.0, 20.0, is_partner=True)
PARTY = Party(B, None, "", "", 9.9, 19.5)
RECORDING = Recording(
    RecordingId("c-1"), CallId("c"), "c.1", NodeId("n"), Rule.ALWAYS, POLICY, 0.0, 30.0,
    parties=(Party(A, None, "", "", 0.0), PARTY),
)  # fmt: skip


def test_it_holds_the_conversation_and_no_more() -> None:
    """The recorder ran on for half a second after its partner had left."""
    assert usable(RECORDING, CAPTURE) == ((10.0, 19.5),)


def test_it_never_outlasts_the_recording() -> None:
    assert usable(replace(RECORDING, to_s=15.0), replace(CAPTURE, to_s=None)) == ((10.0, 15.0),)


def test_somebody_who_comes_back_is_there_twice() -> None:
    """What was captured in between is not used."""
    parties = replace(PARTY, to_s=12.0), replace(PARTY, from_s=14.0, to_s=None)
    assert usable(replace(RECORDING, parties=parties), CAPTURE) == ((10.0, 12.0), (14.0, 20.0))


@pytest.mark.parametrize("field", ["pauses", "waiting"])
def test_pauses_and_waits_are_left_out(field: str) -> None:
    """Of a pause that goes on to the end nothing behind it is used."""
    spans = {
        "pauses": (Pause(9.0, 11.0), Pause(13.0, 14.0), Pause(18.0)),
        "waiting": tuple(Waiting(*span, WaitingKind.HOLD) for span in ((9.0, 11.0), (13.0, 14.0), (18.0, None))),
    }
    assert usable(replace(RECORDING, **{field: spans[field]}), CAPTURE) == ((11.0, 13.0), (14.0, 18.0))


def test_of_a_partner_who_was_never_there_nothing_is_used() -> None:
    assert usable(replace(RECORDING, parties=()), CAPTURE) == ()


OWN = Capture(CaptureId("c-1-1"), A, "PJSIP/a-1", 8000, 0.0, 30.0)


def files(capture: Capture, length_s: float = 60.0, *gaps: Gap) -> tuple[Capture, CaptureFiles, CaptureTimeline]:
    """A partner capture with files of this length, which wrote nothing in these times."""
    size = round(length_s * 16_000)
    timeline = replace(steady(size // 2), gaps=gaps)
    return capture, CaptureFiles(capture.id, 8000, size, size), timeline


def test_time_in_which_its_recorder_wrote_nothing_it_does_not_hold() -> None:
    """A wait is none of it anyway. Its silence is laid with its sound: cut out by the stamps, and moved with the sound, it would
    cost the voice twice as much."""
    gaps = Gap(12.0, 13.0, is_wait=False), Gap(14.0, 15.0, is_wait=True)
    (voice,) = voices(RECORDING, [files(CAPTURE, 60.0, *gaps)], [OWN])
    assert voice.spans == ((10.0, 19.5),)
    assert voice.held == [(10.0, 12.0), (13.0, 19.5)]


def test_both_voices_are_told_apart_while_two_talk() -> None:
    """The third one was there from 12 to 15."""
    third = Party(LegId("c"), None, "", "", 12.0, 15.0)
    (voice,) = voices(replace(RECORDING, parties=(*RECORDING.parties, third)), [files(CAPTURE)], [OWN])
    assert (voice.spans, voice.both) == (((10.0, 19.5),), ((10.0, 12.0), (15.0, 19.5)))


def test_of_two_captures_of_one_leg_each_moment_is_used_once() -> None:
    """Asterisk refused to stop the first one; the second began beside it."""
    second = replace(CAPTURE, id=CaptureId("c-1-3"), from_s=12.0)
    first, last = voices(RECORDING, [files(CAPTURE, 5.0), files(second)], [OWN])
    assert (first.spans, last.spans) == (((10.0, 15.0),), ((15.0, 19.5),))
