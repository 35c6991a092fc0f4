"""My calls: one's own recordings and who has heard them, the services of one's own phone as far as their feature codes are
switched on, and how many messages wait in one's mailboxes."""

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import cast

from aiohttp import web
from pydantic import BaseModel, ConfigDict

from callrec.app.access.audit_log.listeners import hearings
from callrec.app.directory.idempotency import ChangeRequest
from callrec.app.directory.records import Records, as_it_is
from callrec.app.ports.asterisk import MessageCount
from callrec.domain.access.audit import Action, AuditEntry
from callrec.domain.access.decisions import Visible
from callrec.domain.directory.edit import Table, TableRecord
from callrec.domain.directory.model import Feature, Permission, User, Voicemail
from callrec.domain.errors import Refused
from callrec.domain.library.search import Filter
from callrec.domain.library.search_pages import PageRequest
from callrec.web.api.access_changes import log_record_change
from callrec.web.api.recordings import Recordings
from callrec.web.auth import WAY, actor_of, principal_of
from callrec.web.pages.audit import words as audit_words
from callrec.web.pages.audit.search import name_of
from callrec.web.pages.forms import Form, blank, checked, typed
from callrec.web.pages.languages import N_
from callrec.web.pages.recordings import words
from callrec.web.pages.recordings.lists import RecordingLists, Row
from callrec.web.pages.recordings.search import Search
from callrec.web.pages.routes import Page
from callrec.web.pages.site import page, see_other
from callrec.web.use_cases import UseCases

PATH = "/my"
MOST_HEARD = 500
"""Of so many of one's newest recordings it is told who has heard them."""
MOST_BOXES = 10
SAYS = {"services": N_("Your services are changed.")}
SERVICES: Mapping[str, Feature] = {
    "call_record": Feature.CALL_RECORD,
    "dnd": Feature.DND,
    "forward_unconditional": Feature.FORWARD_UNCONDITIONAL,
    "forward_no_answer": Feature.FORWARD_NO_ANSWER,
    "forward_busy": Feature.FORWARD_BUSY,
    "voicemail_enabled": Feature.VOICEMAIL_ENABLE,
}
"""By field of a user, the feature code that changes it by phone: a service whose code is switched off is not shown."""


class OwnServices(BaseModel):
    """What somebody may change of their own phone. The domain checks the destinations."""

    model_config = ConfigDict(extra="forbid")

    call_record: bool | None = None
    dnd: bool | None = None
    forward_unconditional: str | None = None
    forward_no_answer: str | None = None
    forward_busy: str | None = None
    voicemail_enabled: bool | None = None


def my_pages(use: UseCases) -> list[Page]:
    """The page, and its form."""
    of, needs = _My(use), (Permission.OWN_LIST,)
    return [
        Page("GET", f"{PATH}/heard", "heardOfOwn", of.heard, needs=(Permission.OWN_LIST, Permission.OWN_AUDIT)),
        Page("GET", PATH, "my", of.show, needs=needs, says=SAYS),
        Page("POST", f"{PATH}/services", "changeOwnServices", of.change, needs=needs),
    ]


class _My:
    def __init__(self, use: UseCases) -> None:
        self._records = Records(use.store, use.tables)
        self._lists = RecordingLists(Recordings(use.catalogue), use.stored)
        self._catalogue, self._mailboxes = use.catalogue, use.mailboxes
        self._audit, self._reader = use.audit, use.audit_reader

    async def show(self, request: web.Request) -> web.Response:
        return await self._page(request, blank(request))

    async def heard(self, request: web.Request) -> web.Response:
        """Who else has heard one's newest recordings. That this was looked at is an entry of the log, too."""
        user, actor = self._user(request), actor_of(request)
        wanted = Filter(recorded=frozenset({user.id} if user else ()))
        found = await self._catalogue.search(wanted, PageRequest(limit=MOST_HEARD))
        own = {entry["id"]: Row.of(entry) for entry in found.entries}
        entry = AuditEntry(Action.AUDIT_READ, actor, address=request[WAY].address, details="of one's own recordings")
        await self._audit.append([entry])
        said = await asyncio.to_thread(hearings, self._reader, own.keys(), actor)
        tables = self._records.directory
        return page(
            request, "my/heard.html", heard=said, own=own, actions=audit_words.ACTIONS, kinds=audit_words.KINDS,
            name_of=lambda one: name_of(tables, one.kind, one.id), is_whole=found.next is None, most=MOST_HEARD,
        )  # fmt: skip

    async def change(self, request: web.Request) -> web.Response:
        form, user = await typed(request), self._user(request)
        wanted = checked(form, OwnServices, keep_empty=tuple(SERVICES))
        given = wanted.model_dump(include=wanted.model_fields_set) if wanted else {}
        if not given.keys() <= self._served():
            form.add("", N_("This service is switched off."))
        if user and not form.is_wrong:
            try:
                await self._changed(request, user, given)
            except Refused as refused:
                form.refuse(refused)
            else:
                return see_other(PATH, "services")
        return await self._page(request, form)

    async def _changed(self, request: web.Request, user: User, given: Mapping[str, object]) -> None:
        def become(table_record: TableRecord) -> TableRecord:
            return replace(cast("User", table_record), **given)  # type: ignore[arg-type]  # the model has their types

        await log_record_change(request, Table.USERS, "change", user.id, given)
        wanted = ChangeRequest(f"page-{secrets.token_hex(16)}", principal_of(request).actor, "own services")
        await self._records.change(Table.USERS, user.id, become, as_it_is, wanted, stated=given.keys())

    async def _page(self, request: web.Request, services: Form) -> web.Response:
        user = self._user(request)
        allowed = Visible(all=False, users=frozenset({user.id} if user else ()))
        form, search, found, count = await self._lists.found(request, allowed)
        return page(
            request,
            "my/my.html",
            path=PATH,
            words=words,
            form=form,
            search=search or Search.model_validate({}),
            rows=[Row.of(entry) for entry in found.entries] if found else [],
            found=found,
            count=count,
            user=user,
            services=services,
            served=self._served(),
            boxes=await self._boxes(user),
        )

    async def _boxes(self, user: User | None) -> list[tuple[Voicemail, MessageCount]]:
        """One's mailboxes with their messages; without those of which Asterisk tells nothing."""
        own = [box for box in self._records.directory.voicemails() if user and box.user == user.id][:MOST_BOXES]
        counts = [await self._mailboxes.count(box.mailbox, box.context) for box in own]
        return [(box, count) for box, count in zip(own, counts, strict=True) if count]

    def _served(self) -> frozenset[str]:
        """The services whose codes are switched on."""
        tables = self._records.directory
        return frozenset(name for name, feature in SERVICES.items() if tables.code(feature).enabled)

    def _user(self, request: web.Request) -> User | None:
        own = principal_of(request).user
        return self._records.directory.user(own) if own else None
