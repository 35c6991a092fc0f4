"""`callrec audit`: who did what."""

from datetime import datetime
from typing import Annotated

import typer

from callrec.cli.audit_entry import log_command
from callrec.cli.print_formats import JSON_OPTION, print_json, print_rows
from callrec.cli.store import settings
from callrec.domain.access.audit import Action, ActorKind

COLUMNS = (
    "index",
    "time",
    "action",
    "actor_kind",
    "actor_id",
    "recording",
    "subject",
    "address",
    "reason",
    "details",
    "signed",
    "stamped",
)

app = typer.Typer(help="The audit log: list its entries, show its key.", no_args_is_help=True, rich_markup_mode=None)
Time = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="Local time.")]


@app.command("list")
def list_entries(  # noqa: PLR0917 - typer makes options of them
    since: Time = None,
    until: Time = None,
    action: Annotated[Action | None, typer.Option(help="What was done.")] = None,
    actor_kind: Annotated[ActorKind | None, typer.Option(help="What kind of actor did it.")] = None,
    actor: Annotated[str, typer.Option(help="The actor's id.")] = "",
    recording: Annotated[str, typer.Option(help="The id of a recording.")] = "",
    subject: Annotated[str, typer.Option(help="What else it is about, as kind:id.")] = "",
    before: Annotated[int | None, typer.Option(min=0, help="Only entries before this index.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 100,
    as_json: bool = JSON_OPTION,
) -> None:
    """Entries, newest first. `signed` says whether a checkpoint speaks of the entry, `stamped` since when an authority has it."""
    from callrec.adapters.audit.log import FOLDER
    from callrec.adapters.audit.log_reader import DiskLogReader
    from callrec.app.access.audit_log.audit_list import AuditFilter, audit_page

    log_command(Action.AUDIT_READ)
    wanted = AuditFilter(_ms(since), _ms(until), action, actor_kind, actor, recording, subject)
    page = audit_page(DiskLogReader(settings().state_dir / FOLDER), wanted, limit, before)
    print_rows([dict(entry) for entry in page.entries], COLUMNS, as_json=as_json)
    if page.next is not None and not as_json:
        typer.echo(f"there are more: --before {page.next}", err=True)


@app.command()
def key(as_json: bool = JSON_OPTION) -> None:
    """The log's public key: keep a copy elsewhere, where those who may change the log cannot change it."""
    from callrec.adapters.audit.log import FOLDER
    from callrec.adapters.audit.log_reader import DiskLogReader

    found = DiskLogReader(settings().state_dir / FOLDER).key()
    if as_json:
        print_json({"vkey": found.line, "pem": found.pem})
    else:
        typer.echo(f"{found.line}\n\n{found.pem}", nl=False)


@app.command("rotate-key")
def rotate_key(as_json: bool = JSON_OPTION) -> None:
    """Make a new key for the log: the former one signs for it, and is destroyed. The daemon must not run."""
    import asyncio

    from callrec.adapters.audit.from_commands import change_key
    from callrec.adapters.audit.log import FOLDER

    read = settings()
    new = asyncio.run(change_key(read.state_dir / FOLDER, f"callrec/{read.node}", read.audit_witness))
    if as_json:
        print_json({"vkey": new.line, "pem": new.pem})
    else:
        typer.echo(f"{new.line}\n\n{new.pem}", nl=False)


def _ms(at: datetime | None) -> int | None:
    return int(at.timestamp() * 1000) if at else None  # a time without a zone is in this machine's
