"""The function keys of users' phones: which kinds there are, what each dials, which lamp shows it, and what is refused.

A key that is bound to its user (what has a lamp of its own) dials XiVO's pattern: `*735`, the user's id, `***2`, the digits of
the feature, and where it has a destination, `*` and that. The same text names its lamp. Kinds that this PBX does not serve are
known by name, so that they are refused with that reason.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from callrec.domain.errors import Refused
from callrec.domain.provisioning.checks import is_plain
from callrec.domain.provisioning.claims import at
from callrec.domain.provisioning.directory import Directory
from callrec.domain.provisioning.edit import Change, Edit, Table
from callrec.domain.provisioning.features import KEY_PREFIX, PARKING, key_digits
from callrec.domain.provisioning.model import Feature, FeatureCode, FunctionKey, Line, User, UserId
from callrec.domain.provisioning.services import forward_fault

NUMBERS = range(1, 251)
MOST_LABEL_CHARACTERS = 32
_CUSTOM = re.compile(r"[0-9*#]{1,40}")
_USER_ID = re.compile(r"[0-9]{1,20}")
_BOUND = re.compile(rf"{re.escape(KEY_PREFIX)}(?P<user>[0-9]{{1,20}})\*\*\*2(?P<code>.+?)(?:(?<!\*)\*(?P<to>[0-9]+))?")


class Takes(StrEnum):
    """What a key's destination is."""

    NOTHING = "nothing"
    USER = "a user"
    DIGITS = "digits"
    FORWARD = "a number, or nothing"
    """Nothing: the number is asked for when the key is pressed, and any forward lights its lamp."""
    MAILBOX = "a mailbox"
    AGENT = "the owner's agent number, or nothing"


@dataclass(frozen=True, slots=True)
class KeyType:
    """One kind of keys: what its destination is, whether a lamp may show it, and whether this PBX serves it."""

    name: str
    takes: Takes = Takes.NOTHING
    supervised: bool = False
    served: bool = True
    feature: Feature | None = None
    """Whose code the key dials, bound to its user."""
    digits: str = ""
    """What it dials, or sends in a call, where that is always the same."""


def _table(*types: KeyType) -> Mapping[str, KeyType]:
    return {one.name: one for one in types}


KEY_TYPES = _table(
    KeyType("user", Takes.USER, supervised=True),
    KeyType("customized", Takes.DIGITS, supervised=True),
    KeyType("online_record", supervised=True, feature=Feature.ONLINE_RECORD),
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
    KeyType("parking", digits=PARKING),
    KeyType("group", Takes.DIGITS, served=False),
    KeyType("queue", Takes.DIGITS, served=False),
    KeyType("conference", Takes.DIGITS, supervised=True, served=False),
    KeyType("sound_recording", served=False),
    KeyType("incoming_filter", supervised=True, served=False),
    KeyType("group_pickup", served=False),
    KeyType("listen", served=False),
    KeyType("directory", served=False),
    KeyType("voicemail_delete", served=False),
    KeyType("parking_position", Takes.DIGITS, supervised=True, served=False),
    KeyType("paging", Takes.DIGITS, served=False),
)
SERVED = tuple(name for name, one in KEY_TYPES.items() if one.served)
ON_SCCP = frozenset({"customized"})
"""All that an SCCP phone has."""


def bound(user: UserId, code: str, destination: str = "") -> str:
    """What a key of a feature dials, and its lamp's name: `*735` + id + `***2` + the code's digits, and `*` + the destination.

    The code's leading `*` is the separator's; any other `*` in it is doubled. `*26` of user 1 is `*7351***226`.
    Raises Refused for what is no id or no code.
    """
    if not _USER_ID.fullmatch(user) or not _CUSTOM.fullmatch(code):
        raise Refused("key-pattern", f"no key can be made of user {user[:40]!r} and code {code[:40]!r}")
    return f"{KEY_PREFIX}{user}***2{key_digits(code)}" + f"*{destination}" * bool(destination)


def owner_of(dialled: str) -> UserId | None:
    """Whose key dials this; None when no key does."""
    found = _BOUND.fullmatch(dialled)
    return UserId(found["user"]) if found else None


