"""The table of all pages of the settings."""

import time

from callrec.app.directory.records import Records
from callrec.web.pages.records.editing import Editing
from callrec.web.pages.records.one_time_secrets import OnceShown
from callrec.web.pages.records.pages import RecordPages
from callrec.web.pages.routes import Page
from callrec.web.pages.settings.accounts import AccountPages
from callrec.web.pages.settings.extensions import ExtensionPages
from callrec.web.pages.settings.kinds import KINDS
from callrec.web.pages.settings.overview import overview_pages
from callrec.web.pages.settings.tokens import TokenPages
from callrec.web.use_cases import UseCases


def settings_pages(use: UseCases) -> list[Page]:
    """All of them; those with fixed paths come before those of one record."""
    records, once = Records(use.store, use.tables), OnceShown(time.monotonic)
    editing = Editing(records, use.tables, use.numbers)
    return [
        *overview_pages(),
        *ExtensionPages(editing).pages(),
        *TokenPages(use, once).pages(),
        *AccountPages(use, records, once).pages(),
        *(page for kind in KINDS for page in RecordPages(kind, editing, once).pages()),
    ]
