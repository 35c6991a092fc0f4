"""Asks Asterisk whether a leg that no recorder could hear (`domain.calls.legs.undecodable_legs`) can be heard again.

No event tells that a call goes on with another codec, or that a fax is over. A call that begins with such a codec mostly ends
with it: so it is asked less and less often. Two questions for a leg each time, and none for all other calls.
"""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress

from callrec.app.ports.calls import Clock, LegStatus
from callrec.domain.calls.events import Event, LegAudioTold
from callrec.domain.calls.ids import LegId
from callrec.domain.calls.legs.undecodable_legs import awaited_leg
from callrec.domain.calls.model import LegAudio
from callrec.domain.calls.session import Session
from callrec.domain.errors import CallrecError
from callrec.domain.vocabulary import AlarmCause

LOOK_S = 0.5
AGAIN_S, AGAIN_PART, AGAIN_MOST_S = 1.0, 0.1, 10.0

Post = Callable[[Event], None]


class UndecodableWatch:
    """Posts LegAudioTold to the calls whose recording waits for it."""

    def __init__(self, leg_status: LegStatus, clock: Clock) -> None:
        self._leg_status, self._clock = leg_status, clock
        self._waits: dict[LegId, tuple[float, float]] = {}
        """Since when each leg is waited for, and when it is asked again, by the monotonic clock."""

    async def watch(self, live: Callable[[], Iterable[tuple[Session, Post]]]) -> None:
        """Ask for ever. `live`: the calls of this moment, and where their events go."""
        while True:
            await asyncio.sleep(LOOK_S)
            legs = {leg: post for session, post in live() if (leg := awaited_leg(session))}
            self._waits = {leg: waited for leg, waited in self._waits.items() if leg in legs}
            for leg, post in legs.items():
                await self._look(leg, post)

    async def _look(self, leg: LegId, post: Post) -> None:
        now_s = self._clock.now().mono_s
        since_s, due_s = self._waits.setdefault(leg, (now_s, now_s))
        if now_s < due_s:
            return
        self._waits[leg] = since_s, now_s + min(max(AGAIN_S, AGAIN_PART * (now_s - since_s)), AGAIN_MOST_S)
        with suppress(CallrecError):  # asked again
            post(LegAudioTold(leg, await audio_now(self._leg_status, leg)))


async def audio_now(leg_status: LegStatus, leg: LegId) -> LegAudio:
    """How the leg's audio can be recorded in the middle of a call, when it may send a fax. Raises CallrecError."""
    audio = await leg_status.audio(leg)
    return LegAudio(audio.rate_hz, AlarmCause.FAX) if await leg_status.sends_fax(leg) else audio
