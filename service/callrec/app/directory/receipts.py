"""The receipt of a request for a record, and the record that it names when the request is repeated.

A record's key alone is not enough: a line's name or a number may belong to another user by then. So the receipt also has a mark,
made of the fields that stay the same as long as the record keeps its owner.
"""

from hashlib import blake2b

from callrec.domain.directory.directory import Directory
from callrec.domain.directory.edit import Table, TableRecord, place
from callrec.domain.directory.model import Entity, FunctionKey, Incall, Line, Voicemail
from callrec.domain.errors import Refused


def written(table_record: TableRecord) -> str:
    """The receipt of a request that created this record or changed one into it."""
    table, key = place(table_record)
    return f"{table}:{_mark(table_record)} {key}"


def still_there(receipt: str, tables: Directory) -> TableRecord:
    """The current record of a receipt. Raises Refused when it was removed, or has another owner."""
    where, _, key = receipt.partition(" ")
    table, _, mark = where.partition(":")
    table_record = tables.records(Table(table)).get(key)
    if table_record is None or mark not in {"", _mark(table_record)}:  # the receipts of former versions have no mark
        raise Refused(
            "record-gone-since",
            "the request was executed before, but its record was removed or got another owner since",
            hint="it is not executed again: send a new Idempotency-Key",
        )
    return table_record


def _mark(table_record: TableRecord) -> str:
    """A digest: texts of records have blanks. Users' ids are never given again; an entity's may be."""
    lasting: str
    match table_record:
        case Line() | Incall() | Voicemail() | FunctionKey():
            lasting = table_record.user
        case Entity():
            lasting = table_record.name
        case _:
            lasting = place(table_record)[1]
    return blake2b(lasting.encode(), digest_size=6).hexdigest()
