"""The doctor's channel, on which Asterisk plays sounds: half of a Local channel that is never dialled.

It rings no phone, runs no dialplan and leaves no CDR: Asterisk creates it (ARI `channels/create`), a snoop channel whispers to
it, and both are hung up.
"""

import secrets
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

from callrec.adapters.asterisk.ari import AriLink
from callrec.domain.errors import Misconfigured, Refused

TONE_S = 5.0
PROMPTS_S = 10.0
BEYOND_MS = 3_600_000
"""An hour, longer than any prompt: playback from this offset plays only the prompt's end."""
NOWHERE = "Local/doctor@callrec-doctor"


class AriStage:
    """Implements `app.ports.asterisk.SoundStage`."""

    def __init__(self, ari: AriLink, channel: str, language: str) -> None:
        self.language = language
        self._ari = ari
        self._channel = channel

    async def tone(self, sound: str) -> None:
        """Play a sound as into a live call; return at its end."""
        with _living():
            await self._ari.announce(self._channel, f"sound:{sound}", timeout_s=TONE_S)

    async def missing(self, sounds: Sequence[str]) -> list[str]:
        """Those of these sounds that Asterisk cannot play."""
        media = [f"sound:{sound}" for sound in sounds]
        with _living():
            states = await self._ari.whispered(self._channel, media, timeout_s=PROMPTS_S, offset_ms=BEYOND_MS)
        if len(states) < len(sounds) or "" in states:
            raise _ended()
        return [sound for sound, state in zip(sounds, states, strict=True) if state != "done"]


@contextmanager
def _living() -> Iterator[None]:
    """Only callrec ends this channel: when ARI does not find it, Asterisk has ended it as soon as it was created."""
    try:
        yield
    except Refused as error:
        if error.code != "ari-not-found":
            raise
        raise _ended() from error


def _ended() -> Misconfigured:
    hint = "load app_stasis.so and the other modules that the check 'modules' names"
    return Misconfigured("stage-ended", "Asterisk ended the doctor's channel as soon as it was created", hint=hint)


@asynccontextmanager
async def stage(ari: AriLink, app: str) -> AsyncIterator[AriStage]:
    """The channel for the duration of the block. Raises as the ARI link does."""
    channel = f"callrec-doctor-{secrets.token_hex(4)}"
    params = {"endpoint": NOWHERE, "app": app, "channelId": channel}
    made = await ari.request("POST", ["channels", "create"], params=params)
    try:
        language = made.get("language") if isinstance(made, dict) else ""
        yield AriStage(ari, channel, language if isinstance(language, str) else "")
    finally:
        await ari.hangup(channel)
