"""A user file -> new users in the store: the whole file in one change, or every error and no change."""

import asyncio
import codecs
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace

from callrec.app.store_port import TableStore
from callrec.domain.errors import Refused
from callrec.domain.provisioning.claims import claims
from callrec.domain.provisioning.csv_rules import NOBODY, FileRefused, Generate, Row, RowError, parse, tables_of
from callrec.domain.provisioning.model import Incall, Line, RecordRules, Tables, User, UserId, Voicemail
from callrec.domain.provisioning.site_rules import Site

LARGEST_BYTES = 64 * 1024 * 1024
MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
GENERATE = Generate(line_name=lambda: secrets.token_hex(5), secret=lambda: secrets.token_urlsafe(18))
"""Ten characters that no phone user types, and 24 that nobody guesses."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did, or would do: the new users, and the lines of the file that were there already."""

    added: tuple[Row, ...]
    """Their ids are empty in a dry run."""
    unchanged: tuple[int, ...]
    dry_run: bool


async def import_users(
    store: TableStore,
    content: bytes,
    request_id: str,
    *,
    actor: str = "",
    encoding: str | None = None,
    dry_run: bool = False,
    generate: Generate = GENERATE,
) -> Imported:
    """Add the users of a file. A row that equals what is there already is left alone, so a file may come twice.

    Raises FileRefused with every error, Refused for what is no text, Unavailable. Nothing is half done.
    """
    rows = await asyncio.to_thread(lambda: parse(decoded(content, encoding), generate))
    there = await store.tables()
    errors, unchanged = await asyncio.to_thread(compared, rows, there)
    if errors:
        raise FileRefused(errors)
    new = [row for row in rows if row.at_line not in unchanged]
    if new and not dry_run:
        ids = await store.reserve_user_ids(len(new))
        new = [row.with_id(user) for row, user in zip(new, ids, strict=True)]
        await store.add(tables_of(new), request_id, actor=actor)
    return Imported(tuple(new), tuple(sorted(unchanged)), dry_run)


def decoded(content: bytes, encoding: str | None = None) -> str:
    """The text of a file: by the caller's word, else by its byte order mark, else UTF-8. Never guessed."""
    if len(content) > LARGEST_BYTES:
        raise Refused("file-too-large", f"the file has more than {LARGEST_BYTES // 1024 // 1024} MiB", hint="split it")
    by_mark = next((name for mark, name in MARKS if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding or by_mark)
    except LookupError:
        raise Refused("file-encoding", f"there is no encoding {(encoding or '')[:40]!r}") from None
    except UnicodeError as error:
        at = f" (byte {error.start})" if isinstance(error, UnicodeDecodeError) else ""
        raise Refused(
            "file-encoding", f"the file is not {encoding or by_mark}{at}", hint="say which it is: --encoding latin-1"
        ) from None
    if "\0" in text:
        raise Refused(
            "file-binary", "the file has NUL characters: it is no text, or in another encoding", hint="--encoding"
        )
    return text


def compared(rows: Sequence[Row], there: Tables) -> tuple[list[RowError], set[int]]:
    """(what is taken by somebody else or not to be had here, the lines of rows that are there already and equal)."""
    standing, site = _Standing(there), Site.of(there)
    errors: list[RowError] = []
    unchanged: set[int] = set()
    for row in rows:
        taken = [
            (claim, standing.holder[claim.kind, claim.key])
            for claim in row.claims()
            if (claim.kind, claim.key) in standing.holder
        ]
        holders = {holder for _, holder in taken}
        if standing.has(row, holders):
            unchanged.add(row.at_line)
            continue
        errors += site.errors(row)
        for claim, holder in taken:
            name = standing.users[holder].name if holder in standing.users else "nobody"
            errors.append(
                RowError(row.at_line, claim.column, claim.value, f"is taken already: by user {holder}, {name}")
            )
    return errors, unchanged


class _Standing:
    """The store's tables, asked by user."""

    def __init__(self, there: Tables) -> None:
        self.users = {user.id: user for user in there.users}
        self.holder = {(claim.kind, claim.key): claim.user for claim in claims(there)}
        self._sections: dict[UserId, list[Line | Incall | Voicemail]] = {}
        sections: tuple[Line | Incall | Voicemail, ...] = (*there.lines, *there.incalls, *there.voicemails)
        for section in sections:
            self._sections.setdefault(section.user, []).append(section)
        self._bare = {_comparable(user, frozenset()) for user in there.users if user.id not in self._sections}

    def has(self, row: Row, holders: set[UserId]) -> bool:
        """True when one user is all that the row says; what the row left to chance or to the phone is not compared."""
        if not holders:
            return not (row.line or row.incall or row.voicemail) and _comparable(row.user, frozenset()) in self._bare
        user = self.users.get(next(iter(holders)))
        if len(holders) > 1 or user is None:
            return False
        theirs = {_unowned(section, row.given) for section in self._sections.get(user.id, ())}
        ours = {_unowned(section, row.given) for section in (row.line, row.incall, row.voicemail) if section}
        return ours <= theirs and _comparable(user, row.given) == _comparable(row.user, row.given)


def _comparable(user: User, given: frozenset[str]) -> User:
    return replace(
        user,
        id=NOBODY,
        rules=RecordRules(),
        call_record=user.call_record and "callrecord" in given,
        online_record=user.online_record and "onlinerecord" in given,
    )


def _unowned(section: Line | Incall | Voicemail, given: frozenset[str]) -> Line | Incall | Voicemail:
    if isinstance(section, Line):
        return replace(
            section,
            user=NOBODY,
            name=section.name if "linename" in given else "",
            secret=section.secret if "linesecret" in given else "",
        )
    return replace(section, user=NOBODY)
