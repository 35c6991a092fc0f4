"""AMI requests: device states, channels and bridges, the copy of flags in AstDB, and the dialplan's notes there."""

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime

from callrec.app.calls.ami_events import HOLDING, PARKED, PARKING
from callrec.app.ports.asterisk import Manager, Rest
from callrec.domain.calls.captures.fallback_notes import ChangeNote
from callrec.domain.calls.ids import BridgeId
from callrec.domain.directory.directory import Directory
from callrec.domain.directory.function_keys import bound
from callrec.domain.directory.model import Feature
from callrec.domain.errors import Refused, Unavailable
from callrec.domain.rules import RecordRules, Rule, UserId
from callrec.protocols.ami import Message

LISTING_S = 10.0
ARI_TRIES, ARI_AGAIN_S = 8, 0.25
INTENTS = "callrec/intent"
PLACES = "callrec/place"
_LETTERS = {Rule.NEVER: "n", Rule.ALWAYS: "a", Rule.ON_DEMAND: "d", None: "-"}
_INTENT = re.compile(rf"/{INTENTS}/(?P<name>(?P<user>[0-9]{{1,20}})/(?P<at_ms>[0-9]{{1,15}})-[A-Za-z0-9._-]{{1,60}})")
_SAID = re.compile(r"(?P<on>[01])(?:\|(?P<made_from_ms>[0-9]{0,15}))?")


class AmiDeviceStates:
    """Implements `app.ports.asterisk.Lamps` with custom device states (func_devstate.c), named by XiVO's pattern."""

    def __init__(self, ami: Manager, directory: Callable[[], Directory]) -> None:
        self._ami = ami
        self._directory = directory

    async def online(self, user: UserId, *, lit: bool, blinks: bool = False) -> None:
        """The `*3` lamp of a user. Phones blink for a hint that rings."""
        await self._set(bound(user, self._directory().code(Feature.ONLINE_RECORD).code), lit=lit, blinks=blinks)

    async def always(self, user: UserId, *, lit: bool) -> None:
        """The `*26` lamp of a user."""
        await self._set(bound(user, self._directory().code(Feature.CALL_RECORD).code), lit=lit)

    async def _set(self, device: str, *, lit: bool, blinks: bool = False) -> None:
        state = "INUSE" if lit else "RINGING" if blinks else "NOT_INUSE"
        await self._ami.action("Setvar", [("Variable", f"DEVICE_STATE(Custom:{device})"), ("Value", state)])


class AstDbMirror:
    """The copy in AstDB for the dialplan's fallback mode: the user of each endpoint, record rules and flags, the right to press
    `*3`, and the always-record code."""

    def __init__(
        self, ami: Manager, directory: Callable[[], Directory], flag_set_ms: Callable[[UserId], Awaitable[int]]
    ) -> None:
        self._ami = ami
        self._directory = directory
        self._flag_set_ms = flag_set_ms
        self._places: dict[str, str] | None = None
        """The rules of places as AstDB has them; None while that is not known."""

    async def line(self, endpoint: str, user: UserId | None, *, may_press: bool) -> None:
        """See ports.FallbackCopy. A line without a user is set to `0` and not deleted: Asterisk refuses to delete a missing
        key, with texts that differ between versions."""
        await self._put("user", endpoint, user or "0")
        await self._put("online", endpoint, "1" if may_press else "0")

    async def always(self, user: UserId, *, on: bool, rules: RecordRules) -> None:
        """See ports.FallbackCopy. The rules are written first, since `never` outranks the flag."""
        await self._put("rules", user, _letters(rules))
        await self._put("lamp", user, bound(user, self._directory().code(Feature.CALL_RECORD).code))
        await self._put("always", user, "1" if on else "0")
        with contextlib.suppress(Unavailable):  # the time before stays, which shows that the flag has changed since
            await self._put("set", user, str(await self._flag_set_ms(user)))

    async def places(self, *, afresh: bool) -> None:
        """See ports.FallbackCopy. Only differences are written: a table of thousands costs one listing after a connection."""
        if afresh or self._places is None:
            self._places = await self._stored_places()
        wanted = {key: _LETTERS[rule] for key, rule in self._directory().place_rules().items()}
        for key in self._places.keys() - wanted.keys():
            with contextlib.suppress(Refused):  # it is gone already
                await self._ami.action("DBDel", _entry(key))
            del self._places[key]
        for key, letter in sorted(
            wanted.items(), key=lambda one: one[1] != _LETTERS[Rule.NEVER]
        ):  # those that forbid first
            if self._places.get(key) != letter:
                await self._ami.action("DBPut", [*_entry(key), ("Val", letter)])
                self._places[key] = letter

    async def _stored_places(self) -> dict[str, str]:
        """An Asterisk before 18.14 cannot list them: there all are written, and a rule that was removed meanwhile stays."""
        try:
            lines = await self._ami.listing("DBGetTree", [("Family", PLACES)], timeout_s=LISTING_S)
        except Refused:
            return {}
        return {line.get("Key").removeprefix(f"/{PLACES}/"): line.get("Val") for line in lines if line.get("Key")}

    async def code(self) -> None:
        """Copy the digits of `*26`, or that the feature code is disabled."""
        code = self._directory().code(Feature.CALL_RECORD)
        await self._put("code", code.feature, code.code if code.enabled else "off")

    async def _put(self, what: str, key: str, value: str) -> None:
        await self._ami.action("DBPut", [("Family", f"callrec/{what}"), ("Key", key), ("Val", value)])


