"""Live on the running product: a real call, a real press of `*3`, seen and stopped on the page, and found stored."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser
from visitors import visitor

from callrec.domain.directory.model import ADMINISTRATOR
from callrec_lab.stack import Stack, Wishes, start

pytestmark = pytest.mark.asterisk
BOUND_S = 60.0


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """The whole product with the specification's three users, their phones, and an administrator."""
    async with start(tmp_path_factory.mktemp("stack"), Wishes(administrator=True), print) as running:
        yield running


async def test_a_press_of_star_3_is_seen_and_stopped_on_the_page(browser: Browser, stack: Stack) -> None:
    """The page says *recording* when the files grow; the stop on the page ends it, and the phones go on talking."""
    async with visitor(browser, f"http://127.0.0.1:{stack.daemon.http}") as one:
        await one.log_in(ADMINISTRATOR, stack.first_password, "/calls")
        await one.page.wait_for_selector("#link.good")
        async with asyncio.timeout(BOUND_S):
            caller, called = stack.phone("1000"), stack.phone("1001")
            there = await caller.call("1001")
            here = await called.rings()
            await asyncio.gather(there.answered(), here.answered())
            await one.page.wait_for_selector("tbody tr .badge:has-text('not recorded')")
            assert "John Doe" in await one.text("tbody")
            await there.press("*3")
            await one.page.wait_for_selector("tbody tr .badge.good:has-text('recording')")
            assert "grows: " in await one.text("tbody .proof")
            assert "on demand" in await one.text("tbody tr")
            await one.page.click("tbody button:has-text('Stop')")
            await one.page.wait_for_selector("#said .good")
            assert "The recording has ended." in await one.text("#said")
            await one.page.wait_for_selector("tbody tr .badge:has-text('not recorded')")
            await there.hangup()
            await here.ended()
            await one.page.wait_for_selector("tbody tr.gone")
        assert await one.go("/audit?action=controlled") == 200
        shown = await one.text("tbody")
        assert "live recording controlled" in shown
        assert "stop" in shown


async def test_the_doctor_runs_from_the_page(browser: Browser, stack: Stack) -> None:
    """It looks at the real Asterisk, in a process of its own, and its findings stand on the page."""
    async with visitor(browser, f"http://127.0.0.1:{stack.daemon.http}") as one:
        one.page.set_default_timeout(BOUND_S * 1000)
        await one.log_in(ADMINISTRATOR, stack.first_password, "/system")
        for name in ("AMI", "ARI", "Store", "Catalogue", "Audit log"):
            assert name in await one.text("section[aria-labelledby=doors]")
        await one.page.click("text=Run the doctor")
        await one.page.wait_for_selector("#doctor details")
        await one.page.click("#doctor summary")
        assert "asterisk version" in await one.text("#doctor")
