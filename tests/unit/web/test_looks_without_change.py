"""Requests that change nothing, or are refused, and whose answers tell something of recordings: each is in the audit log."""

from pathlib import Path

import pytest
from media_client import Client, served
from stored_library import StoredLibrary, recorded, tone

ALL: dict[str, object] = {"filter": {"number": "1000"}}
WHY = {"reason": "case 1"}
RETENTION = "../retention/classes/short"
Wanted = tuple[str, str, object, dict[str, str], int]


@pytest.fixture
def stored(tmp_path: Path) -> StoredLibrary:
    one = StoredLibrary(tmp_path)
    for nth in (1, 2):
        one.store(nth, left=tone(440, 0.2), right=tone(440, 0.2), recording=recorded(nth, 0.2))
    return one


def post(path: str, body: object, status: int = 200) -> Wanted:
    return path, "POST", body, {}, status


def edit(body: object, status: int = 200, revision: str = "*") -> Wanted:
    return "c1-1/annotations", "PATCH", body, {"If_Match": revision}, status


CASES: dict[str, Wanted] = {
    "an edit of nothing": edit({}),
    "the tags that are there": edit({"tags": ["vip"]}),
    "an edit of another revision": edit({"tags": ["new"]}, 412, '"r7"'),
    "an edit of a note that is not there": edit({"notes": [{"id": "n9", "text": "x"}]}, 422),
    "the release of another hold": post("c1-1/release", WHY | {"hold": "h9"}, 404),
    "a note behind the end": post("c1-1/notes", {"text": "x", "at_s": 9.0}, 422),
    "tags that nothing has": post("tag/all", ALL | {"remove": ["none"]}),
    "tags that are there": post("tag/all", {"filter": {"tag": "vip"}, "add": ["vip"]}),
    "a change of nothing that is there": post("note/all", {"filter": {"number": "4711"}, "text": "x"}),
    "a hold that is there": post("hold/all", {"filter": {"held": True}, "reason": "lawsuit"}),
    "a release of another case": post("release/all", ALL | WHY | {"reference": "AZ 9"}),
    "the erasure of one that is held": post("c1-1/erase", WHY, 409),
    "an erasure that names a participant": post("c2-1/erase", {"reason": "for 1001"}, 422),
    "an erasure of many that are held": post("erase/all", {"filter": {"held": True}} | WHY),
    "an erasure of none": post("erase/all", {"filter": {"number": "4711"}} | WHY),
    "an erasure of many that names a participant": post("erase/all", ALL | {"reason": "for 1001"}, 422),
    "a track that is not there": ("c1-1/media?track=9", "GET", None, {}, 404),
    "the waveform of a track that is not there": ("c1-1/waveform?track=9", "GET", None, {}, 404),
    "the end of a link that is not there": post("c1-1/links/revoke", {"link": "l9"}, 404),
    "a class that makes more due": post(f"{RETENTION}/enable", {"expected": 0}, 409),
}


async def prepared(client: Client) -> None:
    """One recording is held and has a tag, and a class would take both."""
    assert (await client.send("c1-1/annotations", "PATCH", {"tags": ["vip"]}, If_Match="*"))[0] == 200
    assert (await client.send("c1-1/hold", "POST", {"reason": "lawsuit"}))[0] == 200
    assert (await client.send(RETENTION, "PUT", {"max_days": 1}))[0] == 200


@pytest.mark.parametrize("name", CASES)
async def test_p7_an_answer_that_tells_of_recordings_has_its_entry(stored: StoredLibrary, name: str) -> None:
    """Without the log it tells nothing."""
    path, method, body, headers, status = CASES[name]
    async with served(stored) as client:
        await prepared(client)
        stored.audit_is_full = True
        assert (await client.send(path, method, body, **headers))[0] == 503
        stored.audit_is_full, before = False, len(stored.audited)
        assert (await client.send(path, method, body, **headers))[0] == status
    assert len(stored.audited) == before + 1, stored.audited[before:]
    assert stored.audited[-1].action in {"shown", "listed"}


async def test_p7_a_link_that_has_ended_is_shown_with_an_entry(stored: StoredLibrary) -> None:
    async with served(stored) as client:
        _, link = await client.send("c1-1/links", "POST", {})
        end = ("c1-1/links/revoke", "POST", {"link": link["id"]})
        assert (await client.send(*end))[0] == 200
        before = len(stored.audited)
        stored.audit_is_full = True
        assert (await client.send(*end))[0] == 503
        stored.audit_is_full = False
        assert (await client.send(*end))[0] == 200
    assert [one.action for one in stored.audited[before:]] == ["shown"]
