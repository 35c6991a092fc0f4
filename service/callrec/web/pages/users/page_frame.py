"""What stands around each page of a user: the name, and the tabs."""

from dataclasses import dataclass
from typing import Any

from aiohttp import web

from callrec.domain.access.decisions import may_somewhere
from callrec.domain.directory.directory import Directory
from callrec.domain.directory.model import Permission, User
from callrec.domain.errors import Refused
from callrec.domain.rules import UserId
from callrec.web.auth import principal_of
from callrec.web.pages.languages import N_
from callrec.web.pages.records.editing import Editing


@dataclass(frozen=True, slots=True)
class Tab:
    """A part of the user; `title` is in English."""

    path: str
    title: str
    is_here: bool
    count: int | None = None


_TABS = (
    ("", N_("General")),
    ("/lines", N_("Lines")),
    ("/incalls", N_("Incoming calls")),
    ("/voicemails", N_("Voicemail")),
    ("/services", N_("Services")),
    ("/keys", N_("Function keys")),
    ("/groups", N_("Groups")),
    ("/login", N_("XiVO Client")),
)
_OF_ACCOUNTS = {"/groups", "/login"}


class AroundUser:
    """Makes the values that the templates of a user's pages need."""

    def __init__(self, editing: Editing) -> None:
        self._editing = editing

    def user(self, request: web.Request) -> User:
        """The user of the path. Raises Refused (404)."""
        found = self._editing.directory.user(UserId(request.match_info["user"]))
        if found is None:
            raise Refused("no-such-record", "this user does not exist")
        return found

    def __call__(self, request: web.Request, _path: str = "") -> dict[str, Any]:
        """`user`, `lead` (the name), and `tabs`."""
        user, tables = self.user(request), self._editing.directory
        base = f"/users/{user.id}"
        sees = may_somewhere(principal_of(request), Permission.ACCOUNTS_READ)
        tabs = [
            Tab(base + path, title, _is_here(request.path, base, path), _count(user, path, tables))
            for path, title in _TABS
            if sees or path not in _OF_ACCOUNTS
        ]
        return {"user": user, "lead": user.name, "tabs": tabs}


def _is_here(here: str, base: str, path: str) -> bool:
    if not path:
        return here == base
    return here == base + path or here.startswith(f"{base}{path}/")


def _count(user: User, path: str, tables: Directory) -> int | None:
    found = {
        "/lines": tables.lines_of,
        "/incalls": tables.incalls_of,
        "/voicemails": tables.voicemails_of,
        "/keys": tables.keys_of,
    }.get(path)
    return len(found(user.id)) if found else None
