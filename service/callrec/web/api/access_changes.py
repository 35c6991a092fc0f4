"""The audit log's entries for changes over HTTP: who may do what, and every other record, setting, webhook and prompt."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence

from aiohttp import web

from callrec.domain.access.audit import Action, AuditEntry
from callrec.domain.access.grants import ACCOUNT_FIELDS
from callrec.domain.directory.edit import Table
from callrec.web.api.record_names import SECRETS
from callrec.web.api.resources import RESOURCES
from callrec.web.auth import AUDIT, WAY, actor_of

_HIDDEN = "..."
"""In place of a secret, or of a password's hash."""
_USER_ID = re.compile("[0-9]{1,20}")
_SINGULARS = {one.table: one.singular for one in RESOURCES}


async def log_record_change(
    request: web.Request, table: Table, what: str, key: str = "", fields: Mapping[str, object] | None = None
) -> None:
    """Return when the audit log has the change that follows: `what` (`create`, `change`, `delete`) is done to the record with
    this key (empty: it is not known yet), and to which fields. What decides of a user's account is an entry of its own. Names of
    records may name persons: they are in `details`, which can be erased. Raises Unavailable: then nothing may be changed."""
    given = {name: _HIDDEN if name in SECRETS and value else value for name, value in (fields or {}).items()}
    if table is not Table.USERS:
        said = [(Action.SETTINGS_CHANGED, f"{_SINGULARS[table]}:", _said(what, key, given))]
    else:
        said = _of_user(what, key if _USER_ID.fullmatch(key) else "", given)
    await _log(request, said)


def _of_user(what: str, key: str, given: Mapping[str, object]) -> list[tuple[Action, str, str]]:
    """Action, subject and details of each entry: one for the account, and one for all that is not of the account."""
    of_account = {name: given[name] for name in sorted(given.keys() & set(ACCOUNT_FIELDS))}
    others = {name: value for name, value in given.items() if name not in of_account}
    said = []
    if of_account or what == "delete":
        said.append((Action.ACCOUNT_CHANGED, f"account:{key}", _said(what, "", of_account)))
    if others or not said:
        said.append((Action.SETTINGS_CHANGED, f"user:{key}", _said(what, "", others)))
    return said


def _said(what: str, key: str, fields: Mapping[str, object]) -> str:
    return " ".join(filter(None, (what, key, json.dumps(fields, ensure_ascii=False) if fields else "")))


async def log_change(request: web.Request, subject: str, what: str, **fields: object) -> None:
    """Return when the audit log has a change of a setting that is no record: of a webhook, a prompt, a feature code. Secrets are
    left out of `fields`. Raises Unavailable: then nothing may be changed."""
    await log_changes(request, [subject], what, **fields)


async def log_changes(request: web.Request, subjects: Iterable[str], what: str, **fields: object) -> None:
    """The same for several: each has an entry, and all are on disk on return. Raises Unavailable."""
    given = {name: _HIDDEN if name in SECRETS and value else value for name, value in fields.items()}
    await _log(request, [(Action.SETTINGS_CHANGED, one, _said(what, "", given)) for one in subjects])


async def log_access_change(request: web.Request, action: Action, subject: str, details: str) -> None:
    """Return when the audit log has it. Raises Unavailable."""
    await _log(request, [(action, subject, details)])


async def _log(request: web.Request, said: Sequence[tuple[Action, str, str]]) -> None:
    if audit := request.app.get(AUDIT):
        actor, address = actor_of(request), request[WAY].address
        await audit.append(
            [
                AuditEntry(action, actor, subject=subject, address=address, details=details)
                for action, subject, details in said
            ]
        )
