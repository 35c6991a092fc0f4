"""The phones and the outside world: a second Asterisk, which makes and answers real SIP calls with real RTP.

Each user's line registers with the PBX as a phone of the bank; `bank.outside` is the world behind the trunk. A phone sends one
tone during the whole call, presses real digits (RFC 4733), and records what it hears.
"""

import asyncio
import contextlib
import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from urllib.parse import quote

from callrec.adapters.asterisk.ami import AmiLink
from callrec.domain.errors import Refused, Unavailable
from callrec.protocols.ami import Message
from callrec_lab import phone_bank_config
from callrec_lab.asterisk import AsteriskServer
from callrec_lab.audio_checks import NOTHING, Sound, load
from callrec_lab.installation import Installation
from callrec_lab.pbx import Pbx, Ports
from callrec_lab.register import register

ACTION_S = 15.0
READY_S = 60.0
ANSWER_S = 30.0
DIGIT_S, PAUSE_S = 0.110, 0.060
_WAITING_CALLS = 1000
_DIALLABLE = re.compile(r"[0-9*+]{1,40}")
_DIGITS = re.compile(r"[0-9*#A-D]{1,40}")
_DIALOG = ("call-id", "local_tag", "remote_tag")
_EVENTS = ("UserEvent", "Hangup", "DTMFEnd")


@dataclass(frozen=True, slots=True)
class Answer:
    """Ring for `after_s` seconds, then answer and send this tone; 0 Hz sends none."""

    after_s: float = 0.0
    tone_hz: int = 1000

    def __str__(self) -> str:
        return f"answer-{self.after_s:g}-{self.tone_hz}"


@dataclass(frozen=True, slots=True)
class Busy:
    """Refuse every call as busy."""

    def __str__(self) -> str:
        return "busy"


@dataclass(frozen=True, slots=True)
class RingForever:
    """Ring and never answer."""

    def __str__(self) -> str:
        return "ring"


@dataclass(frozen=True, slots=True)
class Forward:
    """Redirect every caller to this number (302), as a phone with a forward does."""

    number: str

    def __post_init__(self) -> None:
        if not _DIALLABLE.fullmatch(self.number):
            raise Refused("test-pbx", f"A phone cannot forward to {self.number!r}")

    def __str__(self) -> str:
        return f"forward-{self.number}"


Behaviour = Answer | Busy | RingForever | Forward


