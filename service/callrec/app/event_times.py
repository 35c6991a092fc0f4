"""When an event of Asterisk happened, on our monotonic clock: a daemon that was stopped, or is busy, reads it later.

Source: the `Timestamp` that Asterisk gives each event with `timestampevents = yes` in manager.conf (manager.c: append_event), the
wall clock of this machine with microseconds. Without it an event counts as happened when it was read.
"""

import math
import re

from callrec.app.ports import Clock
from callrec.protocols.ami import Message

_DURATION = re.compile(r"(\d{2,}):(\d\d):(\d\d)")
OLDEST_S = 86400.0
"""An older time stamp is not believed: a connection to Asterisk that is not read is closed long before."""
_STEP_S = 0.1
"""If the wall clock moved by more than this against the monotonic one since the last event, somebody set it."""


class EventTimes:
    """Ask once for each event, in the order of the stream."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offset_s: float | None = None
        self._last_mono_s: float | None = None
        self._not_before_s = -math.inf
        """Events come in their order: none happened before the one that was read before it."""

    def happened(self, message: Message) -> float:
        """The moment in monotonic seconds, now at the latest. While the wall clock is being set, a stamp says nothing: now."""
        self._not_before_s = max(self._not_before_s, self._by_stamp(message))
        return self._not_before_s

    def _by_stamp(self, message: Message) -> float:
        now = self._clock.now()
        self._last_mono_s = now.mono_s
        former_s, self._offset_s = self._offset_s, now.utc_s - now.mono_s
        is_steady = former_s is None or abs(self._offset_s - former_s) < _STEP_S
        try:
            age_s = now.utc_s - float(message.get("Timestamp"))
        except ValueError:
            return now.mono_s
        return now.mono_s - age_s if is_steady and 0 < age_s < OLDEST_S else now.mono_s

    def answered(self, bridge_utc_s: float | None, duration: str) -> float:
        """Since when a conversation may go on of which no event told, in monotonic seconds: not before its bridge was made, its
        youngest leg (which lives for `duration`, `00:01:02`), the last event that we read, and the machine. More is not known."""
        now, found = self._clock.now(), _DURATION.fullmatch(duration)
        earliest = [now.mono_s - (now.utc_s - bridge_utc_s)] if bridge_utc_s is not None else []
        if found:
            hours, minutes, seconds = map(int, found.groups())
            earliest.append(now.mono_s - ((hours * 60 + minutes) * 60 + seconds + 1))
        if self._last_mono_s is not None:
            earliest.append(self._last_mono_s)
        return min(max(0.0, max(earliest, default=now.mono_s)), now.mono_s)
