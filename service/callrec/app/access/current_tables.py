"""The tables for a login: only current ones, since stale ones would let in an account that is closed."""

from callrec.app.ports.directory import TableCopy
from callrec.domain.directory.directory import Directory
from callrec.domain.errors import Unavailable


def current(tables: TableCopy) -> Directory:
    """The copy of the tables. Raises Unavailable while it does not follow the store: an account may be disabled by now, or have
    another password or role."""
    if tables.edit_revision < 0:
        raise Unavailable("tables-unknown", "the tables were never loaded", hint="/readyz says why; try again later")
    if not tables.fresh:
        says = "the store does not answer, so it is not known who may come in"
        raise Unavailable("tables-stale", says, hint="/readyz says why; try again later")
    return tables.directory
