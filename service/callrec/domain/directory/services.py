"""The users' telephone services, and the effect of dialling a feature code or pressing its key.

A press is decided on the current tables. The decision has the user, the fields to change, and the sounds for the presser: names
of sound files, and digits, which are spoken. The functions only decide and change nothing.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter

from callrec.domain.directory.directory import Directory, Party
from callrec.domain.directory.feature_codes import FEATURES, FORWARDS
from callrec.domain.directory.model import Feature, User
from callrec.domain.rules import Rule, UserId

FORWARD_TO = re.compile(r"[0-9]{1,40}")
"""A number that calls may be forwarded to. It cannot be a feature code: the caller would use it with the forwarding user's
rights."""
EMPTY, FOREIGN, REFUSED = "empty", "foreign", "refused"


@dataclass(frozen=True, slots=True)
class Turn:
    """A press that changes these fields of this user and plays these sounds. Without fields it only plays the sounds."""

    says: Sequence[str]
    fields: Mapping[str, bool | str] = field(default_factory=dict)
    user: UserId | None = None


@dataclass(frozen=True, slots=True)
class NumberWanted:
    """The presser has to enter a number first."""


@dataclass(frozen=True, slots=True)
class NotDone:
    """A press that changes nothing; `why` is EMPTY or REFUSED."""

    why: str


Pressed = Turn | NumberWanted | NotDone


def pressed(feature: Feature, argument: str, presser: Party, tables: Directory, *, entered: bool = False) -> Pressed:
    """The result of this user's press. `argument`: the digits after the code; `entered`: whether the user entered them when the
    prompt asked for a number (they may be empty)."""
    user = presser.user
    match feature:
        case Feature.FORWARD_UNCONDITIONAL | Feature.FORWARD_NO_ANSWER | Feature.FORWARD_BUSY:
            return _forward(feature, argument, user, tables, entered=entered)
        case Feature.FORWARDS_OFF:
            return Turn(["forwards-off"], {FEATURES[one].switch: "" for one in FORWARDS}, user.id)
        case Feature.DND | Feature.VOICEMAIL_ENABLE:
            return _toggled(feature, user, tables)
        case Feature.SECRETARY_FILTER:
            return _filter(argument, user, tables)
        case Feature.AGENT_TOGGLE | Feature.AGENT_LOGIN | Feature.AGENT_LOGOFF:
            return _agent(feature, argument, user)
        case Feature.PHONE_STATUS:
            return Turn(status(user, says_off=tables.code(Feature.CALL_RECORD).enabled))
        case _:
            return NotDone(REFUSED)


def status(user: User, *, says_off: bool = False) -> list[str]:
    """The sounds that name all active services, and whether the user's calls are recorded. `says_off`: also that none is, where
    users can change that."""
    said: list[str] = []
    for feature, word in _SWITCHES.items():
        value = getattr(user, FEATURES[feature].switch)
        if isinstance(value, str):
            said += [f"{word}-on", value] if value else []
        elif value is not getattr(_FRESH, FEATURES[feature].switch):
            said.append(f"{word}-{_on(on=value)}")
    recorded = calls_recorded(user)
    heard = [f"call-recording-{recorded}"] if recorded != "off" or says_off else []
    return heard + (said or (["status-quiet"] if recorded == "off" else []))


def calls_recorded(user: User) -> str:
    """Which of the user's calls their flag and rules record: `on` for all of them, `some`, `off` for none. Other users and places
    may have rules as well."""
    rules = user.rules
    kinds = (rules.in_internal, rules.in_external, rules.out_internal, rules.out_external)
    recorded = [rule is Rule.ALWAYS or (user.call_record and rule is not Rule.NEVER) for rule in kinds]
    return "on" if all(recorded) else "some" if any(recorded) else "off"


def has_services(user: User) -> bool:
    """Whether a service that users can set by phone, other than always-record, differs from its default."""
    return bool(_STATES(user) != _STATES(_FRESH))


def is_lit(feature: Feature, destination: str, user: User, tables: Directory) -> bool:
    """Whether the lamp of this feature of this user is lit. A forward key with a destination shows only that one."""
    if feature is Feature.SECRETARY_FILTER and user.bosssecretary == "secretary":
        return any(boss.filter_enabled for boss in tables.team(user))
    value = getattr(user, FEATURES[feature].switch)
    return value == destination if destination and isinstance(value, str) else bool(value)


TO_ITSELF = "must be another number: this user's calls are forwarded to it"
"""The fault of a user's new number to which that user's calls are forwarded."""


def forward_fault(number: str, user: UserId, tables: Directory) -> str:
    """Why a user's calls cannot be forwarded there; empty when they can."""
    if not FORWARD_TO.fullmatch(number):
        return "must be digits, at most 40"
    return "must be another number than the user's own" if number in _numbers(user, tables) else ""


