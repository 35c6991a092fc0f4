"""Two phones that would be one: a SIP line of the name that an SCCP line has as its number, or of a name that differs from
another's in capitals only.

Asterisk finds channels by their names without case (channel.c: ast_channel_get_by_name), and people read `Ann` and `ann` as one.
Asterisk's database and the dialplan know a phone without its technology (`callrec/user/1600`), so that of two such phones one
would obey the services and rules of the other's user. What a store's claims say of endpoints (`PJSIP/1600`, `SCCP/1600`) cannot
be another for this: claims of lines that are there would not be found again. So it is asked here, where lines come in.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from callrec.domain.provisioning.claims import Kind, endpoint
from callrec.domain.provisioning.csv_text import RowError
from callrec.domain.provisioning.model import Line
from callrec.domain.provisioning.rows import Row
from callrec.domain.provisioning.standing import Standing

_OTHER = {"sip": "SCCP", "sccp": "PJSIP"}
_REASON = {
    "sip": "must be another name: it is the number of an SCCP line",
    "sccp": "must be another number: it is the name of a SIP line",
}
_COLUMN = {"sip": "linename", "sccp": "phonenumber"}


def rival(line: Line) -> str:
    """The endpoint that cannot be there beside this line's."""
    return f"{_OTHER.get(line.protocol, '')}/{line.name}"


def fault(before: Line | None, after: Line, there: Mapping[str, object], named_alike: Line | None) -> str:
    """Why this line cannot stand beside the lines that are `there`, by endpoint, in the place of `before`; empty when it can.
    `named_alike` is the line that has its name, but for case.
    Lines of an older version that are rivals already can still be changed."""
    was, other = before and endpoint(before), rival(after)
    if named_alike and named_alike.name not in (after.name, before.name if before else ""):
        return f"must differ from {named_alike.name} in more than capitals: another line has that name"
    return _REASON[after.protocol] if other in there and other != was and endpoint(after) != was else ""


def errors(steps: Sequence[tuple[Row | None, Row]], standing: Standing) -> Iterator[RowError]:
    """The same of the rows of a file: what each user was (None: a new one) and becomes. Rows may give names up to each other."""
    yield from _of_both_protocols(steps, standing)
    yield from _alike(steps, standing)


def _of_both_protocols(steps: Iterable[tuple[Row | None, Row]], standing: Standing) -> Iterator[RowError]:
    # Nearly no SIP line is called by a number, and a file has very many
    met = [(was, row) for was, row in steps if _could(row.line) or (was is not None and _could(was.line))]
    kept = {endpoint(row.line) for _, row in met if row.line}
    gone = {endpoint(was.line) for was, _ in met if was and was.line} - kept
    seen: dict[str, int] = {}
    for was, row in met:
        if row.line is None or (was and was.line and endpoint(was.line) == endpoint(row.line)):
            continue
        other, protocol = rival(row.line), row.line.protocol
        holder = None if other in gone else standing.holder.get((Kind.ENDPOINT, other))
        whose = f"line {seen[other]} has it" if other in seen else f"that of {standing.named(holder)}" if holder else ""
        if whose:
            yield RowError(row.at_line, _COLUMN[protocol], row.line.name, f"{_REASON[protocol]}: {whose}")
        seen[endpoint(row.line)] = row.at_line


def _alike(steps: Sequence[tuple[Row | None, Row]], standing: Standing) -> Iterator[RowError]:
    """Names that differ in capitals only."""
    names = {row.line.name for _, row in steps if row.line}
    if len(names) == len(folded := {name.lower() for name in names}) and not any(
        (line := standing.folded.get(name)) and line.name not in names for name in folded
    ):
        return  # nearly every file
    gone = {was.line.name for was, _ in steps if was and was.line} - names
    seen: dict[str, tuple[str, int]] = {}
    for was, row in steps:
        if row.line is None or (was and was.line and was.line.name == row.line.name):
            continue
        name, there = row.line.name, standing.folded.get(row.line.name.lower())
        other, at_line = seen.setdefault(name.lower(), (name, row.at_line))
        whose = f"line {at_line} has it" if other != name else ""
        if there and there.name != name and there.name not in gone:
            other, whose = there.name, f"that of {standing.named(there.user)}"
        if whose:
            reason = f"must differ from {other} in more than capitals: {whose}"
            yield RowError(row.at_line, "linename", name, reason)


def _could(line: Line | None) -> bool:
    """Whether it could be a rival at all: an SCCP line is called by its number."""
    return line is not None and (line.protocol != "sip" or line.name.isdecimal())
