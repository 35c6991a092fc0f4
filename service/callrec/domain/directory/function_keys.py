"""The function keys of users' phones: their types, what each dials, which hint its lamp follows, and which keys are refused.

A key of a feature with a lamp is bound to its user and dials XiVO's pattern: `*735`, the user's id, `***2`, the digits of the
feature code, and for a key with a destination also `*` and the destination. The extension of its hint is the same text. Types
that this PBX does not serve are listed too, so that the refusal can say so.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from callrec.domain.directory.directory import Directory
from callrec.domain.directory.edit import Table
from callrec.domain.directory.feature_codes import KEY_PREFIX, PARKING, key_digits
from callrec.domain.directory.model import Feature, FeatureCode, FunctionKey, Line, User
from callrec.domain.directory.services import forward_fault
from callrec.domain.directory.unique_keys import at
from callrec.domain.directory.value_checks import is_plain
from callrec.domain.errors import Refused
from callrec.domain.rules import UserId

NUMBERS = range(1, 251)
MOST_LABEL_CHARACTERS = 32
_CUSTOM = re.compile(r"[0-9*#]{1,40}")
_USER_ID = re.compile(r"[0-9]{1,20}")
_BOUND = re.compile(rf"{re.escape(KEY_PREFIX)}(?P<user>[0-9]{{1,20}})\*\*\*2(?P<code>.+?)(?:(?<!\*)\*(?P<to>[0-9]+))?")


class Takes(StrEnum):
    """The kind of a key's destination."""

    NOTHING = "nothing"
    USER = "a user"
    DIGITS = "digits"
    NUMBER = "a number of this PBX"
    """Asterisk is asked whether it has it (`app.directory.dialled_numbers`)."""
    LOT = "the number of a parking lot, or nothing"
    """The same; nothing: the lot of `PARKING`."""
    FORWARD = "a number, or nothing"
    """Without a destination the prompt asks for the number when the key is pressed, and any forward lights the lamp."""
    MAILBOX = "a mailbox"
    AGENT = "the owner's agent number, or nothing"


@dataclass(frozen=True, slots=True)
class KeyType:
    """One type of keys: its destination, whether a lamp may show its state, and whether this PBX serves it."""

    name: str
    takes: Takes = Takes.NOTHING
    supervised: bool = False
    served: bool = True
    feature: Feature | None = None
    """The feature whose code the key dials."""
    digits: str = ""
    """The digits that every key of this type dials, or sends in a call."""


def _table(*types: KeyType) -> Mapping[str, KeyType]:
    return {one.name: one for one in types}


KEY_TYPES = _table(
    KeyType("user", Takes.USER, supervised=True),
    KeyType("customized", Takes.DIGITS, supervised=True),
    KeyType("online_record", supervised=True, feature=Feature.ONLINE_RECORD),
    KeyType("pause_record", feature=Feature.PAUSE_RECORD),
    KeyType("call_record", supervised=True, feature=Feature.CALL_RECORD),
    KeyType("dnd", supervised=True, feature=Feature.DND),
    KeyType("forward_unconditional", Takes.FORWARD, supervised=True, feature=Feature.FORWARD_UNCONDITIONAL),
    KeyType("forward_no_answer", Takes.FORWARD, supervised=True, feature=Feature.FORWARD_NO_ANSWER),
    KeyType("forward_busy", Takes.FORWARD, supervised=True, feature=Feature.FORWARD_BUSY),
    KeyType("forwards_off", feature=Feature.FORWARDS_OFF),
    KeyType("voicemail_enable", supervised=True, feature=Feature.VOICEMAIL_ENABLE),
    KeyType("voicemail_consult", feature=Feature.VOICEMAIL_CONSULT),
    KeyType("voicemail_leave", Takes.MAILBOX, feature=Feature.VOICEMAIL_LEAVE),
    KeyType("phone_status", feature=Feature.PHONE_STATUS),
    KeyType("secretary_filter", supervised=True, feature=Feature.SECRETARY_FILTER),
    KeyType("agent_login", Takes.AGENT, supervised=True, feature=Feature.AGENT_LOGIN),
    KeyType("agent_logoff", Takes.AGENT, supervised=True, feature=Feature.AGENT_LOGOFF),
    KeyType("agent_toggle", Takes.AGENT, supervised=True, feature=Feature.AGENT_TOGGLE),
    KeyType("blind_transfer", digits="*1"),
    KeyType("attended_transfer", digits="*2"),
    KeyType("parking", Takes.LOT, digits=PARKING),
    KeyType("parking_position", Takes.NUMBER, supervised=True),
    KeyType("group", Takes.NUMBER),
    KeyType("queue", Takes.NUMBER),
    KeyType("conference", Takes.NUMBER, supervised=True),
    KeyType("paging", Takes.NUMBER),
    KeyType("group_pickup", feature=Feature.PICKUP),
    KeyType("sound_recording", served=False),
    KeyType("incoming_filter", supervised=True, served=False),
    KeyType("listen", served=False),
    KeyType("directory", served=False),
    KeyType("voicemail_delete", served=False),
)
SERVED = tuple(name for name, one in KEY_TYPES.items() if one.served)
ON_SCCP = frozenset({"customized"})
"""The types that SCCP phones support."""


def bound(user: UserId, code: str, destination: str = "") -> str:
    """The digits of a key that is bound to its user: `*735` + id + `***2` + the code's digits, and `*` + the destination.

    The code's leading `*` is part of the separator; any other `*` in it is doubled. `*26` of user 1 is `*7351***226`.
    Raises Refused for an invalid id or code.
    """
    if not _USER_ID.fullmatch(user) or not _CUSTOM.fullmatch(code):
        raise Refused("key-pattern", f"no key can be made of user {user[:40]!r} and code {code[:40]!r}")
    return f"{KEY_PREFIX}{user}***2{key_digits(code)}" + f"*{destination}" * bool(destination)


