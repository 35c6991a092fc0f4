"""What callrec notes on a leg, in channel variables."""

import asyncio
import contextlib
import re
from collections.abc import Sequence

from callrec.adapters.asterisk.channel_variables import ChannelVariables
from callrec.domain.calls.ids import CaptureId, LegId
from callrec.domain.errors import CallrecError
from callrec.domain.library.file_names import leg_file
from callrec.domain.rules import Rule

ID_VARIABLE = "CALLREC_MIXMONITOR"
RULE_VARIABLE = "CALLREC_RULE"
CAPTURE_VARIABLE = "CALLREC_TAKE"
PAUSED_VARIABLE = "CALLREC_PAUSED"
"""Since when the leg's call is paused, in Unix time: the dialplan begins no recorder on it."""
OPTED_OUT_VARIABLE = "CALLREC_OPTED_OUT"
"""1 on the leg of a participant who has asked not to be recorded in this call."""
MADE_VARIABLE = "CALLREC_MADE"
PLACE_VARIABLE = "CALLREC_PLACE"
QUEUE_VARIABLE = "CALLREC_QUEUE"
_SINCE = re.compile(r"[0-9]{1,12}\.[0-9]{3}")


class AmiLegNotes:
    """Implements `app.ports.calls.LegNotes` by variables of the leg."""

    def __init__(self, variables: ChannelVariables) -> None:
        self._variables = variables

    async def note_pause(self, legs: Sequence[LegId], since_s: float | None) -> None:
        """See ports.LegNotes."""
        await asyncio.gather(*(note_pause(self._variables, leg, since_s) for leg in legs))

    async def paused_since_s(self, leg: LegId) -> float | None:
        """See ports.LegNotes."""
        said = await self._variables.get(leg, PAUSED_VARIABLE)
        return float(said) if _SINCE.fullmatch(said) else None

    async def note_opt_out(self, leg: LegId) -> None:
        """See ports.LegNotes."""
        with contextlib.suppress(CallrecError):  # a leg that is gone needs none
            await self._variables.set(leg, OPTED_OUT_VARIABLE, "1")

    async def has_opted_out(self, leg: LegId) -> bool:
        """See ports.LegNotes."""
        return await self._variables.get(leg, OPTED_OUT_VARIABLE) == "1"

    async def recorder_on(self, leg: LegId) -> str:
        """The MixMonitorID in the leg's variables; empty when there is none, or the leg is gone."""
        return await self._variables.get(leg, ID_VARIABLE)

    async def capture_on(self, leg: LegId) -> tuple[CaptureId, Rule] | None:
        """See ports.LegNotes. A missing rule counts as on-demand, so that a press can stop the capture."""
        capture, rule = [await self._variables.get(leg, variable) for variable in (CAPTURE_VARIABLE, RULE_VARIABLE)]
        if leg_file(f"{capture}.read.sln") is None:  # not an id that callrec gives to a capture
            return None
        return CaptureId(capture), Rule.ALWAYS if rule == Rule.ALWAYS else Rule.ON_DEMAND

    async def note_made(self, leg: LegId) -> None:
        """Note on the leg that it has made its call although Asterisk dialled it."""
        await self._variables.set(leg, MADE_VARIABLE, "1")

    async def has_made(self, leg: LegId) -> bool:
        """Whether that note is on the leg."""
        return await self._variables.get(leg, MADE_VARIABLE) == "1"

    async def note_place(self, leg: LegId, place: str) -> None:
        """Note on the leg where its call came in."""
        await self._variables.set(leg, PLACE_VARIABLE, place)

    async def place_on(self, leg: LegId) -> str:
        """That note."""
        return await self._variables.get(leg, PLACE_VARIABLE)

    async def note_queue(self, leg: LegId, queue: str) -> None:
        """Note on the leg in which queue its caller has talked."""
        await self._variables.set(leg, QUEUE_VARIABLE, queue)

    async def queue_on(self, leg: LegId) -> str:
        """That note."""
        return await self._variables.get(leg, QUEUE_VARIABLE)


async def note_pause(variables: ChannelVariables, leg: LegId, since_s: float | None) -> None:
    """Note the pause on one leg, or remove the note. A leg that has hung up needs none."""
    with contextlib.suppress(CallrecError):  # the journal says it too
        await variables.set(leg, PAUSED_VARIABLE, "" if since_s is None else f"{since_s:.3f}")
