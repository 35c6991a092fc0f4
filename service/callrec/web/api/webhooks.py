"""Webhooks over HTTP."""

import time
from dataclasses import asdict
from http import HTTPStatus

from aiohttp import web
from pydantic import BaseModel, Field

from callrec.app.webhooks.registry import MOST_SHOWN, WEBHOOK_ID, WebhookRegistry
from callrec.domain.directory.model import Permission
from callrec.domain.webhooks.destinations import LONGEST_URL
from callrec.domain.webhooks.model import OVERLAP_S, Attempt, Delivery, Result, Standing, Webhook
from callrec.web.api.access_changes import log_change
from callrec.web.api.records import IN_BODY, shown
from callrec.web.api.schemas import Body
from callrec.web.requests import body_of
from callrec.web.routes import Answer, Operation

_TAG = "webhooks"
_ONE, _ID = "/webhooks/{id}", "The webhook's id."
_READS, _CHANGES = (Permission.SETTINGS_READ,), (Permission.SETTINGS_CHANGE,)
_FORM = "`whsec_` and base64 of 24 to 64 bytes."


class WebhookPut(Body):
    """A webhook: where it is sent, and what."""

    url: str = Field(min_length=1, max_length=LONGEST_URL, description="https://, or http:// into an allowed network.")
    types: list[str] = Field(default_factory=list, max_length=100, description="Types of events; empty for all.")
    enabled: bool = Field(True, description="Whether events are kept and sent.")
    secret: str = Field(
        "", max_length=200, description=f"{_FORM} Empty: the present one stays, a new webhook gets one."
    )


class RotateBody(Body):
    """How a secret is replaced."""

    overlap_h: float = Field(OVERLAP_S / 3600, ge=0, le=720, description="How long the former secret signs as well.")


class ResendBody(Body):
    """What is sent again."""

    delivery: str | None = Field(
        None, max_length=200, description="The id of one delivery; null: all that were given up."
    )


class WebhookShown(BaseModel):
    """A webhook and how it does."""

    id: str
    url: str
    types: list[str]
    enabled: bool
    secrets: int = Field(description="How many secrets sign now: 2 while a former one still does.")
    waiting: int = Field(description="Deliveries that wait.")
    given_up: int = Field(description="Deliveries that were given up and can be sent again.")
    delivered: int
    failures: int = Field(description="Failed attempts in a row; 0 while it works.")
    missed: int = Field(
        description="How often events were lost before they could be read from the stream, their number is unknown."
    )
    missed_s: float = Field(description="When that was noticed last, in seconds since 1970; 0: never.")
    last: str = Field(description="The outcome of the last attempt, e.g. `HTTP 204`.")
    last_s: float = Field(description="When that was, in seconds since 1970; 0: never.")


class WebhookList(BaseModel):
    """All webhooks."""

    items: list[WebhookShown]


class WebhookMade(WebhookShown):
    """A webhook with its new secret, which no later answer has."""

    secret: str | None = Field(description="The secret, when it was made or changed by this request; else null.")


class Tried(BaseModel):
    """The outcome of one attempt."""

    result: Result
    status: int | None = Field(description="The receiver's status; null without an answer.")
    says: str
    took_s: float


class Resent(BaseModel):
    """How much is sent again."""

    deliveries: int


class DeliveryShown(BaseModel):
    """A delivery that waits or was given up."""

    id: str = Field(description="The `webhook-id` of its message.")
    type: str
    accepted_s: float = Field(description="When it was accepted, in seconds since 1970.")
    attempts: int
    is_given_up: bool
    last: str


class DeliveryList(BaseModel):
    """Deliveries, oldest first."""

    items: list[DeliveryShown] = Field(max_length=MOST_SHOWN)


def webhook_operations(registry: WebhookRegistry) -> list[Operation]:
    """The operations of webhooks."""
    hooks = _Webhooks(registry)
    return [*_operations_of_webhooks(hooks), *_operations_of_deliveries(hooks)]


def _operations_of_webhooks(hooks: "_Webhooks") -> list[Operation]:
    ok, missing = HTTPStatus.OK, (HTTPStatus.NOT_FOUND,)
    return [
        Operation(
            "GET", "/webhooks", "listWebhooks", _TAG, "List the webhooks.", hooks.every, {ok: Answer("All.", WebhookList)},
            needs=_READS,
        ),
        Operation(
            "GET", _ONE, "readWebhook", _TAG, "Read one webhook.", hooks.read,
            {ok: Answer("The webhook.", WebhookShown)}, missing, id_says=_ID, needs=_READS,
        ),
        Operation(
            "PUT", _ONE, "putWebhook", _TAG, "Add a webhook, or change it. The same request again changes nothing.", hooks.put,
            {ok: Answer("The webhook, with its secret when that is new.", WebhookMade)}, (*IN_BODY, HTTPStatus.CONFLICT),
            body=WebhookPut, id_says=_ID, needs=_CHANGES,
        ),
        Operation(
            "DELETE", _ONE, "removeWebhook", _TAG, "Remove a webhook and what waits for it.", hooks.remove,
            {HTTPStatus.NO_CONTENT: Answer("It is removed.")}, missing, id_says=_ID, needs=_CHANGES,
        ),
        Operation(
            "POST", f"{_ONE}/rotate", "rotateWebhook", _TAG, "Make a new secret; for a time the former one signs as well.",
            hooks.rotate, {ok: Answer("The webhook with its new secret.", WebhookMade)}, (*IN_BODY, *missing),
            body=RotateBody, id_says=_ID, needs=_CHANGES,
        ),
    ]  # fmt: skip


