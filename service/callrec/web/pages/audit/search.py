"""The conditions of a list of audit entries as they stand in a page's address."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Literal
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field

from callrec.app.access.audit_log.audit_list import AuditFilter
from callrec.domain.access.audit import Action, ActorKind
from callrec.domain.directory.directory import Directory
from callrec.domain.rules import UserId

LIMIT = 50
"""Entries in a page of the list."""
_ID = r"^[A-Za-z0-9_.:/-]{0,100}$"


class Search(BaseModel):
    """All conditions must be met. Parameters of the address that are not of the search are ignored."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True)

    who: str = Field("", max_length=200)
    """An account: its user name, its whole name, or its id; or the id of a token or a link."""
    kind: ActorKind | None = None
    action: Action | None = None
    outcome: Literal["done", "refused"] | None = None
    recording: str = Field("", pattern=_ID)
    subject: str = Field("", pattern=_ID)
    first: date | None = Field(None, alias="from")
    last: date | None = Field(None, alias="to")
    """The last day, which is included."""
    before: int | None = Field(None, ge=0, le=2**53)

    def filter(self, day_begins_s: Callable[[date], float], actor: str) -> AuditFilter:
        """The same for the log. `actor`: the id of `who`; days are those of the viewer's zone."""
        return AuditFilter(
            from_ms=int(day_begins_s(self.first) * 1000) if self.first else None,
            to_ms=int(day_begins_s(self.last + timedelta(days=1)) * 1000) - 1 if self.last else None,
            action=self.action,
            actor_kind=self.kind,
            actor_id=actor,
            recording=self.recording,
            subject=self.subject,
            is_refused=None if self.outcome is None else self.outcome == "refused",
        )

    def given(self, **changes: object) -> str:
        """The parameters of this search with these changes, for an address; None leaves one out."""
        said = self.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude={"before"})
        return urlencode({name: value for name, value in {**said, **changes}.items() if value is not None})


FIELDS = frozenset(field.alias or name for name, field in Search.model_fields.items())


def actor_named(directory: Directory, who: str) -> str:
    """The id of the account with this user name or whole name; else the text itself, as an id."""
    typed = who.strip()
    if found := directory.by_username(typed):
        return found.id
    alike = [one for one in directory.by_name(typed, 2) if one.name.casefold() == typed.casefold()]
    return alike[0].id if len(alike) == 1 else typed


def name_of(directory: Directory, kind: ActorKind, identity: str) -> str:
    """The name of an actor; empty when there is none, or when the user is gone."""
    user = directory.user(UserId(identity)) if kind is ActorKind.ACCOUNT else None
    return user.name if user else ""
