"""`make screenshots`: every page in Chromium, light and dark, into docs/screenshots, for eyes. No test compares them."""

import asyncio
import base64
import sys
import tempfile
from http import HTTPStatus
from pathlib import Path

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS / "support"), str(TESTS / "pages")]

from api_door import ServiceUrl, opened  # noqa: E402 - the folders of the tests come first
from login_store import KeptAudit  # noqa: E402
from people import BILL, GEORGE, JOHN, MORE, PASSWORDS_OF, TABLES  # noqa: E402
from playwright.async_api import Page  # noqa: E402
from shelf import store  # noqa: E402
from visitors import started_browser, visitor  # noqa: E402

from callrec.adapters.system import SystemClock  # noqa: E402
from callrec.app.calls.live_calls import LiveCalls  # noqa: E402
from callrec.app.doctor.findings import Finding, Verdict  # noqa: E402
from callrec.app.ports.asterisk import KnownNumber  # noqa: E402
from callrec.domain.directory.directory import Directory  # noqa: E402
from callrec_lab.simulated_asterisk import Stage  # noqa: E402

FOLDER = TESTS.parent / "docs/screenshots"
SIZE = {"width": 1100, "height": 800}
MOST_BYTES = 45_000
"""Of one picture: all of them together are two to three megabytes of the repository."""
QUALITIES = (70, 50, 35, 20, 10)
MOST_HEIGHT = 1400
PAGES = {
    "login": ("", "/login"),
    "status": ("", "/status"),
    "recordings": ("administrator", "/recordings"),
    "recording": ("administrator", "/recordings/c1-1?t=9"),
    "hold-all": ("administrator", "/recordings/hold?who=clinton"),
    "release-all": ("administrator", "/recordings/release?held=true"),
    "erase-all": ("administrator", "/recordings/erase?who=caller"),
    "my": ("user", "/my"),
    "heard": ("administrator", "/my/heard"),
    "account": ("administrator", "/account"),
    "users": ("administrator", "/users"),
    "new-user": ("administrator", "/users/new"),
    "user": ("administrator", "/users/1"),
    "lines": ("administrator", "/users/1/lines"),
    "services": ("administrator", "/users/1/services"),
    "remove-user": ("administrator", "/users/1/remove"),
    "keys": ("administrator", "/users/1/keys"),
    "keys-sheet": ("administrator", "/users/1/keys/sheet"),
    "keys-copy": ("administrator", "/users/1/keys/copy"),
    "import": ("administrator", "/users/import"),
    "import-preview": ("administrator", "/users/import"),
    "extensions": ("administrator", "/extensions"),
    "settings": ("administrator", "/settings"),
    "contexts": ("administrator", "/settings/contexts"),
    "groups": ("administrator", "/settings/groups"),
    "roles": ("administrator", "/settings/roles"),
    "role": ("administrator", "/settings/roles/supervisor"),
    "accounts": ("administrator", "/settings/accounts"),
    "tokens": ("administrator", "/settings/tokens"),
    "calls": ("administrator", "/calls"),
    "call": ("administrator", "/calls/c1"),
    "audit": ("auditor", "/audit"),
    "system": ("administrator", "/system"),
    "retention": ("administrator", "/system/retention"),
    "retention-class": ("administrator", "/system/retention/classes/sales"),
    "webhooks": ("administrator", "/system/webhooks"),
    "webhook": ("administrator", "/system/webhooks/crm"),
    "prompts": ("administrator", "/system/prompts"),
    "licences": ("administrator", "/system/licences"),
    "api": ("administrator", "/api"),
}
"""By the name of the picture: who looks (nobody without a name), and the path."""

READY = {"#player": "[data-ready=yes]", "#live": " .badge.good"}
"""By what a page has: what it has when its script or its stream has filled it."""


async def main() -> None:
    """Make all of them, or those that are named."""
    wanted = sys.argv[1:] or list(PAGES)
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(Path(folder), SystemClock())
        calls = LiveCalls(stage.call_router, stage.spool, KeptAudit())
        doors = opened(Path(folder) / "door", TABLES, MORE, calls)
        async with stage.running(), doors as door, started_browser() as browser:
            await _furnish(door)
            await _talk(door, stage)
            for scheme in ("light", "dark"):
                for who in dict.fromkeys(PAGES[name][0] for name in wanted):
                    address = f"http://127.0.0.1:{door.port}"
                    async with visitor(browser, address, color_scheme=scheme, viewport=SIZE) as one:
                        if who:
                            await one.log_in(who, PASSWORDS_OF[who])
                        for name in (name for name in wanted if PAGES[name][0] == who):
                            for capture in stage.asterisk.running:
                                stage.asterisk.grow(capture, 12)
                            await one.go(PAGES[name][1])
                            for place, then in READY.items():
                                if await one.page.locator(place).count():
                                    await one.page.wait_for_selector(f"{place}{then}")
                            if name == "import-preview":
                                await _upload(one.page)
                            file = FOLDER / f"{name}-{scheme}.webp"
                            await asyncio.to_thread(file.write_bytes, await _picture(one.page))


