"""A user file against the tables -> what it would change, or every error. Nothing is changed here."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from callrec.domain.provisioning import rivals
from callrec.domain.provisioning.claims import WHY_ONCE, Claim
from callrec.domain.provisioning.csv_rules import Mode, Record, Sheet, errors_between, new_row, rows_of, taken_twice
from callrec.domain.provisioning.csv_text import RowError
from callrec.domain.provisioning.dead_keys import dead_keys
from callrec.domain.provisioning.edit import Change, Edit
from callrec.domain.provisioning.model import Tables, UserId
from callrec.domain.provisioning.nouns import noun
from callrec.domain.provisioning.rows import Generate, Row
from callrec.domain.provisioning.site_rules import Site
from callrec.domain.provisioning.standing import Standing
from callrec.domain.provisioning.updating import after, before, called_back, changed_columns, found_by, stranded


@noun(frozen=True, slots=True)
class Step:
    """One row of the file: a new user (`was` is None), or one who becomes another, or stays."""

    becomes: Row
    was: Row | None = None

    def changes(self) -> Iterator[Change]:
        """The records that come, go, or become others."""
        old, new = self.was.nouns() if self.was else (None,) * 4, self.becomes.nouns()
        yield from (Change(one, other) for one, other in zip(old, new, strict=True) if one != other)

    def columns(self) -> tuple[str, ...]:
        """Those in which an old user changes."""
        return tuple(changed_columns(self.was, self.becomes)) if self.was else ()


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
        changes = tuple(change for step in (*self.new, *self.changed) for change in step.changes())
        return Edit((*changes, *dead_keys(changes, there)))


def planned(sheet: Sheet, there: Tables, generate: Generate) -> Plan:
    """What this file does to these tables."""
    if sheet.mode is Mode.ADD:
        return _adding(sheet, Standing(there), Site.of(there), generate)
    return _updating(sheet, Standing(there), Site.of(there), generate)


def _adding(sheet: Sheet, standing: Standing, site: Site, generate: Generate) -> Plan:
    plan = Plan()
    rows, plan.errors = rows_of(sheet, generate)
    # Claims are asked for twice: those of all rows together would be hundreds of megabytes of a large file
    plan.errors += taken_twice((row.at_line, row.claims()) for row in rows)
    met: set[UserId] = set()
    for row in rows:
        taken = standing.taken(row.claims())
        same = standing.same(row, {holder for _, holder in taken}, besides=met)
        if same is not None:
            met.add(same.id)
            plan.unchanged.append(Step(row, Row(row.at_line, same)))
            continue
        plan.errors += site.errors(row)
        plan.errors += (_taken(row, claim, standing.named(holder)) for claim, holder in taken)
        plan.new.append(Step(row))
    plan.errors += rivals.errors([(None, step.becomes) for step in plan.new], standing)
    return plan


def _updating(sheet: Sheet, standing: Standing, site: Site, generate: Generate) -> Plan:
    plan = Plan(errors=list(sheet.errors))
    steps: list[tuple[Row | None, Row]] = []
    seen: dict[str, int] = {}
    met: set[UserId] = set()
    for record in sheet.records:
        if sheet.mode is Mode.MERGE and found_by(record, standing) is None:
            steps += [(None, row) for row in _new(record, standing, plan, met, generate)]
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
            steps.append((was, becomes))
    plan.errors += _conflicts(steps, standing)
    plan.errors += rivals.errors(steps, standing)
    for one, becomes in steps:
        plan.errors += _new_errors(site, one, becomes)
        if one is not None:
            plan.errors += (*stranded(one, becomes, standing), *called_back(one, becomes))
        _sort(Step(becomes, one), plan)
    return plan


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
    there = Row(row.at_line, same, given=row.given, password=row.password)
    plan.unchanged.append(Step(there, there))


def _sort(step: Step, plan: Plan) -> None:
    """Put a step among those of its kind."""
    if step.was is None:
        plan.new.append(step)
    else:
        (plan.changed if any(True for _ in step.changes()) else plan.unchanged).append(step)


def _conflicts(steps: Sequence[tuple[Row | None, Row]], standing: Standing) -> Iterator[RowError]:
    """What two rows would have, or somebody whom the file does not change. Rows may swap their numbers."""
    yield from taken_twice((row.at_line, row.claims()) for _, row in steps)
    given_up = {(claim.kind, claim.key) for was, _ in steps if was for claim in was.claims()}
    for _, row in steps:
        claims = (claim for claim in row.claims() if (claim.kind, claim.key) not in given_up)
        for claim, holder in standing.taken(claims):
            yield _taken(row, claim, standing.named(holder))


def _new_errors(site: Site, was: Row | None, becomes: Row) -> Iterable[RowError]:
    """What the site does not have, but for what this user has had before."""
    found = list(site.errors(becomes))
    return [error for error in found if was is None or error not in site.errors(was)] if found else found


def _taken(row: Row, claim: Claim, holder: str) -> RowError:
    why = WHY_ONCE.get(claim.kind, "; choose another or free it")
    return RowError(row.at_line, claim.column, claim.value, f"is taken already: by {holder}{why}")
