"""Asks Asterisk how well the RTP of recorded legs arrives, for the manifest (`model.Quality`), and notices the phone that numbers
its packets from the start (`rtp_counts`).

A leg is asked at once (what was counted before the recording is none of it; of a new call nothing is lost by then), after two
seconds, and then when the call is older by a tenth, ten seconds at least. Thirteen questions for a leg in a call of three
minutes, each 0.4 ms of Asterisk and daemon together. They are asked one after the other: many calls make no burst. Events of RTCP
would come twice every five seconds for each leg, and none at its end.

What is counted behind the last question the dialplan tells, when the leg hangs up (`protocols.rtp_counters`); a leg that goes on
elsewhere is asked once more. So it is known of the last seconds of a call, too, whether a phone has another source, and how late
its packets came.

Where a file turns silent the legs are asked at once, and after Asterisk's next report of RTCP: a recorder may have become deaf to
one of them. It has when the file is silent since the leg's phone restarted its RTP numbering, and for some time after that. Or
packets were held back, and came all at once (`late_packets`).
"""

import asyncio
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace

from callrec.app.calls.capture_files.silence_watch import SilenceWatch
from callrec.app.ports.calls import Clock, LegStatus
from callrec.domain.calls.captures.late_packets import LEAST_S, delays
from callrec.domain.calls.captures.rtp_counts import REPORT_S, Counted
from callrec.domain.calls.events import Event, LegMeasured, PacketsHeldBack, RtpRenumbered, VoiceUnheard
from callrec.domain.calls.ids import LegId, recording_of
from callrec.domain.calls.model import Capture, Renumbering
from callrec.domain.calls.session import ACTIVE, Session, State
from callrec.domain.errors import CallrecError
from callrec.domain.library.file_names import Side
from callrec.protocols.rtp_counters import LastCounts

LOOK_S = 1.0
FIRST_S, AGAIN_S, AGAIN_PART = 2.0, 10.0, 0.1
NEW = 150
"""A leg of which fewer packets had come when it was asked first is as new as its recording: it has had no large delay."""
MOST_SILENT = 20
"""So many legs are asked in one look since their files have turned silent: 1 % of a core."""
NEAR_S = 0.5
"""How far the beginning of a silence may lie from when the renumbering is reckoned to have been: ticks of both clocks, a busy
machine."""
LASTS_S = 0.3
"""So long after a renumbering a file has to be silent for a recorder to be deaf: a phone may take a breath."""
LEFT_S = 10.0
"""So long the last counts of a leg are waited for that is not in a recorded conversation any more."""
UNTOLD_S = REPORT_S + 3.0
"""So late before a hangup a phone may go back in its numbers without a word of the counters: a report of RTCP, and its answer."""

Post = Callable[[Event], None]


@dataclass(slots=True)
class _Leg:
    """What is known of one leg, and where its news go. Times are monotonic."""

    since_s: float
    due_s: float
    recording: str
    """In which it was asked last: in another one it is asked at once."""
    capture: Capture
    post: Post
    counted: Counted | None = None
    delay_s: float | None = None
    """The largest delay of a packet, when it was asked, or told, for the last time."""
    delayed_s: float | None = None
    """The same when a silence was last looked at; none of a leg that is as new as its recording; None: not known."""
    tells_last: bool = False
    """Whether the dialplan was asked to tell its last counts."""
    left_s: float | None = None
    """Since when it is not in a recorded conversation any more."""
    looked_s: float = float("-inf")
    away_s: float = 0.0
    """How much of its voice had not come when it was asked last, since it was asked before."""
    judged_s: float = float("-inf")
    """When the last silence began of which it is known whether it was a delay."""
    quiet_s: float = float("-inf")
    """When its call was last paused, or waited: its file is silent then, even where RTP arrives."""
    renumbering: Renumbering | None = None
    """The last one, while it is not known whether the recorder hears the leg since."""


