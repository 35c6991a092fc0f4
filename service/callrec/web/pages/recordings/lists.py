"""The list of recordings: conditions that stand in the address, pages that follow each other, an export of what is ticked."""

import json
from dataclasses import dataclass

from aiohttp import web

from callrec.app.library.media.exporting import MOST_RECORDINGS, Wanted
from callrec.app.library.media.stored_media import StoredMedia
from callrec.domain.access.decisions import Visible, visible
from callrec.domain.directory.model import Permission
from callrec.domain.errors import Refused
from callrec.domain.library.search_keys import Entry
from callrec.domain.library.search_pages import Count, Page
from callrec.web.api.exports import streamed_archive
from callrec.web.api.recordings import Conditions, Recordings
from callrec.web.auth import principal_of
from callrec.web.pages.forms import Form, blank, checked, typed
from callrec.web.pages.languages import N_
from callrec.web.pages.recordings import words
from callrec.web.pages.recordings.search import FIELDS, Search
from callrec.web.pages.site import SITE, page, see_other
from callrec.web.requests import query_text

PATH = "/recordings"


@dataclass(frozen=True, slots=True)
class Row:
    """A recording in the list. Times in Unix time, lengths in seconds."""

    id: str
    start_s: float
    length_s: float | None
    names: str
    numbers: str
    direction: str
    rule: str
    state: str
    tags: list[str]
    is_held: bool

    @classmethod
    def of(cls, entry: Entry) -> "Row":
        """The row of an entry of the catalogue."""
        return cls(
            entry["id"],
            float(entry["start_s"]),
            float(entry["length_s"]) if entry.get("length_s") else None,
            ", ".join(json.loads(entry.get("names") or "[]")),
            ", ".join(json.loads(entry.get("numbers") or "[]")),
            entry.get("direction", ""),
            entry.get("rule", ""),
            entry.get("state", ""),
            json.loads(entry.get("tags") or "[]"),
            bool(json.loads(entry.get("holds") or "[]")),
        )


class RecordingLists:
    """The list of all recordings that somebody may see."""

    def __init__(self, recordings: Recordings, stored: StoredMedia) -> None:
        self._recordings, self._stored = recordings, stored

    async def show(self, request: web.Request) -> web.Response:
        """`GET /recordings`."""
        form, search, found, count = await self.found(request)
        return page(
            request,
            "recordings/list.html",
            path=PATH,
            words=words,
            form=form,
            search=search or Search.model_validate({}),
            rows=[Row.of(entry) for entry in found.entries] if found else [],
            found=found,
            count=count,
        )

    async def found(
        self, request: web.Request, allowed: Visible | None = None
    ) -> tuple[Form, Search | None, Page | None, Count | None]:
        """What the address of this request asks for; without a page when it has wrong values, which the form tells. `allowed`:
        only these recordings; None: all that the person may see."""
        form = _conditions(request)
        search = checked(form, Search)
        if search is None:
            return form, None, None, None
        try:
            found, count = await self._recordings.listed(
                request, search.query(request.app[SITE].view(request)), allowed
            )
        except Refused as refused:
            if refused.code == "search-cursor":
                form.add("", N_("This page of the list is not there any more: begin again."))
            else:
                form.refuse(refused, {"": "who"})
            return form, search, None, None
        return form, search, found, count

    async def export(self, request: web.Request) -> web.StreamResponse:
        """`POST /recordings/export`: a ZIP of what was ticked, or of all that meet the conditions of the address."""
        form = await typed(request)
        if form.value("all"):
            return await self._export_all(request)
        wanted = form.values.get("recording", [])[:MOST_RECORDINGS]
        if not wanted:
            return see_other(PATH, "nothing-ticked")
        return await streamed_archive(request, self._stored, Wanted(tuple(wanted)))

    async def _export_all(self, request: web.Request) -> web.StreamResponse:
        form = _conditions(request)
        search = checked(form, Search)
        if search is None:
            raise web.HTTPNotFound
        allowed = visible(principal_of(request), Permission.RECORDINGS_EXPORT)
        query = search.query(request.app[SITE].view(request))
        said = query_text(Conditions.model_validate(query.model_dump(include=set(Conditions.model_fields)))) or "all"
        return await streamed_archive(request, self._stored, Wanted(filter=query.filter(allowed), said=said))


def _conditions(request: web.Request) -> Form:
    """The conditions of an address."""
    form = blank(request)
    form.values = {name: request.query.getall(name) for name in FIELDS & request.query.keys()}
    return form


SAYS = {
    "erased": N_("The recording is erased."),
    "nothing-ticked": N_("Tick the recordings that the export is to have."),
}
