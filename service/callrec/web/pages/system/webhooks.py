"""Webhooks: what they are sent, what waits for them; adding, changing, another secret."""

import time

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from callrec.domain.directory.model import Permission
from callrec.domain.errors import Refused
from callrec.domain.webhooks.destinations import LONGEST_URL
from callrec.domain.webhooks.model import OVERLAP_S, Webhook
from callrec.protocols.event_types import TYPES
from callrec.web.api.webhooks import log_webhook
from callrec.web.auth import principal_of
from callrec.web.pages.forms import Form, blank, checked, typed
from callrec.web.pages.languages import N_
from callrec.web.pages.records.one_time_secrets import TICKET, OnceShown, Secret
from callrec.web.pages.routes import Page
from callrec.web.pages.site import page, see_other
from callrec.web.pages.system.reasons import attempt_words
from callrec.web.use_cases import UseCases

WEBHOOKS = "/system/webhooks"
ONE = WEBHOOKS + "/{id:[a-z0-9-]{1,40}}"
MOST_ROWS = 200
SAYS = {
    "added": N_(
        "The webhook is there. Give its secret to the receiver, who checks with it that a message is from here."
    ),
    "changed": N_("The webhook is changed."),
    "removed": N_("The webhook is removed, with what waited for it."),
    "rotated": N_(
        "There is a new secret. The former one signs as well for a while: change it at the receiver meanwhile."
    ),
    "resent": N_("What was given up is sent again."),
    "tested": N_("The receiver has answered well."),
    "failed": N_("The receiver has not answered well: see below."),
}


