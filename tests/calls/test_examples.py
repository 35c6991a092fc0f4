"""The specification's three example files, as they stand there, on a product that has just been started."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from callrec_lab.phones import Busy, Phone
from callrec_lab.stack import Stack, Wishes, start

USERS = """entityid|firstname|lastname|phonenumber|context|protocol|mobilephonenumber
1|John|Doe|1000|default|sip|00123456789
1|George|Clinton|1001|default|sip|00123456789
1|Bill|Bush|1002|default|sip|00123456789
"""
VOICEMAIL = """entityid|firstname|lastname|language|phonenumber|context|protocol|voicemailname|voicemailmailbox|voicemailpassword
1|John|Doe|en_US|1000|default|sip|John Doe|1000|1234
"""
INCALL = """entityid|firstname|lastname|phonenumber|context|protocol|incallexten|incallcontext
1|John|Doe|1000|default|sip|2050|from-extern
"""
SOON_S = 5.0


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def fresh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """As `make run` starts it, with users of the same numbers; then the three files, each merged."""
    folder = tmp_path_factory.mktemp("fresh")
    async with start(folder, Wishes(), print) as stack:
        counts = []
        for name, text in (("users", USERS), ("voicemail", VOICEMAIL), ("incall", INCALL)):
            (folder / f"{name}.csv").write_text(text)
            code, said = await stack.daemon.callrec("users", "import", "--mode", "merge", str(folder / f"{name}.csv"))
            assert code == 0, said
            counts.append(said.splitlines()[-1])
        assert [
            "0 added, 0 changed, 3 unchanged",
            "0 added, 1 changed, 0 unchanged",
            "0 added, 1 changed, 0 unchanged",
        ] == counts
        await _until_running(stack, "exten => 2050")
        yield stack


async def _until_running(stack: Stack, row: str) -> None:
    """Written and read: a command finds nothing left to do."""
    async with asyncio.timeout(SOON_S):
        while row not in (Path(stack.daemon.settings["confgen_dir"]) / "users_extensions.conf").read_text():  # noqa: ASYNC110 - a file tells nobody
            await asyncio.sleep(0.1)
    code, said = await stack.daemon.callrec("confgen")
    assert code == 0, said


async def assert_they_talk(caller: Phone, number: str, called: Phone) -> None:
    """A call that is answered there."""
    there = await caller.call(number, tone_hz=0, shown="0612345678")
    here = await called.rings()
    await asyncio.gather(there.answered(), here.answered())
    await there.hangup()
    await here.ended()


async def test_the_phones_register_and_call_each_other(fresh: Stack) -> None:
    numbers = ("1000", "1001", "1002")
    for caller, called in zip(numbers, numbers[1:] + numbers[:1], strict=True):
        await assert_they_talk(fresh.phone(caller), called, fresh.phone(called))


async def test_the_incoming_number_rings(fresh: Stack) -> None:
    assert fresh.bank is not None
    await assert_they_talk(fresh.bank.outside, "2050", fresh.phone("1000"))


async def test_the_voicemail_answers_in_the_users_language(fresh: Stack) -> None:
    """The caller has none."""
    assert fresh.bank is not None
    await fresh.phone("1000").behave(Busy())
    call = await fresh.bank.outside.call("2050", tone_hz=0, shown="0612345678")
    await call.answered()
    shown = await fresh.pbx.cli("core show channels concise")
    live = next(line.split("!") for line in shown.splitlines() if line.startswith("PJSIP/trunk-"))
    assert live[5:7] == ["VoiceMail", "1000@default,b"]
    assert "Language: en_US" in await fresh.pbx.cli(f"core show channel {live[0]}")
    await call.hangup()
