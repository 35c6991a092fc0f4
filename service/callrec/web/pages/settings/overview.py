"""The first page of the settings: what the person may see of them."""

from dataclasses import dataclass

from aiohttp import web

from callrec.domain.access.decisions import may_somewhere
from callrec.domain.directory.model import Permission
from callrec.web.auth import principal_of
from callrec.web.pages.languages import N_
from callrec.web.pages.navigation import may_reach
from callrec.web.pages.routes import Page
from callrec.web.pages.site import SITE, page


@dataclass(frozen=True, slots=True)
class Card:
    """A page of the settings; texts are in English."""

    path: str
    title: str
    about: str


CARDS = (
    Card(
        "/settings/contexts",
        N_("Contexts"),
        N_("Which numbers there are, and for which calls recording is decided by the number."),
    ),
    Card("/settings/entities", N_("Entities"), N_("The organisations that users belong to.")),
    Card("/settings/profiles", N_("Profiles"), N_("Which role the users with a profile have.")),
    Card("/settings/roles", N_("Roles"), N_("What people may do.")),
    Card("/settings/groups", N_("Groups"), N_("Whose recordings supervisors may hear.")),
    Card("/settings/accounts", N_("Accounts"), N_("Who can log in: sessions, locks, passwords, second factors.")),
    Card("/settings/tokens", N_("Tokens"), N_("What programs use in place of a password.")),
    Card("/system/retention", N_("Retention"), N_("How long recordings are kept.")),
    Card("/system/webhooks", N_("Webhooks"), N_("Programs that are told of each recording.")),
    Card("/system/prompts", N_("Prompts"), N_("What callers hear: own announcements.")),
)


def overview_pages() -> list[Page]:
    """The page."""
    return [Page("GET", "/settings", "settings", _show, needs=(Permission.USERS_READ,))]


async def _show(request: web.Request) -> web.Response:
    principal, site = principal_of(request), request.app[SITE]
    reached = {one.path for one in site.pages if one.method == "GET" and may_reach(one, principal)}
    may_change = may_somewhere(principal, Permission.SETTINGS_CHANGE)
    return page(
        request, "settings/overview.html", cards=[one for one in CARDS if one.path in reached], may_change=may_change
    )
