"""A user file against the tables -> what it would change, or every error. Nothing is changed here."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from callrec.domain.directory import line_clashes
from callrec.domain.directory.dead_keys import dead_keys
from callrec.domain.directory.doubles import Doubles
from callrec.domain.directory.edit import Edit
from callrec.domain.directory.model import Tables, User
from callrec.domain.directory.unique_keys import WHY_ONCE, Claim, Kind
from callrec.domain.directory.user_file.csv_text import RowError
from callrec.domain.directory.user_file.existing_records import Standing
from callrec.domain.directory.user_file.file_rules import (
    Mode,
    Record,
    Sheet,
    errors_between,
    new_row,
    remember,
    rows_of,
    taken_twice,
)
from callrec.domain.directory.user_file.rows import Generate, Row
from callrec.domain.directory.user_file.site_rules import Site
from callrec.domain.directory.user_file.steps import Step, StepChanges
from callrec.domain.directory.user_file.update import after, before, called_back, found_by, stranded
from callrec.domain.rules import UserId


@dataclass(slots=True)
class Plan:
    """What a file would do. A plan with errors must not be done."""

    new: list[Step] = field(default_factory=list)
    changed: list[Step] = field(default_factory=list)
    unchanged: list[Step] = field(default_factory=list)
    """Rows of users who are as the file says; a password in them is still to be compared."""
    errors: list[RowError] = field(default_factory=list)

    def edit(self, there: Tables) -> Edit:
        """All changes of these tables, with the function keys that would lead nowhere. The new users have their ids by now."""
        changes = StepChanges((self.new, self.changed))
        return Edit(replace(changes, besides=dead_keys(changes, there)))


def planned(sheet: Sheet, there: Tables, generate: Generate) -> Plan:
    """What this file does to these tables."""
    if sheet.mode is Mode.ADD:
        return _adding(sheet, Standing(there), Site.of(there), generate)
    return _updating(sheet, Standing(there), Site.of(there), generate)


def _adding(sheet: Sheet, standing: Standing, site: Site, generate: Generate) -> Plan:
    plan, doubles, met = Plan(errors=list(sheet.errors)), Doubles(), set[UserId]()
    others: list[RowError] = []
    for row in rows_of(sheet, generate, plan.errors):
        claims = row.claims()
        remember(claims, doubles)
        taken = standing.taken(claims)
        same = standing.same(row, {holder for _, holder in taken}, besides=met)
        if same is not None:
            met.add(same.id)
            plan.unchanged.append(_as_it_is(row, same))
            continue
        others += site.errors(row)
        others += (_taken(row, claim, standing.named(holder)) for claim, holder in taken)
        plan.new.append(Step(row))
    # The rows of unchanged users were not kept, so all rows are made again when a hash is suspect, as in very few files
    claimed = ((row.at_line, row.claims()) for row in rows_of(sheet, generate, []))
    plan.errors += taken_twice(claimed, doubles.suspects())
    plan.errors += others
    plan.errors += line_clashes.errors(plan.new, standing)
    return plan


def _updating(sheet: Sheet, standing: Standing, site: Site, generate: Generate) -> Plan:
    plan = Plan(errors=list(sheet.errors))
    steps = list(_steps(sheet, standing, plan, generate))
    plan.errors += _conflicts(steps, standing)
    plan.errors += line_clashes.errors(steps, standing)
    for step in steps:
        plan.errors += _new_errors(site, step)
        if step.was is not None:
            plan.errors += (*stranded(step.was, step.becomes, standing), *called_back(step.was, step.becomes))
        _sort(step, plan)
    return plan


def _steps(sheet: Sheet, standing: Standing, plan: Plan, generate: Generate) -> Iterator[Step]:
    """The steps of an update or merge. Errors go to the plan, and so do rows equal to a user who has no key to be found by."""
    seen: dict[str, int] = {}
    met: set[UserId] = set()
    for record in sheet.records():
        if sheet.mode is Mode.MERGE and found_by(record, standing) is None:
            yield from map(Step, _new(record, standing, plan, met, generate))
            continue
        was = before(record, standing)
        if isinstance(was, list):
            plan.errors += was
            continue
        first = seen.setdefault(was.user.id, record.at_line)
        if first != record.at_line:
            reason = f"must be this user's only row: line {first} is {standing.named(was.user.id)}, too"
            plan.errors.append(RowError(record.at_line, "", "", reason))
            continue
        becomes = after(record, was, standing, generate)
        if isinstance(becomes, list):
            plan.errors += becomes
        else:
            step = Step(becomes, was)
            yield step if step.is_change else Step(becomes, becomes)


def _new(record: Record, standing: Standing, plan: Plan, met: set[UserId], generate: Generate) -> Iterator[Row]:
    """The new user of a row that leads to no user. Nothing for a row with errors, or one equal to a user who is there and has
    no number or name to be found by."""
    errors = list(errors_between(record.at_line, record.values, record.sections))
    plan.errors += errors
    if errors or not record.sound:
        return
    row = new_row(record, generate)
    same = standing.same(row, {holder for _, holder in standing.taken(row.claims())}, besides=met)
    if same is None:
        yield row
        return
    met.add(same.id)
    plan.unchanged.append(_as_it_is(row, same))


def _as_it_is(row: Row, user: User) -> Step:
    """The step of a row that is equal to this user: without the row's own records, which are not needed any more."""
    there = Row(row.at_line, user, given=row.given, password=row.password)
    return Step(there, there)


def _sort(step: Step, plan: Plan) -> None:
    """Put a step among those of its kind."""
    if step.was is None:
        plan.new.append(step)
    else:
        (plan.changed if step.is_change else plan.unchanged).append(step)


def _conflicts(steps: Sequence[Step], standing: Standing) -> Iterator[RowError]:
    """Errors for unique values that two rows have, or a row and a user outside the file. Rows may swap their numbers."""
    doubles = Doubles()
    wanted: list[tuple[Row, Claim, UserId]] = []
    for step in steps:
        claims, had = step.becomes.claims(), _keys(step.was)
        remember(claims, doubles)
        beyond = [claim for claim in claims if (claim.kind, claim.key) not in had]
        wanted += ((step.becomes, claim, holder) for claim, holder in standing.taken(beyond))
    yield from taken_twice(((step.becomes.at_line, step.becomes.claims()) for step in steps), doubles.suspects())
    given_up = {key for step in steps for key in _keys(step.was)} if wanted else set()
    for row, claim, holder in wanted:
        if (claim.kind, claim.key) not in given_up:
            yield _taken(row, claim, standing.named(holder))


def _keys(row: Row | None) -> set[tuple[Kind, str]]:
    """The unique keys of a row."""
    return {(claim.kind, claim.key) for claim in row.claims()} if row else set()


def _new_errors(site: Site, step: Step) -> Iterable[RowError]:
    """What the site does not have, but for what this user has had before."""
    found = list(site.errors(step.becomes))
    return [error for error in found if step.was is None or error not in site.errors(step.was)] if found else found


def _taken(row: Row, claim: Claim, holder: str) -> RowError:
    why = WHY_ONCE.get(claim.kind, "; choose another or free it")
    return RowError(row.at_line, claim.column, claim.value, f"is taken already: by {holder}{why}")
