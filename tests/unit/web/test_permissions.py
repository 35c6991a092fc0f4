"""Every operation of the API times every role: who gets to the handler. And nothing about records is told to those who do not."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from unittest.mock import Mock

import aiohttp
import pytest
from aiohttp import web

from callrec.domain.access.decisions import REACHES
from callrec.domain.access.principals import Principal, PrincipalKind
from callrec.domain.directory.edit import Table
from callrec.domain.directory.model import DEFAULT_ROLES, Permission
from callrec.domain.rules import UserId
from callrec.observe.health import Readiness
from callrec.observe.metrics import Metrics
from callrec.web import server
from callrec.web.api.access_changes import ACCOUNT_FIELDS
from callrec.web.api.operations import operations
from callrec.web.api.records import NEEDS
from callrec.web.auth import Authentication, permitted
from callrec.web.problems import BadRequest
from callrec.web.routes import Operation
from callrec.web.server import build_app, serve_http
from callrec.web.use_cases import UseCases

TABLE = operations(Mock(UseCases))  # no handler is called
ROLE = "Callrec-Test-Role"
NOBODY, DAEMON_TOKEN = "nobody", "t" * 43
ROLES = {role.name: frozenset(role.permissions) for role in DEFAULT_ROLES} | {"no role": frozenset()}

READS = {
    *("readUser", "readLine", "readIncall", "readVoicemail", "readKey"),
    *("listUsers", "listLines", "listIncalls", "listVoicemails", "listKeys"),
    *(
        "listContexts",
        "readContext",
        "listEntities",
        "readEntity",
        "listPlaces",
        "readPlace",
        "listProfiles",
        "readProfile",
    ),
    *("listExtensions", "readExtension", "lookup", "exportUsers"),
}
LISTS = {"listRecordings", "readRecording"}
EVERYBODY = {
    *("openapi", "eventSchema", "eventsAsyncApi", "login", "logout", "readAccount", "changeOwnPassword"),
    "logCommand",  # for commands on the machine alone, which its handler knows by the socket
    *("listOwnSessions", "endOwnSessions", "endOwnSession", "makeSecondFactor", "confirmSecondFactor"),
    "removeOwnSecondFactor",
}
OPEN = {"login"}
"""What somebody can ask for who is not known yet."""
LISTENER = {"recordingMedia", "recordingWaveform", "recordingMarks", "showAnnotations"}
AUDITOR = READS | {
    *("listRoles", "readRole", "listGroups", "readGroup", "listCalls", "followEvents"),
    *("listWebhooks", "readWebhook", "listDeliveries", "listAccounts", "listSessions", "listTokens", "listAudit"),
    *LISTS,
    *LISTENER,
    *("listPrompts", "readPrompt", "showRetention", "previewRetentionClass"),
}
OPERATOR = READS | {"listAudit", "listCalls", "startRecording", "stopRecording", "pauseRecording", "resumeRecording"}
PERMITTED = {
    "administrator": {one.name for one in TABLE} - EVERYBODY,
    "auditor": AUDITOR,
    "operator": OPERATOR,
    "supervisor": LISTS | LISTENER | {"listCalls"},
    "listener": LISTS | LISTENER,
    "user": LISTS | LISTENER,
    "no role": set(),
}
"""The operations of each shipped role, besides those of everybody. A new operation belongs into one of these lists."""


class Pretending(Authentication):
    """Takes a role from a header of the request."""

    async def principal(self, request: web.Request) -> Principal | None:
        """One with this role."""
        role = request.headers.get(ROLE, NOBODY)
        user = UserId("7")
        return Principal(PrincipalKind.ACCOUNT, user, ROLES[role], user) if role in ROLES else None


def path_of(one: Operation, identity: str) -> str:
    """With this in each place in braces."""
    return f"/api/v1{re.sub('{[a-z]+}', identity, one.path)}"


async def _reached(_: web.Request) -> web.Response:
    return web.json_response({"reached": True})


@asynccontextmanager
async def served(table: Iterable[Operation], monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    monkeypatch.setattr(server, "Authentication", Pretending)
    patience = server.Patience(per_connection_s=1e6, together_s=1e6)
    app = build_app(
        readiness=Readiness(), metrics=Metrics(), live=list, token=DAEMON_TOKEN, api=list(table), patience=patience
    )
    runner, port = await serve_http(app, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


async def test_each_role_reaches_its_operations_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    reached: dict[str, set[str]] = {role: set() for role in (*ROLES, NOBODY)}
    table = [replace(one, handler=_reached) for one in TABLE]
    async with served(table, monkeypatch) as address, aiohttp.ClientSession() as http:
        for one in table:
            path = path_of(one, "7")
            for role, found in reached.items():
                async with http.request(one.method, address + path, headers={ROLE: role}) as answer:
                    said = json.loads(await answer.text())
                    assert (answer.status, said.get("code")) in {(200, None), (403, "not-permitted"), (401, "token")}
                    assert (answer.status == 401) == (role == NOBODY and one.name not in OPEN), (one.name, role)
                    if answer.status == 200:
                        found.add(one.name)
    assert reached.pop(NOBODY) == OPEN
    assert reached == {role: allowed | EVERYBODY for role, allowed in PERMITTED.items()}


async def test_a_forbidden_answer_is_the_same_for_every_record(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also for ids that no record can have, and for bodies that are no JSON: nothing was looked at."""
    async with served(TABLE, monkeypatch) as address, aiohttp.ClientSession(headers={ROLE: "no role"}) as http:
        for one in TABLE:
            if not one.needs or one.name in PERMITTED["user"]:
                continue
            answers = set()
            for identity in ("7", "0", "99999999999"):
                path = path_of(one, identity)
                async with http.request(one.method, address + path, data=b"{") as answer:
                    answers.add((answer.status, await answer.text()))
            ((status, _),) = answers
            assert status == 403, one.name


@pytest.mark.parametrize("permission", Permission)
async def test_one_permission_opens_what_needs_it_alone(
    permission: Permission, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = Principal(PrincipalKind.TOKEN, "1", frozenset({permission}))
    opened = {permission, *(whole for whole, reach in REACHES.items() if permission in {reach.group, reach.own})}
    monkeypatch.setattr("callrec.web.auth.principal_of", lambda _: who)
    monkeypatch.setattr("callrec.web.auth.log_refusal", lambda _, details: asyncio.sleep(0, details))
    for one in TABLE:
        handler = permitted(replace(one, handler=_reached))
        if set(one.needs) <= opened:
            assert (await handler(None)).status == 200  # type: ignore[arg-type] # only the principal is asked for
        else:
            with pytest.raises(BadRequest) as refused:
                await handler(None)  # type: ignore[arg-type]
            assert refused.value.answer.status == 403, one.name


def test_who_may_change_users_may_not_make_administrators() -> None:
    """Accounts, profiles, roles and groups decide who may do what."""
    deciding = [one for one in TABLE if one.tag in {"profiles", "roles", "groups", "tokens"} and one.method != "GET"]
    deciding += [one for one in TABLE if one.path.startswith("/accounts/") and one.method != "GET"]
    assert len(deciding) == 15
    for one in [*deciding, next(one for one in TABLE if one.name == "importUsers")]:
        assert Permission.ACCOUNTS_CHANGE in one.needs
    assert {"enableclient", "username", "password_hash", "profileclient"} == set(ACCOUNT_FIELDS)
    assert set(NEEDS) == set(Table)
