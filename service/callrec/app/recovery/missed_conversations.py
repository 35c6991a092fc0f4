"""Conversations that nothing recorded, of which only the dialplan knows: they become entries without audio.

For a second or two after the daemon died, or lost its link to Asterisk's manager, its mark is still valid, and the dialplan
leaves a call that is answered then to it. When that call is over and no daemon has seen it, the dialplan notes it in AstDB. It
notes more than it must: it does not know what the daemon has decided. So what is older than the outage is dropped, and what the
daemon knows of.
"""

import math
from collections.abc import Collection
from contextlib import suppress

from callrec.app.calls.call_router import CallRouter
from callrec.app.recovery import fallback_recordings
from callrec.app.recovery.state import RecoveryPorts, RecoveryState
from callrec.domain.calls.ids import LegId
from callrec.domain.calls.journal import Entry, Step
from callrec.domain.calls.model import Recording
from callrec.domain.errors import CallrecError, Refused
from callrec.domain.library.missed_conversations import MissedConversation
from callrec.domain.vocabulary import AlarmCause

LATE_S = 0.2
"""So late an event may be stamped after what it tells."""


class MissedConversations:
    """`look` in each comparison with Asterisk, `take` after it."""

    def __init__(self, ports: RecoveryPorts, state: RecoveryState, calls: CallRouter) -> None:
        self._ports, self._state, self._calls = ports, state, calls

    def link_down(self) -> None:
        """Events are missed since the last one."""
        self._state.events_missed_since_s = min(self._state.events_missed_since_s, self._calls.seen_until_s() - LATE_S)

    async def look(self, known: Collection[Recording], legs: Collection[LegId], looked_s: float) -> set[LegId]:
        """The legs of calls that get their entry from here. `known`: recordings that the daemon knows of; `legs`: those that
        Asterisk listed at `looked_s` or later; from then on the daemon sees all calls."""
        state = self._state
        state.known, state.listed, state.listed_s = known, legs, looked_s
        try:
            return {LegId(leg) for one in await self._unseen() for leg in (one.file.uniqueid, one.linkedid)}
        except CallrecError as error:
            self._ports.alarm(AlarmCause.FALLBACK, error)
            return set()

    async def take(self) -> None:
        """Make entries of them. What fails is tried again after the next resync."""
        try:
            for one in await self._unseen():
                recording = fallback_recordings.missed(one, self._ports.endpoints, self._ports.node)
                await self._ports.journal.append(Entry(Step.ENDED, recording))
                self._ports.hand_over(recording)
            self._state.events_missed_since_s = math.inf
            with suppress(Refused):  # there is none
                await self._ports.notes.forget_missed()
        except CallrecError as error:
            self._ports.alarm(AlarmCause.FALLBACK, error)

    async def _unseen(self) -> list[MissedConversation]:
        found = await self._ports.notes.missed()
        state = self._state
        outage = state.events_missed_since_s, state.listed_s
        return fallback_recordings.unseen(found, state.known, outage, state.listed)
