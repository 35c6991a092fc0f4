"""Retention classes and holds on many recordings over HTTP and by command."""

import json
from pathlib import Path

import aiohttp
import pytest
from media_client import TOKEN, served
from stored_library import StoredLibrary
from typer.testing import CliRunner

from callrec.cli import erasures, retention
from callrec.cli.app import app
from callrec.domain.access.principals import Principal, PrincipalKind
from callrec.domain.directory.model import Permission
from callrec.domain.rules import UserId

CASE = {"reason": "lawsuit", "reference": "AZ 1"}
ALL = {"filter": {"number": "1000"}}


@pytest.fixture
def stored(tmp_path: Path) -> StoredLibrary:
    one = StoredLibrary(tmp_path)
    for nth in (1, 2, 3):
        one.store(nth)
    return one


async def asked(client, method: str, path: str, body: object = None) -> tuple[int, dict]:
    """An answer of `/retention...`."""
    url = f"http://127.0.0.1:{client.port}/api/v1/retention{path}"
    opened = aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"})
    async with opened as http, http.request(method, url, json=body) as answer:
        return answer.status, json.loads(await answer.read())


async def test_a_class_is_set_seen_enabled_and_does_its_work(stored: StoredLibrary) -> None:
    wanted = {"rules": ["always"], "users": ["7"], "max_days": 1, "min_days": 0.5, "rank": 2}
    async with served(stored) as client:
        status, table = await asked(client, "PUT", "/classes/short", wanted)
        assert (status, table["classes"][0]["in_effect"], table["classes"][0]["rules"]) == (200, False, ["always"])
        await client.send("c2-1/hold", "POST", CASE)
        status, due = await asked(client, "POST", "/classes/short/preview")
        assert (status, due["recordings"], due["held"], len(due["first"])) == (200, 2, 1, 2)
        status, problem = await asked(client, "POST", "/classes/short/enable", {"expected": 1})
        assert (status, problem["code"]) == (409, "retention-preview")
        assert (await asked(client, "POST", "/classes/short/enable", {"expected": 2}))[0] == 200
        status, run = await asked(client, "POST", "/run")
        assert (status, run["by_age"], run["held"]) == (200, 2, 1)
        assert list(stored.entries) == ["c2-1"]
        status, shown = await asked(client, "GET", "")
        assert (shown["last"]["by_age"], shown["why_not"], shown["classes"][0]["in_effect"]) == (2, "", True)
        assert (await asked(client, "PUT", "/space", {"quota_bytes": 5}))[1]["quota_bytes"] == 5
        assert (await asked(client, "POST", "/clock"))[1]["clock_off_s"] == 0.0
        assert (await asked(client, "POST", "/classes/short/disable"))[1]["classes"][0]["in_effect"] is False
        assert (await asked(client, "DELETE", "/classes/short"))[1]["classes"] == []
    assert [one.subject for one in stored.audited if one.action == "settings-changed"] == [
        "retention:short", "retention:short", "retention:run", "retention:space", "retention:clock", "retention:short",
        "retention:short",
    ]  # fmt: skip
    assert sum(one.action == "erased" and one.subject == "cause:retention" for one in stored.audited) == 2


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("PUT", "/classes/Short", {}, 422, "retention-class"),
        ("PUT", "/classes/short", {"max_days": 0.5}, 422, "body"),
        ("PUT", "/classes/short", {"max_days": 5, "min_days": 6}, 422, "retention-class"),
        ("PUT", "/classes/short", {"rules": ["sometimes"]}, 422, "body"),
        ("PUT", "/classes/short", {"colour": 1}, 422, "body"),
        ("PUT", "/space", {"quota_bytes": -1}, 422, "body"),
        ("DELETE", "/classes/none", None, 404, "no-such-class"),
        ("POST", "/classes/none/preview", None, 404, "no-such-class"),
        ("POST", "/classes/none/enable", {"expected": 5}, 404, "no-such-class"),
        ("POST", "/classes/none/disable", None, 404, "no-such-class"),
    ],
)
async def test_bad_requests_change_nothing(  # noqa: PLR0917 - a case has all of these
    stored: StoredLibrary, method: str, path: str, body: object, status: int, code: str
) -> None:
    async with served(stored) as client:
        got, problem = await asked(client, method, path, body)
    assert (got, problem["code"]) == (status, code)
    assert not (stored.folder / "state/retention.json").exists()


