"""`callrec webhooks`: receivers of events over HTTP."""

import asyncio
import time
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from callrec.cli.audit_entry import log_command
from callrec.cli.exit_codes import FOUND
from callrec.cli.print_formats import JSON_OPTION, print_fields, print_rows
from callrec.cli.store import settings
from callrec.domain.access.audit import Action

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from callrec.app.webhooks.registry import WebhookRegistry
    from callrec.domain.webhooks.model import Webhook

COLUMNS = ("id", "url", "types", "enabled", "waiting", "given_up", "delivered", "failures", "missed", "last")
DELIVERIES = ("id", "type", "attempts", "is_given_up", "last")
T = TypeVar("T")

app = typer.Typer(
    help="Webhooks, to which events are sent: list, show, add, set, remove, test, resend.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Id = Annotated[str, typer.Argument(help="The webhook's id: small letters, digits, hyphens.")]
Types = Annotated[
    list[str] | None, typer.Option("--type", help="Only events of this type (docs/events.md). Repeat for several.")
]


@app.command("list")
def list_webhooks(as_json: bool = JSON_OPTION) -> None:
    """All webhooks, what waits for them, and their last answer."""
    from callrec.web.api.webhooks import webhook_row

    print_rows(
        [webhook_row(*found, now_s=time.time()) for found in _with_registry(lambda one: one.every())],
        COLUMNS,
        as_json=as_json,
    )


@app.command()
def show(identity: Id, as_json: bool = JSON_OPTION) -> None:
    """The deliveries that wait for a webhook or were given up, oldest first."""
    from callrec.web.api.webhooks import delivery_row

    found = _with_registry(lambda registry: registry.deliveries(identity))
    print_rows([delivery_row(one) for one in found], DELIVERIES, as_json=as_json)


@app.command()
def add(
    identity: Id,
    url: Annotated[str, typer.Argument(help="https://, or http:// into a network of CALLREC_WEBHOOK_NETWORKS.")],
    types: Types = None,
    as_json: bool = JSON_OPTION,
) -> None:
    """Add a webhook. Its secret is shown once: the receiver needs it to check signatures."""
    from callrec.domain.errors import Refused

    async def work(registry: "WebhookRegistry") -> "Webhook":
        if identity in {each.id for each, _ in await registry.every()}:
            hint = "callrec webhooks set changes it"
            raise Refused("webhook-id", f"there is a webhook {identity!r} already", hint=hint)
        return (await registry.put(identity, url, types or ()))[0]

    _log(identity)
    _print_secret(_with_registry(work), as_json=as_json)


@app.command("set")
def set_webhook(  # noqa: PLR0917 - each is an option of the command line
    identity: Id,
    url: Annotated[str | None, typer.Option(help="Another URL.")] = None,
    types: Types = None,
    all_types: Annotated[bool, typer.Option("--all-types", help="Events of all types.")] = False,
    enabled: Annotated[
        bool | None, typer.Option("--enable/--disable", help="Whether events are kept and sent.")
    ] = None,
    rotate: Annotated[bool, typer.Option("--rotate", help="Make a new secret, and show it.")] = False,
    overlap_h: Annotated[
        float, typer.Option(min=0, max=720, help="Hours in which the former secret signs as well.")
    ] = 24,
    as_json: bool = JSON_OPTION,
) -> None:
    """Change a webhook. With --rotate both secrets sign for a day, so that no event is lost to the receiver."""
    if all_types and types:
        raise typer.BadParameter("--all-types and --type exclude each other")

    async def work(registry: "WebhookRegistry") -> "Webhook":
        present, _ = await registry.one(identity)
        wanted = () if all_types else types or present.types
        given = present.enabled if enabled is None else enabled
        changed, _ = await registry.put(identity, url or present.url, wanted, enabled=given)
        return await registry.rotate(identity, overlap_h * 3600) if rotate else changed

    _log(identity)
    changed = _with_registry(work)
    if rotate:
        _print_secret(changed, as_json=as_json)
    else:
        list_webhooks(as_json=as_json)


@app.command()
def remove(identity: Id) -> None:
    """Remove a webhook, and what waits for it."""
    _log(identity)
    _with_registry(lambda registry: registry.remove(identity))


@app.command("test")
def try_out(identity: Id, as_json: bool = JSON_OPTION) -> None:
    """Send a test event once, now, and print the answer. Exit code 1 when it is not accepted."""
    from callrec.domain.webhooks.model import Result
    from callrec.web.api.webhooks import attempt_row

    _log(identity)
    attempt = _with_registry(lambda registry: registry.test(identity))
    print_fields(attempt_row(attempt), as_json=as_json)
    if attempt.result is not Result.DELIVERED:
        raise typer.Exit(FOUND)


@app.command()
def resend(
    identity: Id,
    delivery: Annotated[str | None, typer.Option(help="Only this one: its id from `callrec webhooks show`.")] = None,
) -> None:
    """Send events that were given up again. The daemon sends them."""
    _log(identity)
    count = _with_registry(lambda registry: registry.resend(identity, delivery))
    typer.echo(f"sent again: {count}")


def _log(identity: str) -> None:
    """The audit log has what is done to this webhook."""
    from callrec.app.webhooks.registry import WEBHOOK_ID

    log_command(
        Action.SETTINGS_CHANGED, subject=f"webhook:{identity}" if WEBHOOK_ID.fullmatch(identity) else "webhook:"
    )


def _print_secret(webhook: "Webhook", *, as_json: bool) -> None:
    print_fields({"id": webhook.id, "url": webhook.url, "secret": webhook.secret}, as_json=as_json)


def _with_registry(work: "Callable[[WebhookRegistry], Awaitable[T]]") -> T:
    """Run `work` with the webhooks of these settings. Raises Misconfigured, Unavailable, Corrupt."""
    from callrec.wiring.events import outbox_and_sender, webhook_registry

    read = settings()

    async def run() -> T:
        outbox, sender = outbox_and_sender(read)
        try:
            return await work(webhook_registry(read, outbox, sender))
        finally:
            await sender.close()
            await outbox.close()

    return asyncio.run(run())
