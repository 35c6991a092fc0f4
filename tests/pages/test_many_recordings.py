"""Holds, releases and erasures of all recordings that meet conditions, an erasure of one, and evidence, in a browser."""

import asyncio
import io
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from api_door import TOKEN, ServiceUrl
from people import BILL, GEORGE
from shelf import store
from visitors import Visitor

from callrec.app.access.audit_log.stored_entries import stored_entry
from callrec.domain.directory.model import DEFAULT_ROLES
from conftest import Someone

GEORGES = [f"c{nth}-1" for nth in range(10, 14)]
pytestmark = pytest.mark.usefixtures("shelf")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shelf(door: ServiceUrl) -> AsyncIterator[None]:
    """One recording of John's, four of George's, one of Bill's."""
    await store(door, 1)
    for nth in range(10, 14):
        await store(door, nth, user=GEORGE, other=None, names=("George Clinton", "Caller"), seconds=2.0)
    await store(door, 20, user=BILL, other=None, names=("Bill Bush", "Caller"), seconds=2.0)
    yield


def held(door: ServiceUrl) -> list[str]:
    """Which recordings are under a hold, as the library has it."""
    found = [(path, manifest.recording.id) for path, manifest in door.library.library.sidecars()]  # type: ignore[union-attr]
    return sorted(one for path, one in found if (kept := door.library.library.annotations(path)) and kept.is_held)


async def ids(one: Visitor) -> list[str]:
    """Which recordings a page lists."""
    links = await one.page.locator("tbody a").evaluate_all("all => all.map(a => a.getAttribute('href'))")
    return sorted(link.rpartition("/")[2] for link in links)


async def test_a_hold_on_all_that_meet_the_conditions_is_previewed_and_ended(
    someone: Someone, door: ServiceUrl
) -> None:
    async with someone("administrator", java_script_enabled=False) as one:
        await one.go("/recordings?who=clinton&least_min=0.01")
        await one.page.click("text=Hold all …")
        assert "who=clinton" in one.path
        assert "5 recordings meet the conditions." in await one.text("#count")
        assert await ids(one) == sorted(["c1-1", *GEORGES])
        assert held(door) == [], "a look changes nothing"
        await one.go("/recordings/hold?who=caller&to=2030-01-01&user=2")
        assert "4 recordings meet the conditions." in await one.text("#count")
        await one.page.fill("#reason", "case 7")
        await one.page.fill("#reference", "T-1")
        await one.page.click("text=Hold them")
        assert "4 recordings are under a hold now." in await one.text("#done")
        assert held(door) == GEORGES
        await one.go("/recordings/release?held=true")
        assert "4 recordings with a hold meet the conditions." in await one.text("#count")
        await one.page.fill("#reason", "closed")
        await one.page.fill("#reference", "T-2")
        await one.page.click("text=End the holds")
        assert "The holds of 0 recordings have ended." in await one.text("#done")
        assert held(door) == GEORGES
        await one.go("/recordings/release?held=true")
        await one.page.fill("#reason", "closed")
        await one.page.fill("#reference", "T-1")
        await one.page.click("text=End the holds")
        assert "The holds of 4 recordings have ended." in await one.text("#done")
        assert held(door) == []


async def test_without_a_condition_nothing_is_done(someone: Someone) -> None:
    async with someone("administrator") as one:
        for kind in ("hold", "release", "erase"):
            await one.go(f"/recordings/{kind}?sort=start")
            assert "Choose conditions first" in await one.text("[role=alert]")
            assert await one.page.locator("main form").count() == 0
            said = await one.page.evaluate(
                f"""() => fetch('/recordings/{kind}', {{method: 'POST', body: new URLSearchParams(
                {{reason: 'x', until_s: '4000000000', sure: 'yes'}})}}).then((answer) => answer.text())"""
            )
            assert "Choose conditions first" in said
        await one.go("/recordings/erase?from=yesterday")
        assert "Choose conditions first" in await one.text("[role=alert]")


async def test_erasing_many_asks_first_tells_what_stays_and_spares_what_came_later(
    someone: Someone, door: ServiceUrl
) -> None:
    """What is under a hold stays. A recording that was stored after the page was shown is not meant."""
    await door.ask("POST", "/recordings/c10-1/hold", {"reason": "case 7"})
    async with someone("administrator", java_script_enabled=False) as one:
        await one.go("/recordings?user=2&who=caller")
        await one.page.click("text=Erase all …")
        assert "3 recordings meet the conditions." in await one.text("#count")
        assert "1 under a hold" in await one.text()
        await one.page.fill("#reason", "request 12")
        await one.page.evaluate("() => document.getElementById('sure').removeAttribute('required')")
        await one.page.click("text=Erase them")
        assert "Tick this" in await one.text(".wrong")
        late = await store(door, 30, user=GEORGE, other=None, names=("George Clinton", "Caller"), seconds=2.0)
        until_s = late.recording.from_s - 1
        await one.page.evaluate("until => { document.querySelector('[name=until_s]').value = until; }", until_s)
        await one.page.check("#sure")
        await one.page.click("text=Erase them")
        assert "3 recordings are erased." in await one.text("#done")
        assert "Not erased: 1 under a hold" in await one.text()
        await one.go("/recordings?user=2")
        assert await ids(one) == ["c1-1", "c10-1", "c30-1"]
    await door.ask("POST", "/recordings/c10-1/release", {"reason": "closed"})


