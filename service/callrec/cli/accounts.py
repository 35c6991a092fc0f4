"""`callrec accounts`: who can log in, and programs' tokens."""

import secrets
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, cast
from urllib.parse import quote

import typer

from callrec.cli.audit_entry import log_command
from callrec.cli.print_formats import JSON_OPTION, Row, print_fields, print_rows
from callrec.cli.store import changed, operator, request_id, settings, tables, with_logins
from callrec.domain.access.audit import Action

if TYPE_CHECKING:
    from collections.abc import Mapping

    from callrec.adapters.daemon_api import DaemonApi
    from callrec.app.directory.idempotency import ChangeRequest
    from callrec.app.directory.records import Records
    from callrec.app.ports.access import LoginStore
    from callrec.domain.directory.model import Tables, User

COLUMNS = ("username", "user", "profile", "role", "enabled", "password", "sessions", "locked_s")
TOKENS = ("id", "name", "permissions", "made", "expires", "used")
SESSIONS = ("id", "opened", "used", "ends", "address", "program")
_API = "/api/v1"

app = typer.Typer(
    help="Accounts of users and tokens of programs: list, set, sessions, unlock, second-factor, token, tokens.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Name = Annotated[str, typer.Argument(help="The account's user name.")]


@app.command("list")
def list_accounts(as_json: bool = JSON_OPTION) -> None:
    """All users with a user name: their role, whether they can log in, how many sessions they have, and for how long a browser
    that is new to them has to wait after too many attempts."""
    from collections import Counter

    from callrec.domain.access.login_limits import account_counter

    log_command(Action.LISTED, subject="accounts:all")

    async def work(now: "Tables", logins: "LoginStore") -> list[Row]:
        count = Counter(one.user for one in await logins.sessions())
        users = {user.username: user.id for user in now.users}
        return [
            {
                **row,
                "sessions": count[users[str(row["username"])]],
                "locked_s": round(await logins.locked_s(account_counter(str(row["username"])))),
            }
            for row in _rows(now)
        ]

    print_rows(with_logins(work), COLUMNS, as_json=as_json)


@app.command("set")
def set_account(
    name: Name,
    *,
    password: Annotated[
        bool, typer.Option("--password", help="Ask for a new password; from a pipe it is the first line.")
    ] = False,
    generate: Annotated[
        bool, typer.Option("--generate-password", help="Make a new password, and print it once.")
    ] = False,
    role: Annotated[str | None, typer.Option(help="The role; the user gets a profile that has it.")] = None,
    user: Annotated[
        str | None, typer.Option(help="Whose account a new name becomes: a number, a line's name, or an id (id:7).")
    ] = None,
    enable: Annotated[bool | None, typer.Option("--enable/--disable", help="Whether they can log in.")] = None,
    as_json: bool = JSON_OPTION,
) -> None:
    """Make an account, or change it. Another password, and --disable, end all its sessions."""
    from callrec.app.access.accounts import AccountChange
    from callrec.app.access.accounts import set_account as change_account
    from callrec.app.directory.find_user import find_user

    if password and generate:
        raise typer.BadParameter("--password and --generate-password exclude each other")
    made = secrets.token_urlsafe(12) if generate else _typed() if password else None
    owner = find_user(tables(), user).id if user else None
    change = AccountChange(name, owner, _hashed(made) if made is not None else None, role, enable)

    async def work(records: "Records", _: "ChangeRequest") -> "User":
        return await change_account(records, change, request_id, operator())

    subject = f"account:{next((one.id for one in tables().users if one.username == name), owner or '')}"
    changed_user, now = changed(work, Action.ACCOUNT_CHANGED, subject)
    (row,) = (one for one in _rows(now) if one["username"] == changed_user.username)
    print_fields({**row, "new_password": made} if generate else row, as_json=as_json)


@app.command()
def sessions(
    name: Name,
    end: Annotated[bool, typer.Option("--end", help="End all of them: the account is logged out everywhere.")] = False,
    as_json: bool = JSON_OPTION,
) -> None:
    """The sessions of an account, oldest first. Asks the running daemon."""
    path = f"{_API}/accounts/{_user(name).id}/sessions"
    if end:
        print_fields(_daemon().ask("DELETE", path), as_json=as_json)
        return
    log_command(Action.LISTED, subject="accounts:sessions")
    found = cast("list[Mapping[str, object]]", _daemon().ask("GET", path)["items"])
    rows = [
        {**one, "opened": _at(one["opened_s"]), "used": _at(one["seen_s"]), "ends": _at(one["ends_s"])} for one in found
    ]
    print_rows(rows, SESSIONS, as_json=as_json)


@app.command()
def unlock(name: Name) -> None:
    """End the wait of an account after too many attempts to log in. Asks the running daemon."""
    _daemon().ask("POST", f"{_API}/accounts/{_user(name).id}/unlock")


@app.command("second-factor")
def second_factor(
    name: Name, remove: Annotated[bool, typer.Option("--remove", help="Their authenticator app is lost.")] = False
) -> None:
    """Remove the second factor of an account. Asks the running daemon."""
    if not remove:
        raise typer.BadParameter("give --remove: a second factor is made by its owner, after the login")
    _daemon().ask("DELETE", f"{_API}/accounts/{_user(name).id}/second-factor")


@app.command("tokens")
def list_tokens(as_json: bool = JSON_OPTION) -> None:
    """The tokens of programs, by age. Asks the running daemon."""
    log_command(Action.LISTED, subject="tokens:all")
    found = cast("list[Mapping[str, object]]", _daemon().ask("GET", f"{_API}/tokens")["items"])
    rows = [
        {**one, "made": _at(one["made_s"]), "expires": _at(one["expires_s"]), "used": _at(one["used_s"])}
        for one in found
    ]
    print_rows(rows, TOKENS, as_json=as_json)


@app.command()
def token(
    name: Annotated[str, typer.Argument(help="Which program it is for; with --remove the token's id.")],
    permission: Annotated[list[str] | None, typer.Option(help="What it may do: see roles. Repeat for several.")] = None,
    days: Annotated[float | None, typer.Option(min=0.001, max=3650, help="After how many days it expires.")] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Remove the token with this id: it ends at once.")] = False,
    as_json: bool = JSON_OPTION,
) -> None:
    """Make a token for a program. Its text is printed once, and stored nowhere. Asks the running daemon."""
    if remove:
        _daemon().ask("DELETE", f"{_API}/tokens/{quote(name, safe='')}")
        return
    from callrec.domain.directory.model import Permission

    if unknown := [one for one in permission or () if one not in set(Permission)]:
        says = f"{unknown[0]!r} is not a permission; use one of {', '.join(Permission)}"
        raise typer.BadParameter(says, param_hint="--permission")
    if not permission:
        raise typer.BadParameter("give at least one", param_hint="--permission")
    body = {"name": name, "permissions": permission, "days": days}
    made = _daemon().ask("POST", f"{_API}/tokens", body)
    shown = ("id", "name", "permissions", "token")
    print_fields({one: made[one] for one in shown}, as_json=as_json)


def _daemon() -> "DaemonApi":
    from callrec.adapters.daemon_api import DaemonApi

    return DaemonApi(settings().state_dir)


def _user(name: str) -> "User":
    """The user with this account. Raises Refused."""
    from callrec.domain.errors import Refused

    found = next((user for user in tables().users if user.username == name), None)
    if found is None:
        raise Refused("no-such-account", f"there is no account {name[:64]!r}", hint="callrec accounts list shows all")
    return found


def _typed() -> str:
    """A new password from the terminal, typed twice, or the first line of a pipe."""
    if sys.stdin.isatty():
        return cast("str", typer.prompt("New password", hide_input=True, confirmation_prompt=True, err=True))
    return sys.stdin.readline(2000).rstrip("\r\n")


def _hashed(password: str) -> str:
    """The hash of a new password. Raises Refused."""
    from callrec.adapters.passwords import Argon2Passwords
    from callrec.domain.access.passwords import check_new

    return Argon2Passwords().hashed(check_new(password))


def _at(seconds: object) -> str | None:
    return (
        datetime.fromtimestamp(float(cast("float", seconds))).astimezone().isoformat("T", "seconds")
        if seconds
        else None
    )


def _rows(tables: "Tables") -> list[Row]:
    from callrec.domain.directory.directory import Directory

    directory = Directory(tables)
    named = sorted((user for user in tables.users if user.username), key=lambda user: user.username)
    return [
        {
            "username": user.username,
            "user": f"{user.name} (id:{user.id})",
            "profile": user.profileclient,
            "role": role.name if (role := directory.role_of(user)) else None,
            "enabled": user.enableclient,
            "password": bool(user.password_hash),
        }
        for user in named
    ]
