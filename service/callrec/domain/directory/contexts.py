"""Changes of contexts: the rules for a context's name and ranges; the numbers of users must stay within the ranges."""

import re
from collections.abc import Iterable
from itertools import pairwise

from callrec.domain.directory.edit import Change, Edit
from callrec.domain.directory.model import Context, ContextKind, Range, Tables
from callrec.domain.directory.reserved_names import is_reserved_context
from callrec.domain.directory.user_file.columns import CONTEXT
from callrec.domain.errors import Refused

_RANGE = re.compile(r"(?P<first>[0-9]{1,40})(?:-(?P<last>[0-9]{1,40}))?")


def parse_range(text: str) -> Range:
    """`1000-1999`, or one number. Raises Refused."""
    match = _RANGE.fullmatch(text)
    first, last = (match["first"], match["last"] or match["first"]) if match else ("", "")
    if not match or len(first) != len(last) or first > last:
        hint = "FIRST-LAST, both of the same number of digits, e.g. 1000-1999"
        raise Refused("number-range", f"{text[:80]!r} is not a range of numbers", hint=hint)
    return Range(first, last)


def changed(tables: Tables, before: Context | None, after: Context | None) -> Edit:
    """The edit that changes `before` into `after` (None: no context); empty when both are equal. Raises Refused."""
    if before == after:
        return Edit(())
    name = (after or before or Context("", ContextKind.INTERNAL)).name
    if after is not None:
        if before is None or before.name != after.name:
            _checked_name(after.name, {context.name for context in tables.contexts if context != before})
        _checked_ranges(after)
    elif len(tables.contexts) == 1:
        raise Refused("context-last", f"{name} is the only context", hint="make another one first")
    outside = sorted(number for number in _numbers(tables, name) if after is None or not after.holds(number))
    if len(outside) == 1:
        hint = "give this number up first, or keep a range that holds it"
        raise Refused("context-in-use", f"one number of {name} would lie outside: {outside[0]}", hint=hint)
    if outside:
        hint = "give these numbers up first, or keep a range that holds them"
        raise Refused(
            "context-in-use",
            f"{name} has {len(outside)} numbers that would lie outside: {', '.join(outside[:5])}",
            hint=hint,
        )
    if before and after and before.kind is not after.kind and _numbers(tables, name):
        raise Refused("context-in-use", f"{name} has numbers, so it stays {before.kind}", hint="make another context")
    return Edit((Change(before, after),))


def _checked_name(name: str, others: Iterable[str]) -> None:
    """Checks the name of a new context; contexts of older versions can still be changed and removed. Raises Refused."""
    if not CONTEXT.accepts(name):
        raise Refused("context-name", f"{name[:80]!r} must be {CONTEXT.says}")
    if is_reserved_context(name):
        message = f"{name} has another meaning in Asterisk's files"
        raise Refused("context-name", message, hint="choose another name: none that begins with callrec- or pbx-")
    if alike := next((other for other in others if other.casefold() == name.casefold()), ""):
        message = f"{name} and {alike} differ only in upper and lower case: voicemail would treat them as one"
        raise Refused("context-name", message, hint="choose another name")


def _checked_ranges(context: Context) -> None:
    for one, other in pairwise(sorted(context.ranges, key=lambda each: (len(each.first), each.first))):
        if len(one.first) == len(other.first) and other.first <= one.last:
            raise Refused("number-range", f"{one} and {other} overlap", hint="each number belongs to one range")


def _numbers(tables: Tables, context: str) -> list[str]:
    numbers = [line.number for line in tables.lines if line.context == context]
    return numbers + [incall.exten for incall in tables.incalls if incall.context == context]
