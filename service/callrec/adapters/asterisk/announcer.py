"""Announcements (tones and prompts) in a live call, over ARI: a whispering snoop channel on the leg that is to hear it.

A leg hears it mixed with the voice. No capture contains it: Asterisk mixes whispers into a leg's audio after the MixMonitor has
got it (audiohook.c: audio_audiohook_write_list). PlaybackFinished tells that it was played to its end, which it also is to a
leg to which nothing is sent; so the leg's RTP counters have to say that its phone was sent enough packets meanwhile, and sent
some itself. Where too few were sent it is played again; and where none are sent at all, over silence that makes packets flow
(`leg_flow`), which takes the place of what the partner says. Where the leg's own translation may drop the sound, it is mixed into
what the partner's leg says (`domain.calls.announcements.whispers`).

An operator's own prompt takes the place of callrec's (`app.asterisk.prompts`). Where Asterisk cannot play it, callrec's is
played.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from callrec.adapters.asterisk.leg_flow import LegFlow
from callrec.adapters.asterisk.link import LinkState
from callrec.domain.calls.events import Played
from callrec.domain.calls.ids import LegId
from callrec.domain.calls.model import NotHeard, Signal, Told
from callrec.domain.errors import Unavailable
from callrec.domain.prompts import OwnPrompt
from callrec.domain.vocabulary import Outcome
from callrec.protocols.rtp_counters import Packets

_SOUNDS: Mapping[Outcome | Told | Signal, str] = {
    Signal.BEEP: "callrec/recording-beep",
    Told.TONE: "callrec/recording-started",
    Told.PROMPT: "callrec/call-is-recorded",
    Outcome.STARTED: "callrec/recording-started",
    Outcome.STOPPED: "callrec/recording-stopped",
    Outcome.PAUSED: "callrec/recording-stopped",
    Outcome.RESUMED: "callrec/recording-started",
    Outcome.IS_PAUSED: "callrec/call-is-paused",
    Outcome.ALREADY: "callrec/call-is-recorded",
    Outcome.REFUSED: "callrec/recording-failed",
    Outcome.FAILED: "callrec/recording-failed",
    Outcome.NOT_PAUSED: "callrec/recording-failed",
    Outcome.NOT_RECORDED: "callrec/call-not-recorded",
}
TONE_S = 5.0
"""How long a playback may take, beyond the length of an own prompt."""
SHORTEST_S = {
    "callrec/recording-beep": 0.2,
    "callrec/recording-started": 0.32,
    "callrec/recording-stopped": 0.32,
    "callrec/recording-failed": 0.54,
    "callrec/call-is-recorded": 1.777,
    "callrec/call-is-paused": 1.775,
    "callrec/call-not-recorded": 2.037,
}
"""How long each sound lasts at least, in any of callrec's languages."""
SILENCES = {1.0: "callrec/recording-silence-1s", 3.0: "callrec/recording-silence-3s"}
"""Silent sounds by their length."""
BEGINS_S = 0.4
"""By so much a silent sound is longer than what is played over it: the snoop begins a moment later."""
PACKET_S = 0.02
"""What Asterisk puts into a packet, unless an endpoint is set up otherwise."""
MOST_TRIES = 3
PROBE_S = 0.2
COMFORT_NOISE = 2
"""So many packets may come in that time from a phone that sends no voice; one that does sends ten."""
ENOUGH = 0.8
"""The part of a sound's packets that have to be sent: the first ones may have been on their way before the snoop was there."""


OwnSound = Callable[[str, str], Awaitable[OwnPrompt | None]]
"""The own prompt in place of a sound, in a language."""


@dataclass(frozen=True, slots=True)
class _Sound:
    """What is played, how long it lasts at least, and a silent sound that lasts a little longer."""

    path: str
    length_s: float
    silence: str


_Whisper = Literal["both", "in", "out"]


@dataclass(frozen=True, slots=True)
class _Listener:
    """Who hears a sound, and what it is mixed into: what their own leg hears (`out`), or what the partner's leg says (`in`)."""

    leg: LegId
    by: LegId
    language: str
    whisper: _Whisper


_Flow = Packets | NotHeard | None
"""What flowed on a leg meanwhile; *unfinished* when it has hung up; None when its technology does not count."""


class Whisperer(Protocol):
    """The part of the ARI link that the announcer uses."""

    @property
    def state(self) -> LinkState:
        """The link's state; it can be used when it is UP."""
        ...

    async def announce(
        self, channel_id: str, media: str, *, whisper: _Whisper, timeout_s: float, lang: str = ""
    ) -> None:
        """Play into a live channel and return when it was played to its end."""
        ...


