"""The entries of the stream `callrec:events`, read as changes of the tables."""

from collections.abc import Mapping
from dataclasses import dataclass

from callrec.adapters.redis.edit_arguments import changed_records
from callrec.adapters.redis.records import CODE, USER
from callrec.domain.directory.table_changes import Change, CodeChanged, RecordsChanged, UserChanged
from callrec.domain.errors import Corrupt

KEPT = 100_000
"""About how many events the stream keeps; older ones are dropped."""


@dataclass(frozen=True, slots=True)
class TableEvent:
    """A change of the tables with its revision; `change` is None when the event does not have the change: the tables have to be
    loaded again."""

    revision: int
    change: Change | None
    edit_revision: int | None = None
    """The number of the edit that this change is; None for a change of another kind."""


def table_event(fields: Mapping[str, str]) -> TableEvent | None:
    """The change in an event's fields; None for an event about something else. Raises Corrupt."""
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
                edit_revision = int(fields["edition"])
                return TableEvent(
                    revision, RecordsChanged(changed_records(records)) if records else None, edit_revision
                )
    except (KeyError, ValueError):
        raise Corrupt("store-event", f"an event of type {kind} has no revision or no record") from None
