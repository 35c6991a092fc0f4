"""People log in over HTTP on a real store, and get what their role allows, as long as their session lasts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import aiohttp
import pytest
from api_door import EVE, JOHN, PASSWORDS, TABLES, TOKEN, ServiceUrl, opened

from callrec.domain.access.login_limits import PER_ACCOUNT
from callrec.domain.access.login_sessions import IDLE_S
from callrec.domain.access.second_factor import STEP_S, code_at
from callrec.domain.directory.edit import Change, Edit
from callrec.domain.directory.model import Group, Permission, Profile, Role
from callrec.web.cookies import LOCAL, SECURE

RIGHT = "correct horse"
JOHNS = replace(JOHN, enableclient=True, username="john", password_hash=PASSWORDS.hashed(RIGHT), profileclient="boss")
EVES = replace(
    EVE, enableclient=True, username="eve", password_hash=PASSWORDS.hashed("hers and long"), profileclient="client"
)
OWN_PAGE = {"Sec-Fetch-Site": "same-origin"}


class Browser:
    """Keeps cookies, and sends what a browser sends from callrec's own pages."""

    def __init__(self, door: ServiceUrl) -> None:
        self._base = f"http://127.0.0.1:{door.port}"
        self.http = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))

    async def ask(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, object], aiohttp.typedefs.LooseHeaders]:
        """Status, body and headers."""
        sent = OWN_PAGE if headers is None else headers
        async with self.http.request(method, f"{self._base}/api/v1{path}", json=body, headers=sent) as answer:
            text = await answer.text()
            return answer.status, await answer.json(content_type=None) if text else {}, answer.headers

    async def log_in(self, name: str = "john", password: str = RIGHT, **headers: str) -> int:
        """The status."""
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        return (await self.ask("POST", "/login", {"username": name, "password": password}, named or None))[0]


@asynccontextmanager
async def house(folder: Path) -> AsyncIterator[tuple[ServiceUrl, Browser]]:
    async with opened(folder, replace(TABLES, users=(JOHNS, EVES))) as door:
        await door.store.edit(
            Edit(
                (Change(None, Profile("boss", "administrator")), Change(None, Group("sales", (EVES.id,), (JOHNS.id,))))
            ),
            "profiles",
        )
        await door.feed.catch_up(10)
        browser = Browser(door)
        try:
            yield door, browser
        finally:
            await browser.http.close()


@pytest.fixture
async def both(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[ServiceUrl, Browser]]:
    async with house(tmp_path_factory.mktemp("s")) as found:
        yield found


async def test_a_login_opens_the_api_and_a_logout_closes_it(both: tuple[ServiceUrl, Browser]) -> None:
    door, browser = both
    assert (await browser.ask("GET", "/users"))[0] == 401
    status, me, headers = await browser.ask("POST", "/login", {"username": "john", "password": RIGHT})
    assert (status, me["kind"], me["id"], me["role"]) == (200, "account", JOHN.id, "administrator")
    cookies = headers.getall("Set-Cookie")
    assert [one.partition("=")[0] for one in cookies] == [LOCAL.session, LOCAL.device]
    assert all("HttpOnly" in one and "SameSite=Strict" in one and "Path=/" in one for one in cookies)
    assert "Max-Age" not in cookies[0], "it ends with the browser"
    assert (await browser.ask("GET", "/users"))[0] == 200
    assert (await browser.ask("POST", "/roles", {"name": "x", "permissions": ["audit.read"]}))[0] == 201
    _, sessions, _ = await browser.ask("GET", "/account/sessions")
    assert [(one["current"], one["address"]) for one in sessions["items"]] == [(True, "127.0.0.1")]
    assert (await browser.ask("POST", "/logout"))[0] == 204
    assert (await browser.ask("GET", "/users"))[0] == 401
    assert door.audit.actions() == ["logged-in", "settings-changed", "logged-out"]


