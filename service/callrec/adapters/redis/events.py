"""The entries of the stream `callrec:events`, read as changes of the tables."""

from collections.abc import Mapping
from dataclasses import dataclass

from callrec.adapters.redis.editing import changed_records
from callrec.adapters.redis.records import CODE, USER
from callrec.domain.errors import Corrupt
from callrec.domain.provisioning.difference import Change, CodeChanged, RecordsChanged, UserChanged

KEPT = 100_000
"""About how many events the stream holds before the oldest go."""


@dataclass(frozen=True, slots=True)
class TableEvent:
    """A change of the tables by its number; `change` is None when only a reload can tell what changed."""

    revision: int
    change: Change | None
    edition: int | None = None
    """Which edition of the tables this change has made; None when it was no edit."""


def table_event(fields: Mapping[str, str]) -> TableEvent | None:
    """None for events that are no change of a table. Raises Corrupt."""
    kind = fields.get("type")
    if kind not in {"user-changed", "code-changed", "tables-changed"}:
        return None
    try:
        revision = int(fields["revision"])
        match kind:
            case "user-changed":
                return TableEvent(revision, UserChanged(USER.load(fields["record"])))
            case "code-changed":
                return TableEvent(revision, CodeChanged(CODE.load(fields["record"])))
            case _:
                records = fields.get("records")
                edition = int(fields["edition"])
                return TableEvent(revision, RecordsChanged(changed_records(records)) if records else None, edition)
    except (KeyError, ValueError):
        raise Corrupt("store-event", f"an event of type {kind} has no revision or no record") from None
