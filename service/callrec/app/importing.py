"""A user file -> users in the store: the whole file in one change, or every error and no change."""

import asyncio
import base64
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Protocol

from callrec.app.file_text import decoded
from callrec.app.store_port import TableStore, tables_busy
from callrec.domain.errors import Conflict
from callrec.domain.provisioning.csv_rules import Mode, Sheet, read
from callrec.domain.provisioning.csv_text import FileRefused, RowError
from callrec.domain.provisioning.planning import Plan, Step, planned
from callrec.domain.provisioning.rows import Generate

PASSWORD_DIGITS, FEWEST_DIGITS = 6, 4


def _mailbox_password() -> str:
    """Digits at random, of which at least four differ, so that they are no row of equal ones, no pair that repeats and no year
    twice; nor do they count up or down."""
    while True:
        digits = f"{secrets.randbelow(10**PASSWORD_DIGITS):0{PASSWORD_DIGITS}}"
        if len(set(digits)) >= FEWEST_DIGITS and digits not in "01234567890" and digits not in "09876543210":
            return digits


GENERATE = Generate(
    line_name=lambda: base64.b32encode(secrets.token_bytes(7))[:10].decode().lower(),
    secret=lambda: secrets.token_urlsafe(18).replace("-", "x"),
    mailbox_password=_mailbox_password,
)
"""Ten characters that no phone user types (50 bits), and 24 that nobody guesses. None is `-`: a cell that begins with it is
a formula to a spreadsheet. And six digits, for those who must type them."""
ATTEMPTS = 5
"""How often an import looks again when somebody else has edited the tables meanwhile."""
AT_ONCE = 64
"""Passwords between two reports of progress."""


class Passwords(Protocol):
    """Clients' passwords as they are kept. Slow on purpose, and may be called in several threads at once."""

    def hashed(self, password: str) -> str:
        """A new hash."""
        ...

    def matches(self, password_hash: str, password: str) -> bool:
        """Whether the hash is this password's."""
        ...


Tell = Callable[[str, int, int], None]
"""Told of progress: what is being done, how much of it is done, of how much (0: nobody knows)."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did, or would do."""

    added: tuple[Step, ...]
    """New users. Their ids are empty in a dry run."""
    changed: tuple[Step, ...]
    unchanged: tuple[int, ...]
    """The lines of the file that were there already."""
    dry_run: bool
    errors: tuple[RowError, ...] = ()
    """What would refuse the file: only of a dry run, the other raises."""
    before: str | None = None
    """The counts of the receipt, when the same request was done by somebody else while this one worked: then this one did
    nothing, and all that it had made (ids, secrets) is nobody's."""


async def import_users(
    store: TableStore,
    content: bytes,
    request_id: str,
    *,
    passwords: Passwords,
    mode: Mode = Mode.ADD,
    actor: str = "",
    wording: str = "",
    encoding: str | None = None,
    dry_run: bool = False,
    generate: Generate = GENERATE,
    tell: Tell = lambda _what, _done, _all: None,
) -> Imported:
    """Do what a file says. What is there already is left alone, so a file may come twice. With a `wording` the store keeps a
    receipt, also when nothing was changed: these words and how many users were added, changed and unchanged.

    Raises FileRefused with every error (a dry run only when the header is wrong), Refused for what is no text and for
    a request id that another request has used meanwhile, Unavailable (also when others edit the tables all the time). Nothing is
    half done.
    """
    tell("reading", 0, 0)
    sheet: Sheet | None = await _read(content, encoding, mode)
    keeping = _Keeping(passwords, tell)
    for _ in range(ATTEMPTS):
        tell("comparing", 0, 0)
        snapshot = await store.snapshot()
        # The records of a large file are hundreds of megabytes: gone before the store is told, read again for another try
        sheet = sheet or await _read(content, encoding, mode)
        plan = await asyncio.to_thread(planned, sheet, snapshot.tables, generate)
        sheet = None
        if not plan.errors:
            await asyncio.to_thread(keeping.kept, plan, mode, dry_run=dry_run)
        if plan.errors and not dry_run:
            raise FileRefused(plan.errors)
        if dry_run or not (plan.new or plan.changed or wording):
            return _imported(plan, dry_run=dry_run)
        tell("storing", 0, 0)
        await _give_ids(plan, store)
        receipt = f"{wording} {len(plan.new)} {len(plan.changed)} {len(plan.unchanged)}" if wording else ""
        edit = await asyncio.to_thread(plan.edit, snapshot.tables)
        try:
            done = await store.edit(edit, request_id, based_on=snapshot.edition, actor=actor, receipt=receipt)
        except Conflict:
            continue
        return _imported(plan, dry_run=False) if done is None else Imported((), (), (), dry_run=False, before=done)
    raise tables_busy()