async def test_one_recording_is_erased_with_a_reason_and_a_hold_keeps_it(someone: Someone, door: ServiceUrl) -> None:
    manifest = await store(door, 40, user=BILL, other=None, names=("Bill Bush", "Caller"), seconds=2.0)
    await door.ask("POST", "/recordings/c40-1/hold", {"reason": "case 7"})
    async with someone("administrator", may_complain=True) as one:
        await one.go("/recordings/c40-1")
        await one.page.fill("#erase-reason", "request 13")
        await one.page.check("#erase-sure")
        await one.page.click("[aria-labelledby=erase] button")
        assert "hold" in await one.text("[aria-labelledby=erase] [role=alert]")
        assert await one.page.input_value("#erase-reason") == "request 13"
        await door.ask("POST", "/recordings/c40-1/release", {"reason": "closed"})
        await one.go("/recordings/c40-1")
        await one.page.fill("#erase-reason", "request 13")
        await one.page.check("#erase-sure")
        await one.page.click("[aria-labelledby=erase] button")
        assert "The recording is erased." in await one.text("#messages")
        assert await one.go("/recordings/c40-1") == 404
    assert await door.catalogue.get(manifest.recording.id) is None
    assert not list(door.library.folder.rglob("*c40-1*"))


async def test_who_holds_may_not_end_holds(someone: Someone, door: ServiceUrl) -> None:
    """`recordings.hold` and `recordings.release` are apart, so that who is held back by a hold cannot end it."""
    auditor = next(role for role in DEFAULT_ROLES if role.name == "auditor")
    await door.change("/roles/auditor", permissions=[*auditor.permissions, "recordings.hold"])
    try:
        async with someone("auditor", may_complain=True) as one:
            await one.go("/recordings?user=1")
            assert await one.page.locator("text=Hold all …").count() == 1
            assert await one.page.locator("text=End all holds …").count() == 0
            assert await one.go("/recordings/release?user=1") == 404
            await one.go("/recordings/c1-1")
            await one.page.fill("#hold-reason", "case 7")
            await one.page.click("button:text-is('Hold')")
            assert "nothing removes it" in await one.text("#messages")
            assert await one.page.locator("#release-reason").count() == 0
            origin = {"Origin": one.address, "Sec-Fetch-Site": "same-origin"}
            answer = await one.context.request.post(f"{one.address}/recordings/c1-1/release", headers=origin)
            assert answer.status in {403, 404}
            assert held(door) == ["c1-1"]
    finally:
        await door.change("/roles/auditor", permissions=list(auditor.permissions))
        await door.ask("POST", "/recordings/c1-1/release", {"reason": "closed"})


async def test_all_that_meet_the_conditions_are_exported(someone: Someone) -> None:
    async with someone("administrator") as one:
        await one.go("/recordings?user=1")
        async with one.page.expect_download() as waiting:
            await one.page.click("text=Export all (ZIP)")
        path = await (await waiting.value).path()
        names = zipfile.ZipFile(io.BytesIO(await asyncio.to_thread(Path(path).read_bytes))).namelist()
        assert [name.rpartition("/")[2] for name in names if name.endswith(".wav")] == ["c1-1.wav"]


async def is_signed(door: ServiceUrl) -> None:
    """Wait until a checkpoint of the audit log speaks of the recording."""
    where = f"http://127.0.0.1:{door.port}/api/v1/recordings/c1-1/evidence"
    async with asyncio.timeout(15):
        while True:
            async with door.http.get(where, headers={"Authorization": f"Bearer {TOKEN}"}) as answer:
                if answer.status == 200:
                    return
            await asyncio.sleep(0.1)


async def test_evidence_is_downloaded_and_proves_itself(someone: Someone, door: ServiceUrl, tmp_path: Path) -> None:
    """By the script that comes with it, without callrec. Without an entry in the audit log there is none, which a page says."""
    path, manifest = next(one for one in door.library.library.sidecars() if one[1].recording.id == "c1-1")  # type: ignore[union-attr]
    async with someone("administrator", may_complain=True) as one:
        await one.go("/recordings/c1-1")
        await one.page.click("text=Evidence (ZIP)")
        await one.page.wait_for_selector("h1:has-text('That did not work')")
        await door.audit_log.append([stored_entry(door.library.library, path, manifest)])
        await is_signed(door)
        await one.go("/recordings/c1-1")
        async with one.page.expect_download() as waiting:
            await one.page.click("text=Evidence (ZIP)")
        download = await waiting.value
        assert download.suggested_filename == "evidence.zip"
        with zipfile.ZipFile(await download.path()) as archive:
            assert {"HOW-TO-CHECK.txt", "SHA256SUMS", "c1-1.wav", "c1-1.json"} <= set(archive.namelist())
            archive.extractall(tmp_path)
    for command in (["sha256sum", "--check", "--quiet", "SHA256SUMS"], [sys.executable, "-I", "-S", "check.py"]):
        done = await asyncio.to_thread(
            subprocess.run, command, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


async def test_the_pages_are_for_everybody(someone: Someone) -> None:
    async with someone("administrator", locale="de-DE") as one:
        for kind in ("hold", "release", "erase"):
            await one.go(f"/recordings/{kind}?user=1")
            assert (kind, await one.faults()) == (kind, [])
            assert (kind, await one.misplaced()) == (kind, [])