async def _furnish(door: ServiceUrl) -> None:
    """Something to look at on each page."""
    await store(door, 1, seconds=94.0)
    await store(door, 2, user=GEORGE, other=BILL, names=("George Clinton", "Bill Bush"), seconds=421.0)
    for nth in range(3, 9):
        await store(
            door, nth, names=("John Doe", "Caller") if nth % 2 else ("John Doe", "George Clinton"), seconds=7.0 * nth
        )
    door.dialplan = {"6000@default": KnownNumber(True, ""), "5000@default": KnownNumber(True, "confbridge:5000")}
    wanted = (
        *(("POST", "/keys", {"user": JOHN, "number": nth} | key) for nth, key in enumerate(KEYS, 1)),
        ("POST", "/recordings/c1-1/notes", {"text": "Asks for the contract in writing", "at_s": 12.0}),
        ("PATCH", "/recordings/c1-1/annotations", {"tags": ["sale"]}),
        ("POST", "/recordings/c2-1/hold", {"reason": "complaint", "reference": "T-17"}),
        ("PUT", "/webhooks/crm", {"url": "https://crm.example.com/calls", "types": ["recording-stored"]}),
        ("PUT", "/retention/classes/sales", {"max_days": 90, "tags": ["sale"]}),
        ("POST", "/tokens", {"name": "crm", "permissions": ["recordings.list"]}),
    )
    await door.change("/extensions/call_record", enabled=True)
    for method, path, body in wanted:
        answer = await door.ask(method, path, body, If_Match="*")
        assert answer.status < HTTPStatus.BAD_REQUEST, (path, answer.text)
    door.machine.findings = [
        Finding("ami", Verdict.OK, "127.0.0.1:5038"),
        Finding("modules", Verdict.WRONG, "not loaded: res_ari", "modules.conf: load = res_ari.so"),
    ]


KEYS: tuple[dict[str, object], ...] = (
    {"type": "user", "destination": GEORGE, "supervision": True},
    {"type": "online_record", "supervision": True},
    {"type": "queue", "destination": "6000", "label": "Support"},
    {"type": "conference", "destination": "5000", "supervision": True},
    {"type": "dnd"},
)
USERS = """entityid|firstname|lastname|phonenumber|context|protocol
1|Jane|Roe|1300|default|sip
1||Nobody|1301|default|sip
1|Jim|Poe|1302|default|sip
"""


async def _upload(page: Page) -> None:
    """A file with an error, to its preview."""
    await page.set_input_files("#file", {"name": "users.csv", "mimeType": "text/csv", "buffer": USERS.encode()})
    await page.click("text=Upload and look")
    await page.wait_for_selector("main table")


async def _talk(door: ServiceUrl, stage: Stage) -> None:
    """Two calls of this moment; the first is recorded."""
    stage.directory = Directory(TABLES)
    stage.call("line-2", "line-1", 1)
    stage.call("line-3", "line-1", 2)
    answer = await door.ask("POST", "/calls/c1/recording/start", {})
    assert answer.status < HTTPStatus.BAD_REQUEST, answer.text


async def _picture(page: Page) -> bytes:
    """The page as WebP, as good as MOST_BYTES allow; of a long page its beginning."""
    session = await page.context.new_cdp_session(page)
    content = b""
    for quality in QUALITIES:
        options = {"format": "webp", "quality": quality, "captureBeyondViewport": True}
        whole = (await session.send("Page.getLayoutMetrics"))["cssContentSize"]
        clip = {**whole, "height": min(whole["height"], MOST_HEIGHT), "scale": 1}
        taken = await session.send("Page.captureScreenshot", {**options, "clip": clip})
        content = base64.b64decode(taken["data"])
        if len(content) <= MOST_BYTES:
            return content
    raise SystemExit(f"a picture has {len(content)} bytes: make the page shorter")


if __name__ == "__main__":
    asyncio.run(main())
