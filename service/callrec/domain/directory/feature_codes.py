"""How each feature is dialled, and which digits conflict: those of two feature codes, or of a code and a user's number.

A code with an argument (`*21` and the number to forward to) claims all numbers that begin with it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from callrec.domain.directory.model import FEATURE_CODE, Feature, FeatureCode, Line
from callrec.domain.errors import Refused

KEY_PREFIX = "*735"
"""The first digits of everything that function keys of features dial; no feature code may claim them."""
PARKING = "*70"
"""What parking keys dial: the same digits on every PBX, which no feature code may claim."""
IN_CALL = frozenset({"*1", "*2", "*7"})
"""Digits that the PBX itself handles in a call: the transfers, and the three-way call of an attended transfer."""
IN_CALL_MOST = 10
"""The most digits of a code that is pressed in a call (features_config.h: FEATURE_MAX_LEN, less the terminating NUL)."""


class Argument(StrEnum):
    """Whether a number may follow a code's digits."""

    NONE = "none"
    OPTIONAL = "optional"
    REQUIRED = "required"


@dataclass(frozen=True, slots=True)
class Dialling:
    """How a feature is dialled. `switch`: the user's field that it changes; empty when it changes none."""

    argument: Argument = Argument.NONE
    switch: str = ""
    dialled: bool = True
    """False for a code that is pressed in a call."""


_NUMBER = Argument.OPTIONAL
FEATURES: Mapping[Feature, Dialling] = {
    Feature.CALL_RECORD: Dialling(switch="call_record"),
    Feature.ONLINE_RECORD: Dialling(dialled=False),
    Feature.PAUSE_RECORD: Dialling(dialled=False),
    Feature.PICKUP: Dialling(_NUMBER),
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
    """A code's digits within what its keys dial: without the leading `*`, which the separator has, and with any other `*`
    doubled."""
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
    """The reason why a user cannot have this number (dialling it means a feature); empty when there is none."""
    code = next((code for code in codes if number.startswith(code.code) and claims(code, number)), None)
    return f"must be another number: it is dialled for {code.feature} ({code.code})" if code else ""


def code_checked(code: FeatureCode, codes: Iterable[FeatureCode], lines: Iterable[Line]) -> None:
    """Raises Refused when this code cannot stand beside the other codes and the users' numbers."""
    if not FEATURE_CODE.fullmatch(code.code):
        raise Refused("feature-code", f"{code.code[:50]!r} is not a feature code", hint="1 to 40 digits, * or #")
    codes = tuple(codes)
    if not code.enabled and code.code in {one.code for one in codes if one.feature is code.feature}:
        return  # disabling a code is always allowed, also one that an older version accepted in spite of a conflict
    _checked_alone(code)
    for other in codes:
        if other.feature is not code.feature:
            _checked_beside(code, other)
    for line in lines:
        if claims(code, line.number):
            raise _taken(f"{code.code} conflicts with the number {line.number} of a user in {line.context}")


def _checked_alone(code: FeatureCode) -> None:
    kind = FEATURES[code.feature]
    behind = kind.dialled and kind.argument is not Argument.NONE
    if code.code.endswith("*"):
        raise _taken(f"{code.code} ends with *, which separates a code from the number that its keys dial after it")
    if code.code.startswith(KEY_PREFIX) or (behind and KEY_PREFIX.startswith(code.code)):
        raise _taken(f"{code.code} conflicts with function keys, which dial digits that begin with {KEY_PREFIX}")
    if claims(code, PARKING):
        raise _taken(f"{code.code} conflicts with parking keys, which dial {PARKING}")
    # When one code begins with another one, Asterisk runs the shorter as soon as it is pressed
    swallowed = any(code.code.startswith(one) or one.startswith(code.code) for one in IN_CALL)
    if not kind.dialled and (swallowed or len(code.code) > IN_CALL_MOST):
        raise _taken(
            f"{code.code} cannot be pressed in a call: it must have at most {IN_CALL_MOST} digits, and must neither begin with "
            f"one of {', '.join(sorted(IN_CALL))} nor be the beginning of one"
        )


def _checked_beside(code: FeatureCode, other: FeatureCode) -> None:
    if other.code == code.code:
        raise _taken(f"{code.code} is already the code of {other.feature}")
    if key_digits(other.code) == key_digits(code.code):
        message = (
            f"keys of {code.code} and of {other.code} ({other.feature}) would dial the same: keys leave the first * out"
        )
        raise _taken(message)
    for prefix, whole in ((code, other), (other, code)):
        if _swallows(prefix, whole):
            raise _taken(
                f"a user who presses {whole.code} ({whole.feature}) in a call presses {prefix.code} ({prefix.feature}) first"
            )
        if FEATURES[whole.feature].dialled and whole.enabled and claims(prefix, whole.code):
            raise _taken(f"{prefix.code} ({prefix.feature}) and a number could be {whole.code} ({whole.feature})")


def _swallows(code: FeatureCode, other: FeatureCode) -> bool:
    """Whether the first digits of the other code are this one, in a call: Asterisk runs the shorter as soon as it is pressed."""
    in_call = not FEATURES[code.feature].dialled and not FEATURES[other.feature].dialled
    return in_call and code.enabled and other.enabled and other.code.startswith(code.code)


def _taken(message: str) -> Refused:
    return Refused("feature-code-taken", message, hint="choose other digits: nothing was changed")