async def _read(content: bytes, encoding: str | None, mode: Mode) -> Sheet:
    return await asyncio.to_thread(lambda: read(decoded(content, encoding), mode))


async def _give_ids(plan: Plan, store: TableStore) -> None:
    if plan.new:
        ids = await store.reserve_user_ids(len(plan.new))
        plan.new = [Step(step.becomes.with_id(user)) for step, user in zip(plan.new, ids, strict=True)]


def _imported(plan: Plan, *, dry_run: bool) -> Imported:
    lines = tuple(step.becomes.at_line for step in plan.unchanged)
    errors = sorted(plan.errors, key=lambda error: error.line)
    return Imported(tuple(plan.new), tuple(plan.changed), lines, dry_run, tuple(errors))


class _Keeping:
    """From passwords to hashes, when all else of a file is known to be good: they are slow to make."""

    def __init__(self, passwords: Passwords, tell: Tell) -> None:
        self._passwords, self._tell = passwords, tell
        self._made: dict[tuple[int, str], str] = {}
        """By line and stored hash: another attempt makes nothing twice."""

    def kept(self, plan: Plan, mode: Mode, *, dry_run: bool) -> None:
        """Put hashes into the plan where there are passwords. A dry run makes none, but compares."""
        steps = (*plan.new, *plan.changed, *plan.unchanged)
        asked = [step for step in steps if step.becomes.password]
        if not asked:
            return
        hashes = self._hashes(asked, dry_run=dry_run)
        plan.new = [_with_hash(step, hashes) for step in plan.new]
        plan.changed = [_with_hash(step, hashes) for step in plan.changed]
        differing = [
            step for step in plan.unchanged if _stored(step) != hashes.get(step.becomes.at_line, _stored(step))
        ]
        if mode is Mode.ADD:
            plan.errors += map(_another_password, differing)
        elif differing:
            lines = {step.becomes.at_line for step in differing}
            plan.unchanged = [step for step in plan.unchanged if step.becomes.at_line not in lines]
            plan.changed += [_with_hash(step, hashes) for step in differing]
            plan.changed.sort(key=lambda step: step.becomes.at_line)

    def _hashes(self, asked: Sequence[Step], *, dry_run: bool) -> dict[int, str]:
        """By line: the stored hash where the password is the stored one, else a new one."""

        def made(step: Step) -> str:
            stored, password = _stored(step), step.becomes.password
            if stored and self._passwords.matches(stored, password):
                return stored
            return "made by the import" if dry_run else self._passwords.hashed(password)

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for begin in range(0, len(asked), AT_ONCE):
                self._tell("passwords", begin, len(asked))
                some = [step for step in asked[begin : begin + AT_ONCE] if _key(step) not in self._made]
                for step, one in zip(some, pool.map(made, some), strict=True):
                    self._made[_key(step)] = one
        return {step.becomes.at_line: self._made[_key(step)] for step in asked}


def _stored(step: Step) -> str:
    return step.was.user.password_hash if step.was else ""


def _key(step: Step) -> tuple[int, str]:
    return step.becomes.at_line, _stored(step)


def _with_hash(step: Step, hashes: Mapping[int, str]) -> Step:
    row = step.becomes
    if row.at_line not in hashes:
        return step
    return replace(step, becomes=replace(row, user=replace(row.user, password_hash=hashes[row.at_line])))


def _another_password(step: Step) -> RowError:
    who = f"user {step.was.user.id}, {step.was.user.name}," if step.was else "this user"
    reason = f"must be the password that {who} has; to change it, import in mode update"
    return RowError(step.becomes.at_line, "password", "***", reason)