async def test_all_that_meet_conditions_are_held_once_and_released_by_reference(stored: StoredLibrary) -> None:
    async with served(stored) as client:
        await client.send("c3-1/hold", "POST", {"reason": "another", "reference": "AZ 2"})
        status, seen = await client.send("hold/all", "POST", ALL | CASE | {"preview": True})
        assert (status, seen["recordings"], len(seen["first"])) == (200, 3, 3)
        assert "holds" not in stored.entries["c1-1"]
        status, done = await client.send("hold/all", "POST", ALL | CASE)
        assert (status, done["recordings"], done["unchanged"], done["more"]) == (200, 3, 0, False)
        assert json.loads(stored.entries["c3-1"]["holds"]) == ["another", "lawsuit"]
        status, again = await client.send("hold/all", "POST", ALL | CASE)
        assert (again["recordings"], again["unchanged"]) == (0, 3)
        status, erased = await client.send("erase/all", "POST", ALL | {"reason": "r"})
        assert (erased["recordings"], erased["kept"]["held"]) == (0, 3)
        status, seen = await client.send("release/all", "POST", ALL | CASE | {"preview": True})
        assert seen["recordings"] == 3
        status, done = await client.send("release/all", "POST", ALL | {"reason": "settled", "reference": "AZ 1"})
        assert (status, done["recordings"]) == (200, 3)
        assert json.loads(stored.entries["c3-1"]["holds"]) == ["another"]
        status, done = await client.send("release/all", "POST", ALL | {"reason": "settled"})
        assert (done["recordings"], done["unchanged"]) == (1, 2)
    assert sum(one.action == "held" for one in stored.audited) == 4
    assert sum(one.action == "released" for one in stored.audited) == 4


