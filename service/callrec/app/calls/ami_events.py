"""What Asterisk's manager says, in domain words. Pure but for the directory that it looks users up in.

A leg is attributed by the endpoint in its channel's name, never by a variable or a caller id. The caller's leg is the one
whose Uniqueid is the call's Linkedid (channel.c: a call's oldest channel gives its id to all that join).
"""

import re
from dataclasses import dataclass, replace

from callrec.app.ports.calls import Endpoints
from callrec.domain.calls.events import (
    DialEnded,
    Event,
    HoldChanged,
    LegAnswered,
    LegAppeared,
    LegBridged,
    LegGone,
    LegParked,
    LegUnbridged,
    MusicChanged,
    SupervisorCame,
    SupervisorLeft,
)
from callrec.domain.calls.ids import BridgeId, LegId
from callrec.domain.calls.model import MEDIA_CHANNELS, Direction, Leg
from callrec.domain.directory.directory import Party
from callrec.domain.directory.model import sound_folder
from callrec.domain.rules import PlaceKind
from callrec.protocols.ami import Message

_CALLS = frozenset({"Newchannel", "Newstate", "Hangup", "BridgeEnter", "BridgeLeave", "DialBegin", "DialEnd"})
_WAITS = frozenset({"Hold", "Unhold", "MusicOnHoldStart", "MusicOnHoldStop"})
_SPIES = frozenset({"ChanSpyStart", "ChanSpyStop"})
WANTED = _CALLS | _WAITS | _SPIES | {"FullyBooted", "Shutdown", "UserEvent"}
"""The events that the calls listen to: about a fifth of what one call causes."""

TECHNOLOGIES = ("PJSIP", "SCCP")
_CHANNEL = re.compile(rf"(?P<endpoint>(?:{'|'.join(TECHNOLOGIES)})/.+)-[0-9a-f]+", re.DOTALL)
_TRUNK = re.compile(r"[A-Za-z0-9]+/(?P<name>[^/]+?)(?:/.*)?-[0-9a-f]+", re.DOTALL)
_NO_TRUNKS = ("Local/", *MEDIA_CHANNELS)
UP = "6"
"""The state of an answered channel (channelstate.h: AST_STATE_UP)."""
HOLDING = "holding_bridge"
"""The technology of parking lots and waiting rooms: those who are in one hear music, not each other."""
TWO_PARTIES = "basic"
"""The type of a bridge that Dial, Queue and a fetched call make (bridge_basic.c); a conference's is another."""
PARKING = "parking"
"""The type of a parking lot's bridge (res_parking/parking_bridge.c: ast_bridge_parking_v_table)."""
MADE = "CallrecMade"
"""A header of ours in a listing of channels: Asterisk dialled this one, and yet it has made its call."""
PLACE = "CallrecPlace"
"""A header of ours in a listing of channels: where this one's call came in, as `place_of` writes it."""
QUEUE = "CallrecQueue"
"""Another: the queue in which this one's caller has talked, as noted on it."""
PLACE_UNKNOWN = "CallrecPlaceUnknown"
"""A header of ours in a listing of channels: Asterisk does not tell where this one's call came in."""
PARKED = "CallrecParked"
"""A header of ours in a listing of channels: this one is in a parking lot (`adapters.asterisk.ami_requests`)."""
_NOT_LEGS = ("Snoop/", "Recorder/", "Announcer/", "CBAnn/", "CBRec/", "MulticastRTP/")
"""Channels of Asterisk's own and the snoops of tones: no participant is on them."""
_NUMBER = re.compile(r"[^0-9A-Za-z+*#_.@-]")
_NUMBER_CHARACTERS = 64
_DIALLED = (
    # PJSIP: number@endpoint, endpoint/sip:number@host
    re.compile(r"(?:[^/]*/)?(?:sips?:)?(?P<number>[^@/;]+)(?:;[^@]*)?@[^@]*", re.DOTALL),
    # DAHDI, IAX2: group or peer, and the number
    re.compile(r"[^/]+/(?P<number>[^@/;]+)", re.DOTALL),
)
_NAME_CHARACTERS = 128
_OPTION_ARGUMENT = re.compile(r"\([^)]*\)")


