"""What a removal takes with it, or why it is refused: shown before anything is removed."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from callrec.domain.directory.directory import Directory
from callrec.domain.directory.edit import Change, TableRecord
from callrec.domain.directory.model import FunctionKey, Group, Incall, Line, User, Voicemail
from callrec.domain.directory.record_edits import removing
from callrec.domain.errors import Refused
from callrec.domain.rules import UserId
from callrec.web.pages.languages import N_
from callrec.web.pages.refusals import refusal_line
from callrec.web.pages.users.key_words import TYPES


@dataclass(frozen=True, slots=True)
class Consequence:
    """One sentence with values; in English, marked for translation. `titles`: values that are words to be translated, too."""

    says: str
    values: Mapping[str, object]
    titles: Mapping[str, str] = field(default_factory=dict)

    def in_words(self, words: Callable[[str], str]) -> str:
        """The sentence, with `words` for the translation of each part."""
        return words(self.says) % {**self.values, **{name: words(title) for name, title in self.titles.items()}}


@dataclass(frozen=True, slots=True)
class Removal:
    """Either `refused` (a sentence in the language of the page) or what goes too, what changes, and what will lead nowhere."""

    goes: Sequence[Consequence] = ()
    left: Sequence[Consequence] = ()
    refused: str = ""


MOST_SHOWN = 200


def removal(table_record: TableRecord, tables: Directory, language: str) -> Removal:
    """What the edit that removes this record does besides."""
    try:
        changes = list(removing(table_record, tables).changes)
    except Refused as refused:
        return Removal(refused=refusal_line(refused, language))
    goes = [_said(change, tables) for change in changes if table_record not in (change.before, change.after)]
    if isinstance(table_record, User) and table_record.enableclient:
        goes.append(Consequence(N_("The login %(name)s ends at once."), {"name": table_record.username}))
    return Removal(goes[:MOST_SHOWN], list(_leading_nowhere(table_record, tables))[:MOST_SHOWN])


def _said(change: Change, tables: Directory) -> Consequence:
    match change.before:
        case Line() as line:
            return Consequence(N_("Line %(number)s in %(context)s"), {"number": line.number, "context": line.context})
        case Incall() as incall:
            where = {"number": incall.exten, "context": incall.context}
            return Consequence(N_("Incoming number %(number)s in %(context)s"), where)
        case Voicemail() as box:
            where = {"number": box.mailbox, "context": box.context}
            return Consequence(N_("Voicemail %(number)s in %(context)s"), where)
        case FunctionKey() as key:
            return _key(key, change, tables)
        case Group() as group:
            return Consequence(N_("Group %(name)s loses this member or supervisor"), {"name": group.name})
        case other:
            return Consequence(N_("%(name)s changes"), {"name": getattr(other, "name", "")})


def _key(key: FunctionKey, change: Change, tables: Directory) -> Consequence:
    values = {"number": key.number, "label": key.label, "name": _name(key, tables)}
    titles = {} if key.label else {"label": TYPES.get(key.type, key.type)}
    if change.after is None:
        return Consequence(N_("Key %(number)s (%(label)s) of %(name)s"), values, titles)
    return Consequence(N_("Key %(number)s (%(label)s) of %(name)s gets another destination"), values, titles)


def _leading_nowhere(table_record: TableRecord, tables: Directory) -> Iterator[Consequence]:
    """What stays, and dials a number that is gone afterwards."""
    lines = tables.lines_of(table_record.id) if isinstance(table_record, User) else ()
    numbers = {line.number for line in (lines or ([table_record] if isinstance(table_record, Line) else []))}
    owner = table_record.id if isinstance(table_record, User) else UserId("")
    if not numbers:
        return
    for user in tables.users():
        if user.id != owner and {user.forward_unconditional, user.forward_no_answer, user.forward_busy} & numbers:
            yield Consequence(N_("%(name)s forwards calls there"), {"name": user.name})
    for key in tables.function_keys():
        if key.type == "customized" and key.destination in numbers and key.user != owner:
            values = {"number": key.number, "name": _name(key, tables)}
            yield Consequence(N_("Key %(number)s of %(name)s dials it"), values)


def _name(key: FunctionKey, tables: Directory) -> str:
    user = tables.user(key.user)
    return user.name if user else key.user