class PhoneCall:
    """One phone's side of one call."""

    def __init__(self, phone: "Phone", leg: str, number: str) -> None:
        self.phone = phone
        self.leg = leg
        """The Uniqueid of the phone's channel, in the bank."""
        self.number = number
        """The other side's number: the dialled one, or the caller's."""
        self.cause = ""
        """The cause of its end in Asterisk's words ("User busy"); empty while it lasts."""
        self.digits = ""
        """The digits that reached this phone: pressed by the other side and passed through by the PBX."""
        self.pressed_s: list[float] = []
        """When the last digit of each `press` had been sent: Unix time of the bank's Asterisk."""
        self.answered_s = 0.0
        """When it was answered, likewise."""
        self.ended_s = 0.0
        """When it ended on this side, likewise."""
        self._talking = asyncio.Event()
        self._pressed = asyncio.Event()
        self._over = asyncio.Event()

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self._over.is_set()

    async def answered(self, timeout_s: float = ANSWER_S) -> Self:
        """Wait until it is answered. Raises Unavailable when it ended or was not answered in time."""
        await self._either(self._talking, timeout_s, "was not answered")
        return self

    async def press(self, digits: str) -> None:
        """Press these digits, 110 ms each; returns when the last one was sent. The phone's tone pauses meanwhile."""
        if not _DIGITS.fullmatch(digits):
            raise Refused("test-pbx", f"A phone cannot press {digits!r}")
        self._pressed.clear()
        await self._go(f"dtmf{digits}")
        await self._either(self._pressed, ACTION_S + len(digits) * (DIGIT_S + PAUSE_S), "was cut off while pressing")

    async def press_by_sip_info(self) -> None:
        """From now on digits go by SIP INFO instead of RFC 4733."""
        mode = [("Channel", self.leg), ("Variable", "PJSIP_DTMF_MODE()"), ("Value", "info")]
        await self.phone.bank.ami.action("Setvar", mode, timeout_s=ACTION_S)

    async def answer(self, tone_hz: int = 1000) -> Self:
        """Answer a ringing call, and send this tone."""
        await self._go(f"answer{tone_hz:d}")
        return await self.answered()

    async def hum(self, tone_hz: int) -> None:
        """Send this tone from now on; 0 Hz sends none."""
        await self._go(f"hum{tone_hz:d}")

    async def mute(self) -> None:
        """Send packets of digital silence from now on, as a phone with its microphone off does."""
        await self._go("mute")

    async def hold(self) -> None:
        """Put the other side on hold (a re-INVITE, `sendonly`); `hum` ends the hold."""
        await self._go("hold")

    async def send_to(self, number: str) -> None:
        """Transfer the other side to this number: a blind transfer by REFER. The PBX ends this call when the transfer has
        begun."""
        if not _DIALLABLE.fullmatch(number):
            raise Refused("test-pbx", f"A phone cannot transfer to {number!r}")
        await self._refer(f"sip:{number}@127.0.0.1")

    async def hand_over(self, consultation: "PhoneCall") -> None:
        """Connect the other side with that of another call of this phone: an attended transfer (REFER with Replaces, RFC
        3891)."""
        call_id, own_tag, other_tag = [await consultation.get(f"CHANNEL(pjsip,{name})") for name in _DIALOG]
        replaces = quote(f"{call_id};to-tag={other_tag};from-tag={own_tag}", safe="")
        await self._refer(f"sip:{consultation.number}@127.0.0.1?Replaces={replaces}")

    async def get(self, variable: str) -> str:
        """A variable of the phone's channel."""
        requested = [("Channel", self.leg), ("Variable", variable)]
        return (await self.phone.bank.ami.action("Getvar", requested, timeout_s=ACTION_S)).get("Value")

    async def _refer(self, target: str) -> None:
        value = [("Channel", self.leg), ("Variable", "REFER_TO"), ("Value", target)]
        await self.phone.bank.ami.action("Setvar", value, timeout_s=ACTION_S)
        await self._go("refer")

    async def hangup(self) -> None:
        """Hang up and wait until the call has ended on this side. Does nothing when it has ended already."""
        if not self.is_over:
            with contextlib.suppress(Refused):  # the channel has just ended
                await self.phone.bank.ami.action("Hangup", [("Channel", self.leg)], timeout_s=ACTION_S)
            await self.ended(ACTION_S)

    async def ended(self, timeout_s: float = 30.0) -> None:
        """Wait until the call has ended on this side; the file with what the phone heard is complete then."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._over.wait()
        except TimeoutError:
            raise Unavailable("test-pbx", f"{self} has not ended within {timeout_s:g} s") from None

    def heard(self) -> Sound:
        """What this phone heard from the answer to the end, at 16 kHz; empty for an unanswered call. Call it after `ended`."""
        file = self.phone.bank.root / "spool/monitor" / f"heard-{self.leg}.sln16"
        return load(file)[0] if file.exists() else NOTHING

    def __str__(self) -> str:
        return f"the call of phone {self.phone.name} with {self.number}"

    def note(self, event: Message) -> None:
        """Process an event of this leg from the bank's Asterisk."""
        if event.event == "Hangup":
            self.cause = event.get("Cause-txt") or "unknown"
            self.ended_s = float(event.get("Timestamp"))
            self._over.set()
        elif event.event == "DTMFEnd" and event.get("Direction") == "Received":
            self.digits += event.get("Digit")
        elif event.get("UserEvent") == "PhoneTalks":
            self.answered_s = float(event.get("Timestamp"))
            self._talking.set()
        elif event.get("UserEvent") == "PhonePressed":
            self.pressed_s.append(float(event.get("Timestamp")) - PAUSE_S)
            self._pressed.set()

    async def _go(self, exten: str) -> None:
        where = [("Channel", self.leg), ("Context", "phone"), ("Exten", exten), ("Priority", "1")]
        await self.phone.bank.ami.action("Redirect", where, timeout_s=ACTION_S)

    async def _either(self, event: asyncio.Event, timeout_s: float, what: str) -> None:
        waits = [asyncio.create_task(event.wait()), asyncio.create_task(self._over.wait())]
        try:
            await asyncio.wait(waits, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        if not event.is_set():
            raise Unavailable("test-pbx", f"{self} {what}", hint=self.cause or f"waited {timeout_s:g} s")


@dataclass(eq=False)
class Phone:
    """A phone of the bank. It answers with its tone unless `behave` sets another behaviour."""

    bank: "PhoneBank"
    name: str
    codec: str
    calls: asyncio.Queue[PhoneCall] = field(default_factory=lambda: asyncio.Queue(_WAITING_CALLS))

    async def behave(self, behaviour: Behaviour) -> None:
        """Set the behaviour for incoming calls."""
        entry = [("Family", "behaviour"), ("Key", self.name), ("Val", str(behaviour))]
        await self.bank.ami.action("DBPut", entry, timeout_s=ACTION_S)

    async def call(self, number: str, *, tone_hz: int = 440, shown: str = "") -> PhoneCall:
        """Dial; returns at once. `shown`: the caller's number; by default a phone has its own, and the outside world is
        anonymous."""
        if not _DIALLABLE.fullmatch(number) or not _DIALLABLE.fullmatch(shown or "0"):
            raise Refused("test-pbx", f"A phone cannot dial {number!r} as {shown!r}")
        shown = shown if shown or self is self.bank.outside else self.name
        call = self.bank.expect(PhoneCall(self, self.bank.next_leg(), number))
        dial = [
            ("Channel", f"PJSIP/{number}@{phone_bank_config.endpoint_of(self.name)}"),
            ("ChannelId", call.leg),
            ("Context", "phone"),
            ("Exten", "talk"),
            ("Priority", "1"),
            ("Timeout", "120000"),
            ("Async", "true"),
            ("Variable", f"TONE={tone_hz:d},PHONE={self.name}"),
            *([("CallerID", shown)] if shown else []),
        ]
        await self.bank.ami.action("Originate", dial, timeout_s=ACTION_S)
        return call

    async def rings(self, timeout_s: float = ANSWER_S) -> PhoneCall:
        """The next incoming call of this phone that has not ended. Raises Unavailable when none comes in time."""
        try:
            async with asyncio.timeout(timeout_s):
                while (call := await self.calls.get()).is_over:
                    pass
        except TimeoutError:
            raise Unavailable("test-pbx", f"phone {self.name} did not ring within {timeout_s:g} s") from None
        return call


class PhoneBank(AsteriskServer):
    """`async with PhoneBank(installation, pbx) as bank`: every SIP line in the PBX's tables is a registered phone.

    `codecs`: line name (or `outside`) -> `ulaw` (the default), `alaw` or `g722`. `later`: names and secrets of lines that the PBX
    does not have yet: `register_one` registers their phones.
    """

    def __init__(
        self,
        installation: Installation,
        pbx: Pbx,
        *,
        codecs: Mapping[str, str] | None = None,
        tones_hz: Mapping[str, int] | None = None,
        later: Mapping[str, str] | None = None,
    ) -> None:
        lines = {line.name: line.secret for line in pbx.tables.lines if line.protocol == "sip"} | dict(later or {})
        self._pbx = pbx
        self._codecs = dict(codecs or {})
        self._tones_hz = dict(tones_hz or {})
        self._phones = {
            name: Phone(self, name, self._codecs.get(name, "ulaw")) for name in (*lines, phone_bank_config.OUTSIDE)
        }
        self._calls: dict[str, PhoneCall] = {}
        self._numbers = itertools.count(1)
        self._up = asyncio.Event()
        self._ports = Ports()
        self.ami = self._link()
        self._keeper: asyncio.Task[None] | None = None
        phones = {name: phone.codec for name, phone in self._phones.items()}
        conf = phone_bank_config.bank_files(lines, phones, pbx.ports, self._ports)
        super().__init__(installation, conf, name="phones")

    @property
    def outside(self) -> Phone:
        """The world behind the trunk: it calls incoming numbers, and answers every outgoing call."""
        return self._phones[phone_bank_config.OUTSIDE]

    def phone(self, name: str) -> Phone:
        """The phone of this line. Raises Refused for a line that the PBX did not have when the bank was started."""
        if name not in self._phones:
            raise Refused("test-pbx", f"The bank has no phone {name!r}")
        return self._phones[name]

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        try:
            self._keeper = asyncio.create_task(self.ami.run(), name="phone-bank-ami")
            async with asyncio.timeout(READY_S):
                await self._up.wait()
                for phone in self._phones.values():
                    await phone.behave(Answer(tone_hz=self._tones_hz.get(phone.name, 1000)))
                await self.register()
        except BaseException as error:
            await self.__aexit__(None, None, None)
            if isinstance(error, TimeoutError):
                raise Unavailable("test-pbx", "the phones were not ready in time", hint="is the PBX up?") from None
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.ami.close()
        if self._keeper is not None:
            await asyncio.wait({self._keeper}, timeout=ACTION_S)
        await super().__aexit__(kind, error, trace)

    async def register(self) -> None:
        """Register all phones with the PBX, as at their start; also after a PBX without a stored registration has restarted."""
        own, registrar = self._ports.sip, self._pbx.ports.sip
        async with asyncio.TaskGroup() as group:
            for line in self._pbx.tables.lines:
                if line.protocol == "sip":
                    group.create_task(register(line.name, line.secret, registrar=registrar, phone=own))

    async def register_one(self, name: str, secret: str) -> None:
        """Register one phone. Raises Refused when the PBX does not have the line, or another secret."""
        await register(name, secret, registrar=self._pbx.ports.sip, phone=self._ports.sip)

    def next_leg(self) -> str:
        """A new id for a channel."""
        return f"phone-{next(self._numbers)}"

    def expect(self, call: PhoneCall) -> PhoneCall:
        """Deliver the events of this call's leg to it; returns the call."""
        self._calls[call.leg] = call
        return call

    def _link(self) -> AmiLink:
        async def up() -> None:
            self._up.set()

        return AmiLink(
            host="127.0.0.1",
            port=self._ports.ami,
            username=self._ports.ami_user,
            secret=self._ports.ami_secret,
            wanted_events=_EVENTS,
            event_classes="system,call,user,dtmf",
            on_event=self._on_event,
            on_up=up,
            on_down=lambda _: self._up.clear(),
        )

    def _on_event(self, event: Message) -> None:
        leg = event.get("Uniqueid")
        if event.get("UserEvent") == "PhoneRings":
            self._incoming(event, leg)
        call = self._calls.get(leg)
        if call is not None:
            call.note(event)
        if event.event == "Hangup":
            self._calls.pop(leg, None)

    def _incoming(self, event: Message, leg: str) -> None:
        phone = self._phones.get(event.get("Phone"))
        if phone is None:
            return
        if phone.calls.full():
            phone.calls.get_nowait()  # drop the oldest: a benchmark does not fetch its incoming calls
        phone.calls.put_nowait(self.expect(PhoneCall(phone, leg, event.get("CallerIDNum"))))
