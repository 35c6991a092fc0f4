"""The tables change while Asterisk, or its manager alone, is away: the files are written, and when it is back it runs them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import pytest_asyncio
from proxy import Proxy, proxied
from trouble import aftermath, conversation, product, unready, until

from callrec.domain.errors import Refused
from callrec_lab.dialog_info import DARK, LIT
from callrec_lab.stack import Stack
from callrec_lab.subscriber import Subscriber

pytestmark = [pytest.mark.asterisk, pytest.mark.asyncio(loop_scope="module")]

SECRETS = {"early": 'with"quotes;and-semicolons\\', "late": "\\;'\"=>[]{}$#|,"}
NUMBERS = {"early": "1900", "late": "1901"}
BACK_S = 15.0


@dataclass
class House:
    """The product, whose daemon reaches the manager through a proxy; phones of people who are to come."""

    stack: Stack
    proxy: Proxy

    @property
    def folder(self) -> Path:
        """Of Asterisk's files."""
        return Path(self.stack.daemon.settings["confgen_dir"])

    async def import_one(self, name: str, folder: Path) -> None:
        """One more user, as an operator does it; until the daemon has written the files."""
        file, secret = folder / "new.csv", SECRETS[name].replace('"', '""')
        row = f'{name}|{NUMBERS[name]}|default|sip|{name}|"{secret}"'
        file.write_text(f"firstname|phonenumber|context|protocol|linename|linesecret\n{row}\n")
        code, said = await self.stack.daemon.callrec("users", "import", str(file))
        assert code == 0, said
        await until(
            lambda: f"[{name}](user)" in (self.folder / "users_pjsip.conf").read_text(), hint="the file is written"
        )

    async def registers(self, name: str) -> bool:
        """Whether the phone is let in."""
        assert self.stack.bank is not None
        try:
            await self.stack.bank.register_one(name, SECRETS[name])
        except Refused:
            return False
        return True

    async def has_a_telephone(self, name: str) -> None:
        """It registers as soon as Asterisk runs the files, calls and is seen to talk, and watches others with its own secret."""
        bank, pbx = self.stack.bank, self.stack.pbx
        assert bank is not None
        await until(lambda: self.registers(name), limit_s=BACK_S, hint="the phone registers")
        async with Subscriber(name, SECRETS[name], pbx=pbx.ports.sip, watched="1000") as lamp:
            there = await bank.phone(name).call("1000", tone_hz=500)
            here = await self.stack.phone("1000").rings()
            await there.answered()
            await lamp.until(LIT)
            await there.hangup()
            await here.ended()
            await lamp.until(DARK)

    async def says_down(self) -> bool:
        """Whether the daemon has noticed."""
        return '"confgen": {"ok": false' in await unready(self.stack)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """The whole product behind a proxy."""
    async with (
        proxied() as (proxy, wishes),
        product(tmp_path_factory.mktemp("house"), replace(wishes, later=SECRETS)) as stack,
    ):
        yield House(stack, proxy)
        await aftermath(stack)


async def test_a_user_who_is_imported_while_asterisk_is_down_has_a_telephone_when_it_is_up(
    house: House, tmp_path: Path
) -> None:
    """Until then the daemon is not ready and says why, a command ends with 3, and `--no-reload` has nothing to do."""
    stack = house.stack
    await stack.pbx.stop()
    await house.import_one("early", tmp_path)
    await until(house.says_down)
    code, said = await stack.daemon.callrec("confgen")
    assert (code, "nothing was written" in said) == (3, True)
    code, said = await stack.daemon.callrec("confgen", "--no-reload")
    assert (code, said.count("unchanged")) == (0, 5)
    await stack.pbx.start()
    await house.has_a_telephone("early")
    await stack.daemon.ready()


async def test_a_user_who_is_imported_while_the_manager_is_cut_off_has_a_telephone_when_it_is_back(
    house: House, tmp_path: Path
) -> None:
    """Asterisk goes on with what it has read: others call each other, and the new phone is refused until the reload."""
    stack = house.stack
    house.proxy.cut()
    try:
        await house.import_one("late", tmp_path)
        await until(house.says_down)
        assert not await house.registers("late")
        async with conversation(stack, "1001", "1002"):
            pass
    finally:
        house.proxy.restore()
    await house.has_a_telephone("late")
    await stack.daemon.ready()
    code, said = await stack.daemon.callrec("confgen")
    assert (code, said.count("unchanged")) == (0, 5), said
