"""Imports a user file: the whole file in one change, or all its errors and no change."""

import asyncio
import base64
import contextlib
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from callrec.app.directory.user_file.file_text import decoded
from callrec.app.ports.directory import Passwords, TableStore, tables_busy
from callrec.domain.access.grants import check_edit
from callrec.domain.access.principals import Principal
from callrec.domain.directory.directory import Directory
from callrec.domain.directory.edit import Edit
from callrec.domain.directory.model import Tables
from callrec.domain.directory.user_file.csv_text import FileRefused, RowError
from callrec.domain.directory.user_file.file_rules import Mode, read
from callrec.domain.directory.user_file.foreign_files import AS_IT_IS, FileFormat, Given, Translated, translated
from callrec.domain.directory.user_file.plan import Plan, planned
from callrec.domain.directory.user_file.rows import Generate
from callrec.domain.directory.user_file.sheet import Sheet
from callrec.domain.directory.user_file.steps import Step
from callrec.domain.errors import Conflict

PASSWORD_DIGITS, FEWEST_DIGITS = 6, 4


def _mailbox_password() -> str:
    """Random digits, at least four of them different and not in sequence: no equal digits, repeated pairs or years."""
    while True:
        digits = f"{secrets.randbelow(10**PASSWORD_DIGITS):0{PASSWORD_DIGITS}}"
        if len(set(digits)) >= FEWEST_DIGITS and digits not in "01234567890" and digits not in "09876543210":
            return digits


GENERATE = Generate(
    line_name=lambda: base64.b32encode(secrets.token_bytes(7))[:10].decode().lower(),
    secret=lambda: secrets.token_urlsafe(18).replace("-", "x"),
    mailbox_password=_mailbox_password,
)
"""Line names of ten characters (50 random bits), secrets of 24 characters without `-`, since a spreadsheet reads a cell that
begins with it as a formula, and mailbox passwords of six digits, which users type on a phone."""
ATTEMPTS = 5
"""How often an import is planned again after another edit of the tables."""
AT_ONCE = 64
"""Passwords between two reports of progress."""


Tell = Callable[[str, int, int], None]
"""Reports progress: the current step, how much of it is done, of how much (0: unknown)."""


def nothing_told(_step: str, _done: int, _all: int, /) -> None:
    """Reports no progress."""


@dataclass(frozen=True, slots=True)
class Imported:
    """The result of an import or of its dry run."""

    added: tuple[Step, ...]
    """New users. Their ids are empty in a dry run."""
    changed: tuple[Step, ...]
    unchanged: tuple[int, ...]
    """The lines of the file that were there already."""
    dry_run: bool
    format: FileFormat = FileFormat.CALLREC
    left_out: tuple[str, ...] = ()
    """The columns of another program's file that were not taken over."""
    errors: tuple[RowError, ...] = ()
    """The errors for which an import would refuse the file; only in a dry run, an import raises them."""
    before: str | None = None
    """The counts of the receipt, when another process has executed the same request meanwhile: this one then changed nothing,
    and its generated ids and secrets are not used."""


