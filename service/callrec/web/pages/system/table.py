"""The pages of the system."""

import asyncio
import time
import tomllib
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from aiohttp import web

from callrec.adapters.packages import own_notice, packages
from callrec.app.doctor.findings import Finding, Verdict
from callrec.domain.directory.model import Permission
from callrec.domain.errors import Refused
from callrec.domain.prompts import DEFAULT, LANGUAGES, LARGEST_BYTES, SPOKEN, TONES
from callrec.web.api.media import asker_of
from callrec.web.api.prompts import UPLOAD_S, WAV, log_prompt
from callrec.web.pages.background_check import BackgroundCheck
from callrec.web.pages.forms import Form, blank, typed
from callrec.web.pages.languages import N_
from callrec.web.pages.routes import Page
from callrec.web.pages.site import page, see_other, wants_part
from callrec.web.pages.system import words
from callrec.web.pages.system.prompt_words import PROMPTS as PROMPT_WORDS
from callrec.web.pages.system.reasons import reason_words
from callrec.web.pages.system.retention import RetentionPages
from callrec.web.pages.system.webhooks import WebhookPages
from callrec.web.static_files import FOLDER
from callrec.web.use_cases import UseCases

SYSTEM, PROMPTS, LICENCES = "/system", "/system/prompts", "/system/licences"
ONE_PROMPT = PROMPTS + "/{name:[a-z0-9-]{1,60}}/{language:[a-z0-9]{1,7}}"
SAYS = {"examined": N_("The doctor is at work.")}
OF_PROMPTS = {
    "set": N_("The prompt is set: it is played from now on."),
    "removed": N_("callrec's own prompt is played again."),
}


def system_pages(use: UseCases) -> list[Page]:
    """The pages, and their forms."""
    of, reads = _System(use), (Permission.SETTINGS_READ,)
    changes = (Permission.SETTINGS_READ, Permission.SETTINGS_CHANGE)
    return [
        Page("GET", SYSTEM, "system", of.show, needs=reads, says=SAYS),
        Page("POST", f"{SYSTEM}/doctor", "runDoctor", of.examine, needs=changes),
        Page("GET", LICENCES, "licences", of.licences, needs=reads),
        Page("GET", f"{LICENCES}/{{name:[A-Za-z0-9._-]{{1,80}}}}", "licence", of.licence, needs=reads),
        *WebhookPages(use).pages(),
        *RetentionPages(use).pages(),
        Page("GET", PROMPTS, "prompts", of.prompts, needs=reads, says=OF_PROMPTS),
        Page("GET", ONE_PROMPT, "hearPrompt", of.hear, needs=reads),
        Page("POST", PROMPTS, "setPrompt", of.put, needs=changes, limit_s=UPLOAD_S),
        Page("POST", f"{ONE_PROMPT}/remove", "takePromptAway", of.remove, needs=changes),
    ]


def _faults(findings: Sequence[Finding]) -> list[Finding]:
    """Those that are not good, the worst first."""
    order = (Verdict.WRONG, Verdict.CLOSED, Verdict.UNSEEN)
    return sorted((one for one in findings if one.verdict in order), key=lambda one: order.index(one.verdict))


