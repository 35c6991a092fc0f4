"""The page Live in a browser: calls that are fed where Asterisk's events come in, up to 500 at once."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from api_door import ServiceUrl, opened
from login_store import KeptAudit
from people import MORE, PASSWORDS_OF, ROLES, TABLES
from playwright.async_api import Browser
from visitors import Visitor, visitor

from callrec.adapters.system import SystemClock
from callrec.app.calls.live_calls import LiveCall, LiveCalls
from callrec.domain.calls.model import Control
from callrec.domain.directory.directory import Directory
from callrec.web.pages.calls import stream
from callrec_lab.simulated_asterisk import TABLES as STAGE_TABLES
from callrec_lab.simulated_asterisk import Ids, Stage, event

HOSTILE = '<img src=x onerror="console.error(1)">"&{{7*7}}'
MANY = 500
STOP = "main tbody button:has-text('Stop')"


class Exchange:
    """A stage whose calls the pages show, and the address of the pages."""

    def __init__(self, stage: Stage, door: ServiceUrl) -> None:
        self.stage, self.door, self.address = stage, door, f"http://127.0.0.1:{door.port}"
        self._nth = itertools.count(1)

    def call(self, caller: str = "alice", called: str = "bob") -> int:
        """Two phones talk."""
        nth = next(self._nth)
        self.stage.call(caller, called, nth)
        return nth

    def hang_up(self, nth: int) -> None:
        """They end."""
        self.stage.hang_up(nth)

    def every(self) -> Sequence[LiveCall]:
        """The calls, as the page's use case has them."""
        return LiveCalls(self.stage.call_router, self.stage.asterisk.spool, KeptAudit()).every()

    def grow(self) -> None:
        """All captures get one second longer."""
        for capture in self.stage.asterisk.running:
            self.stage.asterisk.grow(capture)


@pytest_asyncio.fixture(loop_scope="session")
async def exchange(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Exchange]:
    numbers = itertools.count(1)
    monkeypatch.setattr(Ids, "new_call", lambda _: f"c{next(numbers):06}")  # in the order of their age, as ULIDs are
    stage = Stage(tmp_path, SystemClock())
    calls = LiveCalls(stage.call_router, stage.asterisk.spool, KeptAudit())
    async with stage.running(), opened(tmp_path / "door", TABLES, MORE, calls) as door:
        yield Exchange(stage, door)


@asynccontextmanager
async def someone(browser: Browser, exchange: Exchange, who: str, **context: Any) -> AsyncIterator[Visitor]:
    async with visitor(browser, exchange.address, **context) as one:
        await one.log_in(who, PASSWORDS_OF[who])
        yield one


async def live(one: Visitor) -> None:
    """The page, and its stream at work."""
    assert await one.go("/calls") == 200
    await one.page.wait_for_selector("#link.good")


async def rows(one: Visitor, count: int) -> None:
    """So many rows are there."""
    await one.page.wait_for_function("count => document.querySelectorAll('#live tbody tr').length === count", arg=count)


async def test_a_call_is_recorded_paused_and_stopped_from_its_row(browser: Browser, exchange: Exchange) -> None:
    """The answer says what is proven: *starting* until the files grow, *recording* then."""
    async with someone(browser, exchange, "operator") as one:
        await live(one)
        exchange.call()
        await rows(one, 1)
        assert "not recorded" in await one.text("tbody tr")
        await one.page.click("tbody button:has-text('Start')")
        await one.page.wait_for_selector("#said .good")
        assert "not proven yet" in await one.text("#said")
        assert "starting" in await one.text("tbody tr")
        exchange.grow()
        await one.page.wait_for_selector("tbody .badge.good")
        assert "grows: " in await one.text("tbody .proof")
        await one.page.click("tbody button:has-text('Pause')")
        await one.page.wait_for_selector("tbody .badge:has-text('paused')")
        await one.page.click("tbody button:has-text('Resume')")
        exchange.grow()
        await one.page.wait_for_selector("tbody .badge:has-text('recording')")
        await one.page.click(STOP)
        await one.page.wait_for_selector("tbody .badge:has-text('not recorded')")
        exchange.hang_up(1)
        await one.page.wait_for_selector("tbody .badge:has-text('ended')")
        assert await one.page.locator("tbody button").count() == 0
        await one.page.click("#clear")
        await rows(one, 0)
        assert "No call at this moment" in await one.text()


