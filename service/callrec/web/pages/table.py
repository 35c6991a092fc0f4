"""The table of all pages for people."""

import time

from callrec.web.pages.account import account_pages
from callrec.web.pages.api import api_pages
from callrec.web.pages.audit.table import audit_pages
from callrec.web.pages.calls.table import call_pages
from callrec.web.pages.login import login_pages
from callrec.web.pages.my import my_pages
from callrec.web.pages.recordings.table import recording_pages
from callrec.web.pages.routes import Page
from callrec.web.pages.settings.table import settings_pages
from callrec.web.pages.site import Site
from callrec.web.pages.system.table import system_pages
from callrec.web.pages.users.table import user_pages
from callrec.web.use_cases import UseCases


def pages(use: UseCases) -> list[Page]:
    """All pages. A new page belongs here, into `navigation` if it has a link there, and into tests/pages."""
    return [
        *login_pages(use, time.monotonic),
        *account_pages(use),
        *user_pages(use),
        *settings_pages(use),
        *call_pages(use),
        *audit_pages(use),
        *system_pages(use),
        *api_pages(use),
        *recording_pages(use),
        *my_pages(use),
    ]


def site(use: UseCases, node: str = "") -> Site:
    """The site of a daemon."""
    return Site(pages(use), use.tables, node)
