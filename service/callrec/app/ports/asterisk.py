"""Asterisk beside its recorders: lists and variables of channels, device states, AstDB, and the files that it includes.

Every method that can fail raises one of the four kinds of `domain.errors`; every method that waits is bounded by its adapter.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from callrec.domain.calls.captures.fallback_notes import CaptureNote, ChangeNote
from callrec.domain.calls.ids import BridgeId, LegId
from callrec.domain.directory.model import User
from callrec.domain.directory.service_changes import ServiceChange
from callrec.domain.library.captures import SpoolTrouble
from callrec.domain.library.file_names import FallbackFile
from callrec.domain.library.missed_conversations import MissedConversation
from callrec.domain.prompts import OwnPrompt
from callrec.domain.rules import RecordRules, UserId
from callrec.protocols.ami import Message
from callrec.protocols.asterisk_conf import Question


class DeviceStates(Protocol):
    """The lamps on function keys: custom device states behind hints (BLF)."""

    async def online(self, user: UserId, *, lit: bool, blinks: bool = False) -> None:
        """The `*3` lamp of a user: lit while a call of this user is being recorded, blinking while that is paused."""
        ...

    async def always(self, user: UserId, *, lit: bool) -> None:
        """The `*26` lamp of a user: lit while the always-record flag is on."""
        ...


class FallbackCopy(Protocol):
    """What the dialplan has to know for the fallback mode: the part of the tables that is copied to AstDB."""

    async def line(self, endpoint: str, user: UserId | None, *, may_press: bool) -> None:
        """The user of an endpoint, and whether that user may press `*3` in the fallback mode. None: the endpoint has no user."""
        ...

    async def always(self, user: UserId, *, on: bool, rules: RecordRules) -> None:
        """Whether all calls of this user are recorded, which lamp shows it, and the rule for each kind of call."""
        ...

    async def places(self, *, afresh: bool) -> None:
        """The rules of all places. `afresh`: Asterisk may have others than those that were copied last."""
        ...

    async def code(self) -> None:
        """The digits of `*26`, or that the feature code is switched off."""
        ...


class ServiceCopy(Protocol):
    """What Asterisk knows of the users' services. Raises Unavailable, Refused."""

    async def services(self, user: UserId, now: User | None) -> None:
        """Everything that the dialplan has to know before it rings this user. `now` is None when the user was deleted."""
        ...

    async def agent(self, number: str, *, logged_in: bool) -> None:
        """Whether queues may ring this agent."""
        ...

    async def device_state(self, extension: str, *, lit: bool) -> None:
        """The lamp that follows the hint of this extension."""
        ...


class Probe(Protocol):
    """A file that Asterisk writes into the spool as a test."""

    async def look(self) -> SpoolTrouble | None:
        """Let Asterisk write a test file, read it and remove it. None when that succeeds. Raises Unavailable, Refused when
        Asterisk cannot be asked."""
        ...


class ConfigFolder(Protocol):
    """The folder of the files that Asterisk includes. Blocking; called in a worker thread."""

    def claim(self) -> AbstractContextManager[object] | None:
        """Lock the folder until the end of the block or of this process; None while another process holds the lock. Creates the
        folder if it is missing. Raises Unavailable."""
        ...

    def read(self, name: str) -> bytes | None:
        """A file's bytes; None when there is none. Raises Unavailable."""
        ...

    def replace(self, files: Mapping[str, bytes | None]) -> None:
        """Replace files by name (None: remove). Each file is complete at any moment; all are durable when it returns. Raises
        Unavailable."""
        ...


class ConfigReader(Protocol):
    """The modules of Asterisk that read these files. Raises Unavailable while Asterisk is away."""

    async def reload(self, module: str) -> bool:
        """Reload a module; False when this Asterisk does not run it. Raises Refused."""
        ...

    async def answer(self, question: Question) -> str:
        """Asterisk's answer; empty when it has none. Raises Refused."""
        ...


class UserEventSink(Protocol):
    """Events for programs at Asterisk's manager."""

    async def feature(self, change: ServiceChange) -> None:
        """Tell of a service that a user has turned on or off. Raises Refused, Unavailable."""
        ...


class LegVariables(Protocol):
    """Variables of a leg, set over AMI."""

    async def set(self, leg: LegId, name: str, value: str) -> None:
        """Set one. Raises Refused when Asterisk has no such leg, Unavailable."""
        ...


class Dialogue(Protocol):
    """A FastAGI dialogue. The other end may be Asterisk, or any local process."""

    async def get_variable(self, name: str) -> str | None:
        """The value that the other end gives; None when it is not set."""
        ...


class ChannelList(Protocol):
    """Asterisk's channels and bridges at one moment, asked for by the resync."""

    async def channels(self) -> Sequence[Message]:
        """All channels, as one listing of CoreShowChannel events. Raises Unavailable, Refused."""
        ...

    async def bridges_s(self) -> Mapping[BridgeId, float]:
        """When each bridge was made, in Unix time; empty when Asterisk cannot be asked. A plain call's bridge is made at its
        answer."""
        ...


