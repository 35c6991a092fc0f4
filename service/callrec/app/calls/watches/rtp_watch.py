"""When no RTP flows on the leg of a capture, so that its recorder has nothing to write: for its time line (`model.RtpGap`).

Growth marks tell how much was not written, and where to a step of two seconds; the RTP counters of the leg tell where exactly. A
question costs 0.4 ms of Asterisk and daemon together. So they are looked at when frames may not flow, each tenth of a second,
until they do:

- when a capture begins, its conversation changes, or a wait ends: phones may not send yet;
- when its files have not grown though a step was due (`FileWatch.overdue`).

A silence that begins and ends within a step, in the middle of a conversation, is not seen: of it the entry says how exact its
place is. In a wait nothing is looked at: when it begins and ends is known.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from callrec.app.ports.calls import Clock, LegStatus
from callrec.domain.calls.events import Event, RtpStoodStill
from callrec.domain.calls.ids import CaptureId
from callrec.domain.calls.model import Capture, RtpGap
from callrec.domain.calls.session import CAPTURING, Session
from callrec.domain.errors import CallrecError

LOOK_S = 0.1
STEADY = 3
"""So many looks in a row at which packets had come: frames flow."""
MOST = 20
"""So many legs are asked at a time, those first that were asked longest ago: 8 % of a core."""
TELL_S = 1.0
"""A gap that lasts is told so often: a call may end in it."""

Post = Callable[[Event], None]


@dataclass(slots=True)
class _Doubt:
    """What is known of a leg on which frames may not flow, by the monotonic clock."""

    packets: int | None = None
    looked_s: float = float("-inf")
    since_s: float | None = None
    """The last packet came after this; None when nothing was asked before."""
    still_s: float = 0.0
    """Since when its counters certainly stand still."""
    told_s: float = 0.0
    steady: int = 0


@dataclass(slots=True)
class _Leg:
    """A capture that is looked after: what was known of its conversation, and of its files, at the last look."""

    bridges: object
    is_waiting: bool
    overdue_s: float | None = None
    counts: bool = True
    """False: its technology does not count."""
    doubt: _Doubt | None = None


class RtpWatch:
    """Posts RtpStoodStill to the calls that are recorded. `overdue`: see `FileWatch`."""

    def __init__(self, leg_status: LegStatus, clock: Clock, overdue: Callable[[], Mapping[CaptureId, float]]) -> None:
        self._leg_status, self._clock, self._overdue = leg_status, clock, overdue
        self._legs: dict[CaptureId, _Leg] = {}

    async def watch(self, live: Callable[[], Iterable[tuple[Session, Post]]]) -> None:
        """Look for ever. `live`: the calls of this moment, and where their events go."""
        while True:
            await asyncio.sleep(LOOK_S)
            captures: dict[CaptureId, tuple[Capture, Post]] = {}
            overdue = self._overdue()
            for session, post in live():
                if (capture := _watched(session)) is not None:
                    captures[capture.id] = capture, post
                    self._doubted(session, capture.id, overdue.get(capture.id))
            self._legs = {capture: leg for capture, leg in self._legs.items() if capture in captures}
            doubts = [(leg.doubt, leg, one) for one, leg in self._legs.items() if leg.doubt is not None]
            for doubt, leg, one in sorted(doubts, key=lambda due: due[0].looked_s)[:MOST]:
                await self._look(doubt, leg, *captures[one])

    def _doubted(self, session: Session, capture: CaptureId, overdue_s: float | None) -> None:
        """Whether frames may not flow now, by what has changed since the last look."""
        leg, is_waiting = self._legs.get(capture), session.is_waiting
        if leg is None:
            self._legs[capture] = _Leg(session.bridges, is_waiting, doubt=_Doubt())
            return
        is_other = leg.bridges is not session.bridges or leg.is_waiting is not is_waiting
        is_new_step = overdue_s is not None and overdue_s != leg.overdue_s
        leg.bridges, leg.is_waiting, leg.overdue_s = session.bridges, is_waiting, overdue_s
        if is_waiting or not leg.counts:
            leg.doubt = None
        elif (is_other or is_new_step) and leg.doubt is None:
            leg.doubt = _Doubt()

    async def _look(self, doubt: _Doubt, leg: _Leg, capture: Capture, post: Post) -> None:
        looked_s = self._clock.now().mono_s
        before_s, doubt.looked_s = doubt.looked_s, looked_s
        try:
            packets = await self._leg_status.packets(capture.leg)
        except CallrecError:
            return
        now_s = self._clock.now().mono_s
        if packets is None:
            leg.counts, leg.doubt = False, None
        elif packets == doubt.packets:
            doubt.steady = 0
            if looked_s - max(doubt.told_s, doubt.still_s) >= TELL_S:
                doubt.told_s = looked_s
                post(RtpStoodStill(capture.id, RtpGap(doubt.still_s, looked_s, doubt.since_s)))
        else:
            if doubt.packets is not None:
                doubt.steady += 1
                if before_s > doubt.still_s:
                    post(RtpStoodStill(capture.id, RtpGap(doubt.still_s, before_s, doubt.since_s, now_s)))
                doubt.since_s = before_s
            doubt.packets, doubt.still_s = packets, now_s
            if doubt.steady >= STEADY:
                leg.doubt = None


def _watched(session: Session) -> Capture | None:
    """The capture of the recorded leg, while what it writes has a place in the file."""
    capture = session.capture
    if capture is None or session.state not in CAPTURING:
        return None
    leg = session.legs.get(capture.leg)
    return capture if leg is not None and not leg.is_local and not leg.is_media else None
