"""From an import to telephones that work: real registrations, real calls, and a reload under a call that is recorded."""

import asyncio
import csv
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from arrangement import LATER, phone
from laboratory import example_tables

from callrec.adapters.asterisk.ami import AmiLink
from callrec.adapters.asterisk.conf_reading import LIMITS, AmiReading
from callrec.adapters.disk.conf_folder import DiskConfFolder
from callrec.app.confgen import Confgen
from callrec.domain.errors import Refused
from callrec.lab.ears import presence
from callrec.lab.installation import Installation
from callrec.lab.pbx import Pbx
from callrec.lab.stack import Stack

NEW, NUMBER = "newcomer", "1900"
PROMPT_S = 3.0
TALK_S = 1.2


def _file(folder: Path, **columns: str) -> Path:
    text = StringIO()
    rows = csv.DictWriter(text, list(columns), delimiter="|", quotechar='"')
    rows.writeheader()
    rows.writerow(columns)
    file = folder / "new.csv"
    file.write_text(text.getvalue())
    return file


async def _registers(stack: Stack, name: str) -> None:
    """As soon as the PBX knows it."""
    assert stack.bank is not None
    async with asyncio.timeout(PROMPT_S):
        while True:
            try:
                return await stack.bank.register_one(name, LATER[name])
            except Refused:
                await asyncio.sleep(0.1)


async def test_a_user_who_is_imported_has_a_telephone_at_once(stack: Stack, tmp_path: Path) -> None:
    """Without a further command: the daemon writes the files, Asterisk reads them, the phone registers, calls and is called."""
    file = _file(
        tmp_path, firstname="Nova", lastname="Dupont, Jean", phonenumber=NUMBER, context="default", protocol="sip",
        linename=NEW, linesecret=LATER[NEW],
    )  # fmt: skip
    code, said = await stack.daemon.callrec("users", "import", str(file))
    assert code == 0, said
    await _registers(stack, NEW)
    assert stack.bank is not None
    new = stack.bank.phone(NEW)
    for caller, number, called in ((phone(stack, "1008"), NUMBER, new), (new, "1008", phone(stack, "1008"))):
        there = await caller.call(number, tone_hz=500)
        here = await called.rings()
        await asyncio.gather(there.answered(), here.answered())
        await asyncio.sleep(TALK_S)  # the length of the conversation
        await there.hangup()
        await here.ended()
        assert presence(here.heard().between(0.1, TALK_S), 500) >= 0.95
    code, said = await stack.daemon.callrec("confgen")
    assert code == 0
    assert said.count("unchanged") == 4


async def test_a_file_that_asterisk_does_not_read_to_its_end_is_named_and_taken_back(
    installation: Installation, tmp_path: Path
) -> None:
    """The files are right, Asterisk's own are not: it includes another file of telephones than the one that is written."""
    users = tmp_path / "users"
    users.mkdir()
    one, two = example_tables(), replace(example_tables(), voicemails=())
    await Confgen(DiskConfFolder(users), None).generate(one)
    async with Pbx(installation, one, spool=tmp_path, users=users) as pbx, _manager(pbx) as ami:
        confgen = Confgen(DiskConfFolder(users), AmiReading(ami))
        assert (await confgen.generate(one)).did_nothing
        states = dict((await confgen.generate(two)).files)
        assert states.pop("users_sccp.conf") == "unchanged"
        assert set(states.values()) == {"reloaded"}
        before = {file.name: file.read_bytes() for file in users.iterdir()}
        right = (pbx.root / "etc/extensions.conf").read_text()
        pbx.write_conf("extensions.conf", right.replace("users_extensions.conf", "nothing.conf"))
        (users / "nothing.conf").touch()
        with pytest.raises(Refused, match=r"does not run users_extensions.conf.*put back and reloaded"):
            await confgen.generate(one)
        (users / "nothing.conf").unlink()
        assert {file.name: file.read_bytes() for file in users.iterdir()} == before
        pbx.write_conf("extensions.conf", right)
        assert dict((await confgen.generate(two)).files)["users_extensions.conf"] == "reloaded"
        assert "1000" in await pbx.cli("dialplan show 1000@default")


@asynccontextmanager
async def _manager(pbx: Pbx) -> AsyncIterator[AmiLink]:
    up = asyncio.Event()

    async def on_up() -> None:
        up.set()

    ami = AmiLink(
        host="127.0.0.1",
        port=pbx.doors.ami,
        username=pbx.doors.ami_user,
        secret=pbx.doors.ami_secret,
        wanted_events=(),
        on_event=lambda _message: None,
        on_up=on_up,
        on_down=lambda _reason: None,
        limits=LIMITS,
    )
    task = asyncio.create_task(ami.run())
    try:
        async with asyncio.timeout(PROMPT_S):
            await up.wait()
        yield ami
    finally:
        await ami.close()
        await task