def _operations_of_deliveries(hooks: "_Webhooks") -> list[Operation]:
    ok, missing = HTTPStatus.OK, (HTTPStatus.NOT_FOUND,)
    return [
        Operation(
            "POST", f"{_ONE}/test", "testWebhook", _TAG, "Send a `webhook-test` once, now.", hooks.test,
            {ok: Answer("What the receiver answered.", Tried)}, missing, id_says=_ID, needs=_CHANGES,
        ),
        Operation(
            "POST", f"{_ONE}/resend", "resendWebhook", _TAG, "Send what was given up again.", hooks.resend,
            {ok: Answer("How much that is.", Resent)}, (*IN_BODY, *missing), body=ResendBody, id_says=_ID,
            needs=_CHANGES,
        ),
        Operation(
            "GET", f"{_ONE}/deliveries", "listDeliveries", _TAG,
            f"The oldest {MOST_SHOWN} deliveries that wait or were given up.", hooks.deliveries,
            {ok: Answer("They, without their content.", DeliveryList)}, missing, id_says=_ID, needs=_READS,
        ),
    ]  # fmt: skip


class _Webhooks:
    def __init__(self, registry: WebhookRegistry) -> None:
        self._registry = registry

    async def every(self, _: web.Request) -> web.Response:
        return shown({"items": [webhook_row(*found, now_s=time.time()) for found in await self._registry.every()]})

    async def read(self, request: web.Request) -> web.Response:
        return shown(webhook_row(*await self._registry.one(request.match_info["id"]), now_s=time.time()))

    async def put(self, request: web.Request) -> web.Response:
        body, identity = await body_of(request, WebhookPut), request.match_info["id"]
        await log_webhook(request, "put", **body.model_dump())
        made, is_new = await self._registry.put(
            identity, body.url, body.types, enabled=body.enabled, secret=body.secret
        )
        return await self._with_secret(identity, made.secret if is_new or body.secret else None)

    async def remove(self, request: web.Request) -> web.Response:
        await log_webhook(request, "remove")
        await self._registry.remove(request.match_info["id"])
        return web.Response(status=HTTPStatus.NO_CONTENT)

    async def rotate(self, request: web.Request) -> web.Response:
        body, identity = await body_of(request, RotateBody), request.match_info["id"]
        await log_webhook(request, "rotate", overlap_h=body.overlap_h)
        made = await self._registry.rotate(identity, body.overlap_h * 3600)
        return await self._with_secret(identity, made.secret)

    async def test(self, request: web.Request) -> web.Response:
        await log_webhook(request, "test")
        return shown(attempt_row(await self._registry.test(request.match_info["id"])))

    async def resend(self, request: web.Request) -> web.Response:
        body = await body_of(request, ResendBody)
        await log_webhook(request, "resend", delivery=body.delivery)
        return shown({"deliveries": await self._registry.resend(request.match_info["id"], body.delivery)})

    async def deliveries(self, request: web.Request) -> web.Response:
        found = await self._registry.deliveries(request.match_info["id"])
        return shown({"items": [delivery_row(one) for one in found]})

    async def _with_secret(self, identity: str, secret: str | None) -> web.Response:
        return shown({**webhook_row(*await self._registry.one(identity), now_s=time.time()), "secret": secret})


async def log_webhook(request: web.Request, what: str, *, new: str | None = None, **fields: object) -> None:
    """Return when the audit log has that a webhook is about to be changed or used: the one of the path, else `new`. Raises
    Unavailable."""
    identity = request.match_info["id"] if new is None else new
    known = bool(WEBHOOK_ID.fullmatch(identity))
    more = {} if known else {"id": identity}
    await log_change(request, f"webhook:{identity if known else ''}", what, **more, **fields)


def webhook_row(webhook: Webhook, standing: Standing, *, now_s: float) -> dict[str, object]:
    """A webhook as lists show it, without its secrets."""
    return {
        "id": webhook.id,
        "url": webhook.url,
        "types": list(webhook.types),
        "enabled": webhook.enabled,
        "secrets": len(webhook.secrets(now_s)),
        "waiting": standing.waiting,
        "given_up": standing.given_up,
        "delivered": standing.delivered,
        "failures": standing.failures,
        "missed": standing.missed,
        "missed_s": standing.missed_s,
        "last": standing.says,
        "last_s": standing.at_s,
    }


def attempt_row(attempt: Attempt) -> dict[str, object]:
    """The outcome of an attempt."""
    return {"result": attempt.result.value, **{k: v for k, v in asdict(attempt).items() if k != "retry_after_s"}}


def delivery_row(delivery: Delivery) -> dict[str, object]:
    """A delivery without its content."""
    return {
        "id": delivery.id,
        "type": delivery.kind,
        "accepted_s": delivery.accepted_s,
        "attempts": delivery.attempts,
        "is_given_up": delivery.is_given_up,
        "last": delivery.says,
    }
