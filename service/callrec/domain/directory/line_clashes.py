"""Lines that cannot exist side by side: a SIP line named like the number of an SCCP line, and names that differ only in case.

Asterisk finds channels by name regardless of case (channel.c: ast_channel_get_by_name), and people read `Ann` and `ann` as one.
AstDB and the dialplan name a phone without its technology (`callrec/user/1600`), so one of two such phones would get the services
and rules of the other's user. The unique keys of endpoints in the store have the technology (`PJSIP/1600`, `SCCP/1600`) and must
keep it: the keys of stored lines would not be found otherwise. So lines are checked here when they are added or changed.
"""

from collections.abc import Iterator, Mapping, Sequence

from callrec.domain.directory.model import Line
from callrec.domain.directory.unique_keys import endpoint
from callrec.domain.directory.user_file.csv_text import RowError
from callrec.domain.directory.user_file.existing_records import Standing
from callrec.domain.directory.user_file.steps import Step

_OTHER = {"sip": "SCCP", "sccp": "PJSIP"}
_REASON = {
    "sip": "must be another name: it is the number of an SCCP line",
    "sccp": "must be another number: it is the name of a SIP line",
}
_COLUMN = {"sip": "linename", "sccp": "phonenumber"}


def rival(line: Line) -> str:
    """The endpoint that cannot exist beside this line's."""
    return f"{_OTHER.get(line.protocol, '')}/{line.name}"


def fault(before: Line | None, after: Line, there: Mapping[str, object], named_alike: Line | None) -> str:
    """The reason why `after` cannot replace `before` (None: it is new) beside the lines `there` (by endpoint); empty when it can.
    `named_alike`: the line with this name, ignoring case. Lines that an older version accepted can still be changed."""
    was, other = before and endpoint(before), rival(after)
    if named_alike and named_alike.name not in (after.name, before.name if before else ""):
        return f"must differ from {named_alike.name} in more than capitals: another line has that name"
    return _REASON[after.protocol] if other in there and other != was and endpoint(after) != was else ""


def errors(steps: Sequence[Step], standing: Standing) -> Iterator[RowError]:
    """The same check for the rows of a file. A row may take a name that another row gives up."""
    yield from _of_both_protocols(steps, standing)
    yield from _alike(steps, standing)


def _of_both_protocols(steps: Sequence[Step], standing: Standing) -> Iterator[RowError]:
    # Few SIP lines have a number as their name, and a file may have very many lines
    met = [
        (step.was, step.becomes)
        for step in steps
        if _could(step.becomes.line) or (step.was is not None and _could(step.was.line))
    ]
    kept = {endpoint(row.line) for _, row in met if row.line}
    gone = {endpoint(was.line) for was, _ in met if was and was.line} - kept
    seen: dict[str, int] = {}
    for was, row in met:
        if row.line is None or (was and was.line and endpoint(was.line) == endpoint(row.line)):
            continue
        other, protocol = rival(row.line), row.line.protocol
        holder = None if other in gone else standing.endpoint(*other.split("/", 1))
        whose = f"line {seen[other]} has it" if other in seen else f"that of {standing.named(holder)}" if holder else ""
        if whose:
            yield RowError(row.at_line, _COLUMN[protocol], row.line.name, f"{_REASON[protocol]}: {whose}")
        seen[endpoint(row.line)] = row.at_line


def _alike(steps: Sequence[Step], standing: Standing) -> Iterator[RowError]:
    """Names that differ in capitals only."""
    if all(
        line is None or (line.name == line.name.lower() and line.name not in standing.capitals)
        for line in (step.becomes.line for step in steps)
    ):
        return  # as in nearly every file
    names = {step.becomes.line.name for step in steps if step.becomes.line}
    gone = {step.was.line.name for step in steps if step.was and step.was.line} - names
    seen: dict[str, tuple[str, int]] = {}
    for step in steps:
        was, row = step.was, step.becomes
        if row.line is None or (was and was.line and was.line.name == row.line.name):
            continue
        name, there = row.line.name, standing.named_alike(row.line.name)
        other, at_line = seen.setdefault(name.lower(), (name, row.at_line))
        whose = f"line {at_line} has it" if other != name else ""
        if there and there.name != name and there.name not in gone:
            other, whose = there.name, f"that of {standing.named(there.user)}"
        if whose:
            reason = f"must differ from {other} in more than capitals: {whose}"
            yield RowError(row.at_line, "linename", name, reason)


def _could(line: Line | None) -> bool:
    """Whether it can conflict at all: the name of an SCCP line is its number."""
    return line is not None and (line.protocol != "sip" or line.name.isdecimal())
