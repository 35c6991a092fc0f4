"""Tags, classes and notes of all recordings that meet conditions: over HTTP with real files, and by command."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from media_client import served
from stored_library import StoredLibrary, recorded, tone
from typer.testing import CliRunner

from callrec.cli import erasures
from callrec.cli.app import app
from callrec.domain.access.principals import Principal, PrincipalKind
from callrec.domain.directory.model import Permission
from callrec.domain.rules import UserId

ALL: dict[str, object] = {"filter": {"number": "1000"}}


@pytest.fixture
def stored(tmp_path: Path) -> StoredLibrary:
    one = StoredLibrary(tmp_path)
    for nth in (1, 2, 3):
        one.store(nth, left=tone(440, 0.2), right=tone(440, 0.2), recording=recorded(nth, 0.2))
    return one


def tags(stored: StoredLibrary, recording: str) -> list[str]:
    found: list[str] = json.loads(stored.entries[recording].get("tags", "[]"))
    return found


async def test_all_that_meet_conditions_are_tagged_once_after_a_preview(stored: StoredLibrary) -> None:
    body = ALL | {"add": ["sale", "vip"], "retention_class": "long"}
    async with served(stored) as client:
        await client.send("c3-1/annotations", "PATCH", {"tags": ["old", "vip"]}, If_Match="*")
        status, seen = await client.send("tag/all", "POST", body | {"preview": True})
        assert (status, seen["recordings"], len(seen["first"])) == (200, 3, 3)
        assert tags(stored, "c1-1") == []
        status, done = await client.send("tag/all", "POST", body)
        assert (status, done["recordings"], done["unchanged"], done["more"]) == (200, 3, 0, False)
        assert (tags(stored, "c1-1"), tags(stored, "c3-1")) == (["sale", "vip"], ["old", "sale", "vip"])
        assert stored.entries["c2-1"]["retention_class"] == "long"
        _, again = await client.send("tag/all", "POST", body)
        assert (again["recordings"], again["unchanged"]) == (0, 3)
        _, done = await client.send("tag/all", "POST", {"filter": {"tag": "old"}, "remove": ["old", "vip"]})
        assert (done["recordings"], tags(stored, "c3-1"), tags(stored, "c1-1")) == (1, ["sale"], ["sale", "vip"])
    changed = [one.recording for one in stored.audited if one.action == "changed"]
    assert sorted(changed) == ["c1-1", "c2-1", "c3-1", "c3-1", "c3-1"], "each has its own entry, a preview has none"
    listed = [one.details for one in stored.audited if one.action == "listed"]
    assert listed == ["preview of a change of many", *["change of many"] * 3], "each search has one, too"


async def test_a_note_is_added_once_to_each(stored: StoredLibrary) -> None:
    body = ALL | {"text": "reviewed"}
    async with served(stored) as client:
        await client.send("c1-1/notes", "POST", {"text": "reviewed", "at_s": 0.1})
        assert (await client.send("note/all", "POST", body | {"preview": True}))[1]["recordings"] == 2
        assert (await client.send("note/all", "POST", body))[1]["recordings"] == 2
        assert (await client.send("note/all", "POST", body))[1]["unchanged"] == 3
    for nth in (1, 2, 3):
        found = stored.library.annotations(f"2026/11/22/c{nth}-1")
        assert found is not None
        assert [(one.text, one.author) for one in found.notes] == [("reviewed", "token:daemon")]


async def test_nobody_marks_more_than_they_may_annotate(stored: StoredLibrary) -> None:
    """Of a group's supervisor the others' recordings are not even counted."""
    who = Principal(
        PrincipalKind.ACCOUNT, "9", frozenset({Permission.GROUP_ANNOTATE}), UserId("9"), frozenset({UserId("8")})
    )
    async with served(stored, who) as client:
        status, done = await client.send("tag/all", "POST", ALL | {"add": ["x"]})
        assert (status, done["recordings"], done["unchanged"]) == (200, 0, 0)
    listener = Principal(PrincipalKind.ACCOUNT, "9", frozenset({Permission.RECORDINGS_LISTEN}), UserId("9"))
    async with served(stored, listener) as client:
        for path, body in (("tag/all", {"add": ["x"]}), ("note/all", {"text": "x"})):
            assert (await client.send(path, "POST", ALL | body))[0] == 403
    assert tags(stored, "c1-1") == []


async def test_one_that_cannot_take_it_is_named_and_the_rest_do(stored: StoredLibrary) -> None:
    full = [f"t{nth}" for nth in range(50)]
    async with served(stored) as client:
        await client.send("c2-1/annotations", "PATCH", {"tags": full}, If_Match="*")
        (stored.folder / "monitor/2026/11/22/c1-1.annotations.json").write_text("{")
        status, done = await client.send("tag/all", "POST", ALL | {"add": ["sale"]})
    assert (status, done["recordings"]) == (200, 1)
    assert {one["recording"]: one["code"] for one in done["failed"]} == {
        "c1-1": "annotations-unreadable", "c2-1": "annotation",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("tag/all", ALL, "body"),
        ("tag/all", {"filter": {}, "add": ["x"]}, "erasure-conditions"),
        ("tag/all", {"filter": {"number": "nobody"}, "add": ["a,b"]}, "annotation"),
        ("tag/all", ALL | {"retention_class": "NOT"}, "annotation"),
        ("note/all", ALL | {"text": ""}, "body"),
        ("note/all", {"filter": {"number": "nobody"}, "text": "a\u0000"}, "annotation"),
        ("note/all", {"filter": {}, "text": "x"}, "erasure-conditions"),
    ],
)
async def test_bad_requests_change_nothing(stored: StoredLibrary, path: str, body: object, code: str) -> None:
    async with served(stored) as client:
        status, problem = await client.send(path, "POST", body)
    assert (status, problem["code"]) == (422, code)
    assert stored.audited == []


def test_the_commands_ask_until_nothing_is_left_that_can_be_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    many = {"recordings": 1000, "unchanged": 0, "first": ["c1-1"], "failed": [], "more": True}
    answers = [many, many | {"recordings": 5}, many | {"recordings": 0}, many | {"more": False}]
    asked: list[tuple[str, Mapping[str, object]]] = []

    def ask(path: str, body: Mapping[str, object]) -> dict[str, object]:
        asked.append((path, body))
        return answers[len(asked) - 1]

    monkeypatch.setattr(erasures, "ask", ask)
    words = ["recordings", "tag", "--user", "7", "--with-tag", "old", "--add", "sale", "--remove", "old", "--json"]
    done = CliRunner().invoke(app, words)
    assert (done.exit_code, json.loads(done.stdout)["recordings"]) == (0, 1005), done.output
    assert asked == [
        (
            "/api/v1/recordings/tag/all",
            {
                "add": ["sale"], "remove": ["old"], "retention_class": None, "filter": {"user": "7", "tag": "old"},
                "preview": False,
            },
        )
    ] * 3  # fmt: skip
    done = CliRunner().invoke(app, ["recordings", "note", "--number", "1000", "--text", "reviewed", "--preview"])
    assert done.exit_code == 0, done.output
    body = {"text": "reviewed", "filter": {"number": "1000"}, "preview": True}
    assert asked[-1] == ("/api/v1/recordings/note/all", body)
    for wrong in (["tag", "c1-1", "--user", "7"], ["note", "c1-1", "x", "--user", "7"], ["tag"]):
        assert CliRunner().invoke(app, ["recordings", *wrong]).exit_code == 1
    for wrong in (["note", "c1-1"], ["note", "--user", "7"]):
        assert CliRunner().invoke(app, ["recordings", *wrong]).exit_code == 2
