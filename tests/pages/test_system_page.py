"""The page System: how the service does, the doctor, webhooks, own prompts, licences."""

import asyncio
import io
import sqlite3
import wave
from contextlib import closing

import pytest
from api_door import ServiceUrl
from people import ROLES
from receivers import receiving

from callrec.adapters.database.outbox import NAME
from callrec.app.doctor.findings import Finding, Verdict
from conftest import Someone

HOSTILE = '<img src=x onerror="console.error(1)">'
PAGES = ("/system", "/system/webhooks", "/system/prompts", "/system/licences", "/system/retention")
SEES = {"administrator", "auditor"}
LIMIT_S = 20.0


def beep(seconds: float = 1.0) -> bytes:
    """A WAV file with sound."""
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes([0, 32, 0, 224]) * int(4000 * seconds))
    return made.getvalue()


async def test_disks_queues_and_versions_are_shown(someone: Someone) -> None:
    async with someone("auditor", java_script_enabled=False) as one:
        await one.go("/system")
        shown = await one.text()
        assert "too little space" in shown
        assert "500 MB of 100 GB free" in shown.replace("\N{NO-BREAK SPACE}", " ")
        assert "1.2.3" in shown
        assert "There are no retention classes" in shown
        assert await one.page.locator("text=Run the doctor").count() == 0


async def test_why_a_check_fails_is_told_in_the_language_of_the_page(someone: Someone, door: ServiceUrl) -> None:
    """But for what Asterisk has answered, which is marked as English."""
    door.ready.add("ari", lambda: (False, "not connected yet"))
    door.ready.add("ami", lambda: (False, "login of 'callrec' refused: Authentication failed"))
    try:
        async with someone("auditor", locale="de-DE") as one:
            await one.go("/system")
            assert "noch nicht verbunden" in await one.text()
            english = await one.page.locator("main [lang=en]").all_inner_texts()
            assert english == ["login of 'callrec' refused: Authentication failed"]
            assert await one.faults() == []
    finally:
        for name in ("ari", "ami"):
            door.ready.add(name, lambda: (True, ""))


async def test_the_doctor_says_what_to_write_where(someone: Someone, door: ServiceUrl) -> None:
    door.machine.findings = [
        Finding("ari", Verdict.OK, "http://127.0.0.1:8088"),
        Finding("dialplan", Verdict.WRONG, f"no include {HOSTILE}", "#include extensions_callrec.conf"),
    ]
    async with someone("administrator") as one:
        await one.go("/system")
        await one.page.click("text=Run the doctor")
        await one.page.wait_for_selector("#doctor details")
        assert HOSTILE in await one.text("#doctor")
        assert "#include extensions_callrec.conf" in await one.text("#doctor pre")
        assert "1 fault" in await one.text("#doctor")
        assert await one.page.locator("#doctor img").count() == 0
        assert await one.faults() == []


async def test_an_own_prompt_is_set_heard_and_removed(someone: Someone) -> None:
    async with someone("administrator") as one:
        await one.go("/system/prompts")
        await one.page.select_option("[name=name]", "dnd-on")
        await one.page.select_option("[name=language]", "fr")
        await one.page.set_input_files("#file", {"name": "a.wav", "mimeType": "audio/wav", "buffer": beep()})
        await one.page.click("main button.main")
        await one.page.wait_for_url("**/system/prompts?done=set")
        assert await one.text("tbody th") == "Do not disturb is on. Your phone does not ring.\ndnd-on"
        length_s = await one.page.evaluate(
            "() => new Promise(done => { const a = document.querySelector('audio'); a.onloadedmetadata = () => done(a.duration);"
            " a.load(); a.preload = 'metadata'; })"
        )
        assert length_s == pytest.approx(1.0, abs=0.05)
        await one.page.click("tbody button")
        await one.page.wait_for_url("**/system/prompts?done=removed")
        assert "There are no own prompts" in await one.text()


async def test_a_file_that_is_no_prompt_is_told_at_its_field(someone: Someone) -> None:
    async with someone("administrator", java_script_enabled=False) as one:
        await one.go("/system/prompts")
        await one.page.set_input_files("#file", {"name": "a.wav", "mimeType": "audio/wav", "buffer": b"no sound"})
        await one.page.click("main button.main")
        assert await one.page.locator("#file-wrong").count() == 1
        assert "There are no own prompts" in await one.text()
        assert await one.faults() == [], "axe looks at pages without scripts, too"


async def test_webhooks_are_shown_and_what_is_unknown_is_told(someone: Someone, door: ServiceUrl) -> None:
    made = await door.ask("PUT", "/webhooks/crm", {"url": "http://127.0.0.1:9/hook", "types": ["recording-stored"]})
    assert made.status == 200
    try:
        async with someone("administrator", java_script_enabled=False, may_complain=True) as one:
            await one.go("/system/webhooks")
            await one.page.click("text=crm")
            assert "recording-stored" in await one.text()
            await one.page.click("text=Send a test")
            assert "has not answered well" in await one.text("#messages")
            assert await one.go("/system/webhooks/other") == 404
    finally:
        await door.ask("DELETE", "/webhooks/crm")


