"""What flows on one leg, for announcements: its RTP counters, and frames where none flow.

A whisper is mixed into what a leg hears while that is written to it (audiohook.c: audio_audiohook_write_list). To a leg whose
partner sends nothing, Asterisk writes nothing, and the whisper is not heard although its playback ends as usual. So a
silent sound is played on the leg itself: the variable BRIDGE_PLAY_SOUND is looked at whenever a snoop is attached (bridge.c:
check_bridge_play_sound). Recorders get digital silence. As long as it lasts, the others do not hear what this leg says, and
its keys are ignored; the recorders on it do (bridge_channel.c: bridge_channel_playfile).
"""

from typing import Protocol

from callrec.app.ports.asterisk import Manager
from callrec.domain.calls.ids import LegId
from callrec.domain.errors import Refused
from callrec.protocols.rtp_counters import COUNTERS, Packets, packets_of

_SOUND = "BRIDGE_PLAY_SOUND"


class LegFlow(Protocol):
    """The audio of one leg, seen from Asterisk. Raises Unavailable, Refused."""

    async def packets(self, leg: LegId) -> Packets | None:
        """The leg's counters; None when its technology does not count, or it is gone."""
        ...

    async def carry(self, leg: LegId, sound: str) -> None:
        """Play this sound on the leg itself as soon as something listens in on it; empty: not any more."""
        ...


class AmiLegFlow:
    """Implements LegFlow."""

    def __init__(self, ami: Manager) -> None:
        self._ami = ami

    async def packets(self, leg: LegId) -> Packets | None:
        """See LegFlow."""
        try:
            answer = await self._ami.action("Getvar", [("Channel", leg), ("Variable", COUNTERS)])
        except Refused:  # the leg is gone: its playback says so
            return None
        return packets_of(answer.get("Value"))

    async def carry(self, leg: LegId, sound: str) -> None:
        """See LegFlow."""
        await self._ami.action("Setvar", [("Channel", leg), ("Variable", _SOUND), ("Value", sound)])