async def test_a_user_gets_no_further_than_the_role_and_the_refusal_is_logged(both: tuple[ServiceUrl, Browser]) -> None:
    door, browser = both
    assert await browser.log_in("eve", "hers and long") == 200
    status, me, _ = await browser.ask("GET", "/account")
    assert (status, me["permissions"]) == (200, ["own.list", "own.listen"])
    for method, path in (("GET", "/users"), ("GET", "/users/1"), ("GET", "/users/999"), ("DELETE", "/roles/user")):
        status, said, _ = await browser.ask(method, path)
        assert (status, said["code"]) == (403, "not-permitted")
    refused = [one for one in door.audit.entries if one.action == "refused"]
    assert [(one.actor.id, one.address, one.details) for one in refused][:1] == [
        (EVE.id, "127.0.0.1", "listUsers needs users.read")
    ]
    assert len(refused) == 4


async def test_who_may_change_accounts_gives_nobody_more_than_they_have_and_takes_over_no_stronger_account(
    both: tuple[ServiceUrl, Browser],
) -> None:
    """Neither themselves nor others: by a profile, a role, a token, a group, a user file, a password, a second factor."""
    door, browser = both
    helper = ("accounts.read", "accounts.change", "users.read", "users.change", "own.list", "own.listen")
    roles = (Change(None, Role("help", tuple(map(Permission, helper)))), Change(None, Profile("help", "help")))
    await door.store.edit(Edit((*roles, Change(EVES, replace(EVES, profileclient="help")))), "roles")
    await door.feed.catch_up(10)
    assert await browser.log_in("eve", "hers and long") == 200
    any_version = {**OWN_PAGE, "If-Match": "*"}
    tries: list[tuple[str, str, object, dict[str, str]]] = [
        ("PATCH", f"/users/{EVES.id}", {"profileclient": "boss"}, any_version),
        ("POST", "/roles", {"name": "x", "permissions": ["recordings.listen"]}, OWN_PAGE),
        ("PATCH", "/roles/help", {"permissions": [*helper, "recordings.listen"]}, any_version),
        ("PATCH", "/profiles/help", {"role": "administrator"}, any_version),
        ("POST", "/tokens", {"name": "x", "permissions": ["recordings.listen"]}, OWN_PAGE),
        ("POST", f"/accounts/{JOHNS.id}/password", {"password": "mine mine mine"}, OWN_PAGE),
        ("PATCH", f"/users/{JOHNS.id}", {"username": "mine"}, any_version),
        ("DELETE", f"/accounts/{JOHNS.id}/second-factor", None, OWN_PAGE),
        ("DELETE", f"/accounts/{JOHNS.id}/sessions", None, OWN_PAGE),
        ("DELETE", f"/users/{JOHNS.id}", None, OWN_PAGE),
    ]
    before = await door.store.tables()
    for method, path, body, headers in tries:
        status, said, _ = await browser.ask(method, path, body, headers)
        assert (status, said["code"]) == (403, "grant-exceeds"), path
    form = b"entityid|firstname|lastname|language|enableclient|username|password|profileclient\n1|Max|M||1|max|geheim123|boss\n"
    url = f"http://127.0.0.1:{door.port}/api/v1/users/import"
    async with browser.http.post(url, data=form, headers={**OWN_PAGE, "Content-Type": "text/csv"}) as answer:
        said = await answer.json(content_type=None)
        assert (answer.status, said["code"]) == (403, "grant-exceeds"), said
    assert await door.store.tables() == before
    refused = [one for one in door.audit.entries if one.action == "refused"]
    assert len(refused) == len(tries) + 1
    assert (await browser.ask("POST", "/tokens", {"name": "x", "permissions": ["users.read"]}))[0] == 201
    assert (await browser.ask("POST", "/roles", {"name": "x", "permissions": ["own.list"]}))[0] == 201


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "https://127.0.0.1"},
    ],
)
async def test_a_change_from_elsewhere_is_refused_though_the_cookie_is_there(
    both: tuple[ServiceUrl, Browser], headers: dict[str, str]
) -> None:
    door, browser = both
    assert await browser.log_in() == 200
    status, said, _ = await browser.ask("DELETE", "/users/2", headers=headers)
    assert (status, said["code"]) == (403, "cross-site")
    assert (await browser.ask("GET", "/users/2", headers=headers))[0] == 200, "reading changes nothing"
    if headers:
        assert await browser.log_in(**headers) == 403, "a foreign page logs nobody in either"
    own = {"Origin": f"http://127.0.0.1:{door.port}"}
    assert (await browser.ask("DELETE", "/users/2", headers=own))[0] == 204