_SWITCHES = {
    Feature.DND: "dnd",
    Feature.FORWARD_UNCONDITIONAL: "forward-unconditional",
    Feature.FORWARD_NO_ANSWER: "forward-no-answer",
    Feature.FORWARD_BUSY: "forward-busy",
    Feature.VOICEMAIL_ENABLE: "voicemail",
    Feature.SECRETARY_FILTER: "filter",
    Feature.AGENT_LOGIN: "agent",
}
"""The beginning of each service's sounds: `-on` or `-off` follows, and for a forward its number."""
_FRESH = User(UserId(""), "")
_STATES = attrgetter(*(FEATURES[one].switch for one in _SWITCHES))
_AGENT: Mapping[Feature, Callable[[bool], bool]] = {
    Feature.AGENT_LOGIN: lambda _: True,
    Feature.AGENT_LOGOFF: lambda _: False,
    Feature.AGENT_TOGGLE: lambda is_in: not is_in,
}


def _forward(feature: Feature, argument: str, user: User, tables: Directory, *, entered: bool) -> Pressed:
    name, word = FEATURES[feature].switch, _SWITCHES[feature]
    active = getattr(user, name)
    if not entered and active and argument in {"", active}:
        return Turn([f"{word}-off"], {name: ""}, user.id)
    if not argument:
        return NotDone(EMPTY) if entered else NumberWanted()
    if forward_fault(argument, user.id, tables):
        return NotDone(REFUSED)
    return Turn([f"{word}-on", argument], {name: argument}, user.id)


def _toggled(feature: Feature, user: User, tables: Directory) -> Pressed:
    if feature is Feature.VOICEMAIL_ENABLE and not tables.voicemails_of(user.id):
        return NotDone(REFUSED)
    name = FEATURES[feature].switch
    on = not getattr(user, name)
    return Turn([f"{_SWITCHES[feature]}-{_on(on=on)}"], {name: on}, user.id)


def _filter(argument: str, user: User, tables: Directory) -> Pressed:
    """A boss changes their own filter; a secretary that of the boss whose number was dialled, or of their only boss."""
    if user.bosssecretary == "boss":
        bosses = [user] if argument in {"", *_numbers(user.id, tables)} and tables.team(user) else []
    elif user.bosssecretary == "secretary":
        bosses = [boss for boss in tables.team(user) if not argument or argument in _numbers(boss.id, tables)]
    else:
        bosses = []
    if len(bosses) != 1:
        return NotDone(REFUSED)
    on = not bosses[0].filter_enabled
    return Turn([f"filter-{_on(on=on)}"], {"filter_enabled": on}, bosses[0].id)


def _agent(feature: Feature, argument: str, user: User) -> Pressed:
    if not user.agentnumber or argument not in {"", user.agentnumber}:
        return NotDone(REFUSED)
    is_in = _AGENT[feature](user.agent_logged_in)
    return Turn([f"agent-{_on(on=is_in)}"], {"agent_logged_in": is_in}, user.id)


def _numbers(user: UserId, tables: Directory) -> set[str]:
    return {line.number for line in tables.lines_of(user)}


def _on(*, on: bool) -> str:
    return "on" if on else "off"