class CaptureNotes(Protocol):
    """The dialplan's notes about fallback captures, and about conversations that it missed, in AstDB."""

    async def read(self, file: FallbackFile) -> CaptureNote | None:
        """The note about this capture; None when there is none. Raises Unavailable, Refused."""
        ...

    async def forget(self, file: FallbackFile) -> None:
        """Remove what is noted about this capture. Raises Unavailable; Refused also when there is nothing."""
        ...

    async def missed(self) -> Sequence[MissedConversation]:
        """The conversations that nothing recorded, in any order. Raises Unavailable, Refused."""
        ...

    async def forget_missed(self) -> None:
        """Remove all notes about such conversations. Raises Unavailable; Refused also when there is none."""
        ...


class ChangeNotes(Protocol):
    """The dialplan's notes about fallback changes, in AstDB."""

    async def read(self) -> Sequence[ChangeNote]:
        """All notes, in any order. Raises Unavailable, Refused."""
        ...

    async def forget(self, note: ChangeNote) -> None:
        """Remove exactly this note. Raises Unavailable, Refused."""
        ...


class Manager(Protocol):
    """The AMI link. Raises Unavailable, OutcomeUnknown, Refused."""

    async def action(self, name: str, headers: Sequence[tuple[str, str]] = (), *, timeout_s: float = 1.0) -> Message:
        """One action and its response."""
        ...

    async def listing(self, name: str, headers: Sequence[tuple[str, str]] = (), *, timeout_s: float) -> list[Message]:
        """One action and the events of its list."""
        ...


class Codecs(Protocol):
    """Which codecs Asterisk decodes."""

    async def undecodable(self, audio_formats: str) -> str:
        """Why no recorder can hear a leg with these formats (`CHANNEL(audionativeformat)`): `no-decoder: g729`; empty when one
        can, or when Asterisk does not tell. Never fails."""
        ...


class Rest(Protocol):
    """The ARI link. Raises Unavailable, Refused."""

    async def request(self, method: str, path_parts: Sequence[str]) -> object:
        """One request and the JSON of its response."""
        ...


@dataclass(frozen=True, slots=True)
class MessageCount:
    """The messages of a mailbox."""

    new: int
    old: int


class Mailboxes(Protocol):
    """Asterisk's mailboxes."""

    async def count(self, mailbox: str, context: str) -> MessageCount | None:
        """How many messages there are; None when Asterisk does not tell. Never fails."""
        ...


@dataclass(frozen=True, slots=True)
class KnownNumber:
    """What Asterisk has at a number of a context: whether it can be dialled, and its hint (empty: a lamp would stay dark)."""

    is_there: bool
    hint: str


class Numbers(Protocol):
    """The numbers that Asterisk's dialplan has."""

    async def known(self, number: str, context: str) -> KnownNumber | None:
        """What is at this number for callers of this context; None when Asterisk does not tell. Never fails."""
        ...


class ApplicationBridges(Protocol):
    """Channels in the bridges of other ARI applications. Raises Unavailable, Refused."""

    async def legs(self) -> Sequence[tuple[LegId, str, BridgeId]]:
        """The channels in such bridges now: id, name and bridge."""
        ...

    async def follow(self, leg: LegId) -> None:
        """Let Asterisk send the digits that are pressed on this channel. Does nothing for a channel that has hung up."""
        ...

    async def unfollow(self, leg: LegId) -> None:
        """Not any more. Does nothing for a channel that has hung up, or that is not followed."""
        ...


class PromptFolder(Protocol):
    """Own prompts on a disk that Asterisk reads, too. All methods wait for the disk. They raise Unavailable."""

    def find(self, name: str, language: str) -> OwnPrompt | None:
        """The own prompt of this name in exactly this language."""
        ...

    def every(self) -> list[OwnPrompt]:
        """All, by language and name."""
        ...

    def read(self, name: str, language: str) -> bytes | None:
        """Its WAV file; None when there is none."""
        ...

    def put(self, name: str, language: str, samples: bytes) -> None:
        """Store it (16-bit samples at `prompts.RATE_HZ`), in place of a former one; a playback meets one or the other whole."""
        ...

    def remove(self, name: str, language: str) -> bool:
        """Remove it; whether there was one."""
        ...


class SoundStage(Protocol):
    """A channel of the doctor's own, on which Asterisk plays sounds. Raises CallrecError when Asterisk cannot play at all."""

    @property
    def language(self) -> str:
        """The default language of channels."""
        ...

    async def tone(self, sound: str) -> None:
        """Play a sound as into a live call; return at its end."""
        ...

    async def missing(self, sounds: Sequence[str]) -> list[str]:
        """The sounds of these that Asterisk cannot play."""
        ...
