"""Tones and words into a live call, over ARI: a whispering snoop on the recorded leg, or on the presser's.

Both parties hear the tone mixed with the voice, and the take does not hold it: a snoop's whisper is no part of what a
recorder on the same leg gets (audiohook.c: audio_audiohook_write_list mixes whispers after the spies). PlaybackFinished is the
proof that it was played.
"""

from typing import Literal, Protocol

from callrec.adapters.asterisk.link import LinkState
from callrec.config import Confirm
from callrec.domain.messages import Outcome
from callrec.domain.model import LegId, Take

_SOUNDS = {
    Outcome.STARTED: "callrec/recording-started",
    Outcome.STOPPED: "callrec/recording-stopped",
    Outcome.PAUSED: "callrec/recording-stopped",
    Outcome.RESUMED: "callrec/recording-started",
    Outcome.ALREADY: "callrec/call-is-recorded",
    Outcome.REFUSED: "callrec/recording-failed",
    Outcome.FAILED: "callrec/recording-failed",
}
_CHANGES = (Outcome.STARTED, Outcome.STOPPED, Outcome.PAUSED, Outcome.RESUMED)
"""What is only confirmed; everything else is an answer that the presser waits for, whatever the setting says."""
TONE_S = 5.0


class Whisperer(Protocol):
    """The part of the ARI link that is used here."""

    @property
    def state(self) -> LinkState:
        """Whether it can be used now."""
        ...

    async def announce(
        self, channel_id: str, media: str, *, whisper: Literal["both", "out"], timeout_s: float, lang: str = ""
    ) -> None:
        """Play into a live channel and return when it was played."""
        ...


def sound_of(outcome: Outcome) -> str:
    """The sound file that says an outcome; empty where nothing is to be said."""
    return _SOUNDS.get(outcome, "")


class AriAnnouncer:
    """Keeps the promises of `app.ports.Announcer`."""

    def __init__(self, ari: Whisperer, confirm: Confirm) -> None:
        self._ari = ari
        self._confirm = confirm

    @property
    def is_up(self) -> bool:
        """See ports.Announcer."""
        return self._ari.state is LinkState.UP

    async def announce(self, take: Take, outcome: Outcome) -> None:
        """See ports.Announcer. An error is told to the presser even when confirmation is off."""
        sound = sound_of(outcome)
        confirm = Confirm.PRESSER if self._confirm is Confirm.NONE and outcome is Outcome.FAILED else self._confirm
        if sound and confirm is not Confirm.NONE:
            whisper: Literal["both", "out"] = "both" if confirm is Confirm.BOTH else "out"
            await self._ari.announce(take.leg, f"sound:{sound}", whisper=whisper, timeout_s=TONE_S)

    async def tell(self, leg: LegId, outcome: Outcome, language: str) -> None:
        """See ports.Announcer. Playback on the leg itself would keep its voice from the others, and from the recording."""
        sound = sound_of(outcome)
        if sound and not (self._confirm is Confirm.NONE and outcome in _CHANGES):
            await self._ari.announce(leg, f"sound:{sound}", whisper="out", timeout_s=TONE_S, lang=language)
