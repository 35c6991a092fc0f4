"""AMI requests: MixMonitors, device states, channels and bridges, the copy of flags in AstDB, and the dialplan's notes there.

A MixMonitor is started on a leg by its Uniqueid, since names change in transfers (`channel.c: ast_channel_get_by_name` accepts
both), and stopped only by its MixMonitorID. Three variables on the leg describe it:
- `CALLREC_MIXMONITOR` (its id) and `CALLREC_RULE`: so that the dialplan in fallback mode can handle a press without the daemon.
- `CALLREC_TAKE`: the capture's id (not set for the dialplan's own captures), so that a MixMonitor whose id did not reach the
  daemon is identified, also by a daemon that has lost its journal.

A partner capture has variables of its own, since the leg may carry another recorder as well.
"""

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime

from callrec.app.calls.ami_events import HOLDING, PARKED, PARKING
from callrec.app.ports.asterisk import Codecs, Manager, Rest
from callrec.app.ports.calls import Spool
from callrec.domain.calls.fallback_notes import ChangeNote
from callrec.domain.calls.ids import BridgeId, CaptureId, LegId
from callrec.domain.calls.model import Capture, LegAudio
from callrec.domain.calls.rtp_counts import RtpCount
from callrec.domain.directory.directory import Directory
from callrec.domain.directory.function_keys import bound
from callrec.domain.directory.model import Feature
from callrec.domain.errors import CallrecError, OutcomeUnknown, Refused, Unavailable
from callrec.domain.library.file_names import Side, leg_file
from callrec.domain.rules import RecordRules, Rule, UserId
from callrec.protocols.ami import Message
from callrec.protocols.audio_formats import rate_of
from callrec.protocols.rtp_counters import (
    COUNTERS,
    JITTER,
    LAST_COUNTS_AT,
    largest_delay_of,
    packets_of,
    rtp_count_of,
)

START_S = 1.0
MUTE_S = 1.0
LISTING_S = 10.0
ARI_TRIES, ARI_AGAIN_S = 8, 0.25
SETVAR_S = 1.0
"""For a variable; a caller that waits for it has a shorter limit of its own."""
ID_VARIABLE = "CALLREC_MIXMONITOR"
RULE_VARIABLE = "CALLREC_RULE"
CAPTURE_VARIABLE = "CALLREC_TAKE"
PARTNER_ID_VARIABLE = "CALLREC_PARTNER_MIXMONITOR"
PARTNER_CAPTURE_VARIABLE = "CALLREC_PARTNER_CAPTURE"
"""A partner capture has no variable that the dialplan reads: `*3` on its leg does not mean it."""
PAUSED_VARIABLE = "CALLREC_PAUSED"
"""Since when the leg's call is paused, in Unix time: the dialplan begins no recorder on it."""
OPTED_OUT_VARIABLE = "CALLREC_OPTED_OUT"
"""1 on the leg of a participant who has asked not to be recorded in this call."""
MADE_VARIABLE = "CALLREC_MADE"
PLACE_VARIABLE = "CALLREC_PLACE"
QUEUE_VARIABLE = "CALLREC_QUEUE"
MOST_FRAMES = 20
"""Gosubs in each other: more are a dialplan that calls itself."""
MAX_UNKNOWN = 1000
"""The most legs remembered after a start without an answer. A forgotten leg loses only the check before its next start."""
MAX_OWNERS = 4000
"""The most recorders of which it is remembered whose they are: more than live calls have. A forgotten one loses only the check
before its stop."""
INTENTS = "callrec/intent"
PLACES = "callrec/place"
_LETTERS = {Rule.NEVER: "n", Rule.ALWAYS: "a", Rule.ON_DEMAND: "d", None: "-"}
_INTENT = re.compile(rf"/{INTENTS}/(?P<name>(?P<user>[0-9]{{1,20}})/(?P<at_ms>[0-9]{{1,15}})-[A-Za-z0-9._-]{{1,60}})")


_SINCE = re.compile(r"[0-9]{1,12}\.[0-9]{3}")
_SAID = re.compile(r"(?P<on>[01])(?:\|(?P<made_from_ms>[0-9]{0,15}))?")


