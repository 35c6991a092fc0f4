"""Every page that the table of pages has, found by its links: without scripts, by keyboard alone, by axe, at three widths.

A new page is tried as soon as a link leads to it; one that no link leads to must stand in `UNLINKED`, with the reason.
"""

import re
from collections import Counter
from http import HTTPStatus
from unittest.mock import MagicMock

from api_door import ServiceUrl
from people import JOHN
from shelf import store
from visitors import Visitor

from callrec.web.pages.routes import Page
from callrec.web.pages.table import pages
from conftest import Someone

UNLINKED = {
    "home": "it leads to the first page that somebody may see",
    "showLogin": "who has logged in is led on",
    "completeUser": "an answer to the list of suggestions",
    "previewImport": "there is one after an upload",
    "progressOfImport": "likewise",
    "resultOfImport": "likewise",
    "secretsOfImport": "a file",
    "followCalls": "a stream of events",
    "call": "there is no live call",
    "downloadAudit": "a file",
    "hearPrompt": "a file",
    "evidence": "a file",
    "licence": "a text",
}
BY_NAME = {
    "sheetOfKeys": f"/users/{JOHN}/keys/sheet",
    "askToCopyKeys": f"/users/{JOHN}/keys/copy",
    "editWebhook": "/system/webhooks/crm/change",
    "editRetentionClass": "/system/retention/classes/sales/change",
}
"""Linked for users who have keys, and from pages of which one of a kind is looked at."""
LOOKED_AT = 2
"""So many pages of one kind are searched for links: the first user may have no line."""
_FOCUSABLE = """() => {
  const PARTS = ['date', 'time', 'datetime-local'];  // each of their parts is a stop, and shows by itself that it has the focus
  const kinds = 'a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex="0"]';
  const groups = new Set();
  const reached = [...document.querySelectorAll(kinds)].filter((one) => {
    if (one.disabled || one.tabIndex < 0 || !one.checkVisibility()) return false;
    if (one.type !== 'radio') return true;
    if (groups.has(one.name)) return false;
    groups.add(one.name);
    return true;
  });
  window.focused = [];
  document.addEventListener('focusin', ({target: one}) => {
    const nth = reached.findIndex((other) => other === one || (one.type === 'radio' && other.name === one.name));
    const shows = (of) => (of.outlineStyle !== 'none' && parseFloat(of.outlineWidth) > 0) || of.boxShadow !== 'none';
    const its = [one, one.closest('label')].filter(Boolean).map((each) => getComputedStyle(each));
    window.focused.push([nth, PARTS.includes(one.type) || its.some(shows)]);
  });
  const stops = reached.map((one) => PARTS.includes(one.type) ? 8 : 1).reduce((sum, each) => sum + each, 0);
  return [stops, reached.map((one) => `${one.tagName} ${(one.innerText || one.name || one.id || '').slice(0, 40)}`)];
}"""


def shown() -> dict[str, Page]:
    """The pages that show something, by name."""
    return {page.name: page for page in pages(MagicMock()) if page.method == "GET"}


def name_of(path: str, routes: dict[str, Page]) -> str | None:
    """The page at this path: that with the fewest parameters, as aiohttp would take the first that fits."""
    fitting = [
        (page.path_shown.count("{"), name)
        for name, page in routes.items()
        if re.fullmatch(re.sub(r"\\{[a-z]+\\}", "[^/]+", re.escape(page.path_shown)), path)
    ]
    return min(fitting)[1] if fitting else None


async def complete(one: Visitor, name: str) -> None:
    """The page that is shown has what it is for, and no button that does nothing without scripts."""
    assert await one.page.locator("main h1").first.is_visible(), name
    assert len(await one.page.content()) <= 60_000, name
    idle = one.page.locator("button[type=button]:visible")
    assert await idle.all_inner_texts() == [], f"{name}: buttons that do nothing without scripts"


async def linked(one: Visitor) -> dict[str, str]:
    """A path for each page that links lead to, from those without parameters on; each is looked at without scripts."""
    routes = shown()
    found = {
        name: page.path_shown for name, page in routes.items() if "{" not in page.path_shown and name not in UNLINKED
    }
    found |= BY_NAME
    waiting, tried = list(found.values()), Counter(found.keys())
    while waiting:
        path = waiting.pop(0)
        assert await one.go(path) == 200
        await complete(one, path)
        links = await one.page.eval_on_selector_all(
            "main a[href^='/']", "all => all.map((one) => one.getAttribute('href'))"
        )
        for link in links:
            name = name_of(link.partition("?")[0].partition("#")[0], routes)
            if name is None or name in UNLINKED or link in found.values() or tried[name] >= LOOKED_AT:
                continue
            tried[name] += 1
            found.setdefault(name, link)
            waiting.append(link)
    return found


async def reached_by_tab(one: Visitor) -> list[str]:
    """What cannot be reached by Tab, comes in another order than it is read in, or does not show that it has the focus."""
    stops, names = await one.page.evaluate(_FOCUSABLE)
    await one.page.evaluate("() => document.activeElement.blur()")
    for _ in range(stops):
        await one.page.keyboard.press("Tab")
    focused = (await one.page.evaluate("() => window.focused"))[: len(names)]
    faults = [
        f"{names[nth]} does not show that it has the focus" for nth, is_shown in focused if nth >= 0 and not is_shown
    ]
    order = [nth for nth, _ in focused]
    if order != list(range(len(names))):
        missing = [name for nth, name in enumerate(names) if nth not in order]
        faults.append(f"not in order: {order}; not reached: {missing}")
    return faults


async def furnish(door: ServiceUrl) -> None:
    """One of each kind that a store does not have by itself."""
    await store(door, 1, user=JOHN)
    for method, path, body in (
        ("PUT", "/webhooks/crm", {"url": "https://crm.example.com/calls", "types": ["recording-stored"]}),
        ("PUT", "/retention/classes/sales", {"max_days": 90, "tags": ["sale"]}),
        ("POST", "/tokens", {"name": "crm", "permissions": ["recordings.list"]}),
    ):
        answer = await door.ask(method, path, body)
        assert answer.status < HTTPStatus.BAD_REQUEST, answer.text


async def seen(one: Visitor) -> list[str]:
    """What axe finds on this page, and what lies over something else or off the screen at each width."""
    found = await one.faults()
    size = one.page.viewport_size
    found += await one.misplaced()
    if size:
        await one.page.set_viewport_size(size)
    return found


async def test_every_page_works_without_scripts_by_keyboard_alone_and_on_narrow_screens(
    someone: Someone, door: ServiceUrl
) -> None:
    """Axe finds nothing moderate or worse on any of them."""
    await furnish(door)
    async with someone("administrator", java_script_enabled=False) as one:
        found = await linked(one)
    assert shown().keys() - found.keys() == UNLINKED.keys(), "a page that no link leads to"
    async with someone("administrator") as one:
        faults = {}
        for name, path in found.items():
            await one.go(path)
            if await one.page.locator("#player").count():  # it gets its controls when the waveform is there
                await one.page.wait_for_selector("#player[data-ready=yes]")
            if wrong := [*await reached_by_tab(one), *await seen(one)]:
                faults[name, path] = wrong
        assert faults == {}, "\n".join(map(str, faults.items()))
