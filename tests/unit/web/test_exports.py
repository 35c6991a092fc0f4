"""Exports over HTTP: a ZIP that other programs read, and one that breaks off and is taken for whole by none."""

import base64
import csv
import io
import json
import subprocess
import zipfile
from pathlib import Path

import aiohttp
import pytest
from media_client import Client, actions, served
from stored_library import StoredLibrary, tone

from callrec.app.library.media import exporting
from callrec.domain.access.audit import Action
from callrec.domain.access.principals import Principal, PrincipalKind
from callrec.domain.directory.model import Permission
from callrec.domain.library.manifest import Format
from callrec.domain.rules import UserId
from callrec.domain.vocabulary import DropReason


@pytest.fixture(params=[False, True], ids=["plain", "encrypted"])
def stored(tmp_path: Path, request: pytest.FixtureRequest) -> StoredLibrary:
    one = StoredLibrary(tmp_path, encrypts=request.param)
    one.store(1, tracks=True)
    one.store(2, Format.OPUS)
    return one


async def exported(client: Client, *recordings: str) -> tuple[int, bytes]:
    """Status and body."""
    url = f"http://127.0.0.1:{client.port}/api/v1/recordings/export/zip"
    async with client.http.post(url, json={"recordings": recordings}) as answer:
        return answer.status, await answer.read()


def checked(folder: Path) -> subprocess.CompletedProcess[bytes]:
    """As a person checks it."""
    words = ["sha256sum", "--check", "--strict", "SHA256SUMS"]
    return subprocess.run(words, cwd=folder, capture_output=True, check=False)  # noqa: S603 - fixed words


async def test_a_zip_has_all_files_their_sums_and_a_table(stored: StoredLibrary, tmp_path: Path) -> None:
    async with served(stored) as client:
        await client.send("c1-1/annotations", "PATCH", {"tags": ["vip"]}, If_Match="*")
        stored.audited.clear()
        status, body = await exported(client, "c1-1", "c9-9", "c2-1", "c1-1")
    assert status == 200
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        rows = list(csv.DictReader(io.StringIO(archive.read("recordings.csv").decode(), newline="")))
        archive.extractall(tmp_path / "out")
    library = stored.folder / "monitor"
    files = [name for name in names if name.startswith("2026/")]
    assert sorted(files) == sorted(
        str(path.relative_to(library)) for path in library.rglob("c*") if path.suffix not in {".peaks", ".key"}
    )
    for name in files:
        assert (tmp_path / "out" / name).read_bytes() == stored.content(library / name)
    summed = checked(tmp_path / "out")
    assert (summed.returncode, len(summed.stdout.splitlines())) == (0, len(files)), summed.stderr
    assert [(one["recording"], one["not_exported"], one["tags"]) for one in rows] == [
        ("c9-9", "no-such-recording", ""),
        ("c1-1", "", "vip"),
        ("c2-1", "", ""),
    ]
    export = stored.audited[0].subject
    assert export.startswith("export:")
    assert actions(stored) == [
        f"exported {export} token",
        f"exported c1-1 {export} token",
        f"exported c2-1 {export} token",
        f"exported {export} token",
    ]
    said = (stored.audited[0].details, stored.audited[-1].details)
    assert said == ("4 by id", "2 recordings handed out, 1 lacking, whole")


async def test_an_export_by_filter_has_what_the_list_has(stored: StoredLibrary) -> None:
    """Within what may be exported; the audit log has the filter, and each recording."""
    async with served(stored) as client:
        url = f"http://127.0.0.1:{client.port}/api/v1/recordings/export/zip"
        bodies = ({"filter": {}}, {"filter": {"number_part": "99999"}}, {"filter": {"least_s": 1}})
        found = []
        for body in bodies:
            async with client.http.post(url, json=body) as answer:
                content = zipfile.ZipFile(io.BytesIO(await answer.read()))
                found.append(len(list(csv.DictReader(io.StringIO(content.read("recordings.csv").decode())))))
                assert content.testzip() is None
        previews = [(await client.send("export/preview", "POST", body))[1]["recordings"] for body in bodies]
        wrong = ({"filter": {}, "recordings": ["c1-1"]}, {"filter": {"limit": 1}}, {"filter": {"number_part": "1"}})
        assert [(await client.send("export/zip", "POST", body))[0] for body in wrong] == [422] * 3
    assert found == previews == [2, 0, 2]
    told = [one.details for one in stored.audited if one.details and "handed" not in one.details]
    assert told == ["all", "number_part=99999", "least_s=1.0"] * 2


async def test_what_is_not_recorded_of_ones_users_is_not_exported_by_filter(stored: StoredLibrary) -> None:
    mine = Principal(
        PrincipalKind.ACCOUNT, "7", frozenset({Permission.RECORDINGS_LIST, Permission.OWN_LISTEN}), UserId("7")
    )
    async with served(stored, mine) as client:
        assert (await client.send("export/zip", "POST", {"filter": {}}))[0] == 403


