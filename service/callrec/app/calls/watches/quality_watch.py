"""Asks Asterisk how well the RTP of recorded legs arrives, for the manifest (`model.Quality`).

Asterisk tells no final counts: a channel variable at the hangup is set for one side only (chan_pjsip.c: chan_pjsip_session_end),
events of RTCP would come twice every five seconds for each leg. So a leg is asked at once (what was counted before the
recording is none of it; of a new call nothing is lost by then), after two seconds, and then when the call is older by a tenth,
ten seconds at least: what is not counted is the last tenth. Thirteen questions for a leg in a call of three minutes, each 0.4 ms
of Asterisk and daemon together. They are asked one after the other: many calls make no burst.
"""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress

from callrec.app.ports.calls import Clock, Recorder
from callrec.domain.calls.events import Event, LegMeasured
from callrec.domain.calls.ids import LegId
from callrec.domain.calls.session import ACTIVE, Session
from callrec.domain.errors import CallrecError

LOOK_S = 1.0
FIRST_S, AGAIN_S, AGAIN_PART = 2.0, 10.0, 0.1

Post = Callable[[Event], None]


class QualityWatch:
    """Posts LegMeasured to the calls that are recorded."""

    def __init__(self, recorder: Recorder, clock: Clock) -> None:
        self._recorder, self._clock = recorder, clock
        self._seen_s: dict[LegId, float] = {}
        self._due_s: dict[LegId, float] = {}

    async def watch(self, live: Callable[[], Iterable[tuple[Session, Post]]]) -> None:
        """Ask for ever. `live`: the calls of this moment, and where their events go."""
        while True:
            await asyncio.sleep(LOOK_S)
            legs = {leg: post for session, post in live() for leg in recorded_legs(session)}
            for leg in [leg for leg in self._due_s if leg not in legs]:
                del self._due_s[leg], self._seen_s[leg]
            for leg, post in legs.items():
                await self._look(leg, post)

    async def _look(self, leg: LegId, post: Post) -> None:
        now_s = self._clock.now().mono_s
        since_s = self._seen_s.setdefault(leg, now_s)
        if now_s < self._due_s.setdefault(leg, since_s):
            return
        again_s = max(AGAIN_S, AGAIN_PART * (now_s - since_s)) if now_s > since_s else FIRST_S
        self._due_s[leg] = now_s + again_s
        with suppress(CallrecError):  # the next answer counts all
            if quality := await self._recorder.quality(leg):
                post(LegMeasured(leg, quality))


def recorded_legs(session: Session) -> list[LegId]:
    """The phones in the recorded conversation, that of the capture included."""
    if session.state not in ACTIVE or session.capture is None or session.is_opaque:
        return []  # a leg that sends a fax has no RTP to be asked for
    return [leg.id for leg in session.members(session.capture.leg) if not leg.is_local and not leg.is_media]