async def test_without_scripts_a_call_is_stopped_with_a_reason(browser: Browser, exchange: Exchange) -> None:
    exchange.call()
    async with someone(browser, exchange, "operator", java_script_enabled=False) as one:
        await one.go("/calls")
        await one.page.click("tbody a:has-text('Details')")
        await one.page.fill("[name=reason]", HOSTILE)
        await one.page.click("main form button:has-text('Start')")
        await one.page.wait_for_url("**?done=start-*")
        assert "The recording is starting." in await one.text("#messages")
        assert HOSTILE in await one.text()
        await one.page.click("main form button:has-text('Stop')")
        await one.page.wait_for_url("**?done=stop-*")
        exchange.hang_up(1)
        await one.page.click("main form button:has-text('Start')")
        assert "This call has ended." in await one.text()


async def test_what_cannot_be_done_is_said_in_words(browser: Browser, exchange: Exchange) -> None:
    exchange.call("alice", "ever")
    async with someone(browser, exchange, "administrator", locale="de-DE") as one:
        await live(one)
        await one.page.click("tbody button:has-text('Beenden')")
        await one.page.wait_for_selector("#said .bad")
        assert "Eine Regel verlangt die Aufzeichnung" in await one.text("#said")


async def test_hostile_names_stay_text(browser: Browser, exchange: Exchange) -> None:
    """A caller's name and a user's name, as the stream draws them, as the page does, and as the news tells them. A script in them
    would complain to the console, which fails the test."""
    stage = exchange.stage
    alice, *others = STAGE_TABLES.users
    stage.directory = Directory(replace(STAGE_TABLES, users=(replace(alice, lastname=HOSTILE), *others)))
    async with someone(browser, exchange, "operator") as one:
        await live(one)
        stage.call_router.asterisk(event("Newchannel", "9.1", "trunk", CallerIDName=HOSTILE, CallerIDNum="<b>1"))
        exchange.call()
        await rows(one, 2)
        for _ in ("drawn by the stream", "drawn by the page"):
            shown = [await row.inner_text() for row in await one.page.locator("tbody th li").all()]
            assert sum(HOSTILE in text for text in shown) == 2, shown
            assert await one.page.locator("main img, main b").count() == 0
            await one.page.wait_for_function("() => document.getElementById('news').textContent !== ''")
            assert await one.page.locator("#news *").count() == 0
            await live(one)
            exchange.call("ever", "bob")
        for call in exchange.every():
            assert await one.go(f"/calls/{call.session.call}") == 200
            assert await one.page.locator("main img, main b").count() == 0
        await one.go("/calls/c000001")
        assert HOSTILE in await one.text("h1")


async def test_a_supervisor_sees_the_calls_of_the_group_and_no_others(browser: Browser, exchange: Exchange) -> None:
    """On the page, in its stream, by its address and by the API; and not any longer when the group's member has left the call."""
    exchange.call("alice", "ever")
    exchange.call("alice", "bob")  # Bob's user is George's, whom the supervisor looks after
    async with someone(browser, exchange, "supervisor", may_complain=True) as one:
        assert await one.page.locator("nav a[href='/calls']").count() == 1
        await live(one)
        exchange.call("ever", "alice")
        exchange.call("bob", "ever")
        await rows(one, 2)
        assert await one.text("#count") == "2 calls"
        shown = await one.page.locator("tbody tr").evaluate_all("all => all.map(row => row.dataset.call)")
        assert shown == ["c000002", "c000004"]
        assert await one.page.locator("tbody button").count() == 0
        assert await one.go("/calls/c000001") == 404
        listed = await one.context.request.get(f"{exchange.address}/api/v1/calls")
        assert [call["id"] for call in (await listed.json())["items"]] == ["c000002", "c000004"]
        await live(one)
        exchange.stage.call_router.asterisk(event("Hangup", "2.2", "bob", linkedid="2.1"))
        await one.page.wait_for_selector("#call-c000002.gone .badge:has-text('without your group now')")
        assert await one.go("/calls/c000002") == 404
        assert await one.go("/calls/c000004") == 200


