"""Links without a login: for one recording, for a while, naming their maker, each use in the audit log."""

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from media_client import Client, actions, served, stranger
from stored_library import StoredLibrary, tone

from callrec.app.library.media.recording_media import MOST_EACH
from callrec.domain.access.principals import Principal, PrincipalKind
from callrec.domain.directory.model import Permission
from callrec.domain.rules import UserId
from callrec.web.api import media as media_api


@pytest.fixture
def stored(tmp_path: Path) -> StoredLibrary:
    one = StoredLibrary(tmp_path, encrypts=True)
    one.store(1, tracks=True)
    one.store(2)
    return one


async def made(client: Client, **wanted: float) -> dict[str, Any]:
    status, link = await client.send("c1-1/links", "POST", wanted)
    assert status == 201, link
    return link


async def test_who_has_a_link_hears_its_recording_and_nothing_else(stored: StoredLibrary) -> None:
    whole = stored.content(stored.file(stored.library.manifest("2026/11/22/c1-1")))
    async with served(stored) as client, stranger(client) as http:
        link = await made(client, valid_h=1, at_s=1.5)
        async with http.get(link["path"], allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (302, f"{link['path']}/media#t=1.5")
        async with http.get(f"{link['path']}?t=93", allow_redirects=False) as answer:
            assert answer.headers["Location"] == f"{link['path']}/media#t=93"
        async with http.get(f"{link['path']}?t=%0d%0aX:y", allow_redirects=False) as answer:
            assert answer.headers["Location"] == f"{link['path']}/media#t=1.5"
        async with http.get(f"{link['path']}/media") as answer:
            assert (answer.status, await answer.read()) == (200, whole)
            assert "filename=" in answer.headers["Content-Disposition"]
        async with http.get(f"{link['path']}/media", headers={"Range": "bytes=0-9"}) as answer:
            assert (answer.status, await answer.read()) == (206, whole[:10])
        async with http.head(f"{link['path']}/media") as answer:
            assert answer.status == 200
        for path in ("/api/v1/recordings/c1-1/media", "/api/v1/recordings/c2-1/media", f"{link['path']}/../c2-1/media"):
            async with http.get(path) as answer:
                assert answer.status in {401, 404}
    assert actions(stored) == [f"link-made c1-1 link:{link['id']} token", "shown c1-1 link", "listened c1-1 link"]
    assert stored.audited[1].actor.id == link["id"]
    assert stored.audited[1].address == "127.0.0.1"
    assert link["maker"] == "token:daemon"


async def test_what_an_answer_without_audio_tells_of_the_file_is_logged(stored: StoredLibrary) -> None:
    """HEAD, 304, 412 and 416 tell name, size or digest: each needs an entry, and is not answered without one."""
    no_file = ({"If-None-Match": "*"}, 304), ({"If-Match": '"x"'}, 412), ({"Range": "bytes=9999999-"}, 416)
    async with served(stored) as client, stranger(client) as http:
        for asked, status in (({}, 200), *no_file):
            link = await made(client)
            method = "GET" if asked else "HEAD"
            stored.audit_is_full = True
            async with http.request(method, f"{link['path']}/media", headers=asked) as answer:
                assert (answer.status, "ETag" in answer.headers) == (503, False)
            stored.audit_is_full = False
            async with http.request(method, f"{link['path']}/media", headers=asked) as answer:
                assert answer.status == status
            assert (actions(stored)[-1], stored.audited[-1].actor.id) == ("shown c1-1 link", link["id"])


async def test_an_expired_a_revoked_and_an_unknown_link_have_the_same_answer(stored: StoredLibrary) -> None:
    async with served(stored) as client, stranger(client) as http:
        short, revoked = await made(client, valid_h=1e-5), await made(client)
        status, answer = await client.send("c1-1/links/revoke", "POST", {"link": revoked["id"]})
        assert (status, answer["revoked_s"] is not None) == (200, True)
        again = await client.send("c1-1/links/revoke", "POST", {"link": revoked["id"]})
        assert again == (200, answer)
        async with asyncio.timeout(20):
            while True:
                async with http.get(f"{short['path']}/media") as found:
                    if found.status == 404:
                        break
        texts = set()
        for path in (short["path"], revoked["path"], "/shared/" + "x" * 32):
            for end in ("", "/media"):
                async with http.get(path + end, allow_redirects=False) as found:
                    assert found.status == 404
                    texts.add(await found.text())
        _, _, body = await client.ask("c1-1/links")
        elsewhere = await client.send("c2-1/links/revoke", "POST", {"link": short["id"]})
    assert len(texts) == 1
    assert [one["id"] for one in json.loads(body)["items"]] == [short["id"], revoked["id"]]
    assert "path" not in json.loads(body)["items"][0]
    assert elsewhere[0] == 404


async def test_links_outlast_a_restart_and_their_file_opens_nothing(stored: StoredLibrary) -> None:
    async with served(stored) as client:
        link = await made(client)
    token = link["path"].removeprefix("/shared/")
    kept = (stored.folder / "state/links.json").read_text()
    assert token not in kept
    async with served(stored) as client, stranger(client) as http:
        async with http.get(f"{link['path']}/media") as answer:
            assert answer.status == 200
        async with http.get(f"/shared/{json.loads(kept)['links'][0]['token_sha256']}/media") as answer:
            assert answer.status == 404


async def test_without_the_audit_log_no_link_is_made_revoked_or_used(stored: StoredLibrary) -> None:
    async with served(stored) as client, stranger(client) as http:
        link = await made(client)
        stored.audit_is_full = True
        refused = [
            (await client.send("c1-1/links", "POST", {}))[0],
            (await client.send("c1-1/links/revoke", "POST", {"link": link["id"]}))[0],
            (await client.ask("c1-1/links"))[0],
        ]
        async with http.get(f"{link['path']}/media") as answer:
            refused.append(answer.status)
        stored.audit_is_full = False
        async with http.get(f"{link['path']}/media") as answer:
            assert answer.status == 200, "it was not revoked"
    assert refused == [503] * 4
    assert len(json.loads((stored.folder / "state/links.json").read_text())["links"]) == 1


async def test_links_are_made_by_who_may_share_and_for_a_time_that_is_allowed(stored: StoredLibrary) -> None:
    async with served(stored) as client:
        bodies = ({"valid_h": 0}, {"valid_h": 1e9}, {"at_s": -1}, {"at_s": 99}, {"loud": 1}, [])
        assert [(await client.send("c1-1/links", "POST", body))[0] for body in bodies] == [422] * 6
        assert (await client.send("c9-1/links", "POST", {}))[0] == 404
    listener = Principal(PrincipalKind.ACCOUNT, "7", frozenset({Permission.RECORDINGS_LISTEN}), UserId("7"))
    async with served(stored, listener) as client:
        assert (await client.send("c1-1/links", "POST", {}))[0] == 403


async def test_a_damaged_file_of_links_opens_nothing_and_is_told(stored: StoredLibrary) -> None:
    async with served(stored) as client, stranger(client) as http:
        (stored.folder / "state/links.json").write_text("{")
        async with http.get("/shared/" + "x" * 32) as answer:
            assert (answer.status, (await answer.json(content_type=None))["code"]) == (500, "links-unreadable")
        assert (await client.send("c1-1/links", "POST", {}))[0] == 500
    assert (stored.folder / "state/links.json").read_text() == "{"


async def test_a_link_that_holds_all_its_places_leaves_others_theirs(tmp_path: Path) -> None:
    """Clients that never read hold eight places and not all 128; after them the link's next client waits."""
    one = StoredLibrary(tmp_path)
    one.store(1, left=tone(440, 900), right=tone(1000, 900))
    one.store(2)
    async with served(one) as client, stranger(client) as http:
        link, kept = await made(client), []
        try:
            for _ in range(MOST_EACH):
                reader, writer = await asyncio.open_connection("127.0.0.1", client.port, limit=1024)
                writer.write(f"GET {link['path']}/media HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
                kept.append(writer)
                assert b"200" in await reader.readline()
            async with http.get(f"{link['path']}/media") as answer:
                assert (answer.status, (await answer.json(content_type=None))["code"]) == (503, "media-busy")
            assert (await client.ask("c2-1/media"))[0] == 200
        finally:
            for writer in kept:
                writer.transport.abort()


async def test_a_link_ends_with_its_makers_permission(stored: StoredLibrary) -> None:
    """Who may not share any more has links that are as unknown ones, and the answer is that of an unknown one."""
    async with served(stored) as client, stranger(client) as http:
        link = await made(client)
        stored.unshared.add(link["maker"])
        for end in ("", "/media"):
            async with http.get(link["path"] + end, allow_redirects=False) as answer:
                assert (answer.status, (await answer.json(content_type=None))["code"]) == (404, "no-such-link")
        stored.unshared.clear()
        async with http.get(f"{link['path']}/media") as answer:
            assert answer.status == 200


async def test_a_transfer_breaks_off_when_the_link_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was sent before is all that its client gets: the connection breaks, and never looks whole."""
    monkeypatch.setattr(media_api, "RECHECK_S", 0.0)
    one = StoredLibrary(tmp_path)
    one.store(1, left=tone(440, 900), right=tone(1000, 900))
    async with served(one) as client, stranger(client) as http:
        link = await made(client)
        async with http.get(f"{link['path']}/media") as answer:
            await answer.content.readexactly(100)
            await client.send("c1-1/links/revoke", "POST", {"link": link["id"]})
            with pytest.raises(aiohttp.ClientError):
                await answer.read()


@pytest.mark.parametrize("by", ["link", "token"])
async def test_a_transfer_breaks_off_when_its_recording_is_erased(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    """The open file would be there as long as somebody reads it. It is no alarm: nobody has changed it."""
    monkeypatch.setattr(media_api, "RECHECK_S", 0.0)
    one = StoredLibrary(tmp_path)
    one.store(1, left=tone(440, 900), right=tone(1000, 900))
    async with served(one) as client, stranger(client) as http:
        link = await made(client)
        asker, path = (
            (http, f"{link['path']}/media") if by == "link" else (client.http, "/api/v1/recordings/c1-1/media")
        )
        async with asker.get(f"http://127.0.0.1:{client.port}{path}" if by == "token" else path) as answer:
            await answer.content.readexactly(100)
            assert (await client.send("c1-1/erase", "POST", {"reason": "case 1"}))[0] == 200
            with pytest.raises(aiohttp.ClientError):
                await answer.read()
    assert one.alarms == []
