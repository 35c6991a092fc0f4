"""Two phones that would be one: a SIP line of the name that an SCCP line has as its number.

Asterisk's database and the dialplan know a phone without its technology (`callrec/user/1600`), so that of two such phones one
would obey the services and rules of the other's user. What a store's claims say of endpoints (`PJSIP/1600`, `SCCP/1600`) cannot
be another for this: claims of lines that are there would not be found again. So it is asked here, where lines come in.
"""

from collections.abc import Iterable, Iterator, Mapping

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


def fault(before: Line | None, after: Line, there: Mapping[str, object]) -> str:
    """Why this line cannot stand beside the lines that are `there`, by endpoint, in the place of `before`; empty when it can.
    Lines of an older version that are rivals already can still be changed."""
    was, other = before and endpoint(before), rival(after)
    return _REASON[after.protocol] if other in there and other != was and endpoint(after) != was else ""


def errors(steps: Iterable[tuple[Row | None, Row]], standing: Standing) -> Iterator[RowError]:
    """The same of the rows of a file: what each user was (None: a new one) and becomes. Rows may give names up to each other."""
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


def _could(line: Line | None) -> bool:
    """Whether it could be a rival at all: an SCCP line is called by its number."""
    return line is not None and (line.protocol != "sip" or line.name.isdecimal())