async def test_who_may_record_the_groups_calls_has_buttons_for_these(browser: Browser, exchange: Exchange) -> None:
    """The role sees all calls and records those of the group; a call of others is answered like none, and stays as it is."""
    role = {"permissions": ["calls.read", "group.record"]}
    assert (await exchange.door.change("/roles/supervisor", **role)).status == 200
    exchange.call("alice", "trunk")
    exchange.call("alice", "bob")
    async with someone(browser, exchange, "supervisor", may_complain=True) as one:
        await live(one)
        await rows(one, 2)
        assert await one.page.locator("#call-c000001 button").count() == 0
        await one.page.click("#call-c000002 button:has-text('Start')")
        await one.page.wait_for_selector("#said .good")
        origin = {"Origin": exchange.address, "Sec-Fetch-Site": "same-origin"}
        for path in ("c000001", "c000009"):
            where = f"{exchange.address}/api/v1/calls/{path}/recording/start"
            answer = await one.context.request.post(where, headers=origin)
            assert (answer.status, (await answer.json())["code"]) == (404, "no-such-call")
        await one.context.request.post(f"{exchange.address}/calls/c000001/recording/start", headers=origin)
        assert [bool(call.recording) for call in exchange.every()] == [False, True]


@pytest.mark.parametrize("role", ROLES)
async def test_each_role_sees_and_does_what_it_may(browser: Browser, exchange: Exchange, role: str) -> None:
    """The auditor and supervisors look and change nothing; users have no such page."""
    exchange.call()
    sees = role in {"administrator", "operator", "auditor", "supervisor"}
    does = role in {"administrator", "operator"}
    async with someone(browser, exchange, role, may_complain=True) as one:
        assert await one.go("/calls") == (200 if sees else 404)
        assert await one.page.locator("nav a[href='/calls']").count() == sees
        assert await one.page.locator("main tbody button").count() == does
        for path in ("/calls/c000001", "/calls/stream"):
            answer = await one.context.request.get(exchange.address + path, timeout=2000) if not sees else None
            assert answer is None or answer.status == 403  # a page for browsers, that is the one of what does not exist
        if not does:
            origin = {"Origin": exchange.address, "Sec-Fetch-Site": "same-origin"}
            answer = await one.context.request.post(f"{exchange.address}/calls/c000001/recording/start", headers=origin)
            assert answer.status in {403, 404}
            assert exchange.every()[0].recording is None


async def test_the_page_says_when_it_is_not_live_any_more_and_comes_back(
    browser: Browser, exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "LIFE_S", 0.0)
    async with someone(browser, exchange, "operator") as one:
        await one.go("/calls")
        await one.page.wait_for_selector("#link.bad")
        assert "not live any more" in await one.text("#link")
        monkeypatch.setattr(stream, "LIFE_S", 3600.0)
        await one.page.wait_for_selector("#link.good")


async def test_changes_are_told_politely_and_not_each_second(browser: Browser, exchange: Exchange) -> None:
    async with someone(browser, exchange, "operator") as one:
        await live(one)
        await one.page.evaluate(
            "() => { window.said = []; new MutationObserver(() => said.push(document.getElementById('news').textContent))"
            ".observe(document.getElementById('news'), {childList: true}) }"
        )
        for _ in range(20):
            exchange.call()
            await asyncio.sleep(0.1)
        await one.page.wait_for_function("() => said.length > 0")
        said = await one.page.evaluate("said")
        assert await one.page.get_attribute("#news", "aria-live") == "polite"
        assert len(said) <= 2
        assert any("calls have changed." in one for one in said)


async def test_the_page_is_for_everybody(browser: Browser, exchange: Exchange) -> None:
    """By axe, and by the places of what can be read and pressed, with and without calls, light and dark."""
    for scheme in ("light", "dark"):
        async with someone(browser, exchange, "operator", color_scheme=scheme) as one:
            for path in ("/calls", "/calls/c000001"):
                if scheme == "light" and path == "/calls":
                    await one.go(path)
                    assert await one.faults() == []
                    exchange.call()
                    await asyncio.sleep(0.3)
                await one.go(path)
                assert await one.faults() == []
                assert await one.misplaced() == []


