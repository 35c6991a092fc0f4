"""Notes, tags, class and holds over HTTP and by command: each change is in the audit log first, and none is lost."""

import asyncio
import json
import socket
from dataclasses import replace
from pathlib import Path

import pytest
from erasable_library import ASKER, ErasableLibrary, erasable
from media_client import TOKEN, actions, served
from stored_library import StoredLibrary
from typer.testing import CliRunner

from callrec.adapters import daemon_api
from callrec.app.access.audit_log.library_check import check_library
from callrec.app.library.catalog import entries
from callrec.cli.app import app
from callrec.domain.access.audit import Action
from callrec.domain.library.annotations import retagged
from callrec.protocols.annotations_file import decode_annotations, encode_annotations

ONE = "c1-1/annotations"


@pytest.fixture
def stored(tmp_path: Path) -> StoredLibrary:
    one = StoredLibrary(tmp_path)
    one.store(1)
    return one


def kept(stored: StoredLibrary) -> Path:
    return stored.folder / "monitor/2026/11/22/c1-1.annotations.json"


async def test_what_is_added_is_on_disk_in_the_index_and_in_the_audit_log(stored: StoredLibrary) -> None:
    sealed = stored.file(stored.library.manifest("2026/11/22/c1-1")).with_suffix(".json").read_bytes()
    async with served(stored) as client:
        _, headers, body = await client.ask(ONE)
        assert (headers["ETag"], json.loads(body)["revision"]) == ('"r0"', 0)
        wanted = {"notes": [{"text": "he agrees", "at_s": 1.5}], "tags": ["vip", "sale"], "retention_class": "long"}
        status, changed = await client.send(ONE, "PATCH", wanted, If_Match='"r0"')
        _, headers, body = await client.ask(ONE)
    assert (status, changed) == (200, json.loads(body))
    assert headers["ETag"] == '"r1"'
    assert (changed["tags"], changed["retention_class"]) == (["sale", "vip"], "long")
    (note,) = changed["notes"]
    assert (note["text"], note["at_s"], note["author"]) == ("he agrees", 1.5, "token:daemon")
    assert decode_annotations(kept(stored).read_bytes()).tags == ("sale", "vip")
    assert json.loads(stored.entries["c1-1"]["tags"]) == ["sale", "vip"]
    assert stored.events == [{"type": "recording-indexed", "recording": "c1-1"}]
    assert stored.entries["c1-1"] == next(iter(entries(stored.library))), "a rebuild reads the same"
    assert stored.file(stored.library.manifest("2026/11/22/c1-1")).with_suffix(".json").read_bytes() == sealed
    assert actions(stored) == ["shown c1-1 token", "changed c1-1 token"]
    assert stored.audited[1].details == f"+tag sale, +tag vip, +note {note['id']}, class long"


async def test_no_change_of_another_is_lost(stored: StoredLibrary) -> None:
    async with served(stored) as client:
        assert (await client.send(ONE, "PATCH", {"tags": ["a"]}, If_Match='"r0"'))[0] == 200
        status, problem = await client.send(ONE, "PATCH", {"tags": ["b"]}, If_Match='"r0"')
        assert (status, problem["code"]) == (412, "annotations-changed")
        missing = await client.send(ONE, "PATCH", {"tags": ["b"]})
        odd = [(await client.send(ONE, "PATCH", {}, If_Match=said))[0] for said in ("x", "r0", 'W/"r0"', '"r1", "r2"')]
        answers = await asyncio.gather(
            *(client.send("c1-1/notes", "POST", {"text": f"note {nth}"}) for nth in range(4))
        )
        _, _, body = await client.ask(ONE)
    assert (missing[0], odd) == (428, [422] * 4)
    assert [status for status, _ in answers] == [200] * 4
    assert sorted(one["text"] for one in json.loads(body)["notes"]) == [f"note {nth}" for nth in range(4)]
    assert json.loads(body)["tags"] == ["a"]


async def test_a_hold_is_kept_until_its_release_and_both_are_in_the_audit_log(stored: StoredLibrary) -> None:
    async with served(stored) as client:
        _, held = await client.send("c1-1/hold", "POST", {"reason": "lawsuit", "reference": "AZ 1"})
        assert json.loads(stored.entries["c1-1"]["holds"]) == ["lawsuit"]
        await client.send(ONE, "PATCH", {"notes": None, "tags": None, "retention_class": None}, If_Match="*")
        status, problem = await client.send("c1-1/release", "POST", {"reason": "wrong", "hold": "unknown"})
        assert (status, problem["code"]) == (404, "no-such-hold")
        status, released = await client.send(
            "c1-1/release", "POST", {"reason": "settled", "hold": held["holds"][0]["id"]}
        )
    assert (status, released["holds"], released["revision"]) == (200, [], 2)
    assert "holds" not in stored.entries["c1-1"]
    assert actions(stored) == ["held c1-1 token", "shown c1-1 token", "released c1-1 token"], (
        "an edit of nothing shows them"
    )
    assert [one.reason for one in stored.audited] == ["lawsuit", "", "settled"]


