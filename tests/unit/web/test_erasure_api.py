"""Erasing over HTTP and by command: previews change nothing, holds keep, and who may not learns nothing."""

import json
from pathlib import Path

import pytest
from media_client import actions, served
from stored_library import StoredLibrary
from typer.testing import CliRunner

from callrec.cli import erasures
from callrec.cli.app import app
from callrec.domain.access.principals import Principal, PrincipalKind
from callrec.domain.directory.model import Permission
from callrec.domain.rules import UserId

WHY = {"reason": "request 12/26"}
NONE_KEPT = {"held": 0, "unfinished": 0, "damaged": 0, "elsewhere": 0}


@pytest.fixture
def stored(tmp_path: Path) -> StoredLibrary:
    one = StoredLibrary(tmp_path)
    for nth in (1, 2):
        one.store(nth)
    return one


async def test_a_preview_tells_what_goes_and_the_erasure_does_it(stored: StoredLibrary) -> None:
    async with served(stored) as client:
        status, seen = await client.send("c1-1/erase/preview", "POST", None)
        assert (status, seen["recordings"], seen["kept"]) == (200, 1, NONE_KEPT)
        assert (seen["first"][0]["recording"], seen["bytes"] > 1000) == ("c1-1", True)
        status, done = await client.send("c1-1/erase", "POST", WHY)
        assert (status, done["recordings"], done["more"], done["unfinished"]) == (200, 1, False, [])
        assert (await client.send("c1-1/erase", "POST", WHY))[0] == 404
        assert (await client.ask("c1-1/media"))[0] == 404
        assert (await client.ask("c2-1/media"))[0] == 200
    assert actions(stored)[:2] == ["shown c1-1 token", "erased c1-1 cause:request token"]
    assert list(stored.entries) == ["c2-1"]
    assert [path.name for path in stored.folder.rglob("c1-1*")] == []


async def test_by_number_with_a_hold_that_keeps_one(stored: StoredLibrary) -> None:
    wanted = {"filter": {"number": "1000"}}
    async with served(stored) as client:
        await client.send("c2-1/hold", "POST", {"reason": "lawsuit"})
        status, problem = await client.send("c2-1/erase", "POST", WHY)
        assert (status, problem["code"]) == (409, "recording-held")
        status, seen = await client.send("erase/preview", "POST", wanted)
        assert (status, seen["recordings"], seen["kept"]["held"]) == (200, 1, 1)
        status, done = await client.send("erase/all", "POST", wanted | WHY)
        assert (status, done["recordings"], done["kept"]) == (200, 1, NONE_KEPT | {"held": 1})
    assert list(stored.entries) == ["c2-1"]


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("c1-1/erase", {}, 422, "body"),
        ("c1-1/erase", {"reason": ""}, 422, "body"),
        ("c1-1/erase", {"reason": "for 1000"}, 422, "erasure-reason"),
        ("erase/all", WHY, 422, "body"),
        ("erase/all", WHY | {"filter": {}}, 422, "erasure-conditions"),
        ("erase/all", WHY | {"filter": {"number": "1000", "colour": "red"}}, 422, "body"),
        ("erase/all", WHY | {"filter": {"number_part": "1"}}, 422, "search-text"),
        ("erase/all", WHY | {"filter": {"state": "lost"}}, 422, "body"),
        ("erase/preview", {"filter": {"from_s": -1}}, 422, "body"),
        ("erase/preview", {"filter": {"most_s": False}}, 422, "body"),
        ("erase/preview", {"filter": {"held": "yes"}}, 422, "body"),
    ],
)
async def test_bad_requests_erase_nothing(
    stored: StoredLibrary, path: str, body: object, status: int, code: str
) -> None:
    async with served(stored) as client:
        got, problem = await client.send(path, "POST", body)
    assert (got, problem["code"]) == (status, code)
    assert len(stored.entries) == 2


async def test_filters_are_written_as_in_queries(stored: StoredLibrary) -> None:
    wanted = {"filter": {"state": "sound", "rule": "always", "held": False, "from_s": 0, "least_s": 0.5, "user": "7"}}
    async with served(stored) as client:
        status, seen = await client.send("erase/preview", "POST", wanted)
    assert (status, seen["recordings"]) == (200, 2)


