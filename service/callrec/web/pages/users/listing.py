"""The list of users: searched as one types, in pages that stay stable while others edit, and completion of names."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode

from aiohttp import web

from callrec.app.directory import paging
from callrec.domain.access.decisions import may_somewhere
from callrec.domain.directory.directory import Directory
from callrec.domain.directory.model import Line, Permission, User
from callrec.domain.directory.services import calls_recorded
from callrec.web.auth import principal_of
from callrec.web.pages.languages import N_
from callrec.web.pages.records.editing import Editing
from callrec.web.pages.records.fields import named
from callrec.web.pages.records.pages import SAYS
from callrec.web.pages.routes import Page
from callrec.web.pages.site import page, wants_part
from callrec.web.requests import Cursor

USERS = "/users"
AT_ONCE = 50
MOST_TYPED = 100
MOST_COMPLETED = 20
SORTS: dict[str, Callable[[Directory], Callable[[User], object]]] = {
    "name": lambda _: lambda user: f"{user.lastname} {user.firstname}".strip(),
    "number": lambda tables: lambda user: next((_padded(line.number) for line in tables.lines_of(user.id)), "~"),
}
_RECORDED = {"on": N_("all calls"), "some": N_("some calls"), "off": ""}


@dataclass(frozen=True, slots=True)
class Row:
    """A user as the list has them."""

    user: User
    lines: tuple[Line, ...]
    recorded: str
    """What is recorded, in English; empty for nothing."""


class UserList:
    """The handlers."""

    def __init__(self, editing: Editing) -> None:
        self._editing = editing

    def pages(self) -> list[Page]:
        """The table of pages."""
        reads = (Permission.USERS_READ,)
        return [
            Page("GET", USERS, "users", self.listed, needs=reads, says=SAYS),
            Page("GET", f"{USERS}/complete", "completeUser", self.complete, needs=reads),
        ]

    async def listed(self, request: web.Request) -> web.Response:
        """A page of the list."""
        typed, sort = request.query.get("q", "")[:MOST_TYPED].strip(), request.query.get("sort", "name")
        sort = sort if sort.removeprefix("-") in SORTS else "name"
        cursor = request.query.get("cursor", "")[:6000]
        after = Cursor.read(cursor, sort, str) if cursor else None
        tables = self._editing.directory
        found = await asyncio.to_thread(_page, tables, typed, sort, after)
        rows = [Row(user, tables.lines_of(user.id), _RECORDED[calls_recorded(user)]) for user in found.records]
        following = urlencode({"q": typed, "sort": sort, "cursor": str(Cursor(sort, found.ends))}) if found.ends else ""
        may = principal_of(request)
        return page(
            request, "users/list.html", block="found" if wants_part(request) else "", rows=rows, typed=typed, sort=sort,
            total=found.total, following=following, is_first=after is None, everybody=len(tables.users()),
            may_change=may_somewhere(may, Permission.USERS_CHANGE),
            may_import=all(may_somewhere(may, one) for one in (Permission.USERS_CHANGE, Permission.ACCOUNTS_CHANGE)),
            sorted_by={name: urlencode({"q": typed, "sort": f"-{name}" if sort == name else name}) for name in SORTS},
        )  # fmt: skip

    async def complete(self, request: web.Request) -> web.Response:
        """Users whose names or numbers begin with what is typed in `q`, as options of a list."""
        typed = next(
            (value for name, value in request.query.items() if name == "q" or name.startswith("destination")), ""
        )
        tables = self._editing.directory
        found = tables.by_name(typed[:MOST_TYPED], MOST_COMPLETED)
        if not found and typed.strip():
            found = (await asyncio.to_thread(_page, tables, typed[:MOST_TYPED], "number", None)).records[
                :MOST_COMPLETED
            ]
        return page(request, "users/complete.html", names=[named(user, tables) for user in found])


def _page(tables: Directory, typed: str, sort: str, after: Cursor | None) -> paging.Page[User]:
    """Runs in a thread, so it first copies the table."""
    users = list(tables.users())
    order = paging.Order(SORTS[sort.removeprefix("-")](tables), lambda user: user.id, backwards=sort.startswith("-"))
    wanted = _wanted(typed, tables)
    return paging.page(users, order, wanted=wanted, limit=AT_ONCE, after=after.place if after else None)


def _wanted(typed: str, tables: Directory) -> Callable[[User], bool]:
    """By the beginning of a name or of a word in it, of a number, of an incoming number, of a user name."""
    if not typed:
        return lambda _: True
    digits = typed.replace(" ", "")
    is_number = digits.isascii() and all(one in "0123456789*#+" for one in digits)

    def wanted(user: User) -> bool:
        if is_number:
            numbers = [line.number for line in tables.lines_of(user.id)] + [
                one.exten for one in tables.incalls_of(user.id)
            ]
            return any(number.startswith(digits) for number in (*numbers, user.mobilephonenumber, user.agentnumber))
        return paging.begins(user.name, typed) or bool(
            user.username and user.username.lower().startswith(typed.lower())
        )

    return wanted


def _padded(number: str) -> str:
    return f"{len(number):02}{number}"
