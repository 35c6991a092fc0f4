"""What we ask of Asterisk over AMI: recorders, lamps, who is there, what we mirror into AstDB and what the dialplan notes there.

A recorder is started and stopped on its leg by Uniqueid (a name changes in transfers; `channel.c: ast_channel_get_by_name`
takes both) and stopped by its MixMonitorID only. `CALLREC_MIXMONITOR` and `CALLREC_RULE` on the leg say that it carries
one, so that the dialplan's degraded mode understands a press while we are dead; `CALLREC_TAKE` says which take it is (none: the
dialplan's own), so that a recorder whose id never reached us is not taken for another, and for a daemon whose journal lost it.
"""

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from callrec.app.catching_up import Told
from callrec.app.ports import Spool
from callrec.app.translation import HOLDING, PARKED, PARKING
from callrec.domain.errors import CallrecError, OutcomeUnknown, Refused, Unavailable
from callrec.domain.model import BridgeId, LegId, Take, TakeId
from callrec.domain.naming import Side, leg_file
from callrec.domain.provisioning.directory import Directory
from callrec.domain.provisioning.function_keys import bound
from callrec.domain.provisioning.model import Feature, RecordRules, Rule, User, UserId
from callrec.protocols.ami import Message
from callrec.protocols.formats import rate_of

START_S = 1.0
LISTING_S = 10.0
ARI_TRIES, ARI_AGAIN_S = 8, 0.25
SETVAR_S = 1.0
"""For a variable; a caller that waits for it has a shorter limit of its own."""
ID_VARIABLE = "CALLREC_MIXMONITOR"
RULE_VARIABLE = "CALLREC_RULE"
TAKE_VARIABLE = "CALLREC_TAKE"
LISTEN_VARIABLE = "CALLREC_LISTENED"
MADE_VARIABLE = "CALLREC_MADE"
MAX_UNKNOWN = 1000
"""Legs on which a start was not answered, kept at most; a leg that is forgotten loses only the look before its next start."""
INTENTS = "callrec/intent"
_LETTERS = {Rule.NEVER: "n", Rule.ALWAYS: "a", Rule.ON_DEMAND: "d", None: "-"}
_INTENT = re.compile(rf"/{INTENTS}/(?P<name>(?P<user>[0-9]{{1,20}})/(?P<at_ms>[0-9]{{1,15}})-[A-Za-z0-9._-]{{1,60}})")


_SAID = re.compile(r"(?P<on>[01])(?:\|(?P<made_from_ms>[0-9]{0,15}))?")


class Actions(Protocol):
    """The part of the AMI link that is used here."""

    async def action(self, name: str, headers: Sequence[tuple[str, str]] = (), *, timeout_s: float = 1.0) -> Message:
        """One action, one answer."""
        ...

    async def listing(self, name: str, headers: Sequence[tuple[str, str]] = (), *, timeout_s: float) -> list[Message]:
        """One action, many lines."""
        ...


class Rest(Protocol):
    """The part of the ARI link that is used here."""

    async def request(self, method: str, path_parts: Sequence[str]) -> object:
        """One request, the JSON of its answer."""
        ...


