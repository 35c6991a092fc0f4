"""The function keys of users' phones: which kinds there are, what each dials, which lamp shows it, and what is refused.

A key that is bound to its user (recording) dials XiVO's pattern: `*735`, the user's id, `***2`, the digits of the feature. The
same text names its lamp. Kinds that this PBX does not serve are known by name, so that they are refused with that reason.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from callrec.domain.errors import Refused
from callrec.domain.provisioning.columns import is_plain
from callrec.domain.provisioning.edit import Change, Edit
from callrec.domain.provisioning.model import Feature, FeatureCode, FunctionKey, Line, User, UserId

NUMBERS = range(1, 251)
MOST_LABEL_CHARACTERS = 32
_CUSTOM = re.compile(r"[0-9*#]{1,40}")
_USER_ID = re.compile(r"[0-9]{1,20}")


class Takes(StrEnum):
    """What a key's destination is."""

    NOTHING = "nothing"
    USER = "a user"
    DIGITS = "digits"


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
    KeyType("blind_transfer", digits="*1"),
    KeyType("attended_transfer", digits="*2"),
    KeyType("voicemail_consult", digits="*98"),
    KeyType("parking", digits="*70"),
    KeyType("group", Takes.DIGITS, served=False),
    KeyType("queue", Takes.DIGITS, served=False),
    KeyType("conference", Takes.DIGITS, supervised=True, served=False),
    KeyType("phone_status", served=False),
    KeyType("sound_recording", served=False),
    KeyType("incoming_filter", supervised=True, served=False),
    KeyType("dnd", supervised=True, served=False),
    KeyType("group_pickup", served=False),
    KeyType("listen", served=False),
    KeyType("directory", served=False),
    KeyType("secretary_filter", supervised=True, served=False),
    KeyType("forwards_off", served=False),
    KeyType("forward_no_answer", Takes.DIGITS, supervised=True, served=False),
    KeyType("forward_busy", Takes.DIGITS, supervised=True, served=False),
    KeyType("forward_unconditional", Takes.DIGITS, supervised=True, served=False),
    KeyType("voicemail_enable", supervised=True, served=False),
    KeyType("voicemail_leave", Takes.DIGITS, served=False),
    KeyType("voicemail_delete", served=False),
    KeyType("agent_login", Takes.DIGITS, supervised=True, served=False),
    KeyType("agent_logoff", Takes.DIGITS, supervised=True, served=False),
    KeyType("agent_toggle", Takes.DIGITS, supervised=True, served=False),
    KeyType("parking_position", Takes.DIGITS, supervised=True, served=False),
    KeyType("paging", Takes.DIGITS, served=False),
)
SERVED = tuple(name for name, one in KEY_TYPES.items() if one.served)


def bound(user: UserId, code: str) -> str:
    """What a key of a feature dials, and its lamp's name: `*735` + id + `***2` + the code's digits.

    The code's leading `*` is the separator's; any other `*` in it is doubled. `*26` of user 1 is `*7351***226`.
    Raises Refused for what is no id or no code.
    """
    if not _USER_ID.fullmatch(user) or not _CUSTOM.fullmatch(code):
        raise Refused("key-pattern", f"no key can be made of user {user[:40]!r} and code {code[:40]!r}")
    return f"*735{user}***2{code.removeprefix('*').replace('*', '**')}"


def dials(key: FunctionKey, lines: Collection[Line], codes: Mapping[Feature, FeatureCode]) -> str:
    """What the key dials. `lines` are those of the user whom a user key calls; empty when that one has none."""
    kind = KEY_TYPES[key.type]
    if kind.takes is Takes.USER:
        return next((line.number for line in lines), "")
    if kind.feature is Feature.ONLINE_RECORD:
        return codes[kind.feature].code  # pressed in a call: the phone sends it there
    if kind.feature is not None:
        return bound(key.user, codes[kind.feature].code)
    return key.destination or kind.digits


def lamp_of(key: FunctionKey, lines: Collection[Line], codes: Mapping[Feature, FeatureCode]) -> str:
    """The extension whose hint the key's lamp follows; empty when it is not supervised."""
    kind = KEY_TYPES[key.type]
    if not key.supervision:
        return ""
    return bound(key.user, codes[kind.feature].code) if kind.feature else dials(key, lines, codes)


def placed(
    key: FunctionKey,
    owner: User | None,
    lines: Collection[Line],
    keys: Collection[FunctionKey],
    users: Collection[UserId],
) -> Edit:
    """The edit that gives its owner this key, in the place of the one with its number. `lines` and `keys` are the owner's own.

    Raises Refused. Empty when the key is there already.
    """
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
    if any(line.protocol == "sccp" for line in lines) and kind.name != "customized":
        raise Refused(
            "key-sccp", f"an SCCP phone has no key of type {kind.name}", hint="only customized keys work there"
        )
    _destination(key, kind, users)
    same = next((one for one in keys if (one.type, one.destination) == (key.type, key.destination)), None)
    if same is not None and same.number != key.number:
        raise Refused(
            "key-twice",
            f"key {same.number} does the same as key {key.number} would",
            hint=f"remove key {same.number} first",
        )
    before = next((one for one in keys if one.number == key.number), None)
    return Edit(() if before == key else (Change(before, key),))


def _known(name: str) -> KeyType:
    kind = KEY_TYPES.get(name)
    if kind is None:
        raise Refused("key-type", f"{name[:40]!r} is no type of key", hint=f"these are: {', '.join(SERVED)}")
    if not kind.served:
        hint = f"these are served: {', '.join(SERVED)}"
        raise Refused("key-not-served", f"keys of type {name} are not served by this PBX", hint=hint)
    return kind


def _destination(key: FunctionKey, kind: KeyType, users: Collection[UserId]) -> None:
    if kind.takes is Takes.NOTHING:
        if key.destination:
            raise Refused("key-destination", f"a key of type {kind.name} has no destination", hint="leave it out")
    elif kind.takes is Takes.USER:
        if key.destination not in users:
            raise Refused(
                "key-destination", f"there is no user {key.destination[:40]!r}", hint="callrec users list shows all"
            )
    elif not _CUSTOM.fullmatch(key.destination):
        raise Refused(
            "key-destination", f"{key.destination[:60]!r} cannot be dialled", hint="digits, * and #, at most 40"
        )
