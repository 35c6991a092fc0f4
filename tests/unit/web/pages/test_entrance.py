"""The way to the pages, without a browser: where a login may lead, and what each role reaches."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from unittest.mock import Mock

import aiohttp
import pytest
from aiohttp import web

from callrec.domain.access.principals import Principal, PrincipalKind
from callrec.domain.directory.model import DEFAULT_ROLES
from callrec.domain.rules import UserId
from callrec.observe.health import Readiness
from callrec.observe.metrics import Metrics
from callrec.web import server
from callrec.web.auth import Authentication
from callrec.web.pages.entrance import own_path
from callrec.web.pages.site import Site
from callrec.web.pages.table import pages
from callrec.web.server import build_app, serve_http
from callrec.web.use_cases import UseCases

TABLE = pages(Mock(UseCases))  # no handler is called
ROLE, HTML = "Callrec-Test-Role", {"Accept": "text/html"}
ROLES = {role.name: frozenset(role.permissions) for role in DEFAULT_ROLES} | {"no role": frozenset()}
OPEN = {"home", "showLogin", "login"}
EVERYBODY = OPEN | {
    *("logout", "account", "endOwnSession", "setOwnLanguage", "setOwnPassword"),
    *("makeOwnFactor", "confirmOwnFactor", "removeOwnFactor"),
}
LIVE = {"calls", "followCalls", "call"}
CONTROLS = {"startRecording", "stopRecording", "pauseRecording", "resumeRecording"}
SYSTEM = {
    "system",
    "licences",
    "licence",
    "retention",
    "retentionClass",
    "webhooks",
    "webhook",
    "prompts",
    "hearPrompt",
}
AUDIT = {"audit", "downloadAudit", "checkAudit"}
OWN = {"my", "changeOwnServices"}
SEES = {"recordings", "recording"}
SEES_USERS = {
    *("users", "completeUser", "user", "services", "keys", "sheetOfKeys", "settings", "extensions"),
    *(f"show{one}" for one in ("Lines", "Incalls", "Voicemails", "Contexts", "Entities", "Profiles")),
    *(f"showOneOf{one}" for one in ("Lines", "Incalls", "Voicemails", "Contexts", "Entities", "Profiles")),
}
SEES_ACCOUNTS = {
    *("userGroups", "userLogin", "tokens", "accounts", "showAccount"),
    *("showRoles", "showOneOfRoles", "showGroups", "showOneOfGroups"),
}
PERMITTED: dict[str, set[str]] = {
    "administrator": {one.name for one in TABLE},
    "auditor": {*SEES_USERS, *SEES_ACCOUNTS, *LIVE, *AUDIT, *SYSTEM, "api", *SEES},
    "operator": {*SEES_USERS, *LIVE, *CONTROLS, *AUDIT},
    "supervisor": SEES | OWN | LIVE,
    "listener": SEES,
    "user": SEES | OWN,
    "no role": set(),
}
"""The pages of each shipped role, besides those of everybody. A new page belongs into one of these lists."""


class Pretending(Authentication):
    """Takes a role from a header of the request."""

    async def principal(self, request: web.Request) -> Principal | None:
        """One with this role."""
        role = request.headers.get(ROLE, "")
        return Principal(PrincipalKind.ACCOUNT, UserId("7"), ROLES[role], UserId("7")) if role in ROLES else None


async def _reached(_: web.Request) -> web.Response:
    return web.Response(text="reached", content_type="text/html")


@asynccontextmanager
async def served(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[aiohttp.ClientSession]:
    monkeypatch.setattr(server, "Authentication", Pretending)
    site = Site([replace(one, handler=_reached) for one in TABLE], None)
    patience = server.Patience(per_connection_s=1e6, together_s=1e6)
    app = build_app(readiness=Readiness(), metrics=Metrics(), live=list, token="t" * 43, site=site, patience=patience)
    runner, port = await serve_http(app, "127.0.0.1", 0)
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", headers=HTML) as http:
            yield http
    finally:
        await runner.cleanup()


def path_of(path: str) -> str:
    """With an id in each place in braces."""
    return re.sub(r"\{[^/]+\}", "7", path)


async def test_each_role_reaches_its_pages_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    reached: dict[str, set[str]] = {role: set() for role in (*ROLES, "")}
    async with served(monkeypatch) as http:
        for one in TABLE:
            for role, found in reached.items():
                async with http.request(
                    one.method, path_of(one.path), headers={ROLE: role}, allow_redirects=False
                ) as answer:
                    assert answer.status in {200, 303, 404}, (one.name, role)
                    if answer.status == 200:
                        found.add(one.name)
                    elif answer.status == 303:
                        assert answer.headers["Location"].startswith("/login")
                        assert not role
    assert reached.pop("") == OPEN
    assert reached == {role: allowed | EVERYBODY for role, allowed in PERMITTED.items()}


async def test_a_forbidden_page_is_answered_as_one_that_does_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    forbidden = [one for one in TABLE if one.needs]
    async with served(monkeypatch) as http:
        async with http.get("/no/such/page", headers={ROLE: "no role"}) as answer:
            absent = answer.status, re.sub(r"nonce-[\w-]+", "", await answer.text())
        assert absent[0] == 404
        for one in forbidden:
            async with http.request(one.method, path_of(one.path), headers={ROLE: "no role"}) as answer:
                assert (answer.status, await answer.text()) == absent


async def test_programs_get_problems_and_no_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    async with served(monkeypatch) as http, http.get("/no/such/page", headers={"Accept": "*/*"}) as answer:
        assert (answer.status, answer.content_type) == (404, "application/problem+json")


async def test_a_part_of_a_page_that_a_script_asks_for_leads_to_the_login(monkeypatch: pytest.MonkeyPatch) -> None:
    async with served(monkeypatch) as http, http.get("/account", headers={"HX-Request": "true"}) as answer:
        assert (answer.status, answer.headers["HX-Redirect"]) == (401, "/login?next=/account")


async def test_a_form_without_a_session_leads_to_the_login_and_back_to_its_page(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with served(monkeypatch) as http:
        referrer = str(http._base_url).rstrip("/") + "/account?x=1"
        async with http.post("/account/sessions", headers={"Referer": referrer}, allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (303, "/login?next=/account%3Fx%3D1&lost=yes")


@pytest.mark.parametrize("path", ["/", "/recordings?user=1&t=93", "/recordings/c1-1", "/a%20b", "/r%C3%A9sum%C3%A9"])
def test_a_path_of_this_host_is_one(path: str) -> None:
    assert own_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        *("", "x", "https://evil.example/", "//evil.example/", "/\\evil.example", "\\\\evil.example", "/%5Cevil.example"),
        *("/login", "/login?next=/login", "/logout", "/a\nSet-Cookie: x", "/a%0d%0ab", "/" + "x" * 2001, "javascript:alert(1)"),
        *("/\t/evil.example", "///evil.example"),
    ],
)  # fmt: skip
def test_any_other_address_is_none(path: str) -> None:
    assert own_path(path) == ""
