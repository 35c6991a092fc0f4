"""What Asterisk's manager says, in domain words. Pure but for the directory that it looks users up in.

A leg is attributed by the endpoint in its channel's name, never by a variable or a caller id. The caller's leg is the one
whose Uniqueid is the call's Linkedid (channel.c: a call's oldest channel gives its id to all that join).
"""

import re
from dataclasses import dataclass
from typing import Protocol

from callrec.domain import messages as m
from callrec.domain.model import BridgeId, Direction, Leg, LegId
from callrec.domain.provisioning.directory import Party
from callrec.protocols.ami import Message

_CALLS = frozenset({"Newchannel", "Newstate", "Hangup", "BridgeEnter", "BridgeLeave", "DialBegin", "DialEnd"})
_WAITS = frozenset({"Hold", "Unhold", "MusicOnHoldStart", "MusicOnHoldStop"})
WANTED = _CALLS | _WAITS | {"ChannelTalkingStart", "FullyBooted", "Shutdown"}
"""The events that the engine listens to: about a fifth of what one call causes."""

TECHNOLOGIES = ("PJSIP", "SCCP")
_CHANNEL = re.compile(rf"(?P<endpoint>(?:{'|'.join(TECHNOLOGIES)})/.+)-[0-9a-f]+", re.DOTALL)
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
PARKED = "CallrecParked"
"""A header of ours in a listing of channels: this one is in a parking lot (`adapters.asterisk.controls`)."""
_NOT_LEGS = ("Snoop/", "Recorder/", "Announcer/", "CBAnn/", "CBRec/", "UnicastRTP/", "MulticastRTP/")
"""Channels of Asterisk's own and our tones' snoops: nobody talks on them."""
_NUMBER = re.compile(r"[^0-9A-Za-z+*#_.@-]")
_NUMBER_CHARACTERS = 64
_DIALLED = (
    # PJSIP: number@endpoint, endpoint/sip:number@host
    re.compile(r"(?:[^/]*/)?(?:sips?:)?(?P<number>[^@/;]+)(?:;[^@]*)?@[^@]*", re.DOTALL),
    # DAHDI, IAX2: group or peer, and the number
    re.compile(r"[^/]+/(?P<number>[^@/;]+)", re.DOTALL),
)
_NAME_CHARACTERS = 128


@dataclass(frozen=True, slots=True)
class Dial:
    """One leg rings another. `number` is what was dialled for it, where the dial says so."""

    by: LegId
    by_channel: str
    leg: LegId
    linkedid: str
    number: str


class Endpoints(Protocol):
    """Where users are found."""

    def by_endpoint(self, name: str) -> Party | None:
        """The user and line behind an endpoint's name."""
        ...


def endpoint_of(channel: str) -> str:
    """The endpoint in a channel's name (`PJSIP/abc-0000001f` is `PJSIP/abc`), or empty: Local channels and others have none."""
    match = _CHANNEL.fullmatch(channel)
    return match["endpoint"] if match else ""


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
    is_origin = message.get("Linkedid") == leg or message.get(MADE)
    direction = Direction.OUT if is_origin else Direction.IN
    dialled = number_in(message.get("Exten")) if direction is Direction.OUT and message.event == "Newchannel" else ""
    if party is not None:
        return Leg(leg, channel, direction, party.user, party.line.number, party.user.name, dialled)
    number = message.get("CallerIDNum")
    # Dial gives the leg that it makes the extension in which it runs: behind a Gosub that is `s` (app_dial.c: dial_exec_full)
    number = clean_number(number) if direction is Direction.OUT else number_in(number)
    return Leg(leg, channel, direction, None, number, clean_name(message.get("CallerIDName")), dialled)


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
        dialled_number(message.get("DialString")),
    )


def dialled_number(dial_string: str) -> str:
    """The number in what Dial was given behind the technology; empty for the name of an endpoint."""
    found = next((match for pattern in _DIALLED if (match := pattern.fullmatch(dial_string))), None)
    return number_in(found["number"]) if found else ""


def translate(message: Message, endpoints: Endpoints) -> m.Event | None:  # noqa: C901 - one line for each kind of event
    """The domain event of a manager event; None for what tells nothing about a call."""
    if not is_leg(message):
        return None
    match message.event:
        case "Newchannel":
            return m.LegAppeared(leg_of(message, endpoints))
        case "Hangup":
            cause = message.get("Cause")[:3]
            return m.LegGone(LegId(message.get("Uniqueid")), int(cause) if cause.isdecimal() else 0)
        case "Newstate" if message.get("ChannelState") == UP:
            return m.LegAnswered(LegId(message.get("Uniqueid")))
        case "BridgeEnter" if message.get("BridgeTechnology") == HOLDING:
            return m.Parked(LegId(message.get("Uniqueid"))) if message.get("BridgeType") == PARKING else None
        case "BridgeEnter":
            return m.Bridged(BridgeId(message.get("BridgeUniqueid")), leg_of(message, endpoints))
        case "BridgeLeave":
            return m.Unbridged(BridgeId(message.get("BridgeUniqueid")), LegId(message.get("Uniqueid")))
        case "ChannelTalkingStart":
            return m.Spoke(LegId(message.get("Uniqueid")))
        case "Hold" | "Unhold" as name:
            return m.HoldChanged(LegId(message.get("Uniqueid")), name == "Hold")
        case "MusicOnHoldStart" | "MusicOnHoldStop" as name:
            return m.MusicChanged(LegId(message.get("Uniqueid")), name == "MusicOnHoldStart")
        case "DialEnd":
            return m.DialEnded(_NUMBER.sub("", message.get("DialStatus"))[:_NUMBER_CHARACTERS])
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
