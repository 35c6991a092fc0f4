"""Sets a recording's id as a channel variable and in the CDR of its participants' channels, where reports of other programs look.

It is an observer before the daemon's own: the fact that a recording has files that grow is the moment. It is told again for each
further capture, so participants who came meanwhile get the id, too.
"""

from collections.abc import Sequence
from contextlib import suppress

from callrec.app.background import Background
from callrec.app.ports.asterisk import LegVariables
from callrec.app.ports.observer import Observer
from callrec.domain.calls.commands import Alarm, Tell
from callrec.domain.calls.ids import LegId, RecordingId
from callrec.domain.errors import Refused
from callrec.domain.vocabulary import CallFact, DropReason


def places(variable: str, cdr_field: str) -> tuple[str, ...]:
    """What is set on each channel, by the settings; a function is set like a variable."""
    return tuple(one for one in (variable, f"CDR({cdr_field})" if cdr_field else "") if one)


class RecordingMarks:
    """Implements Observer. Everything is passed on to the daemon's own observer."""

    def __init__(self, inner: Observer, legs: LegVariables, background: Background, set_on_each: Sequence[str]) -> None:
        self._inner, self._legs, self._background, self._places = inner, legs, background, set_on_each

    def told(self, fact: Tell) -> None:
        """Pass the fact on; a recording that has begun is marked beside the call."""
        self._inner.told(fact)
        if fact.fact == CallFact.RECORDING and fact.recording is not None:
            for leg in dict.fromkeys(party.leg for party in fact.recording.parties if party.to_s is None):
                self._background.start(self._mark(leg, fact.recording.id), DropReason.RECORDING_MARK)

    def alarmed(self, alarm: Alarm, call: str) -> None:
        """Pass it on."""
        self._inner.alarmed(alarm, call)

    def dropped(self, what: DropReason) -> None:
        """Pass it on."""
        self._inner.dropped(what)

    def broke(self, where: str, error: BaseException) -> None:
        """Pass it on."""
        self._inner.broke(where, error)

    async def _mark(self, leg: LegId, recording: RecordingId) -> None:
        with suppress(Refused):  # the channel has just ended
            for place in self._places:
                await self._legs.set(leg, place, recording)