async def import_users(
    store: TableStore,
    content: Callable[[], bytes],
    request_id: str,
    *,
    passwords: Passwords,
    mode: Mode = Mode.ADD,
    actor: str = "",
    by: Principal | None = None,
    wording: str = "",
    encoding: str | None = None,
    given: Given = AS_IT_IS,
    dry_run: bool = False,
    generate: Generate = GENERATE,
    tell: Tell = nothing_told,
) -> Imported:
    """Import a file in one change. `content` reads its bytes; it is called once, in a thread, and the bytes are not kept.
    Equal users stay, so a file may be imported twice. With a `wording` the store keeps a receipt, also without a change: the
    wording and the numbers of added, changed and unchanged users. `by`: who must have every permission that the import gives.

    Raises FileRefused with all errors (a dry run only for a wrong header), Refused for a file that is not text, for a key that
    another request has used meanwhile and for permissions that `by` lacks, Unavailable (also when other edits come first each
    time).
    """
    tell("reading", 0, 0)
    sheet, file = await asyncio.to_thread(_read, content, encoding, given, mode)
    keeping = _Keeping(passwords, tell)
    for _ in range(ATTEMPTS):
        tell("comparing", 0, 0)
        snapshot = await store.snapshot()
        plan = await asyncio.to_thread(planned, sheet, snapshot.tables, generate)
        if not plan.errors:
            await asyncio.to_thread(keeping.kept, plan, mode, dry_run=dry_run)
        if plan.errors and not dry_run:
            raise FileRefused(plan.errors)
        if dry_run or not (plan.new or plan.changed or wording):
            return _imported(plan, file, dry_run=dry_run)
        tell("storing", 0, 0)
        await _give_ids(plan, store)
        edit = await asyncio.to_thread(plan.edit, snapshot.tables)
        if by is not None:
            await asyncio.to_thread(_check_grants, by, edit, snapshot.tables)
        with contextlib.suppress(Conflict):
            receipt = _receipt(plan, wording)
            done = await store.edit(edit, request_id, based_on=snapshot.edit_revision, actor=actor, receipt=receipt)
            return _imported(plan, file, dry_run=False) if done is None else _imported_before(done)
    raise tables_busy()


def _read(content: Callable[[], bytes], encoding: str | None, given: Given, mode: Mode) -> tuple[Sheet, Translated]:
    """The rows, and whose file it was: without its text, which would be in memory until the end."""
    file = translated(decoded(content(), encoding), given)
    return read(file.text, mode), replace(file, text="")


def _imported_before(counts: str) -> Imported:
    return Imported((), (), (), dry_run=False, before=counts)


def _check_grants(by: Principal, edit: Edit, tables: Tables) -> None:
    check_edit(by, edit.changes, Directory(tables))


def _receipt(plan: Plan, wording: str) -> str:
    counts = (len(plan.new), len(plan.changed), len(plan.unchanged))
    return " ".join([wording, *map(str, counts)]) if wording else ""


async def _give_ids(plan: Plan, store: TableStore) -> None:
    if plan.new:
        ids = await store.reserve_user_ids(len(plan.new))
        for place, user in enumerate(ids):  # one at a time, so that the rows of a large file are not in memory twice
            plan.new[place] = Step(plan.new[place].becomes.with_id(user))


def _imported(plan: Plan, file: Translated, *, dry_run: bool) -> Imported:
    lines = tuple(step.becomes.at_line for step in plan.unchanged)
    errors = sorted(plan.errors, key=lambda error: error.line)
    return Imported(
        tuple(plan.new), tuple(plan.changed), lines, dry_run, file.format, file.left_out, errors=tuple(errors)
    )


class _Keeping:
    """Hashes the passwords of a file after all other checks, since hashing is slow."""

    def __init__(self, passwords: Passwords, tell: Tell) -> None:
        self._passwords, self._tell = passwords, tell
        self._made: dict[tuple[int, str], str] = {}
        """Hashes by line and stored hash, so that another attempt does not compute them again."""

    def kept(self, plan: Plan, mode: Mode, *, dry_run: bool) -> None:
        """Replace passwords in the plan by hashes. A dry run only compares them with the stored ones."""
        steps = (*plan.new, *plan.changed, *plan.unchanged)
        requested = [step for step in steps if step.becomes.password]
        if not requested:
            return
        hashes = self._hashes(requested, dry_run=dry_run)
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

    def _hashes(self, requested: Sequence[Step], *, dry_run: bool) -> dict[int, str]:
        """Hashes by line: the stored hash for an unchanged password, else a new one."""

        def made(step: Step) -> str:
            stored, password = _stored(step), step.becomes.password
            if stored and self._passwords.matches(stored, password):
                return stored
            return "made by the import" if dry_run else self._passwords.hashed(password)

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for begin in range(0, len(requested), AT_ONCE):
                self._tell("passwords", begin, len(requested))
                some = [step for step in requested[begin : begin + AT_ONCE] if _key(step) not in self._made]
                for step, one in zip(some, pool.map(made, some), strict=True):
                    self._made[_key(step)] = one
        return {step.becomes.at_line: self._made[_key(step)] for step in requested}


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