class HookWanted(BaseModel):
    """A webhook as its form has it."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field("", max_length=40)
    url: str = Field(min_length=1, max_length=LONGEST_URL)
    types: list[str] = Field(default_factory=list, max_length=100)
    enabled: bool = True


class WebhookPages:
    """The handlers."""

    def __init__(self, use: UseCases) -> None:
        self._webhooks, self._once = use.webhooks, OnceShown(time.monotonic)

    def pages(self) -> list[Page]:
        """The table of pages."""
        reads, new = (Permission.SETTINGS_READ,), "/system/new-webhook"  # below WEBHOOKS it would be the address of one
        changes = (*reads, Permission.SETTINGS_CHANGE)
        return [
            Page("GET", WEBHOOKS, "webhooks", self.listed, needs=reads, says=SAYS),
            Page("GET", new, "newWebhook", self.new, needs=changes),
            Page("POST", new, "addWebhook", self.add, needs=changes),
            Page("GET", ONE, "webhook", self.show, needs=reads, says=SAYS),
            Page("GET", f"{ONE}/change", "editWebhook", self.edit, needs=changes),
            Page("POST", f"{ONE}/change", "changeWebhook", self.change, needs=changes),
            Page("POST", f"{ONE}/rotate", "rotateSecret", self.rotate, needs=changes),
            Page("POST", f"{ONE}/remove", "removeWebhook", self.remove, needs=changes),
            Page("POST", f"{ONE}/resend", "resendDeliveries", self.resend, needs=changes),
            Page("POST", f"{ONE}/test", "tryWebhook", self.test, needs=changes, limit_s=60.0),
        ]

    async def listed(self, request: web.Request) -> web.Response:
        """All webhooks."""
        return page(request, "system/webhooks.html", hooks=await self._webhooks.every(), told_attempt=attempt_words)

    async def new(self, request: web.Request) -> web.Response:
        """The empty form."""
        return _form(request, blank(request), None)

    async def add(self, request: web.Request) -> web.Response:
        """Add a webhook; its secret is shown once."""
        form = await typed(request)
        wanted = checked(form, HookWanted, lists=("types",))
        if wanted and any(hook.id == wanted.id for hook, _ in await self._webhooks.every()):
            form.add("id", N_("There is a webhook with this name."))
        if wanted is None or form.is_wrong:
            return _form(request, form, None)
        await log_webhook(request, "put", new=wanted.id, **wanted.model_dump(exclude={"id"}))
        try:
            made, _ = await self._webhooks.put(wanted.id, wanted.url, wanted.types, enabled=wanted.enabled)
        except Refused as refused:
            form.refuse(refused)
            return _form(request, form, None)
        return self._told(request, made, "added")

    async def show(self, request: web.Request) -> web.Response:
        """One webhook with what waits and what was given up."""
        return await self._one(request)

    async def edit(self, request: web.Request) -> web.Response:
        """The form of a webhook."""
        hook, _ = await self._webhooks.one(request.match_info["id"])
        return _form(request, blank(request), hook)

    async def change(self, request: web.Request) -> web.Response:
        """Change where it is sent and what; the secret stays."""
        form = await typed(request)
        hook, _ = await self._webhooks.one(request.match_info["id"])
        wanted = checked(form, HookWanted, lists=("types",))
        if wanted is None:
            return _form(request, form, hook)
        await log_webhook(request, "put", **wanted.model_dump(exclude={"id"}))
        try:
            await self._webhooks.put(hook.id, wanted.url, wanted.types, enabled=wanted.enabled)
        except Refused as refused:
            form.refuse(refused)
            return _form(request, form, hook)
        return see_other(f"{WEBHOOKS}/{hook.id}", "changed")

    async def rotate(self, request: web.Request) -> web.Response:
        """Another secret, which is shown once."""
        await typed(request)
        await log_webhook(request, "rotate", overlap_h=OVERLAP_S / 3600)
        return self._told(request, await self._webhooks.rotate(request.match_info["id"]), "rotated")

    async def remove(self, request: web.Request) -> web.Response:
        """Remove it with what waits for it; the form has a box for being sure."""
        form, identity = await typed(request), request.match_info["id"]
        if form.value("sure") != "yes":
            form.add("sure", N_("Tick this, since it cannot be undone."))
            return await self._one(request, form)
        await log_webhook(request, "remove")
        await self._webhooks.remove(identity)
        return see_other(WEBHOOKS, "removed")

    async def resend(self, request: web.Request) -> web.Response:
        """Send again what was given up: one delivery, or all."""
        identity, form = request.match_info["id"], await typed(request)
        await log_webhook(request, "resend", delivery=form.value("delivery") or None)
        try:
            await self._webhooks.resend(identity, form.value("delivery") or None)
        except Refused as refused:
            form.refuse(refused)
            return await self._one(request, form)
        return see_other(f"{WEBHOOKS}/{identity}", "resent")

    async def test(self, request: web.Request) -> web.Response:
        """Send a test once, now."""
        identity = request.match_info["id"]
        await log_webhook(request, "test")
        attempt = await self._webhooks.test(identity)
        return see_other(f"{WEBHOOKS}/{identity}", "tested" if attempt.result == "delivered" else "failed")

    def _told(self, request: web.Request, hook: Webhook, done: str) -> web.Response:
        """To its page, which shows the secret once."""
        ticket = self._once.keep(
            principal_of(request).actor, [Secret(N_("Secret of the webhook"), hook.id, hook.secret)]
        )
        return see_other(f"{WEBHOOKS}/{hook.id}?{TICKET}={ticket}", done)

    async def _one(self, request: web.Request, form: Form | None = None) -> web.Response:
        hook, standing = await self._webhooks.one(request.match_info["id"])
        deliveries = await self._webhooks.deliveries(hook.id)
        return page(
            request,
            "system/webhook.html",
            told_attempt=attempt_words,
            hook=hook,
            standing=standing,
            deliveries=deliveries[:MOST_ROWS],
            form=form or blank(request),
            secrets=self._once.take(request.query.get(TICKET, ""), principal_of(request).actor),
            signing=len(hook.secrets(time.time())),
            overlap_h=round(OVERLAP_S / 3600),
        )


def _form(request: web.Request, form: Form, before: Webhook | None) -> web.Response:
    """`before`: the webhook as it is; None for a new one."""
    return page(
        request,
        "system/webhook_form.html",
        form=form,
        before=before,
        types=[(one.name, one.says) for one in TYPES if one.in_stream],
        ticked=form.chosen("types", before.types if before else ()),
    )
