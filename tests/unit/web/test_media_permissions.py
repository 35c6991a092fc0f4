"""Who may hear, download, annotate and hold which recordings; and that absent and forbidden ones have the same answer."""

from collections.abc import AsyncGenerator
from pathlib import Path

import aiohttp
import pytest
from media_client import Client, actions, served
from stored_library import StoredLibrary, tone

from callrec.domain.access.audit import Action
from callrec.domain.access.principals import DAEMON, Principal, PrincipalKind
from callrec.domain.directory.model import Permission
from callrec.domain.rules import UserId
from callrec.web.api import media as media_api

READS = ("media", "media?track=1", "media?format=flac", "waveform", "marks")
OWN, OTHER = UserId("7"), UserId("8")
"""The recordings of the library are those of user 7."""


def account(user: UserId, *permissions: Permission, supervised: frozenset[UserId] = frozenset()) -> Principal:
    return Principal(PrincipalKind.ACCOUNT, user, frozenset(permissions), user, supervised)


@pytest.fixture
def stored(tmp_path: Path) -> StoredLibrary:
    one = StoredLibrary(tmp_path)
    one.store(1, tracks=True)
    return one


async def statuses(client: Client, *paths: str) -> list[int]:
    return [(await client.ask(f"c1-1/{path}"))[0] for path in paths]


async def test_an_account_hears_its_own_recordings_and_no_others(stored: StoredLibrary) -> None:
    own = (Permission.OWN_LISTEN, Permission.OWN_LIST)
    async with served(stored, account(OWN, *own)) as client:
        assert await statuses(client, *READS, "annotations") == [200] * 6
        assert await statuses(client, "media?download=true") == [403]
    assert set(actions(stored)) == {"listened c1-1 account", "listened c1-1 track:1 account", "shown c1-1 account"}
    assert {one.actor.id for one in stored.audited} == {OWN}
    async with served(stored, account(OTHER, *own)) as client:
        assert await statuses(client, *READS, "annotations") == [404] * 6


async def test_absent_and_forbidden_have_the_same_answer(stored: StoredLibrary) -> None:
    async with served(
        stored, account(OTHER, Permission.OWN_LISTEN, Permission.OWN_LIST, Permission.OWN_ANNOTATE)
    ) as client:
        for path in (*READS, "annotations"):
            for headers in ({}, {"Range": "bytes=0-10"}, {"If_None_Match": "*"}):
                forbidden, absent = (
                    await client.ask(f"c1-1/{path}", **headers),
                    await client.ask(f"c9-9/{path}", **headers),
                )
                assert forbidden[0] == absent[0] == 404
                assert forbidden[2].replace(b"c1-1", b"") == absent[2].replace(b"c9-9", b"")
        for path, method, body in (
            ("annotations", "PATCH", {"tags": ["x"]}),
            ("notes", "POST", {"text": "x"}),
        ):
            answers = [await client.send(f"{one}/{path}", method, body, If_Match="*") for one in ("c1-1", "c9-9")]
            assert [status for status, _ in answers] == [404, 404]
    assert {one.action for one in stored.audited} == {Action.REFUSED}
    assert {one.actor.id for one in stored.audited} == {OTHER}
    asked = [one.details.split() for one in stored.audited]
    assert asked[0] == ["recordings.listen", "c1-1"]
    assert [why for why, which in asked if which == "c1-1"] == [why for why, which in asked if which == "c9-9"]
    assert stored.library.annotations("2026/11/22/c1-1") is None


async def test_a_forbidden_recording_is_as_an_absent_one_when_its_sidecar_is_gone(stored: StoredLibrary) -> None:
    """The catalogue's entry decides before the sidecar is looked for: a missing one is told only to those who may hear it."""
    stored.file(stored.library.manifest("2026/11/22/c1-1")).with_suffix(".json").unlink()
    for principal, status in ((account(OTHER, Permission.OWN_LISTEN), 404), (account(OWN, Permission.OWN_LISTEN), 500)):
        async with served(stored, principal) as client:
            assert await statuses(client, "media") == [status]
    assert actions(stored) == ["refused  account"]


