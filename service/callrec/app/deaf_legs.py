"""Compares what a recorded leg was said with what its recorder heard: `domain.listening` says why, and who speaks.

Where a file stands at an instant is known to a few tenths of a second only: the recorder begins some milliseconds after its
take's `from_s`, and a daemon hears of things late. Both make us look at a later place than is meant. So a leg is called deaf when
its HEARS side is digital silence from the moment of the meeting, over the partner's first word, to at least a second after the
meeting: a phone that speaks one word and then sends zeros has its word in the file, wherever we look. Without a proof of speech
(Asterisk could not be asked to listen) only a side that is silent to the very end of the take is called deaf: it may have been a
muted phone.
"""

from collections.abc import Mapping

from callrec.app.ports import Capture, Spool
from callrec.domain.model import Heard, Missing, Recording, Speech, Take, TakeId
from callrec.domain.naming import LegFile, Side

CAUSE = "deaf-leg"
LEAST_S = 1.0
"""So long a silence is, before it is called one."""
SETTLED_S = 0.15
"""So soon after the meeting what was heard before it (a ringing tone, music) is out of the file."""
BEYOND_S = 0.5
"""So far beyond the instant at which we heard of the first word the silence has to go on."""
SHIFT_S = 0.5
"""A file that is shorter than its take's time by more than this has lost time, and its places are that uncertain."""
_SAMPLE_BYTES = 2


def deaf_legs(recording: Recording, captures: Mapping[TakeId, Capture], spool: Spool) -> tuple[Missing, ...]:
    """What the ended recording lacks for this cause, in order; nothing twice. Raises Unavailable when a file cannot be read."""
    found: list[Missing] = []
    for take in recording.takes:
        capture = captures.get(take.id)
        for speech in (speech for speech in recording.speech if speech.take == take.id and capture):
            assert capture is not None  # noqa: S101 - for the type checker: the generator asks for it
            missing = deaf_in(spool, capture, take, speech)
            if missing and not (found and missing.to_s <= found[-1].to_s):
                found.append(missing)
    return tuple(found)


def is_far_enough(capture: Capture, take: Take, speech: Speech) -> bool:
    """Whether a file that is still written holds all that `deaf_in` looks at."""
    until_s = max(speech.since_s + SETTLED_S + LEAST_S, speech.at_s + BEYOND_S)
    return _length_s(capture) > until_s - take.from_s


def deaf_in(spool: Spool, capture: Capture, take: Take, speech: Speech) -> Missing | None:
    """From when to when this take does not hold what was said since this meeting; None when it does, or cannot be known."""
    if capture.write_bytes is None:
        return None
    lost_s = 0.0 if take.to_s is None else take.to_s - take.from_s - _length_s(capture)
    shifts_s = (0.0,) if lost_s <= SHIFT_S else (0.0, lost_s)
    ends = [_silent_until_s(spool, capture, take, speech, shift_s) for shift_s in shifts_s]
    if not all(_is_deaf(speech, end_s) for end_s in ends):
        return None
    if not speech.proven and min(ends) < take.from_s + lost_s + _length_s(capture) - BEYOND_S:
        return None
    end_s = min(ends) if take.to_s is None else min(take.to_s, *ends)
    return Missing(speech.since_s, end_s, CAUSE, Heard.HEARS)


def _silent_until_s(spool: Spool, capture: Capture, take: Take, speech: Speech, shift_s: float) -> float:
    """Until when the HEARS side is digital silence from the meeting on; `shift_s`: so much time is missing before it."""
    from_s = max(0.0, speech.since_s + SETTLED_S - take.from_s - shift_s)
    start = round(from_s * capture.rate_hz)
    silent = spool.silent_samples(LegFile(capture.take, Side.WRITE, capture.rate_hz), start)
    return take.from_s + shift_s + (start + silent) / capture.rate_hz


def _is_deaf(speech: Speech, silent_until_s: float) -> bool:
    silent_s = silent_until_s - speech.since_s - SETTLED_S
    return silent_s > LEAST_S and silent_until_s > speech.at_s + BEYOND_S


def _length_s(capture: Capture) -> float:
    return min(capture.read_bytes or 0, capture.write_bytes or 0) // _SAMPLE_BYTES / capture.rate_hz
