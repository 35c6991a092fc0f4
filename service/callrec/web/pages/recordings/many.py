"""What is done with all recordings that meet the conditions of the list: put under a hold, released, erased.

The page first tells which these are; the conditions stand in its address, as in that of the list. The form then concerns no
recording that began after the page was shown.
"""

import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from callrec.app.library.changing_many import ChangedMany
from callrec.app.library.lifetime.erasure import Erased
from callrec.app.library.lifetime.holding import Case
from callrec.app.library.media.stored_media import StoredMedia
from callrec.app.ports.library import Catalogue
from callrec.domain.access.decisions import Visible
from callrec.domain.errors import Refused
from callrec.domain.library.annotations import MOST_REASON
from callrec.domain.library.erasure import Kept, Preview
from callrec.domain.library.search import Filter
from callrec.web.api.media import asker_of
from callrec.web.pages.forms import Form, blank, checked, typed
from callrec.web.pages.languages import N_
from callrec.web.pages.recordings import words
from callrec.web.pages.recordings.lists import PATH, Row
from callrec.web.pages.recordings.search import FIELDS, Search
from callrec.web.pages.site import SITE, page
from callrec.web.routes import Handler

NO_CONDITION = N_("Choose conditions first: this is for some recordings, never for all.")
SURE = N_("Tick this, since it cannot be undone.")
KEPT: Mapping[Kept, str] = {
    Kept.HELD: N_("under a hold"),
    Kept.UNFINISHED: N_("still being stored"),
    Kept.DAMAGED: N_("with a damaged sidecar"),
    Kept.ELSEWHERE: N_("stored by another daemon"),
}
"""Why recordings are not erased."""


class Reasons(BaseModel):
    """What a person says with the request. `until_s`: when the page was shown, in Unix time."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=1, max_length=MOST_REASON)
    reference: str = Field("", max_length=MOST_REASON)
    until_s: float = Field(gt=0, le=1e11)


@dataclass(frozen=True, slots=True)
class Subject:
    """What one of the pages is about, for one request. `before`: what it would do; `after`: what it has done."""

    kind: str
    search: Search
    form: Form
    before: ChangedMany | Preview | None = None
    after: ChangedMany | Erased | None = None


Does = Callable[[web.Request, Filter, Case, bool], Awaitable[ChangedMany | Preview | Erased]]


class ManyRecordings:
    """The handlers."""

    def __init__(self, stored: StoredMedia, catalogue: Catalogue) -> None:
        self._stored, self._catalogue = stored, catalogue
        self._does: Mapping[str, Does] = {"hold": self._hold, "release": self._release, "erase": self._erase}

    def asker(self, kind: str) -> Handler:
        """The page that tells which recordings these are."""

        async def show(request: web.Request) -> web.Response:
            return await self._shown(request, kind, blank(request))

        return show

    def doer(self, kind: str) -> Handler:
        """The form."""

        async def do(request: web.Request) -> web.Response:
            form = await typed(request)
            said = checked(form, Reasons, leave_out=("sure",))
            if kind == "erase" and form.value("sure") != "yes":
                form.add("sure", SURE)
            search, wanted = self._wanted(request, form)
            if said is None or wanted is None or form.is_wrong:
                return await self._shown(request, kind, form)
            until_s = min(said.until_s, wanted.to_s if wanted.to_s is not None else said.until_s)
            try:
                case = Case(said.reason, said.reference)
                done = await self._does[kind](request, replace(wanted, to_s=until_s), case, False)
            except Refused as refused:
                form.refuse(refused)
                return await self._shown(request, kind, form)
            assert not isinstance(done, Preview)  # noqa: S101 - it was no preview
            return await self._page(request, Subject(kind, search, form, after=done))

        return do

    async def _shown(self, request: web.Request, kind: str, form: Form) -> web.Response:
        """Which recordings it would be, with the form."""
        search, wanted = self._wanted(request, form)
        before = None
        if wanted is not None:
            try:
                found = await self._does[kind](request, wanted, Case("preview", form.value("reference")), True)
                before = None if isinstance(found, Erased) else found
            except Refused as refused:
                form.refuse(refused)
        return await self._page(request, Subject(kind, search, form, before))

    def _wanted(self, request: web.Request, form: Form) -> tuple[Search, Filter | None]:
        """The conditions of the address; None without a good one, which the form then tells."""
        given = Form({name: request.query.getall(name) for name in FIELDS & request.query.keys()}, {}, form.language)
        search = checked(given, Search)
        view = request.app[SITE].view(request)
        try:
            wanted = search.query(view).filter(Visible(all=True)) if search else None
        except Refused as refused:
            form.refuse(refused, dict.fromkeys(FIELDS, ""))
            return search or Search.model_validate({}), None
        if wanted is None or wanted == Filter():
            form.add("", NO_CONDITION)
            wanted = None
        return search or Search.model_validate({}), wanted

    async def _hold(self, request: web.Request, wanted: Filter, case: Case, is_preview: bool) -> ChangedMany:
        return await self._stored.holding.hold(wanted, case, asker_of(request), is_preview=is_preview)

    async def _release(self, request: web.Request, wanted: Filter, case: Case, is_preview: bool) -> ChangedMany:
        return await self._stored.holding.release(wanted, case, asker_of(request), is_preview=is_preview)

    async def _erase(self, request: web.Request, wanted: Filter, case: Case, is_preview: bool) -> Preview | Erased:
        if is_preview:
            return await self._stored.erasure.preview(wanted, asker_of(request))
        return await self._stored.erasure.some(wanted, case.reason, asker_of(request))

    async def _page(self, request: web.Request, about: Subject) -> web.Response:
        before, after = about.before, about.after
        first = before.first if before else []
        ids = [one if isinstance(one, str) else one.recording for one in first]
        entries = [await self._catalogue.get(one) for one in ids]
        kept = (
            before.kept
            if isinstance(before, Preview)
            else Counter(after.kept.values())
            if isinstance(after, Erased)
            else {}
        )
        return page(
            request,
            "recordings/many.html",
            words=words,
            about=about,
            count=before.recordings if before else 0,
            done=len(after.recordings) if isinstance(after, Erased) else after.recordings if after else 0,
            rows=[Row.of(entry) for entry in entries if entry],
            kept=[(KEPT[why], number) for why, number in kept.items()],
            back=about.search.address(PATH),
            here=about.search.address(f"{PATH}/{about.kind}"),
            until_s=about.form.value("until_s") or f"{time.time():.3f}",
        )