class AmiRecorder:
    """Keeps the promises of `app.ports.Recorder`."""

    def __init__(self, ami: Actions, spool: Spool) -> None:
        self._ami = ami
        self._spool = spool
        self._unknown: dict[LegId, Take] = {}

    async def start(self, take: Take, rule: Rule) -> str:
        """See ports.Recorder. Asterisk says Success before it has opened a file (app_mixmonitor.c: mixmonitor_thread)."""
        if unanswered := self._unknown.get(take.leg):
            # Before the leg's notes speak of the new one; Asterisk has come to its start by now.
            await self.stop(unanswered)
            del self._unknown[take.leg]
        try:
            return await self._start(take, rule)
        except OutcomeUnknown:
            if len(self._unknown) >= MAX_UNKNOWN:
                del self._unknown[next(iter(self._unknown))]
            self._unknown[take.leg] = take
            raise

    async def _start(self, take: Take, rule: Rule) -> str:
        read, write = (self._spool.path(take, side) for side in Side)
        options = f"r({read})t({write})i({ID_VARIABLE})"
        asked = self._ami.action(
            "MixMonitor", [("Channel", take.leg), ("File", ""), ("Options", options)], timeout_s=START_S
        )
        # Sent together, done in this order by Asterisk: the presser's leg is mute while we wait. Should the recorder be
        # refused, the note says nothing: who reads it asks for the recorder's id first.
        answer, _ = await asyncio.gather(asked, self._note(take, rule))
        return answer.get("MixMonitorID")

    async def stop(self, take: Take) -> None:
        """See ports.Recorder. Without an id in hand, the leg's own note of it is used, when it speaks of this take."""
        mixmonitor = take.mixmonitor or await self._noted(take)
        if not mixmonitor:
            return
        try:
            await self._ami.action("StopMixMonitor", [("Channel", take.leg), ("MixMonitorID", mixmonitor)])
        except Refused as error:
            if not _is_gone(error):
                raise
        else:
            await self._forget(take.leg, mixmonitor)

    async def _note(self, take: Take, rule: Rule) -> None:
        with contextlib.suppress(CallrecError):  # the recorder runs: a note that fails must not make it unknown to us
            await asyncio.gather(self._set(take.leg, RULE_VARIABLE, rule), self._set(take.leg, TAKE_VARIABLE, take.id))

    async def _noted(self, take: Take) -> str:
        if await self._variable(take.leg, TAKE_VARIABLE) != take.id:
            return ""
        return await self._variable(take.leg, ID_VARIABLE)

    async def _forget(self, leg: LegId, mixmonitor: str) -> None:
        """Take the notes off the leg, unless a later take has left its own there already."""
        with contextlib.suppress(
            CallrecError
        ):  # the recorder is stopped: a note that stays must not make it look running
            if await self._variable(leg, ID_VARIABLE) == mixmonitor:
                notes = (ID_VARIABLE, RULE_VARIABLE, TAKE_VARIABLE)
                await asyncio.gather(*(self._set(leg, variable, "") for variable in notes))  # the call waits for it

    async def mute(self, take: Take, *, muted: bool) -> None:
        """See ports.Recorder."""
        headers = [("Channel", take.leg), ("Direction", "both"), ("State", "1" if muted else "0")]
        await self._ami.action("MixMonitorMute", [*headers, ("MixMonitorID", take.mixmonitor)])

    async def listen(self, leg: LegId, *, on: bool) -> None:
        """See ports.Recorder. Set twice, it goes on as it is, and a leg that speaks is not told again; to remove what was not set
        is a warning in Asterisk's log (func_talkdetect.c: set_talk_detect, remove_talk_detect)."""
        try:
            if await self._variable(leg, LISTEN_VARIABLE):
                await self._set(leg, "TALK_DETECT(remove)", "")
                await self._set(leg, LISTEN_VARIABLE, "")
            if on:
                await self._set(leg, "TALK_DETECT(set)", "")
                await self._set(leg, LISTEN_VARIABLE, "1")
        except Refused as error:
            if not _is_gone(error):
                raise

    async def recorder_on(self, leg: LegId) -> str:
        """See ports.Recorder."""
        return await self._variable(leg, ID_VARIABLE)

    async def take_on(self, leg: LegId) -> tuple[TakeId, Rule] | None:
        """See ports.Recorder. Without the rule, a press must at least be able to stop it."""
        take, rule = [await self._variable(leg, variable) for variable in (TAKE_VARIABLE, RULE_VARIABLE)]
        if leg_file(f"{take}.read.sln") is None:  # no name of ours: nothing that a take is called
            return None
        return TakeId(take), Rule.ALWAYS if rule == Rule.ALWAYS else Rule.ON_DEMAND

    async def rate_hz(self, leg: LegId) -> int:
        """See ports.Recorder."""
        return rate_of(await self._variable(leg, "CHANNEL(audionativeformat)"))

    async def note_made(self, leg: LegId) -> None:
        """See ports.Recorder."""
        await self._set(leg, MADE_VARIABLE, "1")

    async def has_made(self, leg: LegId) -> bool:
        """See ports.Recorder."""
        return await self._variable(leg, MADE_VARIABLE) == "1"

    async def is_holding(self, leg: LegId) -> bool:
        """See ports.Recorder (func_channel.c: `onhold`)."""
        return await self._variable(leg, "CHANNEL(onhold)") == "1"

    async def packets(self, leg: LegId) -> int | None:
        """See ports.Recorder. chan_pjsip counts all RTP packets that came and went (res_rtp_asterisk.c: ast_rtp_get_stat)."""
        counts = [await self._variable(leg, f"CHANNEL(rtcp,{name},audio)") for name in ("rxcount", "txcount")]
        return sum(map(int, counts)) if all(count.isdecimal() for count in counts) else None

    async def _variable(self, leg: LegId, name: str) -> str:
        """A variable of a leg; empty also when the leg is gone."""
        try:
            return (await self._ami.action("Getvar", [("Channel", leg), ("Variable", name)])).get("Value")
        except Refused as error:
            if _is_gone(error):
                return ""
            raise

    async def _set(self, leg: LegId, name: str, value: str) -> None:
        await self._ami.action("Setvar", [("Channel", leg), ("Variable", name), ("Value", value)])