async def test_wrong_and_unknown_are_one_answer_and_strangers_do_not_lock_the_owner_out(
    both: tuple[ServiceUrl, Browser],
) -> None:
    door, browser = both
    assert await browser.log_in() == 200
    stranger = Browser(door)
    answers = {
        str((await stranger.ask("POST", "/login", {"username": name, "password": "guess"}))[:2])
        for name in ("john", "x")
    }
    assert len(answers) == 1
    for _ in range(PER_ACCOUNT):
        await stranger.log_in(password="guess")
    status, said, headers = await stranger.ask("POST", "/login", {"username": "john", "password": RIGHT})
    assert (status, said["code"], int(headers["Retry-After"]) > 800) == (429, "login-wait", True)
    assert await browser.log_in() == 200
    _, listed, _ = await browser.ask("GET", "/accounts")
    assert {one["username"]: one["locked_s"] > 800 for one in listed["items"]} == {"eve": False, "john": True}
    assert (await browser.ask("POST", "/accounts/1/unlock"))[0] == 204
    assert await stranger.log_in() == 200
    await stranger.http.close()


async def test_a_new_password_ends_every_session(both: tuple[ServiceUrl, Browser]) -> None:
    door, browser = both
    other = Browser(door)
    assert await browser.log_in("eve", "hers and long") == await other.log_in("eve", "hers and long") == 200
    change = {"present": "hers and long", "password": "another and long"}
    assert (await browser.ask("POST", "/account/password", change | {"present": "no"}))[0] == 401
    status, said, _ = await browser.ask("POST", "/account/password", change | {"password": "short"})
    assert (status, said["errors"][0]["pointer"]) == (422, "/password")
    assert (await other.ask("GET", "/account"))[0] == 200
    assert (await browser.ask("POST", "/account/password", change))[0] == 204
    assert (await other.ask("GET", "/account"))[0] == (await browser.ask("GET", "/account"))[0] == 401
    assert await other.log_in("eve", "hers and long") == 401
    assert await other.log_in("eve", "another and long") == 200
    reset = await door.ask("POST", "/accounts/2/password", {"password": "given by admin"})
    assert (reset.status, (await other.ask("GET", "/account"))[0]) == (204, 401)
    assert await other.log_in("eve", "given by admin") == 200
    await other.http.close()


async def test_log_out_everywhere_and_a_session_that_is_not_used(both: tuple[ServiceUrl, Browser]) -> None:
    door, browser = both
    other = Browser(door)
    assert await browser.log_in() == await other.log_in() == 200
    _, sessions, _ = await browser.ask("GET", "/account/sessions")
    (foreign,) = [one["id"] for one in sessions["items"] if not one["current"]]
    assert (await browser.ask("DELETE", f"/account/sessions/{foreign}"))[1] == {"ended": 1}
    status, said, _ = await browser.ask("DELETE", f"/account/sessions/{foreign}")
    assert (status, said["code"]) == (404, "no-such-session")
    assert (await other.ask("GET", "/account"))[0] == 401
    assert await other.log_in() == 200
    assert (await browser.ask("DELETE", "/account/sessions"))[1] == {"ended": 2}
    assert (await other.ask("GET", "/account"))[0] == 401
    assert await other.log_in() == 200
    door.clock.now_s += IDLE_S
    assert (await other.ask("GET", "/account"))[0] == 401
    await other.http.close()


async def test_a_program_has_its_token_and_no_more(both: tuple[ServiceUrl, Browser]) -> None:
    door, _ = both
    made = await door.ask("POST", "/tokens", {"name": "crm", "permissions": ["users.read"], "days": 1})
    assert (made.status, made.json["made_by"], made.headers["Cache-Control"]) == (201, "api", "no-store")
    program = {"Authorization": f"Bearer {made.json['token']}"}
    assert (await door.ask("GET", "/users", **program)).status == 200
    refused = await door.ask("POST", "/users", {"firstname": "Ada"}, **program)
    assert (refused.status, refused.json["code"]) == (403, "not-permitted")
    listed = await door.ask("GET", "/tokens")
    (one,) = listed.json["items"]
    assert (one["name"], one["used_s"] is not None) == ("crm", True)
    assert made.json["token"][21:] not in listed.text
    assert (await door.ask("DELETE", f"/tokens/{one['id']}")).status == 204
    assert (await door.ask("GET", "/users", **program)).status == 401
    assert (await door.ask("DELETE", f"/tokens/{one['id']}")).status == 404
    personal = await door.ask("POST", "/tokens", {"name": "crm", "permissions": ["own.list"]})
    assert (personal.status, personal.json["errors"][0]["pointer"]) == (422, "/permissions")