async def test_what_cannot_be_held_is_named_and_the_rest_is(
    stored: StoredLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    (stored.folder / "monitor/2026/11/22/c1-1.annotations.json").write_text("{")
    async with served(stored) as client:
        status, done = await client.send("hold/all", "POST", ALL | CASE)
        assert (status, done["recordings"]) == (200, 2)
        assert done["failed"] == [{"recording": "c1-1", "code": "annotations-unreadable"}]
        status, problem = await client.send("hold/all", "POST", {"filter": {}} | CASE)
        assert (status, problem["code"]) == (422, "erasure-conditions")
        status, problem = await client.send("hold/all", "POST", ALL | {"reason": "a\u0000b"})
        assert (status, problem["code"]) == (422, "annotation")
        monkeypatch.setattr("callrec.app.library.changing_many.MOST_AT_ONCE", 1)
        status, done = await client.send("release/all", "POST", ALL | {"reason": "settled"})
        assert (done["recordings"], done["more"]) == (1, True)


async def test_who_may_hold_may_not_release(stored: StoredLibrary) -> None:
    who = Principal(PrincipalKind.ACCOUNT, UserId("9"), frozenset({Permission.RECORDINGS_HOLD}), UserId("9"))
    async with served(stored, who) as client:
        assert (await client.send("hold/all", "POST", ALL | CASE))[0] == 200
        assert (await client.send("c1-1/release", "POST", {"reason": "x"}))[0] == 403
        assert (await client.send("release/all", "POST", ALL | CASE))[0] == 403


async def test_who_may_erase_their_own_recordings_sets_nothing_that_erases_others(stored: StoredLibrary) -> None:
    """`own.erase` opens the routes that need `recordings.erase` for some recording; classes and limits are about all."""
    may = frozenset({Permission.SETTINGS_CHANGE, Permission.SETTINGS_READ, Permission.OWN_ERASE})
    who = Principal(PrincipalKind.ACCOUNT, UserId("9"), may, UserId("9"))
    wanted: tuple[tuple[str, str, object], ...] = (
        ("PUT", "/classes/short", {"max_days": 1}),
        ("DELETE", "/classes/short", None),
        ("POST", "/classes/short/enable", {"expected": 3}),
        ("POST", "/classes/short/disable", None),
        ("PUT", "/space", {"quota_bytes": 1}),
        ("POST", "/run", None),
        ("POST", "/clock", None),
    )
    async with served(stored, who) as client:
        for method, path, body in wanted:
            status, problem = await asked(client, method, path, body)
            assert (status, problem["code"]) == (403, "not-permitted"), path
    assert not (stored.folder / "state/retention.json").exists()


class Daemon:
    """In place of the daemon: its answers, and what it was asked."""

    def __init__(self, *answers: dict[str, object]) -> None:
        self.answers, self.requests = list(answers), list[tuple[object, ...]]()

    def __call__(self, *request: object) -> dict[str, object]:
        """One answer."""
        self.requests.append(request)
        return self.answers.pop(0)


ONE = {
    "name": "short", "in_effect": False, "min_days": 0, "max_days": 30, "rank": 0, "rules": [], "users": [], "contexts": [],
    "tags": [],
}  # fmt: skip
TABLE = {"classes": [ONE], "quota_bytes": None, "least_free_bytes": 5}
STATUS = TABLE | {"time": {"now_s": 1.0, "clock_off_s": 3600.0}, "last": {"by_age": 1}, "why_not": "space"}


@pytest.mark.parametrize(
    ("words", "answer", "request_"),
    [
        (["list"], STATUS, ("GET", "")),
        (["set", "short", "--max-days", "30", "--tag", "a", "--rule", "always"], TABLE, ("PUT", "/classes/short")),
        (["remove", "short"], TABLE, ("DELETE", "/classes/short")),
        (["preview", "short"], {"recordings": 1, "first": [{"recording": "c1"}]}, ("POST", "/classes/short/preview")),
        (["enable", "short", "--expected", "3"], TABLE, ("POST", "/classes/short/enable")),
        (["disable", "short"], TABLE, ("POST", "/classes/short/disable")),
        (["space", "--quota-gb", "1"], TABLE, ("PUT", "/space")),
        (["run"], {"by_age": 1}, ("POST", "/run")),
        (["clock", "--trust"], {"now_s": 1.0}, ("POST", "/clock")),
        (["clock"], STATUS, ("GET", "")),
    ],
)
def test_the_commands_ask_the_daemon(
    words: list[str], answer: dict, request_: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon = Daemon(answer, answer)
    monkeypatch.setattr(retention, "_ask", daemon)
    ran = CliRunner().invoke(app, ["retention", *words])
    assert ran.exit_code == 0, ran.output
    assert daemon.requests[0][:2] == request_
    as_json = CliRunner().invoke(app, ["retention", *words, "--json"])
    assert (as_json.exit_code, isinstance(json.loads(as_json.stdout), dict)) == (0, True)


def test_holds_by_command_on_one_and_on_many(monkeypatch: pytest.MonkeyPatch) -> None:
    many = {"recordings": 1000, "unchanged": 0, "first": ["c1-1"], "failed": [], "more": True}
    daemon = Daemon(
        {"recording": "c1-1"}, many, many | {"recordings": 5, "more": False, "first": []}, many | {"more": False}
    )
    monkeypatch.setattr(erasures, "ask", daemon)
    hold, release = ["recordings", "hold"], ["recordings", "release"]
    assert CliRunner().invoke(app, [*hold, "c1-1", "--reason", "r"]).exit_code == 0
    ran = CliRunner().invoke(app, [*hold, "--user", "7", "--reason", "r", "--reference", "A", "--json"])
    assert (json.loads(ran.stdout)["recordings"], json.loads(ran.stdout)["first"]) == (1005, ["c1-1"])
    assert CliRunner().invoke(app, [*release, "--tag", "x", "--reason", "r", "--preview"]).exit_code == 0
    assert daemon.requests == [
        ("/api/v1/recordings/c1-1/hold", {"reason": "r", "reference": ""}),
        *[("/api/v1/recordings/hold/all", {"reason": "r", "reference": "A", "filter": {"user": "7"}, "preview": False})]
        * 2,
        ("/api/v1/recordings/release/all", {"reason": "r", "reference": "", "filter": {"tag": "x"}, "preview": True}),
    ]
    assert CliRunner().invoke(app, [*hold, "--user", "7"]).exit_code == 2