@dataclass(frozen=True, slots=True)
class Dial:
    """One leg rings another. `number` is what was dialled for it, where the dial says so."""

    by: LegId
    by_channel: str
    leg: LegId
    linkedid: str
    number: str


def endpoint_of(channel: str) -> str:
    """The endpoint in a channel's name (`PJSIP/abc-0000001f` is `PJSIP/abc`), or empty: Local channels and others have none."""
    match = _CHANNEL.fullmatch(channel)
    return match["endpoint"] if match else ""


def trunk_of(channel: str) -> str:
    """The name by which a rule may know a trunk, in a channel's name of any technology: `PJSIP/trunk-0000001f` is `trunk`,
    `DAHDI/i1/0612-2a` is `i1`. Empty for Local channels and programs."""
    match = None if channel.startswith(_NO_TRUNKS) else _TRUNK.fullmatch(channel)
    return match["name"] if match else ""


def is_leg(message: Message) -> bool:
    """Whether this channel can carry a party."""
    return not message.get("Channel").startswith(_NOT_LEGS)


def by_name(endpoints: Endpoints, name: str) -> Party | None:
    """The user and line behind an endpoint's bare name, as the dialplan and AstDB know it."""
    found = (endpoints.by_endpoint(f"{technology}/{name}") for technology in TECHNOLOGIES)
    return next((party for party in found if party), None)


def leg_of(message: Message, endpoints: Endpoints) -> Leg:
    """The leg that a channel event speaks of. Numbers and names of strangers are cleaned and cut, never trusted."""
    channel, leg = message.get("Channel"), LegId(message.get("Uniqueid"))
    party = endpoints.by_endpoint(endpoint_of(channel))
    is_origin = not channel.startswith(MEDIA_CHANNELS) and (message.get("Linkedid") == leg or message.get(MADE))
    direction = Direction.OUT if is_origin else Direction.IN
    comes_in = direction is Direction.OUT and message.event == "Newchannel"
    dialled = number_in(message.get("Exten")) if comes_in else ""
    exten, _, context = (place_of(message) if comes_in else message.get(PLACE)).rpartition("@")
    rules = endpoints.rules_at(context, exten) if context else ()
    if party is None and (rule := endpoints.rule_of(PlaceKind.TRUNK, trunk_of(channel))):
        rules = (*rules, rule)
    is_unknown = bool(message.get(PLACE_UNKNOWN))
    if party is not None:
        found = Leg(leg, channel, direction, party.user, party.line.number, party.user.name, dialled, rules, is_unknown)
        return replace(found, language=sound_folder(party.user.language))
    number = message.get("CallerIDNum")
    # Dial gives the leg that it makes the extension in which it runs: behind a Gosub that is `s` (app_dial.c: dial_exec_full)
    number = clean_number(number) if direction is Direction.OUT else number_in(number)
    name, language = clean_name(message.get("CallerIDName")), endpoints.language_at(context, exten) if context else ""
    return Leg(leg, channel, direction, None, number, name, dialled, rules, is_unknown, language=language)


def place_of(message: Message) -> str:
    """Where a new channel's call comes in."""
    return f"{message.get('Exten')}@{message.get('Context')}"


def dial_of(message: Message) -> Dial | None:
    """A dial that begins, or one that is answered: after a pickup by another leg than the one that rang (pickup.c:
    ast_do_pickup). None for a dial without a dialling leg (an Originate), and for every other event."""
    answered = message.event == "DialEnd" and message.get("DialStatus") == "ANSWER"
    if not (answered or message.event == "DialBegin") or not message.get("Uniqueid"):
        return None
    return Dial(
        LegId(message.get("Uniqueid")),
        message.get("Channel"),
        LegId(message.get("DestUniqueid")),
        message.get("DestLinkedid"),
        # A program is dialled by its address and an id (AudioSocket/127.0.0.1:9092/<uuid>)
        "" if message.get("DestChannel").startswith(MEDIA_CHANNELS) else dialled_number(message.get("DialString")),
    )