async def test_a_token_ends_with_the_account_that_made_it_and_makes_no_other(
    both: tuple[ServiceUrl, Browser],
) -> None:
    """An administrator who is disabled has no way back, not by a token and not by its successor."""
    door, browser = both
    assert await browser.log_in() == 200
    status, made, _ = await browser.ask("POST", "/tokens", {"name": "crm", "permissions": ["accounts.change"]})
    assert (status, made["made_by"]) == (201, f"account:{JOHN.id}")
    program = {"Authorization": f"Bearer {made['token']}"}
    refused = await door.ask("POST", "/tokens", {"name": "next", "permissions": ["accounts.change"]}, **program)
    assert (refused.status, refused.json["code"]) == (403, "token-maker")
    assert door.audit.actions()[-1] == "refused"
    assert (await door.ask("GET", "/account", **program)).status == 200
    await door.change(f"/users/{JOHN.id}", enableclient=False)
    await door.feed.catch_up(10)
    assert (await door.ask("GET", "/account", **program)).status == 401


async def test_a_second_factor_is_made_shown_wanted_and_removed(both: tuple[ServiceUrl, Browser]) -> None:
    door, browser = both
    thief = Browser(door)
    assert await browser.log_in("eve", "hers and long") == await thief.log_in("eve", "hers and long") == 200
    assert (await browser.ask("POST", "/account/second-factor", {"present": "no"}))[0] == 401
    status, made, _ = await browser.ask("POST", "/account/second-factor", {"present": "hers and long"})
    assert (status, made["secret"] in str(made["address"])) == (200, True)
    code = code_at(str(made["secret"]), int(door.clock()) // STEP_S)
    assert (await browser.ask("POST", "/account/second-factor/confirm", {"code": "000000"}))[0] == 401
    assert (await browser.ask("POST", "/account/second-factor/confirm", {"code": code}))[0] == 204
    assert (await browser.ask("GET", "/account"))[0] == 200
    assert (await thief.ask("GET", "/account"))[0] == 401
    await thief.http.close()
    login = {"username": "eve", "password": "hers and long"}
    status, said, _ = await browser.ask("POST", "/login", login)
    assert (status, said["code"]) == (401, "login-code")
    assert (await browser.ask("POST", "/login", login | {"code": code}))[0] == 401, "it was used already"
    door.clock.now_s += STEP_S
    code = code_at(str(made["secret"]), int(door.clock()) // STEP_S)
    assert (await browser.ask("POST", "/login", login | {"code": code}))[0] == 200
    assert (await door.ask("DELETE", "/accounts/2/second-factor")).status == 204
    assert (await door.ask("DELETE", "/accounts/2/second-factor")).status == 409
    assert (await door.ask("POST", "/account/second-factor", {"present": "x"})).status == 404, "a token has none"
    assert await browser.log_in("eve", "hers and long") == 200


async def test_who_may_change_users_cannot_make_administrators(both: tuple[ServiceUrl, Browser]) -> None:
    door, _ = both
    made = await door.ask("POST", "/tokens", {"name": "crm", "permissions": ["users.read", "users.change"]})
    program = {"Authorization": f"Bearer {made.json['token']}", "If_Match": "*"}
    assert (await door.ask("PATCH", "/users/2", {"lastname": "New"}, **program)).status == 200
    for body in ({"profileclient": "boss"}, {"password_hash": ""}, {"username": "x"}, {"enableclient": False}):
        assert (await door.ask("PATCH", "/users/2", body, **program)).status == 403
    assert (await door.ask("DELETE", "/users/2", **program)).status == 403
    assert (await door.ask("GET", "/users/export?secrets=true", **program)).status == 403
    assert (await door.ask("POST", "/users/import", "firstname\n", Content_Type="text/csv", **program)).status == 403
    created = await door.ask("POST", "/users", {"firstname": "Plain"}, **program)
    assert created.status == 201
    assert (await door.ask("DELETE", f"/users/{created.json['id']}", **program)).status == 204


async def test_nobody_gets_the_answer_to_another_ones_request(both: tuple[ServiceUrl, Browser]) -> None:
    door, _ = both
    made = await door.ask("POST", "/tokens", {"name": "crm", "permissions": ["users.change"]})
    program = {"Authorization": f"Bearer {made.json['token']}"}
    first = await door.ask("POST", "/users", {"firstname": "Ada"}, Idempotency_Key="k1")
    again = await door.ask("POST", "/users", {"firstname": "Ada"}, Idempotency_Key="k1", **program)
    assert (first.status, again.status, again.json["code"]) == (201, 422, "request-id-reused")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "no-json"),
        (b'"x"', 422, "body"),
        (b"[" * 100_000, 400, "no-json"),
        (b'{"username": "john"}', 422, "body"),
        (b'{"username": "john", "password": 7}', 422, "body"),
        (b'{"username": "john", "password": "%s"}' % (b"x" * 2000), 422, "body"),
        (b'{"username": "john", "password": "%s"}' % (b"x" * (1 << 20)), 413, "http-413"),
        (b'{"username": "\\ud800", "password": "\\u0000"}', 401, "login-refused"),
    ],
    ids=["cut", "text", "deep", "half", "number", "long", "a megabyte", "surrogate"],
)
async def test_what_is_no_login_is_said_so(
    both: tuple[ServiceUrl, Browser], body: bytes, status: int, code: str
) -> None:
    door, browser = both
    headers = {"Content-Type": "application/json", **OWN_PAGE}
    url = f"http://127.0.0.1:{door.port}/api/v1/login"
    async with browser.http.post(url, data=BytesIO(body), headers=headers) as answer:
        said = await answer.json(content_type=None)
    assert (answer.status, said["code"]) in {(status, code), (400, "no-json")}
    assert "Set-Cookie" not in answer.headers
    assert (await browser.ask("GET", "/account"))[0] == 401