async def test_the_sidecar_decides_too_whose_recording_it_is(stored: StoredLibrary) -> None:
    """An entry of the catalogue that names another user opens nothing to them."""
    stored.entries["c1-1"]["recorded_user"] = OTHER
    async with served(stored, account(OTHER, Permission.OWN_LISTEN)) as client:
        assert await statuses(client, "media") == [404]
    assert actions(stored) == ["refused  account"]


async def test_a_recording_that_is_not_there_is_no_refusal_to_those_who_may_hear_all(stored: StoredLibrary) -> None:
    async with served(stored, account(OTHER, Permission.RECORDINGS_LISTEN)) as client:
        assert (await client.ask("c9-9/media"))[0] == 404
    assert stored.audited == []


async def test_a_supervisor_hears_the_group_and_changes_nothing(stored: StoredLibrary) -> None:
    supervisor = account(OTHER, Permission.GROUP_LISTEN, Permission.GROUP_LIST, supervised=frozenset({OWN}))
    async with served(stored, supervisor) as client:
        assert await statuses(client, *READS, "annotations") == [200] * 6
        refused = [
            (await client.send("c1-1/annotations", "PATCH", {"tags": ["x"]}, If_Match="*"))[0],
            (await client.send("c1-1/notes", "POST", {"text": "x"}))[0],
            (await client.send("c1-1/hold", "POST", {"reason": "x"}))[0],
            (await client.send("c1-1/release", "POST", {"reason": "x"}))[0],
        ]
    assert refused == [403] * 4


async def test_each_permission_opens_its_own_door_alone(stored: StoredLibrary) -> None:
    async with served(stored, account(OTHER, Permission.RECORDINGS_ANNOTATE)) as client:
        assert (await client.send("c1-1/notes", "POST", {"text": "x"}))[0] == 200
        assert (await client.send("c1-1/hold", "POST", {"reason": "x"}))[0] == 403
        assert await statuses(client, *READS, "annotations") == [403] * 6
    async with served(stored, account(OTHER, Permission.RECORDINGS_HOLD)) as client:
        assert (await client.send("c1-1/hold", "POST", {"reason": "x"}))[0] == 200
        assert (await client.send("c1-1/notes", "POST", {"text": "x"}))[0] == 403
    async with served(stored, account(OTHER, Permission.RECORDINGS_LISTEN, Permission.OWN_DOWNLOAD)) as client:
        assert await statuses(client, "media", "media?download=true") == [200, 404]


@pytest.mark.parametrize("path", ["media", "media?download=true", "vcon"])
async def test_a_transfer_breaks_off_when_the_permission_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """It is asked for again while a file or an export is sent: at the end of a session or a role the connection breaks."""
    monkeypatch.setattr(media_api, "RECHECK_S", 0.0)
    one, known = StoredLibrary(tmp_path), [DAEMON]
    one.store(1, left=tone(440, 900), right=tone(1000, 900))
    asked = f"/api/v1/recordings/c1-1/{path}"
    async with (
        served(one, lambda: known[0]) as client,
        client.http.get(f"http://127.0.0.1:{client.port}{asked}") as answer,
    ):
        await answer.content.readexactly(100)
        known[0] = account(OTHER, Permission.OWN_LISTEN, Permission.OWN_DOWNLOAD)
        with pytest.raises(aiohttp.ClientError):
            await answer.read()


async def test_no_piece_waits_for_the_permission_before_its_time() -> None:
    """One request to the store every RECHECK_S, and none for a short answer."""

    async def pieces() -> AsyncGenerator[bytes]:
        yield b"a"
        yield b"b"

    async def still() -> None:
        raise AssertionError("asked too early")

    assert [one async for one in media_api.checked(pieces(), still)] == [b"a", b"b"]