def dialled_number(dial_string: str) -> str:
    """The number in what Dial was given behind the technology; empty for the name of an endpoint."""
    found = next((match for pattern in _DIALLED if (match := pattern.fullmatch(dial_string))), None)
    return number_in(found["number"]) if found else ""


def leg_id_of(message: Message) -> LegId:
    """The leg that the event speaks of: the one that is dialled, or the one that is spied on, where there are two."""
    ids = (message.get(name) for name in ("Uniqueid", "DestUniqueid", "SpyeeUniqueid"))
    return LegId(next(filter(None, ids), ""))


def may_speak(application: str) -> bool:
    """Whether ChanSpy or ExtenSpy with these arguments lets the supervisor speak: options whisper, barge, and modes by keys
    (app_chanspy.c: w, W, B, d)."""
    options = application.split(",", 1)[1] if "," in application else ""
    return bool(set("wWBd") & set(_OPTION_ARGUMENT.sub("", options)))


def _supervision(message: Message, endpoints: Endpoints) -> Event | None:
    """A supervisor came or left. Channels of Asterisk's own spy for a snoop, such as our tones."""
    prefix = "Spyer"
    spyer = Message(
        tuple((key.removeprefix(prefix), value) for key, value in message.headers if key.startswith(prefix))
    )
    if not is_leg(spyer):
        return None
    if message.event == "ChanSpyStop":
        return SupervisorLeft(leg_id_of(message), LegId(spyer.get("Uniqueid")))
    return SupervisorCame(leg_id_of(message), leg_of(spyer, endpoints))


def translate(message: Message, endpoints: Endpoints) -> Event | None:  # noqa: C901 - one line for each kind of event
    """The domain event of a manager event; None for what tells nothing about a call."""
    if message.event in _SPIES:
        return _supervision(message, endpoints)
    if not is_leg(message):
        return None
    match message.event:
        case "Newchannel":
            return LegAppeared(leg_of(message, endpoints))
        case "Hangup":
            cause = message.get("Cause")[:3]
            return LegGone(LegId(message.get("Uniqueid")), int(cause) if cause.isdecimal() else 0)
        case "Newstate" if message.get("ChannelState") == UP:
            return LegAnswered(LegId(message.get("Uniqueid")))
        case "BridgeEnter" if message.get("BridgeTechnology") == HOLDING:
            return LegParked(LegId(message.get("Uniqueid"))) if message.get("BridgeType") == PARKING else None
        case "BridgeEnter":
            return LegBridged(BridgeId(message.get("BridgeUniqueid")), leg_of(message, endpoints))
        case "BridgeLeave":
            return LegUnbridged(BridgeId(message.get("BridgeUniqueid")), LegId(message.get("Uniqueid")))
        case "Hold" | "Unhold" as name:
            return HoldChanged(LegId(message.get("Uniqueid")), name == "Hold")
        case "MusicOnHoldStart" | "MusicOnHoldStop" as name:
            return MusicChanged(LegId(message.get("Uniqueid")), name == "MusicOnHoldStart")
        case "DialEnd":
            return DialEnded(_NUMBER.sub("", message.get("DialStatus"))[:_NUMBER_CHARACTERS])
        case _:
            return None


def clean_number(text: str) -> str:
    """A stranger's number as we keep it: letters, digits and `+*#_.@-`, at most 64; `<unknown>` becomes empty."""
    return "" if text == "<unknown>" else _NUMBER.sub("", text)[:_NUMBER_CHARACTERS]


def number_in(text: str) -> str:
    """The same for what may be no number: an extension such as `s` has no digit and is none."""
    number = clean_number(text)
    return number if any(char.isdigit() for char in number) else ""


def clean_name(text: str) -> str:
    """A stranger's name as we keep it: printable characters only (no controls, no direction marks), at most 128."""
    return "" if text == "<unknown>" else "".join(char for char in text if char.isprintable())[:_NAME_CHARACTERS]