async def test_the_login_of_a_form_is_refused(both: tuple[ServiceUrl, Browser]) -> None:
    """A page of another site can send forms, and no JSON."""
    door, browser = both
    url = f"http://127.0.0.1:{door.port}/api/v1/login"
    async with browser.http.post(url, data={"username": "john", "password": RIGHT}) as answer:
        assert answer.status == 415


@pytest.mark.parametrize(
    ("headers", "way"),
    [
        ({"Host": "rec.example.com"}, 421),
        ({"X-Forwarded-For": "203.0.113.9"}, 403),
        ({"X-Forwarded-Proto": "https"}, 403),
        ({"Via": "1.1 proxy"}, 403),
    ],
)
async def test_off_the_loopback_address_nobody_can_log_in_without_https(
    both: tuple[ServiceUrl, Browser], headers: dict[str, str], way: int
) -> None:
    """A proxy that is not trusted does not make the way longer than it looks."""
    _, browser = both
    status, said, answered = await browser.ask("POST", "/login", {"username": "john", "password": RIGHT}, headers)
    assert status == way
    assert "Set-Cookie" not in answered
    if way == 403:
        assert said["code"] == "login-way"
        assert "CALLREC_TRUSTED_PROXIES" in said["hint"]


async def test_cookies_of_the_other_kind_or_of_no_form_are_no_session(both: tuple[ServiceUrl, Browser]) -> None:
    door, browser = both
    assert await browser.log_in() == 200
    (secret,) = [one.value for one in browser.http.cookie_jar if one.key == LOCAL.session]
    bare = Browser(door)
    for cookie in (f"{SECURE.session}={secret}", f"{LOCAL.session}={secret}x", f"{LOCAL.session}=", "callrec=1; ;=;"):
        status, _, _ = await bare.ask("GET", "/account", headers={"Cookie": cookie})
        assert status == 401, cookie
    assert (await bare.ask("GET", "/account", headers={"Cookie": f"{LOCAL.session}={secret}"}))[0] == 200
    forwarded = {"Cookie": f"{LOCAL.session}={secret}", "X-Forwarded-For": "203.0.113.9"}
    assert (await bare.ask("GET", "/account", headers=forwarded))[0] == 401, "what came over a proxy is not local"
    both_given = {"Cookie": f"{LOCAL.session}={secret}", "Authorization": "Bearer wrong"}
    assert (await bare.ask("GET", "/account", headers=both_given))[0] == 401, "a header is not overruled by a cookie"
    await bare.http.close()