async def test_a_preview_tells_what_it_would_have_and_is_no_export(stored: StoredLibrary) -> None:
    async with served(stored) as client:
        status, found = await client.send("export/preview", "POST", {"recordings": ["c1-1", "c2-1", "c9-9"]})
    files = (path for path in (stored.folder / "monitor").rglob("c*") if path.suffix in {".wav", ".opus"})
    sizes = [len(stored.content(path)) for path in files]
    assert (status, found["recordings"], found["bytes"]) == (200, 2, sum(sizes))
    assert found["lacking"] == [{"recording": "c9-9", "code": "no-such-recording"}]
    assert [(one.action, one.details) for one in stored.audited] == [(Action.LISTED, "3 by id")]


async def test_without_the_audit_log_nothing_is_exported(stored: StoredLibrary) -> None:
    stored.audit_is_full = True
    async with served(stored) as client:
        assert (await exported(client, "c1-1"))[0] == 503
        assert (await client.ask("c1-1/vcon"))[0] == 503


async def test_a_changed_file_breaks_the_export_off(stored: StoredLibrary) -> None:
    manifest = stored.store(3, left=tone(440, 30), right=tone(1000, 30))
    path = stored.file(manifest)
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    async with served(stored) as client:
        with pytest.raises(aiohttp.ClientPayloadError):
            await exported(client, "c2-1", "c3-1")
        with pytest.raises(aiohttp.ClientPayloadError):
            await client.ask("c3-1/vcon")
    assert stored.alarms == ["c3-1: media-changed"] * 2


async def test_what_arrived_of_a_zip_that_broke_off_is_no_zip(stored: StoredLibrary) -> None:
    async with served(stored) as client:
        _, body = await exported(client, "c1-1", "c2-1")
    for end in (len(body) // 2, len(body) - 30):
        with pytest.raises(zipfile.BadZipFile):
            zipfile.ZipFile(io.BytesIO(body[:end]))


async def test_only_who_may_export_does_and_what_they_may_not_is_absent(stored: StoredLibrary) -> None:
    listener = Principal(PrincipalKind.ACCOUNT, "7", frozenset({Permission.RECORDINGS_LISTEN}))
    async with served(stored, listener) as client:
        assert (await exported(client, "c1-1"))[0] == 403
        assert (await client.ask("c1-1/vcon"))[0] == 403
    assert stored.audited == []


async def test_exports_are_bounded(stored: StoredLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    async with served(stored) as client:
        bodies = ({"recordings": []}, {"recordings": "c1-1"}, {}, {"recordings": ["c1-1"] * 20_001})
        assert [(await client.send("export/zip", "POST", body))[0] for body in bodies] == [422] * 4
        monkeypatch.setattr(exporting, "MOST_RECORDINGS", 1)
        for path in ("export/zip", "export/preview"):
            status, problem = await client.send(path, "POST", {"recordings": ["c1-1", "c2-1"]})
            assert (status, problem["code"]) == (409, "too-many-recordings")
        monkeypatch.setattr(exporting, "MOST_AT_ONCE", 0)
        status, problem = await client.send("export/zip", "POST", {"recordings": ["c1-1"]})
    assert (status, problem["code"]) == (503, "media-busy")
    assert stored.lost == [DropReason.MEDIA]


async def test_a_vcon_has_the_audio_inline(stored: StoredLibrary) -> None:
    whole = stored.content(stored.file(stored.library.manifest("2026/11/22/c1-1")))
    async with served(stored) as client:
        status, headers, body = await client.ask("c1-1/vcon")
        gone = await client.ask("c9-9/vcon")
    found = json.loads(body)
    audio = found["dialog"][0]["body"]
    assert (status, gone[0]) == (200, 404)
    assert headers["Content-Type"] == "application/vcon+json"
    assert base64.urlsafe_b64decode(audio + "=" * (-len(audio) % 4)) == whole
    assert [party["tel"] for party in found["parties"]] == ["1000", "1001"]
    assert actions(stored) == ["exported c1-1 token"]


async def test_annotations_that_cannot_be_read_are_told_in_the_table_and_stop_nothing(stored: StoredLibrary) -> None:
    (stored.folder / "monitor/2026/11/22/c2-1.annotations.json").write_text("{")
    async with served(stored) as client:
        status, body = await exported(client, "c2-1")
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        rows = list(csv.DictReader(io.StringIO(archive.read("recordings.csv").decode(), newline="")))
        assert "2026/11/22/c2-1.opus" in archive.namelist()
    assert (status, rows[0]["not_exported"]) == (200, "annotations-unreadable")
