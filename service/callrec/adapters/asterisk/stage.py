"""A channel on which the doctor has sounds played: half of a Local channel that is never dialled.

It rings nowhere, runs no dialplan and leaves no record of a call: Asterisk makes it (ARI `channels/create`), a snoop channel
whispers to it, and both are hung up.
"""

import secrets
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

from callrec.adapters.asterisk.ari import AriLink
from callrec.domain.errors import Misconfigured, Refused

TONE_S = 5.0
PROMPTS_S = 10.0
BEYOND_MS = 3_600_000
"""No prompt is an hour long: from there on only its end is played."""
NOWHERE = "Local/doctor@callrec-doctor"


class AriStage:
    """Keeps the promises of `app.doctor_sounds.Stage`."""

    def __init__(self, ari: AriLink, channel: str, language: str) -> None:
        self.language = language
        self._ari = ari
        self._channel = channel

    async def tone(self, sound: str) -> None:
        """See doctor_sounds.Stage."""
        with _living():
            await self._ari.announce(self._channel, f"sound:{sound}", timeout_s=TONE_S)

    async def missing(self, sounds: Sequence[str]) -> list[str]:
        """See doctor_sounds.Stage."""
        media = [f"sound:{sound}" for sound in sounds]
        with _living():
            states = await self._ari.whispered(self._channel, media, timeout_s=PROMPTS_S, offset_ms=BEYOND_MS)
        if len(states) < len(sounds) or "" in states:
            raise _ended()
        return [sound for sound, state in zip(sounds, states, strict=True) if state != "done"]


@contextmanager
def _living() -> Iterator[None]:
    """Only callrec ends this channel: when ARI does not find it, Asterisk ended it as soon as it was made."""
    try:
        yield
    except Refused as error:
        if error.code != "ari-not-found":
            raise
        raise _ended() from error


def _ended() -> Misconfigured:
    hint = "load app_stasis.so and what else the check 'modules' names"
    return Misconfigured("stage-ended", "Asterisk ends the channel that should play as soon as it is made", hint=hint)


@asynccontextmanager
async def stage(ari: AriLink, app: str) -> AsyncIterator[AriStage]:
    """The channel, while the block lasts. Raises what ARI says."""
    channel = f"callrec-doctor-{secrets.token_hex(4)}"
    params = {"endpoint": NOWHERE, "app": app, "channelId": channel}
    made = await ari.request("POST", ["channels", "create"], params=params)
    try:
        language = made.get("language") if isinstance(made, dict) else ""
        yield AriStage(ari, channel, language if isinstance(language, str) else "")
    finally:
        await ari.hangup(channel)