@pytest.mark.parametrize("done", ["nothing", "taken out", "removed", "put back", "broken off"])
async def test_a_change_of_a_file_that_no_change_has_written_is_told_by_verify(tmp_path: Path, done: str) -> None:
    """A hold that was taken out of the file by hand would be gone for good with the next change, whose entry has its digest."""
    path = "2026/11/22/c1-1"
    async with erasable(tmp_path) as lib:
        await lib.store(1)
        file = tmp_path / f"monitor/{path}.annotations.json"
        await lib.hold("c1-1")
        if done == "broken off":
            file.unlink()
        before = file.read_bytes() if file.exists() else b""
        await tagged(lib, "one")
        now = lib.library.annotations(path)
        assert now is not None
        match done:
            case "taken out":
                file.write_bytes(encode_annotations(replace(now, holds=())))
            case "removed":
                file.unlink()
            case "put back":
                file.write_bytes(before)
        await tagged(lib, "two")
        await tagged(lib, "three")
        await lib.audit.settle()
        report = check_library(lib.library, lib.reader, ())
    told = [("annotations-unlogged", f"{path}.annotations.json")] if done in {"taken out", "removed"} else []
    assert (report.findings, [(one.code, one.path) for one in report.notes]) == ((), told)


async def tagged(lib: ErasableLibrary, tag: str) -> None:
    await lib.annotating().changed("c1-1", lambda _by, _s: retagged([tag], ()), ASKER, Action.CHANGED)


async def test_without_the_audit_log_nothing_is_changed(stored: StoredLibrary) -> None:
    stored.audit_is_full = True
    async with served(stored) as client:
        answers = [
            (await client.send(ONE, "PATCH", {"tags": ["a"]}, If_Match="*"))[0],
            (await client.send("c1-1/hold", "POST", {"reason": "x"}))[0],
            (await client.ask(ONE))[0],
        ]
    assert answers == [503] * 3
    assert not kept(stored).exists()


async def test_without_the_index_a_change_stands_and_is_told(stored: StoredLibrary) -> None:
    stored.index_is_away = True
    async with served(stored) as client:
        status, _ = await client.send(ONE, "PATCH", {"tags": ["a"]}, If_Match="*")
    assert status == 200
    assert decode_annotations(kept(stored).read_bytes()).tags == ("a",)
    assert stored.alarms == ["c1-1: catalogue-busy"]


async def test_bad_bodies_are_told_and_change_nothing(stored: StoredLibrary) -> None:
    async with served(stored) as client:
        bodies = (
            {"tags": "x"},
            {"tags": [1]},
            {"notes": [{}]},
            {"loud": 1},
            [],
            {"notes": [{"text": "x", "at_s": 99}]},
            {"tags": ["a,b"]},
        )
        answers = [(await client.send(ONE, "PATCH", body, If_Match="*"))[0] for body in bodies]
        others = [
            (await client.send("c1-1/hold", "POST", {}))[0],
            (await client.send("c1-1/hold", "POST", {"reason": "\x00"}))[0],
            (await client.send("c1-1/release", "POST", {"hold": "x"}))[0],
            (await client.send("c1-1/release", "POST", {"reason": "not held"}))[0],
            (await client.send("c9-1/hold", "POST", {"reason": "x"}))[0],
        ]
    assert answers == [422] * 7
    assert others == [422, 422, 422, 404, 404]
    assert not kept(stored).exists()


async def test_a_damaged_file_is_told_and_counts_as_a_hold(stored: StoredLibrary) -> None:
    kept(stored).write_bytes(b"{}")
    async with served(stored) as client:
        status, problem = await client.send(ONE, "PATCH", {"tags": ["a"]}, If_Match="*")
    assert (status, problem["code"]) == (500, "annotations-unreadable")
    assert kept(stored).read_bytes() == b"{}"
    assert json.loads(next(iter(entries(stored.library)))["holds"]) == ["annotations-unreadable"]


async def test_commands_add_and_remove(stored: StoredLibrary, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    state = tmp_path / "state"
    monkeypatch.setenv("CALLREC_STATE_DIR", str(state))

    async def run(*words: str) -> tuple[int, object]:
        done = await asyncio.to_thread(CliRunner().invoke, app, ["recordings", *words, "--json"])
        if done.exception and not isinstance(done.exception, SystemExit):
            return getattr(done.exception, "code", ""), None
        return done.exit_code, json.loads(done.stdout)

    async with served(stored) as client:
        (state / "token").write_text(f"{TOKEN}\n")
        (state / "token").chmod(0o600)
        there = ("127.0.0.1", client.port)
        monkeypatch.setattr(daemon_api, "connected", lambda *_: socket.create_connection(there))
        assert (await run("tag", "c1-1", "vip", "sale"))[1]["tags"] == ["sale", "vip"]
        changed = (await run("tag", "c1-1", "--remove", "vip", "--class", "long"))[1]
        assert (changed["tags"], changed["retention_class"]) == (["sale"], "long")
        assert (await run("note", "c1-1", "listen here", "--at", "1.5"))[1]["notes"][0]["at_s"] == 1.5
        held = (await run("hold", "c1-1", "--reason", "lawsuit", "--reference", "AZ 1"))[1]
        assert held["holds"][0]["reference"] == "AZ 1"
        assert (await run("release", "c1-1", "--reason", "settled"))[1]["holds"] == []
        assert (await run("release", "c1-1", "--reason", "settled"))[0] == "no-such-hold"
        assert (await run("annotations", "c1-1"))[1]["tags"] == ["sale"]
        assert (await run("note", "c9-1", "x"))[0] == "no-such-recording"
    assert actions(stored)[-1] == "released c1-1 token"