async def test_by_keyboard_alone_a_call_is_recorded(browser: Browser, exchange: Exchange) -> None:
    exchange.call()
    async with someone(browser, exchange, "operator") as one:
        await live(one)
        for _ in range(20):
            await one.page.keyboard.press("Tab")
            if await one.page.evaluate("() => document.activeElement.innerText") == "Start":
                break
        await one.page.keyboard.press("Enter")
        await one.page.wait_for_selector("#said .good")
        exchange.grow()
        await one.page.wait_for_selector("tbody .badge.good")
        assert exchange.every()[0].grows


async def test_500_calls_come_and_change_and_nothing_jumps(browser: Browser, exchange: Exchange) -> None:
    """Fed as Asterisk's events; the browser itself measures how far things have moved (layout shift)."""
    async with someone(browser, exchange, "operator") as one:
        for _ in range(60):
            exchange.call()
        await live(one)
        await rows(one, 60)
        await one.page.evaluate(
            """() => { window.moved = 0; window.shifts = [];
            new PerformanceObserver((list) => { for (const e of list.getEntries()) {
              moved += e.value;
              shifts.push(...e.sources.map((from) => [from.node?.outerHTML?.slice(0, 60), from.previousRect, from.currentRect]));
            } }).observe({type: 'layout-shift'}) }"""
        )
        first = await one.page.locator("tbody tr").first.get_attribute("data-call")
        before = await one.page.locator("tbody tr").nth(5).bounding_box()
        for _ in range(MANY - 60):
            exchange.call()
        await rows(one, MANY)
        calls = exchange.every()
        audit = KeptAudit()
        use = LiveCalls(exchange.stage.call_router, exchange.stage.asterisk.spool, audit)
        for call in calls[:100]:
            await exchange.stage.call_router.control(call.session.call, Control.START, "", None, "account:1")
        await one.page.wait_for_function("() => document.querySelectorAll('tbody .badge.warn').length === 100")
        for _ in range(3):
            exchange.grow()
            await asyncio.sleep(0.5)
        for nth in range(1, 51):
            exchange.hang_up(nth)
        await one.page.wait_for_function("() => document.getElementById('count').textContent === '450 calls'")
        after = await one.page.locator("tbody tr").nth(5).bounding_box()
        moved = await one.page.evaluate("moved")
        assert await one.page.locator("tbody tr").first.get_attribute("data-call") == first
        assert before == after
        assert moved == 0, await one.page.evaluate("shifts")
        assert len(use.every()) == MANY - 50
        order = await one.page.evaluate("() => [...document.querySelectorAll('tbody tr')].map(r => r.dataset.call)")
        assert order == sorted(order)


async def test_500_calls_without_scripts_come_in_parts(browser: Browser, exchange: Exchange) -> None:
    for _ in range(MANY):
        exchange.call()
    async with someone(browser, exchange, "operator", java_script_enabled=False) as one:
        seen: list[str] = []
        path: str | None = "/calls"
        while path:
            answer = await one.context.request.get(exchange.address + path)
            assert len(await answer.body()) <= 60_000
            await one.go(path)
            seen += await one.page.locator("tbody tr").evaluate_all("all => all.map(r => r.dataset.call)")
            more = one.page.locator("#pages a:has-text('Later calls')")
            path = await more.get_attribute("href") if await more.count() else None
        assert seen == sorted(seen)
        assert len(seen) == MANY


async def test_names_and_buttons_have_room_in_narrow_windows(browser: Browser, exchange: Exchange) -> None:
    exchange.stage.call("line-2", "line-1", 1)
    async with someone(browser, exchange, "administrator", locale="de-DE") as one:
        await live(one)
        await rows(one, 1)
        for width in (700, 800, 1000, 1280):
            await one.page.set_viewport_size({"width": width, "height": 900})
            hidden = await one.page.locator(".scroll").evaluate("table => table.scrollWidth - table.clientWidth")
            names = await one.page.eval_on_selector_all("#live li", "all => all.map(one => one.offsetHeight)")
            assert (width, hidden, [height for height in names if height > 60]) == (width, 0, [])
