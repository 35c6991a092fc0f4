"""The navigation: in its order, the pages that the person may reach."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from callrec.domain.access.decisions import may_somewhere, visible
from callrec.domain.access.principals import Principal
from callrec.web.pages.languages import N_
from callrec.web.pages.routes import Page

TITLES: Mapping[str, str] = {
    "/my": N_("My calls"),
    "/recordings": N_("Audio files"),
    "/calls": N_("Live"),
    "/users": N_("Users"),
    "/extensions": N_("Extensions"),
    "/settings": N_("Settings"),
    "/audit": N_("Audit"),
    "/system": N_("System"),
    "/api": N_("API"),
}
"""By path. A page that is not in the table is not shown."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A link of the navigation; `title` is in English."""

    path: str
    title: str
    is_here: bool


def may_reach(page: Page, principal: Principal) -> bool:
    """Whether this principal gets to the page's handler."""
    return all(may_somewhere(principal, permission) for permission in page.needs)


def reachable(pages: Iterable[Page], principal: Principal, here: str = "") -> list[Entry]:
    """The entries for this principal. `here`: the path of the page that shows them."""
    own = {page.path for page in pages if page.method == "GET" and may_reach(page, principal)}
    return [
        Entry(path, title, here == path or here.startswith(path + "/")) for path, title in TITLES.items() if path in own
    ]


def home(pages: Iterable[Page], principal: Principal) -> str:
    """Where a login leads that was asked for nothing else: to the recordings for those who may see more than their own ones."""
    own = [entry.path for entry in reachable(pages, principal)]
    sees = visible(principal)
    first = "/recordings" if sees.all or sees.users - {principal.user} else "/my"
    return first if first in own else next(iter(own), "/account")