class QualityWatch:
    """Posts LegMeasured, RtpRenumbered, VoiceUnheard and PacketsHeldBack to the calls that are recorded. `silences`: see
    `FileWatch`."""

    def __init__(self, leg_status: LegStatus, clock: Clock, silences: SilenceWatch) -> None:
        self._leg_status, self._clock, self._silences = leg_status, clock, silences
        self._legs: dict[LegId, _Leg] = {}
        self._left: dict[LegId, _Leg] = {}
        """Those whose last counts are waited for."""

    async def watch(self, live: Callable[[], Iterable[tuple[Session, Post]]]) -> None:
        """Ask for ever. `live`: the calls of this moment, and where their events go."""
        while True:
            await asyncio.sleep(LOOK_S)
            legs = {leg: (session, post) for session, post in live() for leg in recorded_legs(session)}
            await self._ask_who_left(legs)
            self._legs = {leg: known for leg, known in self._legs.items() if leg in legs}
            silent = 0
            for leg, (session, post) in legs.items():
                now_s, capture = self._clock.now().mono_s, session.capture
                if capture is None:  # pragma: no cover - for the type checker: a recorded leg has one
                    continue
                recording = recording_of(capture.id)
                known = self._legs.setdefault(leg, _Leg(now_s, now_s, recording, capture, post))
                if known.recording != recording:  # the former ended, and this one began, between two looks
                    known.recording, known.since_s, known.due_s = recording, now_s, now_s
                known.capture, known.post = capture, post
                if session.state is State.PAUSED or session.is_waiting:
                    known.quiet_s = now_s
                if now_s >= known.due_s:
                    again_s = max(AGAIN_S, AGAIN_PART * (now_s - known.since_s)) if now_s > known.since_s else FIRST_S
                    known.due_s = now_s + again_s
                    await self._ask(leg, known)
                elif silent < MOST_SILENT and self._has_turned_silent(known, capture):
                    silent += 1
                    await self._ask(leg, known)
                    await self._tell_if_held_back(leg, known, capture, post)
                self._tell_if_unheard(leg, known, capture, post)

    def ended(self, last: LastCounts, at_s: float) -> None:
        """The leg hangs up at this monotonic instant, and so much was counted."""
        known = self._legs.pop(last.leg, None) or self._left.pop(last.leg, None)
        if known is None or known.counted is None:
            return
        at_s, before = max(at_s, known.counted.at_s), known.counted
        known.counted, renumbering = before.then(last.leg, at_s, at_s, last.count)
        known.delay_s = last.largest_delay_s
        if renumbering is None and self._may_be_deaf(last.leg, known, before, at_s):
            renumbering = Renumbering(last.leg, at_s - UNTOLD_S, at_s, behind_s=0.0)
        if renumbering is not None:
            known.post(RtpRenumbered(renumbering))
        self._tell(last.leg, known)

    def _may_be_deaf(self, leg: LegId, known: _Leg, before: Counted, at_s: float) -> bool:
        """Whether its side of the file is silent to the end though its packets came, and had no such silence before: a phone of
        which the counters tell too late that it has gone back in its numbers. In doubt that voice is missing, where the
        conversation ended with the leg (`app.library.finalize.renumbered_check`)."""
        side = Side.READ if leg == known.capture.leg else Side.WRITE
        silent_s, looked_s = self._silences.silent_s(known.capture.id, side), self._silences.looked_s(known.capture.id)
        if known.counted is None or silent_s is None or silent_s < at_s - UNTOLD_S:
            return False
        away_s = known.counted.away_since_s(before) + (known.away_s if before.at_s > silent_s else 0.0)
        has_come = away_s < (at_s - silent_s) / 2
        is_its_way = any(to_s - from_s >= LEAST_S for from_s, to_s in self._silences.ended(known.capture.id, side))
        return has_come and not is_its_way and looked_s - max(silent_s, known.quiet_s) >= LASTS_S

    async def _ask_who_left(self, legs: Collection[LegId]) -> None:
        """Once more, for what was counted since the last question: they may live on elsewhere."""
        now_s = self._clock.now().mono_s
        self._left = {leg: known for leg, known in self._left.items() if now_s < (known.left_s or 0.0) + LEFT_S}
        for leg in [leg for leg in self._legs if leg not in legs]:
            if (known := self._legs.pop(leg, None)) is None:
                continue  # its last counts came while another one was asked
            self._left[leg] = known
            known.left_s = now_s
            if known.counted is not None:
                with suppress(CallrecError):
                    known.delay_s = await self._leg_status.largest_delay_s(leg)
                await self._ask(leg, known)

    def _has_turned_silent(self, known: _Leg, capture: Capture) -> bool:
        """Whether a silence was found since the leg was asked, or when its counts did not yet tell of it."""
        found_s, now_s = self._silences.found_s(capture.id), self._clock.now().mono_s
        return any(known.looked_s < found_s + after_s <= now_s for after_s in (0.0, REPORT_S / 2, REPORT_S))

    async def _ask(self, leg: LegId, known: _Leg) -> None:
        looked_s = self._clock.now().mono_s
        try:
            count = await self._leg_status.rtp_count(leg)
        except CallrecError:  # the next answer counts all
            return
        known.looked_s, answered_s = looked_s, self._clock.now().mono_s
        if count is None:
            return
        if known.counted is None:
            known.counted = Counted.first(looked_s, count)
            known.delayed_s = 0.0 if count.received < NEW else None
        else:
            before = known.counted
            known.counted, renumbering = before.then(leg, looked_s, answered_s, count)
            known.away_s = known.counted.away_since_s(before)
            if renumbering is not None:
                known.renumbering = renumbering
                known.post(RtpRenumbered(renumbering))
        self._tell(leg, known)
        if not known.tells_last:
            with suppress(CallrecError):  # asked again
                await self._leg_status.tell_last_counts(leg)
                known.tells_last = True

    def _tell(self, leg: LegId, known: _Leg) -> None:
        if known.counted is not None:
            delay_ms = None if known.delay_s is None else round(1000 * known.delay_s, 1)
            known.post(LegMeasured(leg, replace(known.counted.quality, largest_delay_ms=delay_ms)))

    async def _tell_if_held_back(self, leg: LegId, known: _Leg, capture: Capture, post: Post) -> None:
        """When a silence of the file was a delay of this leg's packets: each silence once."""
        ended = self._silences.ended(capture.id, Side.READ if leg == capture.leg else Side.WRITE)
        new = [one for one in ended if one[0] > max(known.judged_s, known.quiet_s) and one[1] - one[0] >= LEAST_S]
        if not new or known.renumbering is not None:
            return
        known.judged_s = new[-1][0]
        try:
            delay_s = await self._leg_status.largest_delay_s(leg)
        except CallrecError:
            return
        if delay_s is None:
            return
        before_s, known.delayed_s = known.delayed_s, delay_s
        for from_s, to_s in delays(new, delay_s, known.away_s, before_s):
            post(PacketsHeldBack(capture.id, leg, from_s, to_s))

    def _tell_if_unheard(self, leg: LegId, known: _Leg, capture: Capture, post: Post) -> None:
        """Once for each renumbering, when the file has been written beyond it."""
        one = known.renumbering
        if one is None:
            return
        side, looked_s = Side.READ if leg == capture.leg else Side.WRITE, self._silences.looked_s(capture.id)
        silent_s = self._silences.silent_s(capture.id, side)
        if silent_s is None or silent_s > one.to_s + NEAR_S:
            known.renumbering = one if looked_s < one.to_s + NEAR_S + LASTS_S else None
            return
        since_s = max(silent_s, one.from_s - NEAR_S)
        if looked_s >= max(since_s, known.quiet_s) + NEAR_S + LASTS_S:
            known.renumbering = None
            post(VoiceUnheard(capture.id, leg, since_s))


def recorded_legs(session: Session) -> list[LegId]:
    """The phones in the recorded conversation, that of the capture included."""
    if session.state not in ACTIVE or session.capture is None or session.is_undecodable:
        return []  # a leg that sends a fax has no RTP to be asked for
    return [leg.id for leg in session.members(session.capture.leg) if not leg.is_local and not leg.is_media]