def sound_of(what: Outcome | Told | Signal) -> str:
    """The sound file; empty for an outcome without a sound."""
    return _SOUNDS.get(what, "")


async def _none(_sound: str, _language: str) -> OwnPrompt | None:
    return None


class AriAnnouncer:
    """Implements `app.ports.calls.Announcer`."""

    def __init__(
        self,
        ari: Whisperer,
        audio: LegFlow,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        own: OwnSound = _none,
    ) -> None:
        self._ari = ari
        self._audio = audio
        self._sleep = sleep
        self._own = own

    @property
    def is_up(self) -> bool:
        """Whether ARI is connected, so that tones can be played."""
        return self._ari.state is LinkState.UP

    async def play(
        self, leg: LegId, what: Outcome | Told | Signal, language: str = "", way: LegId | None = None
    ) -> Played:
        """See ports.Announcer. Playback on the leg itself would cut its voice for the other parties and the recording."""
        began_s, name = time.monotonic(), sound_of(what)
        if not name:
            return Played(leg, 0.0, NotHeard.NOT_ANNOUNCED)
        listener = _Listener(leg, way or leg, language, "out" if way is None else "in")
        sound, flow = await self._first(listener, name)
        for _ in range(MOST_TRIES - 1 if what is not Signal.BEEP else 0):  # a next one comes
            if not isinstance(flow, Packets) or _is_enough(flow, sound):
                break
            again = self._whisper_over_silence if await self._is_still(leg) else self._whisper
            flow = await again(listener, sound)
        lasted_s = time.monotonic() - began_s
        return Played(leg, lasted_s, _why_not(flow, sound), flow.sent if isinstance(flow, Packets) else None)

    async def _first(self, to: _Listener, name: str) -> tuple[_Sound, _Flow]:
        """Play the own prompt; callrec's when there is none, or Asterisk cannot play it."""
        own = await self._own(name, to.language)
        if own is not None:
            sound = _Sound(own.path, own.length_s, own.silence)
            try:
                return sound, await self._whisper(to, sound)
            except Unavailable as error:
                if error.code != "ari-not-played":
                    raise
        sound = _callrecs(name)
        return sound, await self._whisper(to, sound)

    async def _whisper(self, to: _Listener, sound: _Sound) -> _Flow:
        """Play it. It is also played when the manager cannot be asked; then this raises afterwards, since nothing is proven."""
        (before,) = await asyncio.gather(self._audio.packets(to.leg), return_exceptions=True)
        within_s = TONE_S + max(0.0, sound.length_s - TONE_S / 2)
        media = f"sound:{sound.path}"
        await self._ari.announce(to.by, media, whisper=to.whisper, timeout_s=within_s, lang=to.language)
        if isinstance(before, BaseException):
            raise before
        if before is None:
            return None
        after = await self._audio.packets(to.leg)
        return after.since(before) if after else NotHeard.UNFINISHED

    async def _is_still(self, leg: LegId) -> bool:
        """Whether nothing is sent to it at this moment, but for comfort noise. A leg that runs a feature code, or a busy machine,
        may miss some packets: silence would take the partner's words from it."""
        before = await self._audio.packets(leg)
        await self._sleep(PROBE_S)
        after = await self._audio.packets(leg)
        return before is not None and after is not None and after.since(before).sent <= COMFORT_NOISE

    async def _whisper_over_silence(self, to: _Listener, sound: _Sound) -> _Flow:
        """A partner who sends nothing carries no sound either: it goes to the leg itself."""
        await self._audio.carry(to.leg, sound.silence)
        try:
            return await self._whisper(_Listener(to.leg, to.leg, to.language, "out"), sound)
        finally:
            await self._audio.carry(to.leg, "")  # in no bridge nothing has taken it: it must not be played later


def _callrecs(name: str) -> _Sound:
    length_s = SHORTEST_S[name]
    silence = next(path for lasts_s, path in SILENCES.items() if lasts_s >= length_s + BEGINS_S)
    return _Sound(name, length_s, silence)


def _is_enough(flow: Packets, sound: _Sound) -> bool:
    return flow.sent >= ENOUGH * sound.length_s / PACKET_S


def _why_not(flow: _Flow, sound: _Sound) -> str:
    """Why it was not heard; empty when it was, or nothing counts what flowed."""
    if not isinstance(flow, Packets):
        return flow or ""
    if not _is_enough(flow, sound):
        return NotHeard.NO_RTP_OUT
    return "" if flow.received else NotHeard.NO_RTP_IN