def _entry(key: str) -> list[tuple[str, str]]:
    kind, _, name = key.partition("/")
    return [("Family", f"{PLACES}/{kind}"), ("Key", name)]


def _letters(rules: RecordRules) -> str:
    """One letter for each kind of call: in from a user, in from outside, out to a user, out to outside."""
    kinds = (rules.in_internal, rules.in_external, rules.out_internal, rules.out_external)
    return "".join(_LETTERS[rule] for rule in kinds)


def _number(digits: str | None) -> int | None:
    return int(digits) if digits else None


class AstDbFallbackChanges:
    """Implements `app.ports.asterisk.ChangeNotes`: one AstDB key for each fallback change (a `*26` that the dialplan
    answered without the daemon)."""

    def __init__(self, ami: Manager) -> None:
        self._ami = ami

    async def read(self) -> Sequence[ChangeNote]:
        """See ports.ChangeNotes. Keys and values that do not have the dialplan's format are ignored."""
        lines = await self._ami.listing("DBGetTree", [("Family", INTENTS)], timeout_s=LISTING_S)
        found = ((_INTENT.fullmatch(line.get("Key")), line.get("Val")) for line in lines)
        return [
            ChangeNote(
                key["name"], UserId(key["user"]), said["on"] == "1", int(key["at_ms"]), _number(said["made_from_ms"])
            )
            for key, value in found
            if key and (said := _SAID.fullmatch(value))
        ]

    async def forget(self, word: ChangeNote) -> None:
        """Remove exactly this note. Raises Unavailable, Refused."""
        await self._ami.action("DBDel", [("Family", INTENTS), ("Key", word.name)])


class AmiChannels:
    """Implements `app.ports.asterisk.ChannelList`."""

    def __init__(self, ami: Manager, ari: Rest) -> None:
        self._ami, self._ari = ami, ari

    async def channels(self) -> Sequence[Message]:
        """See ports.ChannelList. Legs in a holding bridge are in no conversation; only BridgeList shows the kind of a bridge.

        `BridgeList` needs no right (manager_bridging.c: load_module); without it the channels are returned as they are.
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
        """See ports.ChannelList. Only ARI shows when a bridge was created (resource_bridges.c: ast_ari_bridges_list).

        ARI connects at about the same time as AMI, so an ARI link that is down is tried again a few times.
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
    """Creation times of these bridges (Unix time), without those that cannot be read."""
    made = {}
    for bridge in bridges if isinstance(bridges, list) else ():
        with contextlib.suppress(KeyError, TypeError, ValueError, OverflowError):
            made[BridgeId(str(bridge["id"]))] = datetime.fromisoformat(str(bridge["creationtime"])).timestamp()
    return made


def _unbridged(channel: Message, *, is_parked: bool) -> Message:
    headers = tuple(header for header in channel.headers if header[0] != "BridgeId")
    return Message((*headers, (PARKED, "1")) if is_parked else headers)