class _System:
    def __init__(self, use: UseCases) -> None:
        self._use = use
        self._examination = BackgroundCheck(use.machine.doctor, time.time)

    async def show(self, request: web.Request) -> web.Response:
        """How the service does."""
        state = self._examination.state
        if wants_part(request):
            return page(request, "system/doctor.html", words=words, doctor=state, faults=_faults(state.found or ()))
        retention = await self._use.stored.retention.status(asker_of(request))
        hooks = await self._use.webhooks.every()
        return page(
            request, "system/system.html", words=words, told_reason=reason_words, doctor=state, faults=_faults(state.found or ()),
            checks=self._use.readiness.look(),
            disks=await asyncio.to_thread(self._use.machine.disks), unfinished=self._use.machine.unfinished(),
            followers=self._use.hub.subscribers, waiting=sum(standing.waiting for _, standing in hooks), hooks=hooks,
            versions=self._use.machine.versions(), retention=retention,
        )  # fmt: skip

    async def examine(self, _: web.Request) -> web.Response:
        """Run the doctor."""
        self._examination.begin()
        return see_other(SYSTEM, "examined")

    async def licences(self, request: web.Request) -> web.Response:
        """What callrec is made of, and under which terms."""
        found, notice = await asyncio.to_thread(packages), await asyncio.to_thread(own_notice)
        vendored = await asyncio.to_thread(_vendored)
        return page(request, "system/licences.html", vendored=vendored, packages=found, notice=notice)

    async def licence(self, request: web.Request) -> web.Response:
        """The terms of one Python package, as its authors wrote them."""
        name = request.match_info["name"]
        found = next((one for one in await asyncio.to_thread(packages) if one.name == name), None)
        text = await asyncio.to_thread(found.text) if found else ""
        if not text:
            raise web.HTTPNotFound
        return web.Response(text=text, content_type="text/plain", charset="utf-8")

    async def prompts(self, request: web.Request) -> web.Response:
        """All own prompts."""
        return await self._own_prompts(request)

    async def hear(self, request: web.Request) -> web.Response:
        """The WAV file of an own prompt."""
        where = request.match_info["name"], request.match_info["language"]
        return web.Response(body=await self._use.prompts.read(*where), content_type=WAV)

    async def put(self, request: web.Request) -> web.Response:
        """Set an own prompt from an uploaded WAV file."""
        request._client_max_size = LARGEST_BYTES + (1 << 16)  # noqa: SLF001 - aiohttp has no other way for one request
        form, sent = await typed(request), (await request.post()).get("file")
        content = await asyncio.to_thread(sent.file.read) if isinstance(sent, web.FileField) else b""
        if not content:
            form.add("file", N_("Choose a WAV file."))
            return await self._own_prompts(request, form)
        try:
            await log_prompt(request, form.value("name"), form.value("language"), content)
            await self._use.prompts.put(form.value("name"), form.value("language"), content)
        except Refused as refused:
            form.refuse(refused, {"": "file"})
            return await self._own_prompts(request, form)
        return see_other(PROMPTS, "set")

    async def remove(self, request: web.Request) -> web.Response:
        """Remove an own prompt."""
        await log_prompt(request, request.match_info["name"], request.match_info["language"])
        await self._use.prompts.remove(request.match_info["name"], request.match_info["language"])
        return see_other(PROMPTS, "removed")

    async def _own_prompts(self, request: web.Request, form: Form | None = None) -> web.Response:
        return page(
            request,
            "system/prompts.html",
            own=await self._use.prompts.every(),
            prompt_words=PROMPT_WORDS,
            prompt_names=sorted((*SPOKEN, *TONES)),
            prompt_languages=[(one, one) for one in (*sorted(LANGUAGES), DEFAULT)],
            form=form or blank(request),
        )


@cache
def _vendored() -> list[tuple[str, str, str, str]]:
    """Name, version, licence, and its text, of each script of others that the pages use."""
    vendor = FOLDER / "vendor"
    listed = tomllib.loads((vendor / "vendor.toml").read_text("utf-8"))
    found: list[tuple[str, str, str, str]] = []
    for name, one in listed.items():
        text = next((folder / "LICENSE" for folder in _folders(vendor, name, str(one["version"]))), None)
        found.append((name, str(one["version"]), str(one["licence"]), text.read_text("utf-8") if text else ""))
    return found


def _folders(vendor: Path, name: str, version: str) -> list[Path]:
    return [
        one
        for one in vendor.iterdir()
        if one.name.endswith(f"-{version}") and one.name.startswith(name.partition(".")[0])
    ]
