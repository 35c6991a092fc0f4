"""The rules of an import file that only the site knows: which entities, profiles and contexts there are, and their numbers."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from callrec.domain.directory.feature_codes import claimed_fault
from callrec.domain.directory.model import Context, ContextKind, FeatureCode, Tables
from callrec.domain.directory.user_file.csv_text import SHOWN_CHARS, RowError
from callrec.domain.directory.user_file.rows import Row

_KINDS = {ContextKind.INTERNAL: "of users", ContextKind.INCALL: "of incoming numbers"}


@dataclass(frozen=True, slots=True)
class Site:
    """What rows may refer to."""

    contexts: dict[str, Context]
    entities: frozenset[int]
    profiles: frozenset[str]
    codes: tuple[FeatureCode, ...]
    begins: tuple[str, ...]
    """The digits of the codes."""

    @classmethod
    def of(cls, tables: Tables) -> "Site":
        """What these tables know."""
        return cls(
            {context.name: context for context in tables.contexts},
            frozenset(entity.id for entity in tables.entities),
            frozenset(profile.name for profile in tables.profiles),
            tables.codes,
            tuple(code.code for code in tables.codes),
        )

    def errors(self, row: Row) -> Iterator[RowError]:
        """Everything in a row that this site does not have."""
        user, line, incall = row.user, row.line, row.incall
        if user.entityid not in self.entities:
            known = map(str, sorted(self.entities))
            yield _error(row, "entityid", str(user.entityid), f"must be an entity; there are: {_some(known)}")
        if user.profileclient and user.profileclient not in self.profiles:
            yield _error(
                row, "profileclient", user.profileclient, f"must be a profile; there are: {_some(self.profiles)}"
            )
        if line:
            yield from self._number(row, ("phonenumber", line.number), ("context", line.context), ContextKind.INTERNAL)
            # Most numbers begin like no code: asked at once, since there are as many as rows
            if line.number.startswith(self.begins) and (reason := claimed_fault(line.number, self.codes)):
                yield _error(row, "phonenumber", line.number, reason)
        if incall:
            where = ("incallcontext", incall.context)
            yield from self._number(row, ("incallexten", incall.exten), where, ContextKind.INCALL)

    def _number(
        self, row: Row, number: tuple[str, str], where: tuple[str, str], kind: ContextKind
    ) -> Iterator[RowError]:
        if reason := context_fault(self.contexts, where[1], kind):
            yield _error(row, *where, reason)
        elif reason := number_fault(self.contexts[where[1]], number[1]):
            yield _error(row, *number, reason)


def context_fault(contexts: Mapping[str, Context], name: str, kind: ContextKind) -> str:
    """Why numbers of this kind cannot be given in a context of this name; empty when they can."""
    context = contexts.get(name)
    if context and context.kind is kind:
        return ""
    return f"must be a context {_KINDS[kind]}; there are: {_some([one.name for one in contexts.values() if one.kind is kind])}"


def number_fault(context: Context, number: str) -> str:
    """Why this number cannot be given there; empty when it can."""
    if context.holds(number):
        return ""
    ranges = ", ".join(map(str, context.ranges)) or "none"
    return f"must be in a range of the context {context.name}: {ranges}"


def _error(row: Row, column: str, value: str, reason: str) -> RowError:
    return RowError(row.at_line, column, value[:SHOWN_CHARS], reason)


def _some(names: Collection[str] | Iterator[str]) -> str:
    """Twenty of them, in order."""
    every = sorted(names)
    more = f" and {len(every) - 20} more" if len(every) > 20 else ""  # noqa: PLR2004 - a sentence names twenty, not a thousand
    return f"{', '.join(every[:20])}{more}" or "none"
