"""What Asterisk is asked about a leg."""

import contextlib

from callrec.adapters.asterisk.channel_variables import ChannelVariables
from callrec.app.ports.asterisk import Codecs
from callrec.domain.calls.captures.rtp_counts import RtpCount
from callrec.domain.calls.ids import LegId
from callrec.domain.calls.model import LegAudio
from callrec.domain.errors import Refused
from callrec.protocols.audio_formats import rate_of
from callrec.protocols.rtp_counters import (
    COUNTERS,
    JITTER,
    LAST_COUNTS_AT,
    largest_delay_of,
    packets_of,
    rtp_count_of,
)

MOST_FRAMES = 20
"""Gosubs in each other: more are a dialplan that calls itself."""


class AmiLegStatus:
    """Implements `app.ports.calls.LegStatus`."""

    def __init__(self, variables: ChannelVariables, codecs: Codecs) -> None:
        self._variables, self._codecs = variables, codecs

    async def came_in_at(self, leg: LegId, channel: str) -> str | None:
        """See ports.LegStatus. The dialled number stays on the channel, whatever the dialplan does with the call. The context is
        the endpoint's. For other technologies: that of the outermost Gosub, if it began at the dialled number (app_stack.c)."""
        dialled = await self._variables.get(leg, "CALLERID(dnid)")
        technology, _, name = channel.partition("/")
        if technology == "PJSIP":
            context = await self._variables.get(leg, f"PJSIP_ENDPOINT({name.rpartition('-')[0]},context)")
            return f"{dialled}@{context}" if context else None
        outermost = ""
        for nth in range(1, MOST_FRAMES + 1):
            if not (found := await self._variables.get(leg, f"STACK_PEEK({nth},l,1)")):
                break
            outermost = found
        context, _, more = outermost.partition(",")
        return f"{dialled}@{context}" if dialled and more.partition(",")[0] == dialled else None

    async def is_holding(self, leg: LegId) -> bool:
        """See ports.LegStatus (func_channel.c: `onhold`)."""
        return await self._variables.get(leg, "CHANNEL(onhold)") == "1"

    async def application_on(self, leg: LegId) -> tuple[str, str]:
        """See ports.LegStatus (func_channel.c: `appname`, `appdata`)."""
        name, arguments = [await self._variables.get(leg, f"CHANNEL({field})") for field in ("appname", "appdata")]
        return name, arguments

    async def packets(self, leg: LegId) -> int | None:
        """See ports.LegStatus. chan_pjsip counts all RTP packets received and sent (res_rtp_asterisk.c: ast_rtp_get_stat)."""
        found = packets_of(await self._variables.get(leg, COUNTERS))
        return found.received + found.sent if found else None

    async def rtp_count(self, leg: LegId) -> RtpCount | None:
        """See ports.LegStatus. What is lost is counted when Asterisk sends a report, every five seconds."""
        return rtp_count_of(await self._variables.get(leg, COUNTERS))

    async def largest_delay_s(self, leg: LegId) -> float | None:
        """See ports.LegStatus (RFC 3550, 6.4.1)."""
        return largest_delay_of(await self._variables.get(leg, JITTER))

    async def tell_last_counts(self, leg: LegId) -> None:
        """See ports.LegStatus (func_channel.c: `hangup_handler_push`). A handler that does not exist would
        be an error in Asterisk's log at each hangup."""
        if await self._variables.get(leg, f"DIALPLAN_EXISTS({LAST_COUNTS_AT})") == "1":
            with contextlib.suppress(Refused):  # it has hung up
                await self._variables.set(leg, "CHANNEL(hangup_handler_push)", LAST_COUNTS_AT)

    async def audio(self, leg: LegId) -> LegAudio:
        """See ports.LegStatus."""
        formats = await self._variables.get(leg, "CHANNEL(audionativeformat)")
        return LegAudio(rate_of(formats), await self._codecs.undecodable(formats))

    async def sends_fax(self, leg: LegId) -> bool:
        """See ports.LegStatus (chan_pjsip's dialplan_functions.c: `t38state`). Other channels have no such state. It stays when
        both phones have gone back to audio, but then the leg counts RTP again (while it does not, Asterisk logs a warning)."""
        is_enabled = await self._variables.get(leg, "CHANNEL(pjsip,t38state)") == "ENABLED"
        return is_enabled and not await self._variables.get(leg, "CHANNEL(rtcp,rxcount,audio)")
