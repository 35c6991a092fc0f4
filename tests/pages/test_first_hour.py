"""The first hour with `make run`, as docs/guides/first-hour.md tells it: one administrator in one browser, real phones."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser
from visitors import LIMIT_MS, Visitor, visitor

from callrec.domain.errors import Refused
from callrec_lab.installation import find_installation
from callrec_lab.phones import PhoneBank, PhoneCall
from callrec_lab.run import welcome
from callrec_lab.stack import Stack, Wishes, start

pytestmark = pytest.mark.asterisk
GUIDE = Path(__file__).parents[2] / "docs/guides/first-hour.md"
JANE, JOHN = "1003", "1000"
TALK_S = 3.0
BOUND_S = 30.0


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def product(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """What `make run` starts, on free ports."""
    wishes = Wishes(phones=False, administrator=True)
    async with start(tmp_path_factory.mktemp("first-hour"), wishes, print) as stack:
        yield stack


@dataclass(frozen=True, slots=True)
class Account:
    """What a softphone needs."""

    name: str
    secret: str


@asynccontextmanager
async def administrator(browser: Browser, printed: str) -> AsyncIterator[Visitor]:
    """Logged in with nothing but what was printed."""
    address, password = re.search(r"Pages: (\S+)/ ", printed), re.search(r"as administrator, password (\S+) ", printed)
    assert address
    assert password
    async with visitor(browser, address[1]) as one:
        await one.log_in("administrator", password[1])
        yield one


@asynccontextmanager
async def phones(stack: Stack, jane: Account) -> AsyncIterator[PhoneBank]:
    """The phones of the printed users, and that of the imported one: registered with the name and the secret of the page."""
    later = {jane.name: jane.secret}
    async with PhoneBank(find_installation(print), stack.pbx, later=later, tones_hz={stack.line(JOHN): 1000}) as bank:
        async with asyncio.timeout(BOUND_S):
            await registered(bank, jane)
        yield bank


async def registered(bank: PhoneBank, account: Account) -> None:
    """Register this phone. Asterisk reads new lines a moment after the import, and refuses until then."""
    while True:
        try:
            return await bank.register_one(account.name, account.secret)
        except Refused:
            await asyncio.sleep(0.1)


async def imported(one: Visitor) -> Account:
    """The file of the guide, merged on *Users*: three users are there, the fourth is new and gets a secret."""
    text = re.search(r"^```\n(entityid\|.*?)^```$", GUIDE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert text
    await one.page.click("nav >> text=Users")
    await one.page.click("text=Import")
    await one.page.check("text=Merge")
    file = {"name": "users.csv", "mimeType": "text/csv", "buffer": text[1].encode()}
    await one.page.set_input_files("#file", file)
    await one.page.click("text=Upload and look")
    await one.page.wait_for_selector("text=1 new user")
    assert "3 unchanged" in await one.text()
    await one.page.click("text=Apply")
    await one.page.wait_for_selector("text=1 secret was made.")
    async with one.page.expect_download() as told:
        await one.page.click("text=Download the secrets")
    secrets = (await (await told.value).path()).read_text("utf-8")
    found = re.search(rf"^line\|{JANE}\|([^|]+)\|([^|\s]+)", secrets, re.MULTILINE)
    assert found
    return Account(found[1], found[2])


async def recorded(one: Visitor, pressing: PhoneCall) -> None:
    """`*3` on the phone; the page *Live*, which was open before, shows that the file grows, and its button stops it."""
    await pressing.press("*3")
    await one.page.wait_for_selector("tbody .badge:text-is('recording')")
    assert "grows: " in await one.text("tbody .proof")
    await asyncio.sleep(TALK_S)
    await one.page.click("tbody button:has-text('Stop')")
    await one.page.wait_for_selector("tbody .badge:text-is('not recorded')")


async def found(one: Visitor) -> str:
    """Looked for on *Audio files* until it is stored, and opened; its id."""
    await one.page.click("nav >> text=Audio files")
    await one.page.fill("[name=who]", "roe")
    async with asyncio.timeout(LIMIT_MS / 1000):
        while True:
            await one.page.click("text=Find")
            await one.page.wait_for_selector("#found")
            if await one.page.locator("main table a").count():
                break
            await asyncio.sleep(0.5)
    await one.page.click("main table a")
    await one.page.wait_for_selector("#player[data-ready=yes]")
    return one.path.rpartition("/")[2]


async def played_s(one: Visitor) -> float:
    """Played for a second at least; the position of the player then."""
    await one.page.click("text=Play")
    await one.until("audio.currentTime > 1")
    position: float = await one.page.evaluate("audio.currentTime")
    return position


async def test_the_first_hour(browser: Browser, product: Stack) -> None:
    """Log in, import, register, call, press `*3`, see and stop it on *Live*, find and play it, hold it, see it in *Audit*."""
    async with administrator(browser, welcome(product)) as one:
        jane = await imported(one)
        await one.page.click("nav >> text=Live")
        await one.page.wait_for_selector("#link.good")
        async with phones(product, jane) as bank:
            john = bank.phone(product.line(JOHN))
            call = await bank.phone(jane.name).call(JOHN, tone_hz=440)
            await call.answered()
            await one.page.wait_for_selector("tbody .badge:text-is('not recorded')")
            assert "Jane Roe" in await one.text("tbody tr")
            await recorded(one, await john.rings())
            await call.hangup()
            await one.page.wait_for_selector("tbody .badge:text-is('ended')")
            recording = await found(one)
        assert "John Doe" in await one.text("h1")
        assert "because John Doe asked for it by phone" in await one.text("[aria-labelledby=story]")
        assert 1 < await played_s(one) <= TALK_S + 2
        await one.page.fill("#hold-reason", "first hour")
        await one.page.click("button:text-is('Hold')")
        assert "nothing removes it" in await one.text("#messages")
        await one.page.click("nav >> text=Audit")
        await one.page.fill("[name=recording]", recording)
        await one.page.click("text=Find")
        await one.page.wait_for_url(f"**recording={recording}*")
        entries = await one.text("main tbody")
        assert {"hold set", "recording heard", "recording looked at"} <= set(re.split(r"[\t\n]", entries))
        assert "first hour" in entries
