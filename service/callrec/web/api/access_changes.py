"""The audit log's entries for changes, by records over HTTP, of who may do what: accounts of users, profiles, roles, groups."""

import json
import re
from collections.abc import Mapping

from aiohttp import web

from callrec.domain.access.audit import Action, AuditEntry
from callrec.domain.access.grants import ACCOUNT_FIELDS
from callrec.domain.directory.edit import Table
from callrec.web.auth import AUDIT, WAY, actor_of

_HIDDEN = "..."
"""In place of a password's hash."""
_USER_ID = re.compile("[0-9]{1,20}")
_SETTINGS = {Table.PROFILES: "profile", Table.ROLES: "role", Table.GROUPS: "group"}


async def log_record_change(
    request: web.Request, table: Table, what: str, key: str = "", fields: Mapping[str, object] | None = None
) -> None:
    """Return when the audit log has the change that follows: `what` (`create`, `change`, `delete`) is done to the record with
    this key (empty: it is not known yet), and to which fields. Records that decide nothing of access have no entry. Names of
    records may name persons: they are in `details`, which can be erased. Raises Unavailable: then nothing may be changed."""
    given = dict(fields or {})
    if table is Table.USERS:
        named = sorted(given.keys() & set(ACCOUNT_FIELDS))
        of_account = {name: _HIDDEN if name == "password_hash" else given[name] for name in named}
        if of_account or what == "delete":
            subject = f"account:{key}" if _USER_ID.fullmatch(key) else "account:"
            await log_access_change(request, Action.ACCOUNT_CHANGED, subject, _said(what, "", of_account))
    elif table in _SETTINGS:
        await log_access_change(request, Action.SETTINGS_CHANGED, f"{_SETTINGS[table]}:", _said(what, key, given))


def _said(what: str, key: str, fields: Mapping[str, object]) -> str:
    return " ".join(filter(None, (what, key, json.dumps(fields, ensure_ascii=False) if fields else "")))


async def log_access_change(request: web.Request, action: Action, subject: str, details: str) -> None:
    """Return when the audit log has it. Raises Unavailable."""
    if audit := request.app.get(AUDIT):
        entry = AuditEntry(action, actor_of(request), subject=subject, address=request[WAY].address, details=details)
        await audit.append([entry])
