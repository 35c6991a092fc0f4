"""The pages of live calls."""

import time

from aiohttp import web

from callrec.app.calls.live_calls import REASON, LiveCall
from callrec.domain.access.decisions import visible
from callrec.domain.calls.model import Control
from callrec.domain.directory.model import Permission
from callrec.domain.errors import CallrecError, Refused
from callrec.web.auth import WAY, actor_of, principal_of
from callrec.web.pages.calls import words
from callrec.web.pages.calls.rows import Row, controls_for
from callrec.web.pages.calls.stream import LIFE_S, LiveStream, RowLook
from callrec.web.pages.forms import Form, blank, typed
from callrec.web.pages.languages import translations
from callrec.web.pages.refusals import refusal_line
from callrec.web.pages.routes import Page
from callrec.web.pages.site import page, see_other, wants_part
from callrec.web.routes import Handler
from callrec.web.use_cases import UseCases

CALLS = "/calls"
ONE = "/calls/{id:[A-Za-z0-9._-]{1,128}}"
AT_ONCE = 30
"""Calls on one page without scripts."""
LIMIT_S = 10.0
SAYS = {
    **{f"{control}-done": sentence for control, sentence in words.DONE.items()},
    **{f"{control}-asked": sentence for control, sentence in words.UNDER_WAY.items()},
}


def call_pages(use: UseCases) -> list[Page]:
    """The list, one call, their stream, and a form for each request."""
    of, reads, records = _Calls(use), (Permission.CALLS_READ,), (Permission.CALLS_READ, Permission.CALLS_RECORD)
    return [
        Page("GET", CALLS, "calls", of.show, needs=reads, says=SAYS),
        Page("GET", f"{CALLS}/stream", "followCalls", of.follow, needs=reads, limit_s=LIFE_S + 60),
        Page("GET", ONE, "call", of.show_one, needs=reads, says=SAYS),
        *(
            Page("POST", f"{ONE}/recording/{control}", f"{control}Recording", of.asker(control), needs=records, limit_s=LIMIT_S)
            for control in Control
        ),
    ]  # fmt: skip


class _Calls:
    def __init__(self, use: UseCases) -> None:
        self._calls = use.calls
        self._look = RowLook(use.calls, time.monotonic)
        self.follow = LiveStream(self._look).follow

    async def show(self, request: web.Request) -> web.Response:
        """The calls that the person may see, oldest first; `?after=` continues behind this call."""
        return self._list(request)

    async def show_one(self, request: web.Request) -> web.Response:
        """One call with all that is known of its recording."""
        found = self._found(request)
        if found is None:
            raise web.HTTPNotFound
        return self._one(request, found, blank(request))

    def asker(self, control: Control) -> Handler:
        """The handler of the form that asks for this."""

        async def ask(request: web.Request) -> web.Response:
            form = await typed(request)
            done, wrong = "", ""
            try:
                came = await self._calls.control(
                    request.match_info["id"],
                    control,
                    form.value("reason").strip(),
                    by=actor_of(request),
                    within=visible(principal_of(request), Permission.CALLS_RECORD),
                    address=request[WAY].address,
                )
                done = f"{control}-{'done' if came.is_proven else 'asked'}"
            except Refused as refused:
                wrong = self._said(form, refused)
            return self._answer(request, form, done, wrong)

        return ask

    def _answer(self, request: web.Request, form: Form, done: str, wrong: str) -> web.Response:
        """To a script: the sentence alone; else the page from which it was asked."""
        said = translations(form.language).gettext(SAYS[done]) if done else ""
        if wants_part(request):
            return page(request, "calls/said.html", said=said, wrong=wrong)
        identity = request.match_info["id"]
        is_of_one = form.value("from") == "one"
        if done:
            return see_other(f"{CALLS}/{identity}" if is_of_one else CALLS, done)
        form.add("", wrong)
        found = self._found(request)
        return self._one(request, found, form) if is_of_one and found else self._list(request, wrong)

    @staticmethod
    def _said(form: Form, refused: CallrecError) -> str:
        known = words.REFUSED.get(refused.code)
        return translations(form.language).gettext(known) if known else refusal_line(refused, form.language)

    def _list(self, request: web.Request, wrong: str = "") -> web.Response:
        every, after = self._look.rows(principal_of(request)), request.query.get("after", "")
        rest = [row for row in every if row.id > after]
        return page(
            request, "calls/calls.html", words=words, now_s=time.time(),
            rows=rest[:AT_ONCE], count=len(every), wrong=wrong, after=after,
            more=rest[AT_ONCE - 1].id if len(rest) > AT_ONCE else "",
            controls=controls_for(principal_of(request)),
        )  # fmt: skip

    def _one(self, request: web.Request, call: LiveCall, form: Form) -> web.Response:
        row = Row.of(call)
        return page(
            request, "calls/one.html", words=words, call=call, row=row, recording=call.recording, form=form,
            most=REASON.most, controls=controls_for(principal_of(request))(row),
        )  # fmt: skip

    def _found(self, request: web.Request) -> LiveCall | None:
        """The call of the path, when the person may see it."""
        seen = self._calls.seen(visible(principal_of(request), Permission.CALLS_READ))
        return next((one for one in seen if one.session.call == request.match_info["id"]), None)
