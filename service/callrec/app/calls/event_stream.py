"""The stream of Asterisk's events: when each one happened, and in which order the calls get them.

A daemon that was stopped, or is busy, reads an event later than it happened. Source of its instant: the `Timestamp` that Asterisk
gives each event with `timestampevents = yes` in manager.conf (manager.c: append_event), the wall clock of this machine with
microseconds. An event without it counts as happened when it was read.

While recovery compares the calls with Asterisk's list of channels (`app.recovery`), events are held, so that an old event cannot
undo what the list says. Afterwards they are passed on in their order. Of too many the oldest are dropped: the list is newer.
"""

import math
import re
from collections import deque
from collections.abc import Callable, Iterator

from callrec.app.ports.calls import Clock
from callrec.app.ports.observer import Observer
from callrec.domain.vocabulary import DropReason
from callrec.protocols.ami import Message

_DURATION = re.compile(r"(\d{2,}):(\d\d):(\d\d)")
OLDEST_S = 86400.0
"""An older time stamp is not believed: a connection to Asterisk that is not read is closed long before."""
_STEP_S = 0.1
"""If the wall clock moved by more than this against the monotonic one since the last event, somebody set it."""
MAX_HELD = 100_000
"""Many seconds of a busy Asterisk."""
MAX_HELD_BYTES = 64 << 20


class EventStream:
    """Passes each event on to `deliver` with the monotonic instant at which it happened, at once or after `release`."""

    def __init__(self, clock: Clock, observer: Observer, deliver: Callable[[Message, float], None]) -> None:
        self.times = EventTimes(clock)
        self._observer, self._deliver = observer, deliver
        self._held: HeldEvents | None = None

    def receive(self, message: Message) -> None:
        """The next event, in the order of the connection."""
        at_mono_s = self.times.happened(message)
        if self._held is None:
            self._deliver(message, at_mono_s)
            return
        for _ in range(self._held.add(message, at_mono_s)):
            self._observer.dropped(DropReason.HELD_BACK)

    def hold(self) -> None:
        """Hold events from here until `release`."""
        self._held = HeldEvents()

    def release(self) -> None:
        """Pass on what was held, and from here every event at once."""
        held, self._held = self._held or (), None
        for message, at_mono_s in held:
            self._deliver(message, at_mono_s)


class HeldEvents:
    """Events in their order, with the instant of each. Bounded in number and bytes."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Message, float]] = deque()
        self._bytes = 0

    def __iter__(self) -> Iterator[tuple[Message, float]]:
        return iter(self._waiting)

    def add(self, message: Message, at_mono_s: float) -> int:
        """Hold one more event; returns how many older ones were dropped for it."""
        self._waiting.append((message, at_mono_s))
        self._bytes += message.memory_bytes
        dropped = 0
        while len(self._waiting) > MAX_HELD or self._bytes > MAX_HELD_BYTES:
            oldest, _ = self._waiting.popleft()
            self._bytes -= oldest.memory_bytes
            dropped += 1
        return dropped


class EventTimes:
    """Ask once for each event, in the order of the stream."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offset_s: float | None = None
        self._read_until_s: float | None = None
        """Until when every event was read, in monotonic seconds: when the last one happened; None before the first resync."""
        self._is_whole = False
        """Whether no event is missed: from a resync until the link is lost."""
        self._not_before_s = -math.inf
        """Events come in their order: none happened before the one that was read before it."""

    def resynced(self) -> None:
        """All that happened until now is known."""
        self._is_whole, self._read_until_s = True, self._clock.now().mono_s

    def lost(self) -> None:
        """The link is lost. What is read over the next one tells nothing of the events in between."""
        self._is_whole = False

    def happened(self, message: Message) -> float:
        """The moment in monotonic seconds, now at the latest. While the wall clock is being set, a stamp says nothing: now."""
        self._not_before_s = max(self._not_before_s, self._by_stamp(message))
        if self._is_whole and self._read_until_s is not None:  # not until now: this process may have been stopped since
            self._read_until_s = max(self._read_until_s, self._not_before_s)
        return self._not_before_s

    def _by_stamp(self, message: Message) -> float:
        now = self._clock.now()
        former_s, self._offset_s = self._offset_s, now.utc_s - now.mono_s
        is_steady = former_s is None or abs(self._offset_s - former_s) < _STEP_S
        try:
            age_s = now.utc_s - float(message.get("Timestamp"))
        except ValueError:
            return now.mono_s
        return now.mono_s - age_s if is_steady and 0 < age_s < OLDEST_S else now.mono_s

    def seen_until_s(self) -> float:
        """Until when every event was read, in Unix time; 0 before the first resync."""
        now = self._clock.now()
        return 0.0 if self._read_until_s is None else now.utc_s - (now.mono_s - self._read_until_s)

    def answered(self, bridge_utc_s: float | None, duration: str) -> float:
        """Since when a conversation may go on of which no event told, in monotonic seconds: not before its bridge was made, its
        youngest leg (which lives for `duration`, `00:01:02`), the last event before any was missed, and the machine. More is not
        known."""
        now, found = self._clock.now(), _DURATION.fullmatch(duration)
        earliest = [now.mono_s - (now.utc_s - bridge_utc_s)] if bridge_utc_s is not None else []
        if found:
            hours, minutes, seconds = map(int, found.groups())
            earliest.append(now.mono_s - ((hours * 60 + minutes) * 60 + seconds + 1))
        if self._read_until_s is not None:
            earliest.append(self._read_until_s)
        return min(max(0.0, max(earliest, default=now.mono_s)), now.mono_s)
