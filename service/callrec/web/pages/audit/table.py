"""The pages of the audit log. Reading them is an entry, too."""

import asyncio
import csv
import io
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from aiohttp import web

from callrec.app.access.audit_log.audit_list import AuditPage, audit_page
from callrec.app.access.audit_log.log_check import CheckedLog, check_log
from callrec.domain.access.audit import Action, ActorKind, AuditEntry
from callrec.domain.directory.model import Permission
from callrec.protocols.checkpoints import opened
from callrec.web.auth import WAY, actor_of
from callrec.web.pages.audit import words
from callrec.web.pages.audit.search import FIELDS, LIMIT, Search, actor_named, name_of
from callrec.web.pages.background_check import BackgroundCheck
from callrec.web.pages.forms import Form, blank, checked
from callrec.web.pages.languages import N_, translations
from callrec.web.pages.routes import Page
from callrec.web.pages.site import SITE, page, see_other, wants_part
from callrec.web.use_cases import UseCases

AUDIT = "/audit"
MOST_ROWS = 50_000
"""Of a download."""
AT_ONCE = 1000
COLUMNS = (
    *("index", "time", "action", "actor_kind", "actor_id", "recording", "subject", "address", "reason", "details"),
    "signed",
)
DOWNLOAD_S = 600.0
SAYS = {"checked": N_("The log is being checked.")}
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def audit_pages(use: UseCases) -> list[Page]:
    """The list, its download, and the check of the log."""
    of, needs = _Audit(use), (Permission.AUDIT_READ,)
    return [
        Page("GET", AUDIT, "audit", of.show, needs=needs, says=SAYS),
        Page("GET", f"{AUDIT}/entries.csv", "downloadAudit", of.download, needs=needs, limit_s=DOWNLOAD_S),
        Page("POST", f"{AUDIT}/check", "checkAudit", of.check, needs=needs),
    ]


class _Audit:
    def __init__(self, use: UseCases) -> None:
        self._log, self._reader, self._tables = use.audit, use.audit_reader, use.tables
        self._proof = BackgroundCheck(self._checked_log, time.time)

    async def _checked_log(self) -> CheckedLog:
        """Without the entries: what is shown stays in memory, and a log has millions."""
        return replace(await asyncio.to_thread(check_log, self._reader), entries=[])

    async def show(self, request: web.Request) -> web.Response:
        """The newest entries that meet the conditions of the address."""
        if wants_part(request):
            return page(request, "audit/proof.html", proof=self._proof.state)
        form, search = _conditions(request)
        found: AuditPage | None = None
        if search:
            await self._noted(request)
            found = await self._found(request, search, LIMIT, search.before)
        checkpoint = await asyncio.to_thread(lambda: opened(self._reader.note() or b"", self._reader.key()))
        directory = self._tables.directory
        return page(
            request,
            "audit/audit.html",
            words=words,
            form=form,
            search=search or Search.model_validate({}),
            found=found,
            name_of=lambda kind, identity: name_of(directory, ActorKind(kind), identity),
            checkpoint=checkpoint,
            key=self._reader.key(),
            proof=self._proof.state,
            at_s=_at_s,
            actions=_choices(request, words.ACTIONS.items()),
            outcomes=_choices(request, words.OUTCOMES.items()),
            kinds=_choices(request, words.KINDS.items()),
        )

    async def check(self, _: web.Request) -> web.Response:
        """Read the whole log, and make every hash again. One check at a time."""
        self._proof.begin()
        return see_other(AUDIT, "checked")

    async def download(self, request: web.Request) -> web.StreamResponse:
        """The entries that meet the conditions as CSV: at most MOST_ROWS, newest first. No cell is a formula."""
        form, search = _conditions(request)
        if search is None or form.is_wrong:
            raise web.HTTPNotFound
        await self._noted(request, "download=true")
        found = await self._found(request, search, AT_ONCE, search.before)
        headers = {"Content-Disposition": 'attachment; filename="callrec-audit.csv"'}
        answer = web.StreamResponse(headers=headers)
        answer.content_type, answer.charset = "text/csv", "utf-8"
        await answer.prepare(request)
        await answer.write(_lines([COLUMNS]))
        sent = 0
        while True:
            rows = found.entries[: MOST_ROWS - sent]
            await answer.write(_lines([[_cell(row, column) for column in COLUMNS] for row in rows]))
            sent += len(rows)
            if found.next is None or sent >= MOST_ROWS:
                break
            found = await self._found(request, search, AT_ONCE, found.next)
        await answer.write_eof()
        return answer

    async def _found(self, request: web.Request, search: Search, limit: int, before: int | None) -> AuditPage:
        view = request.app[SITE].view(request)
        actor = actor_named(self._tables.directory, search.who) if search.who else ""
        return await asyncio.to_thread(audit_page, self._reader, search.filter(view.day_begins_s, actor), limit, before)

    async def _noted(self, request: web.Request, *more: str) -> None:
        details = "&".join((request.query_string, *more)).strip("&")
        await self._log.append(
            [AuditEntry(Action.AUDIT_READ, actor_of(request), address=request[WAY].address, details=details)]
        )


def _conditions(request: web.Request) -> tuple[Form, Search | None]:
    form = blank(request)
    form.values = {name: request.query.getall(name) for name in FIELDS & request.query.keys()}
    return form, checked(form, Search)


def _choices(request: web.Request, said: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The values of a field with their words, by the alphabet; first none, for all."""
    say = translations(request.app[SITE].view(request).language).gettext
    chosen = sorted(((str(value), say(text)) for value, text in said), key=lambda one: one[1].casefold())
    return [("", say(N_("all"))), *chosen]


def _at_s(row: Mapping[str, object]) -> float:
    return datetime.fromisoformat(str(row["time"])).timestamp()


def _cell(row: Mapping[str, object], column: str) -> str:
    value = row.get(column)
    text = "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _lines(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()