class AmiLegVariables:
    """Keeps the promises of `app.leg_proof.LegVariables`."""

    def __init__(self, ami: Actions) -> None:
        self._ami = ami

    async def set(self, leg: LegId, name: str, value: str) -> None:
        """See LegVariables."""
        await self._ami.action("Setvar", [("Channel", leg), ("Variable", name), ("Value", value)], timeout_s=SETVAR_S)


def _is_gone(error: Refused) -> bool:
    """Asterisk has no such channel, or nothing to stop on it: what was to be ended has ended."""
    text = error.message.lower()
    return "no such channel" in text or "could not stop" in text


class AmiLamps:
    """Keeps the promises of `app.ports.Lamps`: custom device states (func_devstate.c), named by XiVO's pattern."""

    def __init__(self, ami: Actions, directory: Callable[[], Directory]) -> None:
        self._ami = ami
        self._directory = directory

    async def online(self, user: UserId, *, lit: bool) -> None:
        """See ports.Lamps."""
        await self._set(bound(user, self._directory().code(Feature.ONLINE_RECORD).code), lit=lit)

    async def always(self, user: UserId, *, lit: bool) -> None:
        """See ports.Lamps."""
        await self._set(bound(user, self._directory().code(Feature.CALL_RECORD).code), lit=lit)

    async def _set(self, device: str, *, lit: bool) -> None:
        state = "INUSE" if lit else "NOT_INUSE"
        await self._ami.action("Setvar", [("Variable", f"DEVICE_STATE(Custom:{device})"), ("Value", state)])


class AstDbMirror:
    """What the dialplan's degraded mode knows: whose phone it is, who is recorded always or never, who may press `*3`, and the
    code."""

    def __init__(
        self, ami: Actions, directory: Callable[[], Directory], flag_set_ms: Callable[[UserId], Awaitable[int]]
    ) -> None:
        self._ami = ami
        self._directory = directory
        self._flag_set_ms = flag_set_ms

    async def line(self, endpoint: str, user: User | None) -> None:
        """See mirroring.Mirror. `0` and not a deletion: Asterisk refuses to delete what is not there, and its words for that
        differ by version."""
        await self._put("user", endpoint, user.id if user else "0")
        # The dialplan does not know with whom a presser talks: who is never recorded in some calls presses in none.
        may_press = user is not None and user.online_record and "n" not in _letters(user.rules)
        await self._put("online", endpoint, "1" if may_press else "0")

    async def always(self, user: UserId, *, on: bool, rules: RecordRules) -> None:
        """See mirroring.Mirror. The rules go first: a flag is nothing against a *never*."""
        await self._put("rules", user, _letters(rules))
        await self._put("lamp", user, bound(user, self._directory().code(Feature.CALL_RECORD).code))
        await self._put("always", user, "1" if on else "0")
        with contextlib.suppress(Unavailable):  # then the former instant stays, and says that the flag is another one
            await self._put("set", user, str(await self._flag_set_ms(user)))

    async def code(self) -> None:
        """See mirroring.Mirror."""
        code = self._directory().code(Feature.CALL_RECORD)
        await self._put("code", code.feature, code.code if code.enabled else "off")

    async def _put(self, what: str, key: str, value: str) -> None:
        await self._ami.action("DBPut", [("Family", f"callrec/{what}"), ("Key", key), ("Val", value)])