async def test_a_webhook_is_added_and_its_secret_is_shown_once(someone: Someone, door: ServiceUrl) -> None:
    """The next look does not have it any more; another secret is made, shown once as well, and both sign for a while."""
    async with someone("administrator", java_script_enabled=False) as one:
        await one.go("/system/webhooks")
        await one.page.click("text=Add a webhook")
        await one.page.fill("#id", "crm")
        await one.page.fill("#url", "ftp://crm.example")
        await one.page.check("[value=recording-stored]")
        await one.page.click("main form button.main")
        assert await one.page.locator("#url-wrong").count() == 1
        assert await one.page.is_checked("[value=recording-stored]")
        await one.page.fill("#url", "http://127.0.0.1:9/hook")
        await one.page.click("main form button.main")
        first = await one.text(".secret")
        assert first.startswith("whsec_")
        assert "recording-stored" in await one.text()
        await one.page.reload()
        assert await one.page.locator(".secret").count() == 0
        assert first not in await one.page.content()
        await one.page.click("text=New secret")
        second = await one.text(".secret")
        assert second.startswith("whsec_")
        assert second != first
        assert "Two secrets sign now." in await one.text()
        await one.page.click("a:text-is('Change')")
        await one.page.uncheck("[value=recording-stored]")
        await one.page.fill("#url", "ftp://crm.example")
        await one.page.click("main form button.main")
        assert await one.page.locator("#url-wrong").count() == 1
        assert not await one.page.is_checked("[value=recording-stored]"), "what was taken back stays so after an error"
        await one.page.fill("#url", "http://127.0.0.1:9/hook")
        await one.page.uncheck("#enabled")
        await one.page.click("main form button.main")
        assert "are neither kept nor sent" in await one.text()
        (hook,) = (await door.ask("GET", "/webhooks")).json["items"]
        assert (hook["id"], hook["enabled"], hook["secrets"]) == ("crm", False, 2)
        await one.page.check("#sure")
        await one.page.click("button.danger")
        assert "The webhook is removed" in await one.text("#messages")
        assert (await door.ask("GET", "/webhooks")).json["items"] == []


GIVEN_UP = """
INSERT INTO deliveries (id, webhook, kind, body, bytes, accepted_s, attempts, given_up, says)
VALUES (?, 'crm', 'recording-stored', '{}', 2, 1.0, 3, 1, 'HTTP 400')
"""


async def test_what_was_given_up_is_sent_again_by_its_button(someone: Someone, door: ServiceUrl) -> None:
    """One delivery by the button in its row, the others by the button for all."""
    async with receiving() as receiver, someone("administrator") as one:
        await door.ask("PUT", "/webhooks/crm", {"url": receiver.url, "types": ["recording-stored"]})
        try:
            with closing(sqlite3.connect(door.state_dir / NAME)) as database, database:
                database.executemany(GIVEN_UP, [("first",), ("second",), ("third",)])
            await one.go("/system/webhooks/crm")
            assert await one.page.locator("tbody >> text=given up").count() == 3
            assert await one.faults() == []
            await one.page.locator("tbody tr", has_text="given up").first.locator("button").click()
            await one.page.wait_for_url("**done=resent")
            assert "What was given up is sent again." in await one.text("#messages")
            assert len(await receiver.until(1)) == 1
            assert await one.page.locator("tbody >> text=given up").count() == 2
            await one.page.click("text=Send all again that were given up")
            assert sorted(each.id for each in await receiver.until(3)) == ["first", "second", "third"]
            async with asyncio.timeout(LIMIT_S):
                while "Nothing waits, and nothing was given up." not in await one.text():
                    await one.page.reload()  # the answers of the receiver are stored one after the other
            assert await one.page.locator("text=Send all again").count() == 0
        finally:
            await door.ask("DELETE", "/webhooks/crm")


async def test_licences_of_scripts_and_packages_are_shown(someone: Someone) -> None:
    async with someone("auditor") as one:
        await one.go("/system/licences")
        shown = await one.text()
        for name in ("htmx.org 2.0.8 (0BSD)", "wavesurfer.js", "aiohttp", "psycopg", "LGPL-3.0-only"):
            assert name in shown, name
        await one.page.click("a:text-is('aiohttp')")
        assert "Apache License" in await one.page.inner_text("pre")


@pytest.mark.parametrize("role", ROLES)
async def test_each_role_sees_and_does_what_it_may(someone: Someone, role: str) -> None:
    async with someone(role, may_complain=True) as one:
        for path in PAGES:
            assert await one.go(path) == (200 if role in SEES else 404)
            assert await one.page.locator("nav a[href='/system']").count() >= (role in SEES)
            assert await one.page.locator("main form").count() == 0 or role == "administrator"
        origin = {"Origin": one.address, "Sec-Fetch-Site": "same-origin"}
        if role != "administrator":
            answer = await one.context.request.post(f"{one.address}/system/doctor", headers=origin)
            assert answer.status == 403


@pytest.mark.parametrize("path", PAGES)
async def test_they_are_for_everybody(someone: Someone, path: str) -> None:
    for scheme in ("light", "dark"):
        async with someone("administrator", color_scheme=scheme, locale="fr-FR") as one:
            await one.go(path)
            assert await one.faults() == []
            assert await one.misplaced() == []
            assert len(await one.page.content()) <= 60_000
