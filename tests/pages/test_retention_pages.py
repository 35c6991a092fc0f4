"""Retention classes in a browser: a preview before anything takes effect, limits, a run."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from api_door import ServiceUrl
from people import GEORGE
from shelf import store

from callrec.domain.directory.model import DEFAULT_ROLES
from conftest import Someone

HOSTILE = "<img src=x onerror=alert(1)>"
pytestmark = pytest.mark.usefixtures("shelf")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shelf(door: ServiceUrl) -> AsyncIterator[None]:
    """Recordings of John and George; they began in the past of the tests, and are one day old at most."""
    await store(door, 1)
    await store(door, 2, user=GEORGE, seconds=2.0)
    yield


async def classes(door: ServiceUrl) -> dict[str, bool]:
    """Which there are, and which are in effect."""
    told = (await door.ask("GET", "/retention")).json
    return {one["name"]: one["in_effect"] for one in told["classes"]}


async def test_a_class_has_no_effect_before_its_preview_was_seen(someone: Someone, door: ServiceUrl) -> None:
    async with someone("administrator", java_script_enabled=False) as one:
        await one.go("/system")
        await one.page.click("text=Retention")
        assert "There are no retention classes" in await one.text()
        await one.page.click("text=Add a class")
        await one.page.evaluate("() => document.getElementById('max_days').removeAttribute('min')")
        await one.page.fill("#name", "Short Calls")
        await one.page.fill("#max_days", "0")
        await one.page.fill("#users", "Nobody At All")
        await one.page.click("main form button.main")
        assert "must be 1" in await one.text("#max_days-wrong")
        assert await one.page.locator("#users-wrong").count() == 1
        assert await one.page.input_value("#users") == "Nobody At All"
        await one.page.fill("#max_days", "30")
        await one.page.fill("#users", "George Clinton (1001)")
        await one.page.click("main form button.main")
        assert "small letters" in await one.text("[role=alert]"), "the name"
        await one.page.fill("#name", "georges")
        await one.page.fill("#tags", HOSTILE.replace(" ", ""))
        await one.page.check("[value=on_demand]")
        await one.page.click("main form button.main")
        assert "has no effect yet" in await one.text("#messages")
        assert await classes(door) == {"georges": False}
        shown = await one.text()
        assert "Users: George Clinton" in shown
        assert HOSTILE.replace(" ", "") in shown
        assert "0 recordings are due now" in await one.text("#count")
        await one.page.click("text=Let it take effect")
        assert "The class is in effect." in await one.text("#messages")
        assert await classes(door) == {"georges": True}


async def test_a_changed_class_is_without_effect_until_it_was_seen_again(someone: Someone, door: ServiceUrl) -> None:
    await door.ask("PUT", "/retention/classes/georges", {"max_days": 30, "users": [GEORGE], "rules": ["on_demand"]})
    await door.ask("POST", "/retention/classes/georges/enable", {"expected": 10})
    async with someone("administrator", java_script_enabled=False) as one:
        await one.go("/system/retention/classes/georges")
        await one.page.click("text=Change")
        assert await one.page.input_value("#users") == "George Clinton (1001)"
        assert await one.page.is_checked("[value=on_demand]")
        await one.page.uncheck("[value=on_demand]")
        await one.page.fill("#users", "Nobody At All")
        await one.page.click("main form button.main")
        assert not await one.page.is_checked("[value=on_demand]"), "what was taken back stays so after an error"
        await one.page.fill("#users", "George Clinton (1001)")
        await one.page.fill("#tags", "")
        await one.page.click("main form button.main")
        assert await classes(door) == {"georges": False}, "a changed class is without effect until it was seen again"
        await one.go("/system/retention")
        assert "without effect" in await one.text("tbody")
        await one.page.click("tbody a")
        await one.page.click("button.danger")
        assert "The class is removed." in await one.text("#messages")
        assert await classes(door) == {}


async def test_more_than_the_page_has_shown_is_not_erased(someone: Someone, door: ServiceUrl) -> None:
    """The recordings are old in the meantime: the button says how many go, and takes no more than that."""
    await door.ask("PUT", "/retention/classes/old", {"max_days": 1})
    due = (await door.ask("POST", "/retention/classes/old/preview")).json["recordings"]
    async with someone("administrator") as one:
        await one.go("/system/retention/classes/old")
        assert f"{due} recording" in await one.text("#count")
        await one.page.evaluate("() => { document.querySelector('[name=expected]').value = '-1'; }")
        await one.page.click("button.main")
        if due:
            assert "look again" in await one.text("[role=alert]")
            assert await classes(door) == {"old": False}
    await door.ask("DELETE", "/retention/classes/old")


async def test_limits_of_space_are_set_and_a_run_is_told(someone: Someone, door: ServiceUrl) -> None:
    async with someone("administrator", java_script_enabled=False) as one:
        await one.go("/system/retention")
        await one.page.fill("#quota_gb", "-1")
        await one.page.evaluate("() => document.getElementById('quota_gb').removeAttribute('min')")
        await one.page.click("text=Set the limits")
        assert "must be 0" in await one.text("#quota_gb-wrong")
        await one.page.fill("#quota_gb", "1.5")
        await one.page.click("text=Set the limits")
        assert "limits of space are set" in await one.text("#messages")
        told = (await door.ask("GET", "/retention")).json
        assert (told["quota_bytes"], told["least_free_bytes"]) == (1_500_000_000, None)
        await one.page.click("text=Erase now what is due")
        assert "What was due is erased." in await one.text("#messages")
        await one.page.fill("#quota_gb", "")
        await one.page.click("text=Set the limits")
        assert (await door.ask("GET", "/retention")).json["quota_bytes"] is None


async def test_who_may_not_erase_all_recordings_sets_nothing(someone: Someone, door: ServiceUrl) -> None:
    """Neither the auditor, who reads, nor who may erase their own recordings alone."""
    await door.ask("PUT", "/retention/classes/old", {"max_days": 100})
    async with someone("auditor", may_complain=True) as one:
        await one.go("/system/retention/classes/old")
        assert await one.page.locator("main form").count() == 0
        assert await one.go("/system/retention/new") == 404
    auditor = next(role for role in DEFAULT_ROLES if role.name == "auditor")
    more = ["settings.change", "own.erase"]
    await door.change("/roles/auditor", permissions=[*auditor.permissions, *more])
    try:
        async with someone("auditor", may_complain=True) as one:
            origin = {"Origin": one.address, "Sec-Fetch-Site": "same-origin"}
            for path in ("/system/retention/classes/old/enable", "/system/retention/run"):
                answer = await one.context.request.post(f"{one.address}{path}", headers=origin, form={"expected": "9"})
                assert answer.status in {403, 404}, path
            answer = await one.context.request.delete(f"{one.address}/api/v1/retention/classes/old", headers=origin)
            assert answer.status == 403
        assert await classes(door) == {"old": False}
    finally:
        await door.change("/roles/auditor", permissions=list(auditor.permissions))
        await door.ask("DELETE", "/retention/classes/old")


async def test_the_pages_are_for_everybody(someone: Someone, door: ServiceUrl) -> None:
    await door.ask("PUT", "/retention/classes/old", {"max_days": 100, "users": ["1"], "rules": ["always"]})
    async with someone("administrator", locale="fr-FR") as one:
        for path in ("", "/new", "/classes/old", "/classes/old/change"):
            await one.go(f"/system/retention{path}")
            assert (path, await one.faults()) == (path, [])
            assert (path, await one.misplaced()) == (path, [])
    await door.ask("DELETE", "/retention/classes/old")