def owner_of(dialled: str) -> UserId | None:
    """The user whose key dials this; None for any other number."""
    found = _BOUND.fullmatch(dialled)
    return UserId(found["user"]) if found else None


def meant(dialled: str, codes: Iterable[FeatureCode]) -> tuple[FeatureCode, str] | None:
    """The feature code and the destination of the key that dials this; None for any other number."""
    found = _BOUND.fullmatch(dialled)
    if found is None:
        return None
    user, destination = UserId(found["user"]), found["to"] or ""
    return next(((code, destination) for code in codes if bound(user, code.code, destination) == dialled), None)


def dials(key: FunctionKey, lines: Collection[Line], codes: Mapping[Feature, FeatureCode]) -> str:
    """The digits that the key dials. `lines`: those of the user that a key of type `user` calls."""
    kind = KEY_TYPES[key.type]
    if kind.takes is Takes.USER:
        return next((line.number for line in lines), "")
    if kind.feature is None:
        return key.destination or kind.digits
    code = codes[kind.feature].code
    if kind.feature is Feature.ONLINE_RECORD or not kind.supervised:
        # *3 and *4 are sent within the call; a code without a lamp needs no user's id, since it acts for the calling user anyway
        return code + key.destination
    return bound(key.user, code, key.destination)


def blf_of(key: FunctionKey, lines: Collection[Line], codes: Mapping[Feature, FeatureCode]) -> str:
    """The extension whose hint the key's lamp follows; empty when it is not supervised."""
    kind = KEY_TYPES[key.type]
    if not key.supervision:
        return ""
    if kind.feature is None:
        return dials(key, lines, codes)
    return bound(key.user, codes[kind.feature].code, key.destination)


def checked_key(before: FunctionKey | None, key: FunctionKey, tables: Directory) -> None:
    """Raises Refused when the key cannot replace `before` (None: it is new)."""
    check_alone(key, tables)
    twin = twin_of(key, (one for one in tables.keys_of(key.user) if one not in (before, key)))
    if twin is not None:
        raise Refused(
            "key-twice",
            f"key {twin.number} does the same as key {key.number} would",
            hint=f"remove key {twin.number} first",
        )


def twin_of(key: FunctionKey, others: Iterable[FunctionKey]) -> FunctionKey | None:
    """The first of these keys that does the same as this one."""
    return next((one for one in others if (one.type, one.destination) == (key.type, key.destination)), None)


def check_alone(key: FunctionKey, tables: Directory) -> None:
    """Raises Refused when the user cannot have this key, whatever other keys there are."""
    owner = tables.user(key.user)
    if owner is None:
        raise Refused("no-such-user", f"there is no user {key.user[:40]!r}", hint="callrec users list shows all")
    kind = _known(key.type)
    if key.number not in NUMBERS:
        raise Refused("key-number", f"a key's number is 1 to {NUMBERS[-1]}, not {key.number}")
    if len(key.label) > MOST_LABEL_CHARACTERS or not is_plain(key.label):
        raise Refused(
            "key-label", f"a label has at most {MOST_LABEL_CHARACTERS} characters, none of them a control character"
        )
    if key.supervision and not kind.supervised:
        raise Refused("key-supervision", f"a key of type {kind.name} has no lamp", hint="leave supervision off")
    if any(line.protocol == "sccp" for line in tables.lines_of(key.user)) and kind.name not in ON_SCCP:
        raise Refused(
            "key-sccp", f"an SCCP phone has no key of type {kind.name}", hint="only customized keys work there"
        )
    if reason := _destination_fault(key, kind, owner, tables):
        raise Refused("key-destination", f"the destination of a key of type {kind.name} {reason}")


def _known(name: str) -> KeyType:
    kind = KEY_TYPES.get(name)
    if kind is None:
        raise Refused("key-type", f"{name[:40]!r} is not a type of key", hint=f"these are: {', '.join(SERVED)}")
    if not kind.served:
        hint = f"these are served: {', '.join(SERVED)}"
        raise Refused("key-not-served", f"keys of type {name} are not served by this PBX", hint=hint)
    return kind


def _destination_fault(key: FunctionKey, kind: KeyType, owner: User, tables: Directory) -> str:
    """The reason why the destination is wrong; empty when it is right."""
    match kind.takes:
        case Takes.NOTHING:
            return "must be left out" if key.destination else ""
        case Takes.USER:
            return "" if tables.user(UserId(key.destination)) else f"must be a user's id, not {key.destination[:40]!r}"
        case Takes.FORWARD:
            return forward_fault(key.destination, key.user, tables) if key.destination else ""
        case Takes.AGENT:
            fits = key.destination in {"", owner.agentnumber}
            return "" if fits and owner.agentnumber else "must be the owner's agent number, or be left out"
        case Takes.MAILBOX:
            boxes = tables.records(Table.VOICEMAILS)
            there = any(at(key.destination, line.context) in boxes for line in tables.lines_of(key.user))
            return "" if there else f"must be a mailbox in the user's context, not {key.destination[:40]!r}"
        case Takes.LOT if not key.destination:
            return ""
        case Takes.DIGITS | Takes.NUMBER | Takes.LOT:  # pragma: no branch - the last kinds
            fits = _CUSTOM.fullmatch(key.destination) is not None
            return "" if fits else f"must be at most 40 digits, * and #, not {key.destination[:60]!r}"
