"""The table of all pages of users."""

import time

from callrec.app.directory.records import Records
from callrec.web.pages.records.editing import Editing
from callrec.web.pages.records.one_time_secrets import OnceShown
from callrec.web.pages.records.pages import RecordPages
from callrec.web.pages.routes import Page
from callrec.web.pages.users.fields import INCALL, LINE, VOICEMAIL
from callrec.web.pages.users.file import ImportPages
from callrec.web.pages.users.form import UserForms
from callrec.web.pages.users.keys import KeyPages
from callrec.web.pages.users.listing import UserList
from callrec.web.pages.users.new import NewUser
from callrec.web.pages.users.page_frame import AroundUser
from callrec.web.pages.users.uploads import Uploads
from callrec.web.use_cases import UseCases


def user_pages(use: UseCases) -> list[Page]:
    """All of them; those with fixed paths come before those of one user."""
    records, once = Records(use.store, use.tables), OnceShown(time.monotonic)
    editing = Editing(records, use.tables, use.numbers)
    around = AroundUser(editing)
    return [
        *UserList(editing).pages(),
        *NewUser(editing, once).pages(),
        *ImportPages(use.files, records, Uploads(time.monotonic)).pages(),
        *UserForms(editing, around, once).pages(),
        *KeyPages(editing, around).pages(),
        *(page for kind in (LINE, INCALL, VOICEMAIL) for page in RecordPages(kind, editing, once, around).pages()),
    ]
