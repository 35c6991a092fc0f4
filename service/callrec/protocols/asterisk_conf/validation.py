"""Decides which records of the tables fit into the files; the others are left out, each with its table, row, column and reason.

One bad record must not stop the phones of other users (see docs/decisions). With a record, those that belong to it are left out,
such as the lines of a user. Of two records with the same unique value the first stays. A name is never a reason to leave a record
out: `words` writes the characters of it that are possible.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from callrec.domain.directory.model import (
    FEATURE_CODE,
    Context,
    ContextKind,
    FeatureCode,
    Incall,
    Line,
    Tables,
    User,
    Voicemail,
)
from callrec.domain.directory.outcallerid import shown
from callrec.domain.directory.reserved_names import LINES, is_reserved_context
from callrec.domain.directory.unique_keys import at, endpoint
from callrec.domain.error_codes import ErrorCode
from callrec.domain.errors import Refused
from callrec.domain.rules import UserId
from callrec.protocols.asterisk_conf import lexical
from callrec.protocols.asterisk_conf.lexical import fits

Record = TypeVar("Record", User, Line, Incall, Voicemail, Context, FeatureCode)

INSIDE, OUTSIDE = "default", "from-extern"
"""Contexts that exist even when no table names them."""
MOST_RING_S = 3600
_DEFAULT_KINDS = {INSIDE: ContextKind.INTERNAL, OUTSIDE: ContextKind.INCALL}
_DIGITS = re.compile(r"[0-9]{1,40}")


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A record that is in no file, and why; `reason` repeats no secret."""

    table: str
    row: str
    column: str
    code: ErrorCode
    reason: str
    hint: str
    user: str = ""
    """The id of the record's user, for logs, which contain no names."""

    def __str__(self) -> str:
        return f"{self.table} {self.row}, {self.column}: {self.reason}"