async def test_the_daemons_token_is_an_administrator_as_before(both: tuple[ServiceUrl, Browser]) -> None:
    door, _ = both
    me = await door.ask("GET", "/account")
    assert (me.status, me.json["kind"], len(me.json["permissions"]) > 20) == (200, "daemon", True)
    assert (await door.ask("POST", "/logout")).status == 204
    assert (await door.ask("POST", "/account/password", {"present": "x", "password": "y"})).status == 404
    assert TOKEN not in (await door.ask("GET", "/tokens")).text


async def test_behind_a_trusted_proxy_with_https_the_cookie_is_the_hosts_own(both: tuple[ServiceUrl, Browser]) -> None:
    """The proxy connects from 127.0.0.9, an address of this machine that CALLREC_TRUSTED_PROXIES names here."""
    door, _ = both
    told = {"X-Forwarded-For": "198.51.100.1, 203.0.113.9", "X-Forwarded-Proto": "https", "Host": "localhost"}
    login = {"username": "john", "password": RIGHT}
    url = f"http://127.0.0.1:{door.port}/api/v1"
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(local_addr=("127.0.0.9", 0))) as proxy:
        async with proxy.post(f"{url}/login", json=login, headers=told | {"Origin": "https://localhost"}) as answer:
            cookie = answer.headers.getall("Set-Cookie")[0]
            assert (answer.status, cookie.partition("=")[0]) == (200, SECURE.session)
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=Strict"} == set(cookie.split("; ")[1:])
        sent = told | {"Cookie": cookie.partition(";")[0]}
        async with proxy.get(f"{url}/account/sessions", headers=sent) as answer:
            assert [one["address"] for one in (await answer.json())["items"]] == ["203.0.113.9"]
        async with proxy.get(f"{url}/account", headers=sent | {"X-Forwarded-Proto": "http"}) as answer:
            assert answer.status == 401, "what came to the proxy in the clear opens nothing"
        async with proxy.post(f"{url}/logout", headers=sent | {"Origin": "http://localhost"}) as answer:
            assert answer.status == 403
    assert door.audit.entries[0].address == "203.0.113.9"


async def test_who_becomes_administrator_is_logged(both: tuple[ServiceUrl, Browser]) -> None:
    """A role by a profile, a password by its hash, a new role, profile or group, an import: each has an entry, a try-out none."""
    door, browser = both
    assert await browser.log_in() == 200
    door.audit.entries.clear()
    for fields in ({"profileclient": "boss"}, {"password_hash": PASSWORDS.hashed("another one")}, {"lastname": "New"}):
        etag = (await browser.ask("GET", f"/users/{EVE.id}"))[2]["ETag"]
        assert (await browser.ask("PATCH", f"/users/{EVE.id}", fields, {**OWN_PAGE, "If-Match": etag}))[0] == 200
    assert (await browser.ask("POST", "/roles", {"name": "spy", "permissions": ["recordings.listen"]}))[0] == 201
    assert (await browser.ask("POST", "/profiles", {"name": "agents", "role": "spy"}))[0] == 201
    assert (await browser.ask("POST", "/groups", {"name": "g2", "members": ["1"], "supervisors": ["2"]}))[0] == 201
    entries = [f"{one.action} {one.actor.id} {one.subject}" for one in door.audit.entries]
    assert entries == [
        *["account-changed 1 account:2"] * 2,
        "settings-changed 1 user:2",
        *(f"settings-changed 1 {one}:" for one in ("role", "profile", "group")),
    ]
    for dry_run in ("true", "false"):
        path = f"/users/import?dry_run={dry_run}"
        assert (await door.ask("POST", path, "firstname\nAda\n", Content_Type="text/csv")).status == 200
    assert door.audit.entries[-1].details == "import of a user file, mode add"
    assert len(door.audit.entries) == len(entries) + 1
