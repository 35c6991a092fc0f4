"""Own prompts over the API and by command: both work in the same folder."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path

import pytest
import pytest_asyncio
from api_door import TOKEN, ServiceUrl, opened
from lone_daemon import House

from callrec.domain.access.audit import Action
from callrec.domain.prompts import LARGEST_BYTES
from callrec_lab.asterisk import dialplan_folder

FRENCH = dialplan_folder() / "sounds/fr/callrec/call-is-recorded.wav"
WAV = "audio/wav"


@pytest_asyncio.fixture
async def door(tmp_path: Path) -> AsyncIterator[ServiceUrl]:
    async with opened(tmp_path) as one:
        yield one


async def read(door: ServiceUrl, path: str) -> bytes:
    """The file of a prompt."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with door.http.get(f"http://127.0.0.1:{door.port}/api/v1{path}", headers=headers) as answer:
        assert (answer.status, answer.content_type) == (200, WAV)
        return await answer.read()


async def test_the_api_sets_gives_and_removes(door: ServiceUrl) -> None:
    one = "/prompts/call-is-recorded/fr"
    assert (await door.ask("GET", "/prompts")).json == {"items": []}
    for _ in range(2):
        made = await door.ask("PUT", one, FRENCH.read_bytes(), Content_Type=WAV)
        assert (made.status, made.json["language"], made.json["length_s"]) == (
            200,
            "fr",
            pytest.approx(1.777, abs=0.01),
        )
    assert (await door.ask("GET", "/prompts")).json == {"items": [made.json]}
    assert len(await read(door, one)) == pytest.approx(FRENCH.stat().st_size, abs=64)
    assert (await door.ask("DELETE", one)).status == 204
    for method in ("GET", "DELETE"):
        gone = await door.ask(method, one)
        assert (gone.status, gone.json["code"]) == (404, "no-such-prompt")


async def test_each_change_is_in_the_audit_log_before_it_is_made(door: ServiceUrl) -> None:
    """It is what people are told: the log has who changed it, and the digest of the uploaded file. A log that takes no entry
    leaves the former prompt."""
    one, content = "/prompts/call-is-recorded/fr", FRENCH.read_bytes()
    await door.ask("PUT", one, content, Content_Type=WAV)
    await door.ask("DELETE", one)
    made, removed = door.audit.entries
    assert {(entry.action, entry.subject) for entry in (made, removed)} == {
        (Action.SETTINGS_CHANGED, "prompt:call-is-recorded/fr")
    }
    assert made.details == f"set {len(content)} bytes, sha256 {hashlib.sha256(content).hexdigest()}"
    assert (removed.details, removed.actor.id) == ("remove", "daemon")
    door.audit.broken = True
    refused = await door.ask("PUT", one, content, Content_Type=WAV)
    assert (refused.status, refused.json["code"]) == (503, "disk")
    assert (await door.ask("GET", "/prompts")).json == {"items": []}


@pytest.mark.parametrize(
    ("path", "content", "kind", "status", "code"),
    [
        ("no-such/fr", b"RIFF", WAV, 404, "prompt-name"),
        ("call-is-recorded/french", b"RIFF", WAV, 404, "prompt-language"),
        ("..%2f..%2fetc/fr", b"RIFF", WAV, 404, "prompt-name"),
        ("call-is-recorded/fr", b"no audio at all", WAV, 422, "prompt-audio"),
        ("call-is-recorded/fr", bytes(LARGEST_BYTES + 1), WAV, 413, "prompt-too-large"),
        ("call-is-recorded/fr", b"{}", "application/json", 415, "media-type"),
    ],
)
async def test_what_is_refused_leaves_the_former_prompt(  # noqa: PLR0917 - the columns of the table
    door: ServiceUrl, path: str, content: bytes, kind: str, status: int, code: str
) -> None:
    await door.ask("PUT", "/prompts/call-is-recorded/fr", FRENCH.read_bytes(), Content_Type=WAV)
    before = await read(door, "/prompts/call-is-recorded/fr")
    refused = await door.ask("PUT", f"/prompts/{path}", BytesIO(content), Content_Type=kind)
    assert (refused.status, refused.json["code"]) == (status, code)
    assert refused.json["hint"]
    assert await read(door, "/prompts/call-is-recorded/fr") == before


async def test_by_command_too(tmp_path: Path) -> None:
    """Without a daemon."""
    house = House(tmp_path, settings={"CALLREC_PROMPTS_DIR": str(tmp_path / "prompts")})

    async def callrec(*words: str) -> tuple[int, str, str]:
        done = await asyncio.to_thread(house.command, "prompts", *words, state="s")
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    code, said, _ = await callrec("set", "call-is-recorded", "fr", str(FRENCH), "--json")
    (made,) = json.loads(said)
    assert (code, made["name"], made["language"]) == (0, "call-is-recorded", "fr")
    assert json.loads((await callrec("list", "--json"))[1]) == [made]
    assert "dnd-on" in (await callrec("list", "--all"))[1]
    copy = tmp_path / "copy.wav"
    assert (await callrec("export", "call-is-recorded", "fr", str(copy)))[0] == 0
    assert copy.read_bytes() == (tmp_path / "prompts/fr/callrec/call-is-recorded.wav").read_bytes()
    code, _, refused = await callrec("export", "call-is-recorded", "fr", str(copy))
    assert (code, "File exists" in refused) == (1, True)
    code, _, refused = await callrec("set", "call-is-recorded", "fr", str(tmp_path))
    assert (code, "cannot be read" in refused) == (1, True)
    code, _, refused = await callrec("set", "call-is-recorded", "fr", str(Path(__file__)))
    assert (code, "no WAV file" in refused) == (1, True)
    assert (await callrec("remove", "call-is-recorded", "fr"))[0] == 0
    assert (await callrec("remove", "call-is-recorded", "fr"))[0] == 1