def meant(dialled: str, codes: Iterable[FeatureCode]) -> tuple[FeatureCode, str] | None:
    """The feature and the destination of a key that dials this; None when it is no key of any feature."""
    found = _BOUND.fullmatch(dialled)
    if found is None:
        return None
    user, destination = UserId(found["user"]), found["to"] or ""
    return next(((code, destination) for code in codes if bound(user, code.code, destination) == dialled), None)


def dials(key: FunctionKey, lines: Collection[Line], codes: Mapping[Feature, FeatureCode]) -> str:
    """What the key dials. `lines` are those of the user whom a user key calls; empty when that one has none."""
    kind = KEY_TYPES[key.type]
    if kind.takes is Takes.USER:
        return next((line.number for line in lines), "")
    if kind.feature is None:
        return key.destination or kind.digits
    code = codes[kind.feature].code
    if kind.feature is Feature.ONLINE_RECORD or not kind.supervised:
        return (
            code + key.destination
        )  # pressed in a call the phone sends it there; the others are the caller's own anyway
    return bound(key.user, code, key.destination)


def lamp_of(key: FunctionKey, lines: Collection[Line], codes: Mapping[Feature, FeatureCode]) -> str:
    """The extension whose hint the key's lamp follows; empty when it is not supervised."""
    kind = KEY_TYPES[key.type]
    if not key.supervision:
        return ""
    if kind.feature is None:
        return dials(key, lines, codes)
    return bound(key.user, codes[kind.feature].code, key.destination)


def placed(key: FunctionKey, tables: Directory) -> Edit:
    """The edit that gives its owner this key, in the place of the one with its number. Raises Refused.

    Empty when the key is there already.
    """
    before = next((one for one in tables.keys_of(key.user) if one.number == key.number), None)
    checked_key(before, key, tables)
    return Edit(() if before == key else (Change(before, key),))


def checked_key(before: FunctionKey | None, key: FunctionKey, tables: Directory) -> None:
    """Raises Refused when the key cannot stand in the place of `before` (None: it is new)."""
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
    others = (one for one in tables.keys_of(key.user) if one not in (before, key))
    same = next((one for one in others if (one.type, one.destination) == (key.type, key.destination)), None)
    if same is not None:
        raise Refused(
            "key-twice",
            f"key {same.number} does the same as key {key.number} would",
            hint=f"remove key {same.number} first",
        )


def _known(name: str) -> KeyType:
    kind = KEY_TYPES.get(name)
    if kind is None:
        raise Refused("key-type", f"{name[:40]!r} is no type of key", hint=f"these are: {', '.join(SERVED)}")
    if not kind.served:
        hint = f"these are served: {', '.join(SERVED)}"
        raise Refused("key-not-served", f"keys of type {name} are not served by this PBX", hint=hint)
    return kind


def _destination_fault(key: FunctionKey, kind: KeyType, owner: User, tables: Directory) -> str:
    """Why the destination cannot be what it is; empty when it can."""
    match kind.takes:
        case Takes.NOTHING:
            return "must be left out" if key.destination else ""
        case Takes.USER:
            return "" if tables.user(UserId(key.destination)) else f"must be a user: {key.destination[:40]!r} is none"
        case Takes.FORWARD:
            return forward_fault(key.destination, key.user, tables) if key.destination else ""
        case Takes.AGENT:
            fits = key.destination in {"", owner.agentnumber}
            return "" if fits and owner.agentnumber else "must be the owner's agent number, or be left out"
        case Takes.MAILBOX:
            boxes = tables.records(Table.VOICEMAILS)
            there = any(at(key.destination, line.context) in boxes for line in tables.lines_of(key.user))
            return "" if there else f"must be a mailbox in the user's context: {key.destination[:40]!r} is none"
        case Takes.DIGITS:  # pragma: no branch - the last kind
            fits = _CUSTOM.fullmatch(key.destination) is not None
            return "" if fits else f"cannot be dialled: {key.destination[:60]!r}; digits, * and #, at most 40"