@dataclass(slots=True)
class Sieve:
    """What has been seen so far: who is there, what kind each context is, what is taken, who is left out."""

    users: dict[UserId, User] = field(default_factory=dict)
    kinds: dict[str, ContextKind] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    left_out: list[LeftOut] = field(default_factory=list)

    def keep(
        self, table: str, records: Iterable[Record], row: Callable[[Record], str], check: Callable[[Record], None]
    ) -> tuple[Record, ...]:
        """Those records whose check raises nothing."""
        kept = []
        for record in records:
            try:
                check(record)
            except _Unfit as unfit:
                error, user = unfit.error, getattr(record, "user", getattr(record, "id", ""))
                name = ascii(row(record)[:80])[1:-1]
                self.left_out.append(
                    LeftOut(table, name, unfit.column, error.code, error.message, error.hint, str(user))
                )
            else:
                kept.append(record)
        return tuple(kept)

    def user(self, user: User) -> None:
        """Raises _Unfit."""
        _fit("id", _DIGITS, user.id, "user id")
        if user.language is not None:
            _fit("language", lexical.LANGUAGE, user.language, "language")
        try:
            shown(user.outcallerid)
        except Refused as error:
            raise _Unfit("outcallerid", error) from None
        if user.agentnumber:
            _fit("agentnumber", lexical.NUMBER, user.agentnumber, "agent number")
            self._once(("id", "user", user.id), ("agentnumber", "agent", user.agentnumber))
        else:
            self._once(("id", "user", user.id))
        self.users[user.id] = user

    def code(self, code: FeatureCode) -> None:
        """Raises _Unfit."""
        _fit("code", FEATURE_CODE, code.code, "feature code")
        self._once(("code", "code", code.code), ("feature", "feature", code.feature))

    def context(self, context: Context) -> None:
        """Raises _Unfit."""
        self._context_name("name", context.name)
        self.kinds.setdefault(context.name, context.kind)

    def line(self, line: Line) -> None:
        """Raises _Unfit."""
        self._owner(line.user)
        name = _fit("linename", lexical.LINE, line.name, "line name")
        if name.lower().rpartition("@")[2] in LINES:
            _refuse("linename", "line-name-reserved", f"A line cannot be called {name}", "choose another line name")
        if line.protocol == "sip":
            _fit("linesecret", lexical.SECRET, line.secret, "line secret")
        elif line.protocol != "sccp":
            _refuse("protocol", "value-unfit", f"There is no protocol {line.protocol[:20]!r}", "sip or sccp")
        number = _fit("phonenumber", lexical.NUMBER, line.number, "number")
        self._context("context", line.context, ContextKind.INTERNAL)
        # Asterisk finds channels by their names without case (channel.c: ast_channel_get_by_name)
        self._once(("linename", "line", endpoint(line).lower()), ("phonenumber", "number", at(number, line.context)))

    def voicemail(self, box: Voicemail) -> None:
        """Raises _Unfit."""
        self._owner(box.user)
        _fit("voicemailmailbox", lexical.MAILBOX, box.mailbox, "mailbox")
        self._context_name("context", box.context)
        _fit("voicemailpassword", lexical.PASSWORD, box.password, "voicemail password", secret=True)
        _fit("voicemailemail", lexical.EMAIL, box.email, "e-mail")
        # Voicemail's sections are found without case
        self._once(("voicemailmailbox", "voicemail", at(box.mailbox, box.context.lower())))

    def incall(self, incall: Incall) -> None:
        """Raises _Unfit."""
        self._owner(incall.user)
        number = _fit("incallexten", lexical.NUMBER, incall.exten, "incall number")
        if not 1 <= incall.ring_s <= MOST_RING_S:
            _refuse(
                "incallringseconds", "value-unfit", f"A phone cannot ring for {incall.ring_s} s", f"1 to {MOST_RING_S}"
            )
        self._context("incallcontext", incall.context, ContextKind.INCALL)
        self._once(("incallexten", "incall", at(number, incall.context)))

    def _owner(self, user: UserId) -> None:
        if user not in self.users:
            _refuse("user", "user-missing", "Its user does not exist, or is left out", "")

    def _context_name(self, column: str, name: str) -> None:
        if is_reserved_context(_fit(column, lexical.NAME, name, "context")):
            _refuse(column, "context-reserved", f"The context {name} is the PBX's own", "choose another context name")

    def _context(self, column: str, name: str, kind: ContextKind) -> None:
        """A context that the tables do not have is what its first record makes of it."""
        self._context_name(column, name)
        if self.kinds.setdefault(name, _DEFAULT_KINDS.get(name, kind)) is not kind:
            message = f"Context {name} would have both users and incoming numbers: callers from outside could dial out"
            _refuse(column, "context-mixed", message, "give incoming numbers a context of their own")

    def _once(self, *claims: tuple[str, str, str]) -> None:
        """Column, kind and name of what a record takes for itself: all of it or nothing."""
        for column, what, name in claims:
            if f"{what} {name}" in self.taken:
                _refuse(column, "twice", f"The {what} {name[:60]!r} is there twice", "each must be one user's only")
        self.taken.update(f"{what} {name}" for _, what, name in claims)


def sift(tables: Tables) -> tuple[Tables, tuple[LeftOut, ...]]:
    """The tables without what fits nowhere, and that. Contexts that stand in no table, but in records, are added."""
    sieve = Sieve()
    users = sieve.keep("users", tables.users, lambda user: user.id, sieve.user)
    sieve.keep("contexts", tables.contexts, lambda context: context.name, sieve.context)
    lines = sieve.keep("lines", tables.lines, endpoint, sieve.line)
    boxes = sieve.keep("voicemails", tables.voicemails, lambda box: at(box.mailbox, box.context), sieve.voicemail)
    codes = sieve.keep("codes", tables.codes, lambda code: code.feature, sieve.code)
    incalls = sieve.keep("incalls", tables.incalls, lambda one: at(one.exten, one.context), sieve.incall)
    for name, kind in _DEFAULT_KINDS.items():
        sieve.kinds.setdefault(name, kind)
    contexts = tuple(Context(name, kind) for name, kind in sorted(sieve.kinds.items()))
    sifted = replace(
        tables, users=users, lines=lines, incalls=incalls, voicemails=boxes, codes=codes, contexts=contexts
    )
    return sifted, tuple(sieve.left_out)


class _Unfit(Exception):
    """A record's column and what is wrong there."""

    def __init__(self, column: str, error: Refused) -> None:
        super().__init__(column)
        self.column, self.error = column, error


def _fit(column: str, pattern: re.Pattern[str], value: str, what: str, *, secret: bool = False) -> str:
    try:
        return fits(pattern, value, what, secret=secret or "secret" in what)
    except Refused as error:
        raise _Unfit(column, error) from None


def _refuse(column: str, code: ErrorCode, message: str, hint: str) -> None:
    raise _Unfit(column, Refused(code, message, hint=hint))
