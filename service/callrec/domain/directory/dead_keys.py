"""Function keys whose destination an edit removes or changes; the same edit changes or removes these keys.

A key leads to a user, to a mailbox, or to its owner's agent number. When that number changes, the key follows; when the
destination is removed, the key is removed too, and so are keys that an SCCP phone does not support, when their owner gets one.
Otherwise the key would do nothing, and would be refused when it is saved again.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from callrec.domain.directory.edit import Change, place
from callrec.domain.directory.function_keys import KEY_TYPES, ON_SCCP, Takes
from callrec.domain.directory.model import FunctionKey, Line, Tables, User, Voicemail
from callrec.domain.directory.unique_keys import at
from callrec.domain.rules import UserId

_LEADS_TO = {name: kind.takes for name, kind in KEY_TYPES.items()}


def dead_keys(changes: Iterable[Change], tables: Tables) -> tuple[Change, ...]:
    """The changes of function keys that an edit of `tables` needs besides `changes`: of keys that work now and would not after
    it. A key that `changes` names itself is left out, so both can be combined. `changes` is iterated several times."""
    if not tables.keys or not any(map(_matters, changes)):
        return ()
    named = {place(change.before) for change in changes if isinstance(change.before, FunctionKey)}
    users, boxes, on_sccp = _Users(changes), _Boxes(changes, tables), _new_on_sccp(changes, tables)
    kept: defaultdict[UserId, set[tuple[str, str]]] = defaultdict(set)
    dead: list[tuple[FunctionKey, str | None]] = []
    for key in tables.keys:
        if named and place(key) in named:
            continue
        leads = users.leads(key) if key.user not in on_sccp or key.type in ON_SCCP else None
        if leads is not None and _LEADS_TO.get(key.type) is Takes.MAILBOX:
            leads = boxes.leads(key)
        if leads == key.destination:
            kept[key.user].add((key.type, leads))
        else:
            dead.append((key, leads))
    return tuple(_becoming(dead, kept))


def _matters(change: Change) -> bool:
    """Whether the change can take a key's destination away. It is asked for every row of a large file, so that keys are examined
    only where necessary."""
    match change.before, change.after:
        case User() as before, User() as after:
            return before.agentnumber != after.agentnumber
        case Line() as before, Line() as after:
            return (before.user, before.context, before.protocol) != (after.user, after.context, after.protocol)
        case None, Line(protocol="sccp"):
            return True
        case Voicemail() as before, Voicemail() as after:
            return place(before) != place(after)
        case before, after:
            return isinstance(before, User | Line | Voicemail) and after is None


def _becoming(
    dead: Iterable[tuple[FunctionKey, str | None]], kept: defaultdict[UserId, set[tuple[str, str]]]
) -> Iterator[Change]:
    """Remove the second of two keys of a user with the same function."""
    for key, leads in dead:
        if leads is None or (key.type, leads) in kept[key.user]:
            yield Change(key, None)
        else:
            kept[key.user].add((key.type, leads))
            yield Change(key, replace(key, destination=leads))


def _new_on_sccp(changes: Iterable[Change], tables: Tables) -> set[UserId]:
    """Users who get their first SCCP line."""
    users = {
        change.after.user for change in changes if isinstance(change.after, Line) and change.after.protocol == "sccp"
    }
    return users - {line.user for line in tables.lines if line.protocol == "sccp"} if users else users


class _Users:
    """Removed users, and users with a changed agent number."""

    def __init__(self, changes: Iterable[Change]) -> None:
        users = [(change.before, change.after) for change in changes if isinstance(change.before, User)]
        self._gone = {before.id for before, after in users if after is None}
        self._agents = {
            before.id: (before.agentnumber, after.agentnumber)
            for before, after in users
            if isinstance(after, User) and before.agentnumber != after.agentnumber
        }

    def leads(self, key: FunctionKey) -> str | None:
        """The key's destination after the edit; None when it was removed."""
        takes = _LEADS_TO.get(key.type)
        if key.user in self._gone or (takes is Takes.USER and key.destination in self._gone):
            return None
        if takes is Takes.AGENT and key.user in self._agents:
            before, after = self._agents[key.user]
            if before and key.destination in {"", before}:
                follows = after if key.destination else ""
                return follows if after else None
        return key.destination


class _Boxes:
    """The mailboxes that keys' owners reach: those in the contexts of the owner's lines."""

    def __init__(self, changes: Iterable[Change], tables: Tables) -> None:
        owners = {key.user for key in tables.keys if _LEADS_TO.get(key.type) is Takes.MAILBOX}
        self._there = {place(box)[1]: box for box in tables.voicemails} if owners else {}
        made = {
            place(one.after)[1]: one.after for one in changes if isinstance(one.after, Voicemail) and not one.before
        }
        moved = {place(one.before)[1]: one.after for one in changes if isinstance(one.before, Voicemail)}
        self._becomes = {box: after or made.get(box) for box, after in moved.items()}
        self._before = _contexts(owners, tables.lines)
        self._after = _contexts(owners, _applied(tables.lines, changes))

    def leads(self, key: FunctionKey) -> str | None:
        """The key's destination after the edit; None when it was removed. A key follows its mailbox to a new number, and never
        leads to another mailbox that gets the old number."""
        former = [box for context in self._before[key.user] if (box := at(key.destination, context)) in self._there]
        if not former:
            return key.destination
        boxes = (self._becomes.get(box, self._there[box]) for box in former)
        left = [box.mailbox for box in boxes if isinstance(box, Voicemail) and box.context in self._after[key.user]]
        return key.destination if key.destination in left else next(iter(left), None)


def _contexts(owners: Collection[UserId], lines: Iterable[Line]) -> defaultdict[UserId, dict[str, None]]:
    """The contexts of each owner's lines, in the order of the lines."""
    found: defaultdict[UserId, dict[str, None]] = defaultdict(dict)
    for line in lines:
        if line.user in owners:
            found[line.user][line.context] = None
    return found


def _applied(lines: Iterable[Line], changes: Iterable[Change]) -> Iterator[Line]:
    """The lines after the changes."""
    gone = {place(change.before) for change in changes if isinstance(change.before, Line)}
    yield from (line for line in lines if place(line) not in gone)
    yield from (change.after for change in changes if isinstance(change.after, Line))
