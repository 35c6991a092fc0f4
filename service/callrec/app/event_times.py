"""When an event of Asterisk happened, on our monotonic clock: a daemon that was stopped, or is busy, reads it later.

Source: the `Timestamp` that Asterisk gives each event with `timestampevents = yes` in manager.conf (manager.c: append_event), the
wall clock of this machine with microseconds. Without it an event counts as happened when it was read.
"""

import math

from callrec.app.ports import Clock
from callrec.protocols.ami import Message

_STEP_S = 0.1
"""If the wall clock moved by more than this against the monotonic one since the last event, somebody set it."""


class EventTimes:
    """Ask once for each event, in the order of the stream."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offset_s: float | None = None

    def happened(self, message: Message) -> float:
        """The moment in monotonic seconds, now at the latest. While the wall clock is being set, a stamp says nothing: now."""
        now = self._clock.now()
        former_s, self._offset_s = self._offset_s, now.utc_s - now.mono_s
        is_steady = former_s is None or abs(self._offset_s - former_s) < _STEP_S
        try:
            age_s = now.utc_s - float(message.get("Timestamp"))
        except ValueError:
            return now.mono_s
        return now.mono_s - age_s if is_steady and math.isfinite(age_s) and age_s > 0 else now.mono_s