class AmiRecorder:
    """Implements `app.ports.calls.Recorder`."""

    def __init__(self, ami: Manager, spool: Spool, codecs: Codecs) -> None:
        self._ami, self._codecs = ami, codecs
        self._spool = spool
        self._unknown: dict[LegId, Capture] = {}
        self._owners: dict[tuple[LegId, str], CaptureId] = {}
        """Whose recorder a MixMonitorID of a leg is. It is an address, which Asterisk uses again as soon as a recorder has
        ended (app_mixmonitor.c: setup_mixmonitor_ds)."""

    async def start(self, capture: Capture, rule: Rule) -> str:
        """See ports.Recorder. Asterisk answers Success before it opens the files (app_mixmonitor.c: mixmonitor_thread)."""
        if unanswered := self._unknown.get(capture.leg):
            # Before the leg's variables describe the new one; Asterisk has handled the earlier start by now.
            await self.stop(unanswered)
            self._unknown.pop(capture.leg, None)
        try:
            return await self._start(capture, rule)
        except OutcomeUnknown:
            if len(self._unknown) >= MAX_UNKNOWN:
                del self._unknown[next(iter(self._unknown))]
            self._unknown[capture.leg] = capture
            raise

    async def _start(self, capture: Capture, rule: Rule) -> str:
        read, write = (self._spool.path(capture, side) for side in Side)
        options = f"r({read})t({write})i({_id_variable(capture)})"
        requested = self._ami.action(
            "MixMonitor", [("Channel", capture.leg), ("File", ""), ("Options", options)], timeout_s=START_S
        )
        # Sent together to save time (the presser's leg is silent meanwhile); Asterisk executes them in this order. When it
        # refuses the MixMonitor, the other variables do no harm: readers look at the MixMonitor's id first.
        answer, _ = await asyncio.gather(requested, self._note(capture, rule))
        return self._owned(capture, answer.get("MixMonitorID"))

    async def stop(self, capture: Capture) -> None:
        """See ports.Recorder. Without a known MixMonitorID, the one in the leg's variables is used, if they name this capture."""
        mixmonitor = capture.mixmonitor or await self.mixmonitor_of(capture)
        if not mixmonitor or self._owners.get((capture.leg, mixmonitor), capture.id) != capture.id:
            return  # a later recorder has this id: the one to stop has ended
        try:
            await self._ami.action("StopMixMonitor", [("Channel", capture.leg), ("MixMonitorID", mixmonitor)])
        except Refused as error:
            if not _is_gone(error):
                raise
        else:
            self._owners.pop((capture.leg, mixmonitor), None)
            await self._forget(capture, mixmonitor)

    async def _note(self, capture: Capture, rule: Rule) -> None:
        notes = [] if capture.is_partner else [self._set(capture.leg, RULE_VARIABLE, rule)]
        notes.append(self._set(capture.leg, _capture_variable(capture), capture.id))
        with contextlib.suppress(CallrecError):  # the MixMonitor runs: a failed Setvar must not fail its start
            await asyncio.gather(*notes)

    async def mixmonitor_of(self, capture: Capture) -> str:
        """See ports.Recorder."""
        if await self._variable(capture.leg, _capture_variable(capture)) != capture.id:
            return ""
        found = await self._variable(capture.leg, _id_variable(capture))
        if found and self._unknown.get(capture.leg) == capture:
            del self._unknown[capture.leg]  # its caller knows how to stop it
        return self._owned(capture, found)

    def _owned(self, capture: Capture, mixmonitor: str) -> str:
        """The same id, from here on of this capture."""
        if mixmonitor:
            while len(self._owners) >= MAX_OWNERS:
                del self._owners[next(iter(self._owners))]
            self._owners.pop((capture.leg, mixmonitor), None)
            self._owners[capture.leg, mixmonitor] = capture.id
        return mixmonitor

    async def _forget(self, capture: Capture, mixmonitor: str) -> None:
        """Clear the leg's variables, unless a later capture has set them already."""
        rule = () if capture.is_partner else (RULE_VARIABLE,)
        notes = (_id_variable(capture), *rule, _capture_variable(capture))
        with contextlib.suppress(CallrecError):  # the MixMonitor is stopped: a failed Setvar must not fail its stop
            if await self._variable(capture.leg, notes[0]) == mixmonitor:
                await asyncio.gather(
                    *(self._set(capture.leg, variable, "") for variable in notes)
                )  # the call waits for it

    async def mute(self, capture: Capture, *, muted: bool, since_s: float | None = None) -> None:
        """See ports.Recorder. Asterisk executes both actions in this order: no recorder is muted without the note."""
        mixmonitor = capture.mixmonitor or await self.mixmonitor_of(capture)
        if not mixmonitor:
            raise Refused("recorder-not-known", f"it is not known which recorder captures {capture.id}")
        headers = [("Channel", capture.leg), ("Direction", "both"), ("State", "1" if muted else "0")]
        noting = [self._note_pause(capture.leg, since_s)] if muted and since_s is not None else []
        try:
            muting = self._ami.action("MixMonitorMute", [*headers, ("MixMonitorID", mixmonitor)], timeout_s=MUTE_S)
            await asyncio.gather(*noting, muting)
        except Refused as error:
            if not _is_gone(error):
                raise

    async def note_pause(self, legs: Sequence[LegId], since_s: float | None) -> None:
        """See ports.Recorder."""
        await asyncio.gather(*(self._note_pause(leg, since_s) for leg in legs))

    async def _note_pause(self, leg: LegId, since_s: float | None) -> None:
        with contextlib.suppress(CallrecError):  # the journal says it too
            await self._set(leg, PAUSED_VARIABLE, "" if since_s is None else f"{since_s:.3f}")

    async def paused_since_s(self, leg: LegId) -> float | None:
        """See ports.Recorder."""
        said = await self._variable(leg, PAUSED_VARIABLE)
        return float(said) if _SINCE.fullmatch(said) else None

    async def note_opt_out(self, leg: LegId) -> None:
        """See ports.Recorder."""
        with contextlib.suppress(CallrecError):  # a leg that is gone needs none
            await self._set(leg, OPTED_OUT_VARIABLE, "1")

    async def has_opted_out(self, leg: LegId) -> bool:
        """See ports.Recorder."""
        return await self._variable(leg, OPTED_OUT_VARIABLE) == "1"

    async def recorder_on(self, leg: LegId) -> str:
        """The MixMonitorID in the leg's variables; empty when there is none, or the leg is gone."""
        return await self._variable(leg, ID_VARIABLE)

    async def capture_on(self, leg: LegId) -> tuple[CaptureId, Rule] | None:
        """See ports.Recorder. A missing rule counts as on-demand, so that a press can stop the capture."""
        capture, rule = [await self._variable(leg, variable) for variable in (CAPTURE_VARIABLE, RULE_VARIABLE)]
        if leg_file(f"{capture}.read.sln") is None:  # not an id that callrec gives to a capture
            return None
        return CaptureId(capture), Rule.ALWAYS if rule == Rule.ALWAYS else Rule.ON_DEMAND

    async def audio(self, leg: LegId) -> LegAudio:
        """See ports.Recorder."""
        formats = await self._variable(leg, "CHANNEL(audionativeformat)")
        return LegAudio(rate_of(formats), await self._codecs.opaque(formats))

    async def sends_fax(self, leg: LegId) -> bool:
        """See ports.Recorder (chan_pjsip's dialplan_functions.c: `t38state`). Other channels have no such state. It stays when
        both phones have gone back to audio, but then the leg counts RTP again (while it does not, Asterisk logs a warning)."""
        is_enabled = await self._variable(leg, "CHANNEL(pjsip,t38state)") == "ENABLED"
        return is_enabled and not await self._variable(leg, "CHANNEL(rtcp,rxcount,audio)")

    async def note_made(self, leg: LegId) -> None:
        """Note on the leg that it has made its call although Asterisk dialled it."""
        await self._set(leg, MADE_VARIABLE, "1")

    async def has_made(self, leg: LegId) -> bool:
        """Whether that note is on the leg."""
        return await self._variable(leg, MADE_VARIABLE) == "1"

    async def note_place(self, leg: LegId, place: str) -> None:
        """Note on the leg where its call came in."""
        await self._set(leg, PLACE_VARIABLE, place)

    async def place_on(self, leg: LegId) -> str:
        """That note."""
        return await self._variable(leg, PLACE_VARIABLE)

    async def note_queue(self, leg: LegId, queue: str) -> None:
        """Note on the leg in which queue its caller has talked."""
        await self._set(leg, QUEUE_VARIABLE, queue)

    async def queue_on(self, leg: LegId) -> str:
        """That note."""
        return await self._variable(leg, QUEUE_VARIABLE)

    async def came_in_at(self, leg: LegId, channel: str) -> str | None:
        """See ports.Recorder. The dialled number stays on the channel, whatever the dialplan does with the call. The context is
        the endpoint's. For other technologies: that of the outermost Gosub, if it began at the dialled number (app_stack.c)."""
        dialled = await self._variable(leg, "CALLERID(dnid)")
        technology, _, name = channel.partition("/")
        if technology == "PJSIP":
            context = await self._variable(leg, f"PJSIP_ENDPOINT({name.rpartition('-')[0]},context)")
            return f"{dialled}@{context}" if context else None
        outermost = ""
        for nth in range(1, MOST_FRAMES + 1):
            if not (found := await self._variable(leg, f"STACK_PEEK({nth},l,1)")):
                break
            outermost = found
        context, _, more = outermost.partition(",")
        return f"{dialled}@{context}" if dialled and more.partition(",")[0] == dialled else None

    async def is_holding(self, leg: LegId) -> bool:
        """See ports.Recorder (func_channel.c: `onhold`)."""
        return await self._variable(leg, "CHANNEL(onhold)") == "1"

    async def application_on(self, leg: LegId) -> tuple[str, str]:
        """See ports.Recorder (func_channel.c: `appname`, `appdata`)."""
        name, arguments = [await self._variable(leg, f"CHANNEL({field})") for field in ("appname", "appdata")]
        return name, arguments

    async def packets(self, leg: LegId) -> int | None:
        """See ports.Recorder. chan_pjsip counts all RTP packets received and sent (res_rtp_asterisk.c: ast_rtp_get_stat)."""
        found = packets_of(await self._variable(leg, COUNTERS))
        return found.received + found.sent if found else None

    async def rtp_count(self, leg: LegId) -> RtpCount | None:
        """See ports.Recorder. What is lost is counted when Asterisk sends a report, every five seconds."""
        return rtp_count_of(await self._variable(leg, COUNTERS))

    async def largest_delay_s(self, leg: LegId) -> float | None:
        """See ports.Recorder (RFC 3550, 6.4.1)."""
        return largest_delay_of(await self._variable(leg, JITTER))

    async def tell_last_counts(self, leg: LegId) -> None:
        """See ports.Recorder (func_channel.c: `hangup_handler_push`). A handler that is not there would be an error in Asterisk's
        log at each hangup."""
        if await self._variable(leg, f"DIALPLAN_EXISTS({LAST_COUNTS_AT})") == "1":
            with contextlib.suppress(Refused):  # it has hung up
                await self._set(leg, "CHANNEL(hangup_handler_push)", LAST_COUNTS_AT)

    async def _variable(self, leg: LegId, name: str) -> str:
        """A variable of a leg; empty also when the leg has hung up."""
        try:
            return (await self._ami.action("Getvar", [("Channel", leg), ("Variable", name)])).get("Value")
        except Refused as error:
            if _is_gone(error):
                return ""
            raise

    async def _set(self, leg: LegId, name: str, value: str) -> None:
        await self._ami.action("Setvar", [("Channel", leg), ("Variable", name), ("Value", value)])


class AmiLegVariables:
    """Implements `app.ports.asterisk.LegVariables`."""

    def __init__(self, ami: Manager) -> None:
        self._ami = ami

    async def set(self, leg: LegId, name: str, value: str) -> None:
        """Set one variable. Raises Refused when Asterisk has no such leg, Unavailable."""
        await self._ami.action("Setvar", [("Channel", leg), ("Variable", name), ("Value", value)], timeout_s=SETVAR_S)


def _id_variable(capture: Capture) -> str:
    return PARTNER_ID_VARIABLE if capture.is_partner else ID_VARIABLE


def _capture_variable(capture: Capture) -> str:
    return PARTNER_CAPTURE_VARIABLE if capture.is_partner else CAPTURE_VARIABLE


def _is_gone(error: Refused) -> bool:
    """Whether Asterisk refused since the channel has hung up, or its MixMonitor has ended already."""
    text = error.message.lower()
    return "no such channel" in text or "could not stop" in text


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
