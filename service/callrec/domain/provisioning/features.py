"""How each feature is dialled, and which digits get in each other's way: one code another's, a code a user's number.

A code that takes an argument (`*21` and the number to forward to) claims everything that begins with it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from callrec.domain.errors import Refused
from callrec.domain.provisioning.model import FEATURE_CODE, Feature, FeatureCode, Line

KEY_PREFIX = "*735"
"""With it begins what the function keys of features dial: it leads to no other feature."""
PARKING = "*70"
"""What keys of parking dial, on every PBX: no code of the tables stands for it."""
IN_CALL = frozenset({"*1", "*2", "*7"})
"""What the PBX itself understands in a call: the transfers, and the three-way call of an attended one."""
IN_CALL_MOST = 10
"""So many digits can be pressed in a call (features_config.h: FEATURE_MAX_LEN, less its end)."""


class Argument(StrEnum):
    """What may follow a code's digits."""

    NONE = "none"
    OPTIONAL = "optional"
    REQUIRED = "required"


@dataclass(frozen=True, slots=True)
class Dialling:
    """How a feature is dialled. `switch`: the field of the user that it turns; empty when it turns none."""

    argument: Argument = Argument.NONE
    switch: str = ""
    dialled: bool = True
    """False for what is pressed in a call."""


_NUMBER = Argument.OPTIONAL
FEATURES: Mapping[Feature, Dialling] = {
    Feature.CALL_RECORD: Dialling(switch="call_record"),
    Feature.ONLINE_RECORD: Dialling(dialled=False),
    Feature.PICKUP: Dialling(Argument.REQUIRED),
    Feature.PHONE_STATUS: Dialling(),
    Feature.FORWARDS_OFF: Dialling(),
    Feature.FORWARD_UNCONDITIONAL: Dialling(_NUMBER, "forward_unconditional"),
    Feature.FORWARD_NO_ANSWER: Dialling(_NUMBER, "forward_no_answer"),
    Feature.FORWARD_BUSY: Dialling(_NUMBER, "forward_busy"),
    Feature.DND: Dialling(switch="dnd"),
    Feature.AGENT_TOGGLE: Dialling(_NUMBER, "agent_logged_in"),
    Feature.AGENT_LOGIN: Dialling(_NUMBER, "agent_logged_in"),
    Feature.AGENT_LOGOFF: Dialling(_NUMBER, "agent_logged_in"),
    Feature.SECRETARY_FILTER: Dialling(_NUMBER, "filter_enabled"),
    Feature.VOICEMAIL_ENABLE: Dialling(switch="voicemail_enabled"),
    Feature.VOICEMAIL_LEAVE: Dialling(Argument.REQUIRED),
    Feature.VOICEMAIL_CONSULT: Dialling(),
}
FORWARDS = (Feature.FORWARD_UNCONDITIONAL, Feature.FORWARD_NO_ANSWER, Feature.FORWARD_BUSY)


def key_digits(code: str) -> str:
    """A code as it stands in what its keys dial: its leading `*` is the separator's, any other `*` is doubled."""
    return code.removeprefix("*").replace("*", "**")


def claims(code: FeatureCode, digits: str) -> bool:
    """Whether dialling these digits means this feature."""
    kind = FEATURES[code.feature]
    if not code.enabled or not kind.dialled:
        return False
    if kind.argument is Argument.NONE:
        return digits == code.code
    least = len(code.code) + (kind.argument is Argument.REQUIRED)
    return digits.startswith(code.code) and len(digits) >= least


def claimed_fault(number: str, codes: Iterable[FeatureCode]) -> str:
    """Why a user cannot have this number: dialling it means a feature; empty when it does not."""
    code = next((code for code in codes if number.startswith(code.code) and claims(code, number)), None)
    return f"must be another number: it is dialled for {code.feature} ({code.code})" if code else ""


def code_checked(code: FeatureCode, codes: Iterable[FeatureCode], lines: Iterable[Line]) -> None:
    """Raises Refused when this code cannot stand beside the other codes and the users' numbers."""
    if not FEATURE_CODE.fullmatch(code.code):
        raise Refused("feature-code", f"{code.code[:50]!r} is no feature code", hint="1 to 40 digits, * or #")
    codes = tuple(codes)
    if not code.enabled and code.code in {one.code for one in codes if one.feature is code.feature}:
        return  # switching off gets in nobody's way, whatever an older version has let in
    _checked_alone(code)
    for other in codes:
        if other.feature is not code.feature:
            _checked_beside(code, other)
    for line in lines:
        if claims(code, line.number):
            raise _taken(f"{code.code} would take the number {line.number} in {line.context} from its user")


def _checked_alone(code: FeatureCode) -> None:
    kind = FEATURES[code.feature]
    behind = kind.dialled and kind.argument is not Argument.NONE
    if code.code.endswith("*"):
        raise _taken(f"{code.code} ends with *: what a key of it dials behind it could not be told from it")
    if code.code.startswith(KEY_PREFIX) or (behind and KEY_PREFIX.startswith(code.code)):
        raise _taken(f"{code.code} would take what function keys dial: they begin with {KEY_PREFIX}")
    if claims(code, PARKING):
        raise _taken(f"{code.code} would take what keys of parking dial: {PARKING}")
    # Of two codes of which one begins with the other Asterisk takes the shorter as soon as it is pressed
    swallowed = any(code.code.startswith(one) or one.startswith(code.code) for one in IN_CALL)
    if not kind.dialled and (swallowed or len(code.code) > IN_CALL_MOST):
        raise _taken(
            f"{code.code} cannot be pressed in a call: at most {IN_CALL_MOST} digits, none of {', '.join(sorted(IN_CALL))}, "
            "and neither a beginning of these nor more digits behind them"
        )


def _checked_beside(code: FeatureCode, other: FeatureCode) -> None:
    if other.code == code.code:
        raise _taken(f"{code.code} is already the code of {other.feature}")
    if key_digits(other.code) == key_digits(code.code):
        message = (
            f"keys of {code.code} and of {other.code} ({other.feature}) would dial the same: they leave the first * out"
        )
        raise _taken(message)
    for longer, shorter in ((code, other), (other, code)):
        if FEATURES[shorter.feature].dialled and shorter.enabled and claims(longer, shorter.code):
            raise _taken(f"{longer.code} ({longer.feature}) with a number could be {shorter.code} ({shorter.feature})")


def _taken(message: str) -> Refused:
    return Refused("feature-code-taken", message, hint="nothing was changed")