def _letters(rules: RecordRules) -> str:
    """One for each kind of call: in from a user, in from outside, out to a user, out to outside."""
    kinds = (rules.in_internal, rules.in_external, rules.out_internal, rules.out_external)
    return "".join(_LETTERS[rule] for rule in kinds)


def _number(digits: str | None) -> int | None:
    return int(digits) if digits else None


class AstDbWords:
    """Keeps the promises of `app.catching_up.Words`: one key for each time that the dialplan has answered `*26` by itself."""

    def __init__(self, ami: Actions) -> None:
        self._ami = ami

    async def told(self) -> Sequence[Told]:
        """See Words. What is not written as the dialplan writes it is left alone."""
        lines = await self._ami.listing("DBGetTree", [("Family", INTENTS)], timeout_s=LISTING_S)
        found = ((_INTENT.fullmatch(line.get("Key")), line.get("Val")) for line in lines)
        return [
            Told(key["name"], UserId(key["user"]), said["on"] == "1", int(key["at_ms"]), _number(said["made_from_ms"]))
            for key, value in found
            if key and (said := _SAID.fullmatch(value))
        ]

    async def forget(self, word: Told) -> None:
        """See Words."""
        await self._ami.action("DBDel", [("Family", INTENTS), ("Key", word.name)])


class AmiChannels:
    """Keeps the promises of `app.homecoming.Asking`."""

    def __init__(self, ami: Actions, ari: Rest) -> None:
        self._ami, self._ari = ami, ari

    async def channels(self) -> Sequence[Message]:
        """See homecoming.Asking. Only the bridges know what they are: who is in a holding one talks with nobody there.

        `BridgeList` needs no right (manager_bridging.c: load_module), and an Asterisk without it tells channels alone.
        """
        listing = await self._ami.listing("CoreShowChannels", timeout_s=LISTING_S)
        bridges: list[Message] = []
        with contextlib.suppress(Refused):
            bridges = await self._ami.listing("BridgeList", timeout_s=LISTING_S)
        holding = {bridge.get("BridgeUniqueid") for bridge in bridges if bridge.get("BridgeTechnology") == HOLDING}
        channels = (message for message in listing if message.event == "CoreShowChannel")
        lots = {bridge.get("BridgeUniqueid") for bridge in bridges if bridge.get("BridgeType") == PARKING}
        return [
            _unbridged(channel, is_parked=channel.get("BridgeId") in lots)
            if channel.get("BridgeId") in holding
            else channel
            for channel in channels
        ]

    async def bridges_s(self) -> Mapping[BridgeId, float]:
        """See homecoming.Asking. Only ARI tells it (resource_bridges.c: ast_ari_bridges_list).

        It comes up at about the same time as AMI, and is waited for a little.
        """
        for nth in range(ARI_TRIES):
            try:
                found = await self._ari.request("GET", ["bridges"])
            except Refused:
                return {}
            except Unavailable:
                await asyncio.sleep(ARI_AGAIN_S if nth + 1 < ARI_TRIES else 0)
            else:
                return _made(found)
        return {}


def _made(bridges: object) -> dict[BridgeId, float]:
    """Of those that say it so that it can be read."""
    made = {}
    for bridge in bridges if isinstance(bridges, list) else ():
        with contextlib.suppress(KeyError, TypeError, ValueError, OverflowError):
            made[BridgeId(str(bridge["id"]))] = datetime.fromisoformat(str(bridge["creationtime"])).timestamp()
    return made


def _unbridged(channel: Message, *, is_parked: bool) -> Message:
    headers = tuple(header for header in channel.headers if header[0] != "BridgeId")
    return Message((*headers, (PARKED, "1")) if is_parked else headers)
