"""People in a browser, for the tests of the pages: what they see, and what their browser complains of."""

import asyncio
import ctypes
import os
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from chromium import executable
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, async_playwright

LIMIT_MS = 15_000
WIDTHS = (360, 768, 1280)
"""In CSS pixels: a phone, a tablet, a desk."""
AXE = next((Path(__file__).parent / "vendor").glob("axe-core-*")) / "axe.min.js"
_BOXES = """() => {
  const wide = document.documentElement.clientWidth, faults = [];
  if (document.documentElement.scrollWidth > wide) faults.push(`the page scrolls to ${document.documentElement.scrollWidth} px`);
  const kinds = 'a, button, input:not([type=hidden]), select, textarea, h1, h2, summary, label, audio';
  const shown = [...document.querySelectorAll(kinds)]
    .filter((one) => one.checkVisibility() && !one.closest('.hidden, .skip, .scroll, .nav, [data-scrolls]'));
  const name = (one) => `${one.tagName} ${(one.innerText || one.name || one.id || '').slice(0, 30)}`;
  const boxes = shown.map((one) => [one, one.getBoundingClientRect()]).filter(([, box]) => box.width > 0 && box.height > 0);
  for (const [one, box] of boxes)
    if (box.left < -1 || box.right > wide + 1) faults.push(`${name(one)} is off the screen: ${box.left} to ${box.right}`);
  for (let i = 0; i < boxes.length; i++) for (let j = i + 1; j < boxes.length; j++) {
    const [a, first] = boxes[i], [b, other] = boxes[j];
    if (a.contains(b) || b.contains(a)) continue;
    const x = Math.min(first.right, other.right) - Math.max(first.left, other.left);
    const y = Math.min(first.bottom, other.bottom) - Math.max(first.top, other.top);
    if (x > 2 && y > 2) faults.push(`${name(a)} lies over ${name(b)} by ${x.toFixed()} x ${y.toFixed()}`);
  }
  return faults;
}"""


class Visitor:
    """A person with a browser of their own. `complaints`: what its console says, and scripts that failed."""

    def __init__(self, context: BrowserContext, page: Page, address: str, settings: Mapping[str, Any]) -> None:
        self.context, self.page, self.address, self._settings = context, page, address, settings
        self.complaints: list[str] = []
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(f"script: {error}"))

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            place = message.location
            self.complaints.append(f"{message.type}: {message.text} ({place['url']}:{place['lineNumber']})")

    async def go(self, path: str) -> int:
        """Open a page of callrec; its status."""
        answer = await self.page.goto(self.address + path)
        return answer.status if answer else 0

    async def log_in(self, username: str, password: str, path: str = "/login") -> None:
        """From the form of the login to the page behind it."""
        await self.go(path)
        await self.page.fill("[name=username]", username)
        await self.page.fill("[name=password]", password)
        await self.page.click("main button")
        await self.page.wait_for_url(lambda url: "/login" not in url)

    async def until(self, expression: str) -> None:
        """Wait until this is true in the page. Playwright's own wait evaluates a text, which the policy of the pages forbids."""
        async with asyncio.timeout(LIMIT_MS / 1000):
            while not await self.page.evaluate(f"() => Boolean({expression})"):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.05)

    @property
    def path(self) -> str:
        """Path and parameters of the page that is shown."""
        return self.page.url.removeprefix(self.address)

    async def text(self, place: str = "main") -> str:
        """What stands there."""
        return await self.page.inner_text(place)

    async def faults(self) -> list[str]:
        """What axe finds on this page: rules of WCAG 2.2 A and AA and best practices, moderate and worse. Without its preload,
        which copies styles of shadow trees in a way that the policy of the pages forbids. Where scripts do not run axe would wait
        for ever: then it looks at the same page in a browser with axe's script and no other."""
        if self._settings.get("java_script_enabled", True):
            return await _found_by_axe(self.page)
        assert self.context.browser is not None
        html, state = await self.page.content(), await self.context.storage_state()
        settings = {**self._settings, "java_script_enabled": True}
        beside = await self.context.browser.new_context(**settings, storage_state=state)
        try:
            page = await beside.new_page()
            await page.route("**/*.js", lambda route: route.fulfill(body="", content_type="text/javascript"))
            await page.route(self.page.url, lambda route: route.fulfill(body=html, content_type="text/html"))
            await page.goto(self.page.url)
            return await _found_by_axe(page)
        finally:
            await beside.close()

    async def misplaced(self) -> list[str]:
        """What lies over something else, or off the screen, at each of WIDTHS."""
        found = []
        for width in WIDTHS:
            await self.page.set_viewport_size({"width": width, "height": 900})
            found += [f"{width}: {fault}" for fault in await self.page.evaluate(_BOXES)]
        return found


async def _found_by_axe(page: Page) -> list[str]:
    await page.evaluate(AXE.read_text("utf-8"))
    found: dict[str, Any] = await page.evaluate(
        "() => axe.run(document, {resultTypes: ['violations'], preload: false})"
    )
    return [
        f"{one['id']} ({one['impact']}): {node['html'][:160]}"
        for one in found["violations"]
        if one["impact"] in {"moderate", "serious", "critical"}
        for node in one["nodes"]
    ]


def without_priority() -> None:
    """What this process starts may not raise its priority. As root, Chromium's threads take -8 and less (`ps -eLo ni,comm`), and
    real calls beside it falter."""
    drop_from_bounding_set, sys_nice = 24, 23  # linux/prctl.h, linux/capability.h; who is not root has nothing to lose
    ctypes.CDLL(None).prctl(drop_from_bounding_set, sys_nice, 0, 0, 0)


@asynccontextmanager
async def started_browser() -> AsyncIterator[Browser]:
    """Debian's Chromium."""
    without_priority()
    program, environment = executable()
    async with async_playwright() as playwright:
        with tempfile.TemporaryDirectory(prefix="callrec-browser-") as home:
            browser = await playwright.chromium.launch(
                executable_path=program,
                chromium_sandbox=False,
                args=["--autoplay-policy=no-user-gesture-required", "--disable-dev-shm-usage", "--mute-audio"],
                env={**os.environ, **environment, "HOME": home},
            )
            try:
                yield browser
            finally:
                await browser.close()


@asynccontextmanager
async def visitor(
    browser: Browser, address: str, *, may_complain: bool = False, **context: Any
) -> AsyncIterator[Visitor]:
    """Somebody with a fresh browser, whose console must say nothing unless they `may_complain`."""
    settings = {"locale": "en-GB", "timezone_id": "Europe/Berlin", **context}
    made = await browser.new_context(**settings)
    made.set_default_timeout(LIMIT_MS)
    try:
        someone = Visitor(made, await made.new_page(), address, settings)
        yield someone
        complaints = [] if may_complain else someone.complaints
        assert complaints == [], complaints
    finally:
        await made.close()
