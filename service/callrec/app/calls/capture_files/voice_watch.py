"""Whether a recorded leg hears its new partner: whether its file holds `HEARD_S` of sound in one piece since the two met. Less
proves nothing: after each pause in what is sent a deaf recorder may get some packets, and nothing behind them.

It is looked at when the file has grown, each sample once, from a place that is certainly not before the meeting. Two things are
known of that place, and the earlier one counts:

- by the time since the capture's `from_s`, with what the clock of a fast phone may have added. Where the recorder wrote nothing
  (a hold without music), the file is shorter than its time, and this place far too late;
- by the file's size when the two met: Asterisk keeps back what does not fill its buffer.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass

from callrec.app.ports.calls import Spool
from callrec.domain.calls.commands import AwaitVoice
from callrec.domain.calls.events import Event, PartnerHeard
from callrec.domain.calls.ids import CaptureId, LegId
from callrec.domain.calls.model import Capture
from callrec.domain.errors import CallrecError
from callrec.domain.library.captures import SAMPLE_BYTES, CaptureFiles
from callrec.domain.library.file_names import CaptureFile, Side
from callrec.domain.library.shortfalls import DRIFT_MOST

SETTLED_S = 0.15
"""How long after two legs met the file may still hold what was heard before: a ringing tone, music."""
BUFFER_BYTES = 32 * 1024
"""Asterisk writes so much at once."""
HEARD_S = 0.2
SILENCE_S = 0.1
"""A shorter silence is part of the sound around it."""


@dataclass(slots=True)
class _Awaited:
    post: Callable[[Event], None]
    since_s: float
    at_sample: int
    """Where to look on."""
    heard_samples: int = 0
    """How long the sound is that lasts until there."""


class VoiceWatch:
    """Posts PartnerHeard to each call that awaits a voice."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._awaited: dict[CaptureId, dict[LegId, _Awaited]] = {}

    def awaits(self, capture: CaptureId) -> bool:
        """Whether a voice is awaited in this capture's file."""
        return capture in self._awaited

    def await_voice(self, wanted: AwaitVoice, post: Callable[[Event], None]) -> None:
        """Look for this partner's voice from now on, in place of an earlier meeting's."""
        capture = wanted.capture
        after_s = max(0.0, wanted.since_s - capture.from_s)
        by_time = round((after_s * (1 + DRIFT_MOST) + SETTLED_S) * capture.rate_hz)
        awaited = _Awaited(post, wanted.since_s, min(by_time, self._by_size(capture)))
        self._awaited.setdefault(capture.id, {})[wanted.leg] = awaited

    def _by_size(self, capture: Capture) -> int:
        """The last sample that may have been written by now, and what may still be heard behind it. Of a disk that refuses
        nothing is known."""
        try:
            found = self._spool.capture_files(capture.id)
        except CallrecError:
            return sys.maxsize
        size = (found.write_bytes or 0) if found else 0
        return (size + BUFFER_BYTES) // SAMPLE_BYTES + round(SETTLED_S * capture.rate_hz)

    def _longest_sound(self, file: CaptureFile, awaited: _Awaited, end: int) -> int:
        """The longest sound in what is new, in samples, with what of it was there before."""
        at = awaited.at_sample
        silences = self._spool.silences(file, at, end, round(SILENCE_S * file.rate_hz))
        sounds = [awaited.heard_samples]
        for start, last in silences:
            sounds[-1] += start - at
            sounds.append(0)
            at = last
        sounds[-1] += max(0, end - at)
        awaited.heard_samples = sounds[-1]
        return max(sounds)

    def forget(self, capture: CaptureId) -> None:
        """The capture has ended."""
        self._awaited.pop(capture, None)

    def grew(self, found: CaptureFiles) -> None:
        """The capture's files have grown. Blocking: reads what is new. A disk that refuses is asked again at the next growth."""
        samples = (found.write_bytes or 0) // SAMPLE_BYTES
        file = CaptureFile(found.capture, Side.WRITE, found.rate_hz)
        waiting = self._awaited.get(found.capture, {})
        for leg, awaited in list(waiting.items()):
            if samples > awaited.at_sample:
                try:
                    sound = self._longest_sound(file, awaited, samples)
                except CallrecError:
                    continue
                awaited.at_sample = samples
                if sound >= HEARD_S * found.rate_hz:
                    del waiting[leg]
                    awaited.post(PartnerHeard(found.capture, leg, awaited.since_s))
        if not waiting:
            self.forget(found.capture)
