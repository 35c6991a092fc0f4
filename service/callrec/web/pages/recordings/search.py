"""The conditions of a list of recordings as they stand in a page's address, in the words of its form."""

import re
from datetime import date, timedelta
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field

from callrec.domain.library.call_direction import CallDirection
from callrec.domain.library.manifest import StoredState
from callrec.domain.library.search import PART_CHARACTERS
from callrec.domain.library.search_keys import MOST_CHARACTERS, Heard
from callrec.domain.library.search_pages import Sort
from callrec.domain.rules import Rule
from callrec.web.api.recordings import RecordingsQuery
from callrec.web.pages.view import View

LIMIT = 50
"""Recordings in a page of the list."""
_SPACING = re.compile(r"[\s()./-]")
_NUMBER = re.compile(r"[+*#0-9]+")


class Search(BaseModel):
    """All conditions must be met. Fields of the address that are not of the search are ignored."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True)

    who: str = Field("", max_length=MOST_CHARACTERS)
    """A part of a number, or of a name."""
    user: str | None = Field(None, pattern="^[0-9]{1,20}$")
    first: date | None = Field(None, alias="from")
    last: date | None = Field(None, alias="to")
    """The last day, which is included."""
    direction: CallDirection | None = None
    rule: Rule | None = None
    state: StoredState | None = None
    held: bool | None = None
    heard: Heard | None = None
    tag: str = Field("", max_length=MOST_CHARACTERS)
    node: str = Field("", max_length=63)
    least_min: float | None = Field(None, ge=0, le=10_000)
    most_min: float | None = Field(None, ge=0, le=10_000)
    sort: Sort = Sort.NEWEST
    cursor: str | None = Field(None, max_length=200, pattern="^[A-Za-z0-9_-]+$")

    def query(self, view: View) -> RecordingsQuery:
        """The query of the API for it; days are those of the viewer's zone."""
        given: dict[str, object] = self.model_dump(
            include={"user", "direction", "rule", "state", "held", "heard", "tag", "node", "cursor"},
            exclude_defaults=True,
        )
        typed = _SPACING.sub("", self.who)
        if _NUMBER.fullmatch(typed):
            given["number_part" if len(typed) >= PART_CHARACTERS else "number"] = typed
        elif self.who.strip():
            given["name"] = self.who.strip()
        if self.first:
            given["from_s"] = view.day_begins_s(self.first)
        if self.last:
            given["to_s"] = view.day_begins_s(self.last + timedelta(days=1)) - 0.001
        if self.least_min is not None:
            given["least_s"] = 60 * self.least_min
        if self.most_min is not None:
            given["most_s"] = 60 * self.most_min
        return RecordingsQuery.model_validate({**given, "sort": self.sort, "limit": LIMIT, "count": True})

    @property
    def is_narrow(self) -> bool:
        """Whether one of the further conditions is set, which the form hides at first."""
        further = {"rule", "state", "held", "heard", "tag", "node", "least_min", "most_min"}
        return bool(self.model_dump(include=further, exclude_defaults=True))

    @property
    def is_empty(self) -> bool:
        """Whether it has no condition at all."""
        return not self.model_dump(exclude_defaults=True, exclude={"sort", "cursor"})

    def address(self, path: str, **changes: str | None) -> str:
        """The address of this search, or of one with these changes; None leaves a condition out. Without its cursor, unless the
        changes name one."""
        given = self.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude={"cursor"})
        texts = {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in given.items()}
        kept = {name: value for name, value in {**texts, **changes}.items() if value is not None}
        return f"{path}?{urlencode(kept)}" if kept else path


FIELDS = frozenset(field.alias or name for name, field in Search.model_fields.items())
"""The names of the conditions in an address."""
