"""What a request for a record leaves as its receipt, and the record that it is about when the same request comes again.

A key alone does not say whose record it is: a line's name, or a number, may have gone to somebody else since. So the receipt has
a mark beside it, of what stays with a record through all changes that leave it whose it is.
"""

from hashlib import blake2b

from callrec.domain.errors import Refused
from callrec.domain.provisioning.directory import Directory
from callrec.domain.provisioning.edit import Noun, Table, place
from callrec.domain.provisioning.model import Entity, FunctionKey, Incall, Line, Voicemail


def written(noun: Noun) -> str:
    """The receipt of a request that made this record, or made another one into it."""
    table, key = place(noun)
    return f"{table}:{_mark(noun)} {key}"


def still_there(receipt: str, tables: Directory) -> Noun:
    """The record of that receipt as it is now. Refused when it has gone, or is another's."""
    where, _, key = receipt.partition(" ")
    table, _, mark = where.partition(":")
    noun = tables.records(Table(table)).get(key)
    if noun is None or mark not in {"", _mark(noun)}:  # the receipts of former versions have no mark
        raise Refused(
            "record-gone-since",
            "this was done, but the record has been removed or changed hands since",
            hint="it is not done again: ask under a new Idempotency-Key",
        )
    return noun


def _mark(noun: Noun) -> str:
    """A digest: texts of records have blanks. Users' ids are never given again; an entity's may be."""
    lasting: str
    match noun:
        case Line() | Incall() | Voicemail() | FunctionKey():
            lasting = noun.user
        case Entity():
            lasting = noun.name
        case _:
            lasting = place(noun)[1]
    return blake2b(lasting.encode(), digest_size=6).hexdigest()