@pytest.mark.parametrize(
    ("permissions", "own", "status"),
    [
        ({Permission.RECORDINGS_ERASE}, "9", 200),
        ({Permission.OWN_ERASE}, "7", 200),
        ({Permission.OWN_ERASE}, "9", 404),
        ({Permission.RECORDINGS_LISTEN, Permission.RECORDINGS_HOLD}, "7", 403),
    ],
)
async def test_who_may_erase_which(stored: StoredLibrary, permissions: set[Permission], own: str, status: int) -> None:
    """A foreign recording is answered as one that is not there."""
    who = Principal(PrincipalKind.ACCOUNT, UserId(own), frozenset(permissions), UserId(own))
    async with served(stored, who) as client:
        foreign = await client.send("c1-1/erase/preview", "POST", None)
        absent = await client.send("c9-1/erase/preview", "POST", None)
        assert foreign[0] == status
        if status != 200:
            assert foreign[1] | {"title": ""} == absent[1] | {"title": ""}
        got, done = await client.send("erase/all", "POST", {"filter": {"number": "1001"}} | WHY)
    assert got == (403 if status == 403 else 200)
    assert done.get("recordings", 0) == (2 if status == 200 else 0)


async def test_without_the_audit_log_nothing_goes(stored: StoredLibrary) -> None:
    stored.audit_is_full = True
    async with served(stored) as client:
        answers = [
            (await client.send("c1-1/erase", "POST", WHY))[0],
            (await client.send("c1-1/erase/preview", "POST", None))[0],
            (await client.send("erase/preview", "POST", {"filter": {"number": "1000"}}))[0],
        ]
    assert answers == [503] * 3
    assert len(stored.entries) == 2


async def test_a_catalogue_that_does_not_answer_is_told_and_the_rest_is_done_later(stored: StoredLibrary) -> None:
    stored.index_is_away = True
    async with served(stored) as client:
        assert (await client.send("c1-1/erase", "POST", WHY))[0] == 503
        assert [path.name for path in stored.folder.rglob("c1-1.*")] == []
        assert (await client.send("c1-1/hold", "POST", {"reason": "too late"}))[0] >= 400


class Asked:
    """In place of the daemon: its answers, and what it was asked."""

    def __init__(self, *answers: dict[str, object]) -> None:
        self.answers, self.requests = list(answers), list[tuple[str, object]]()

    def __call__(self, path: str, body: object) -> dict[str, object]:
        """One answer."""
        self.requests.append((path, body))
        return self.answers.pop(0)


def done(recordings: int, *, more: bool = False) -> dict[str, object]:
    return {"recordings": recordings, "bytes": 10, "kept": {"held": 1}, "more": more, "unfinished": []}


def test_the_command_goes_on_until_none_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked(done(1000, more=True), done(5))
    monkeypatch.setattr(erasures, "ask", asked)
    ran = CliRunner().invoke(app, ["recordings", "erase", "--number", "1000", "--reason", "r", "--json"])
    said = json.loads(ran.stdout)
    assert (ran.exit_code, said["recordings"], said["bytes"], said["kept"]) == (0, 1005, 20, {"held": 1})
    assert asked.requests == [("/api/v1/recordings/erase/all", {"filter": {"number": "1000"}, "reason": "r"})] * 2


def test_the_command_previews_and_names_what_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = {"recordings": 1, "bytes": 5, "kept": {"held": 2}, "first": [{"recording": "c1-1"}]}
    asked = Asked(seen)
    monkeypatch.setattr(erasures, "ask", asked)
    ran = CliRunner().invoke(app, ["recordings", "erase", "c1-1", "--preview"])
    assert (ran.exit_code, "c1-1" in ran.stdout, "kept: held" in ran.stdout) == (0, True, True)
    assert asked.requests == [("/api/v1/recordings/c1-1/erase/preview", None)]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ([], "erasure-conditions"),
        (["c1-1", "--number", "1000", "--reason", "r"], "erasure-conditions"),
        (["c1-1"], "erasure-reason"),
    ],
)
def test_the_command_needs_one_recording_or_conditions_and_a_reason(
    words: list[str], code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasures, "ask", Asked())
    ran = CliRunner().invoke(app, ["recordings", "erase", *words])
    assert getattr(ran.exception, "code", "") == code


def test_a_person_at_a_terminal_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = {"recordings": 3, "bytes": 5, "kept": {}, "first": []}
    asked = Asked(seen, seen, done(3))
    monkeypatch.setattr(erasures, "ask", asked)
    monkeypatch.setattr(erasures, "is_person", lambda: True)
    words = ["recordings", "erase", "--user", "7", "--reason", "r"]
    assert CliRunner().invoke(app, words, input="n\n").exit_code == 1
    assert len(asked.requests) == 1
    assert CliRunner().invoke(app, words, input="y\n").exit_code == 0
    assert [path for path, _ in asked.requests][1:] == [
        "/api/v1/recordings/erase/preview",
        "/api/v1/recordings/erase/all",
    ]
