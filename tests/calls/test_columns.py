"""The columns of a user whose effect is in Asterisk's files, on real calls; who has the other value is the control."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio
from laboratory import TONES_HZ, Laboratory, connect, example_tables, finish, until

from callrec.domain.directory.model import Incall, Tables, User, Voicemail
from callrec.domain.errors import Unavailable
from callrec_lab.installation import Installation
from callrec_lab.pbx import Pbx
from callrec_lab.phones import Answer, PhoneBank, RingForever

RING_S = 2
PROMPT_S = 1.0


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def house(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Laboratory]:
    """The example's three phones, of users with columns of their own."""
    spool = tmp_path_factory.mktemp("spool")
    async with (
        Pbx(installation, _tables(), spool=spool, name="columns") as pbx,
        PhoneBank(installation, pbx, tones_hz=TONES_HZ) as phones,
    ):
        yield Laboratory(pbx, phones, spool, pbx.complaints())


def _tables() -> Tables:
    tables = example_tables()
    john, george, bill = tables.users
    users: tuple[User, ...] = (
        replace(john, outcallerid='"ACME, Paris" <0123400000>', enablexfer=False),
        replace(george, outcallerid="anonymous", enablehint=False),
        bill,
    )
    return replace(
        tables,
        users=users,
        incalls=(
            Incall("2050", "from-extern", john.id, RING_S),
            Incall("2052", "from-extern", bill.id, RING_S),
        ),
        voicemails=(Voicemail("700", "default", john.id, "John Doe", "1234", skippass=True),),
    )


async def _live(house: Laboratory, begins: str) -> list[str]:
    """The one channel of a phone, as the console lists it: name, context, extension, priority, state, application, its data."""
    for line in (await house.pbx.cli("core show channels concise")).splitlines():
        if line.startswith(begins):
            return line.split("!")
    return []


def test_asterisk_has_nothing_to_say_against_these_files(house: Laboratory) -> None:
    assert house.boot_complaints == []


@pytest.mark.parametrize(
    ("caller", "seen"),
    [("1000", "0123400000"), ("1001", "anonymous"), ("1002", "1002")],
    ids=["own", "none", "default"],
)
async def test_the_trunk_sees_what_outcallerid_says(house: Laboratory, caller: str, seen: str) -> None:
    there, here = await connect(house.bank.phone(caller), "0123456789", house.bank.outside)
    assert here.number == seen
    await finish(there, here)


async def test_a_users_prompts_are_in_their_language(house: Laboratory) -> None:
    for number, language in (("1000", "en_US"), ("1001", "fr_FR")):
        call = await house.bank.phone(number).call("*43", tone_hz=0)
        await call.answered()
        name = (await _live(house, f"PJSIP/{number}-"))[0]
        assert f"Language: {language}" in await house.pbx.cli(f"core show channel {name}")
        await call.hangup()


async def test_an_incoming_call_rings_as_long_as_it_shall_and_then_ends(house: Laboratory) -> None:
    await house.bank.phone("1002").behave(RingForever())
    began_s = time.monotonic()
    call = await house.bank.outside.call("2052", shown="0612345678")
    await house.bank.phone("1002").rings()
    await call.ended(30)  # without its time it would ring for ever
    assert RING_S - 0.3 <= time.monotonic() - began_s
    await house.bank.phone("1002").behave(Answer(tone_hz=TONES_HZ["1002"]))


async def test_an_incoming_call_that_nobody_takes_goes_to_the_mailbox(house: Laboratory) -> None:
    await house.bank.phone("1000").behave(RingForever())
    call = await house.bank.outside.call("2050", shown="0612345678")
    began_s = time.monotonic()
    await call.answered(30)
    assert RING_S - 0.3 <= time.monotonic() - began_s
    live = await _live(house, "PJSIP/trunk-")
    assert live[5:7] == ["VoiceMail", "700@default,u"]
    assert "Language: en_US" in await house.pbx.cli(f"core show channel {live[0]}")  # its owner's; the trunk has none
    await call.hangup()
    await house.bank.phone("1000").behave(Answer(tone_hz=TONES_HZ["1000"]))


async def test_who_need_not_say_a_password_is_in_their_own_mailbox_at_once(house: Laboratory) -> None:
    call = await house.bank.phone("1000").call("*98", tone_hz=0)
    await call.answered()
    async with asyncio.timeout(PROMPT_S):
        while (await _live(house, "PJSIP/1000-"))[5:7] != ["VoiceMailMain", "700@default,s"]:  # noqa: ASYNC110 - a console tells nobody
            await asyncio.sleep(0.05)
    assert (await _live(house, "PJSIP/1000-"))[5:7] == ["VoiceMailMain", "700@default,s"]
    await call.hangup()


async def test_a_number_without_supervision_has_no_hint(house: Laboratory) -> None:
    assert "PJSIP/1000" in await house.pbx.cli("core show hint 1000")
    assert "No hints matching" in await house.pbx.cli("core show hint 1001")


@pytest.mark.parametrize(("caller", "called"), [("1000", "1002"), ("1002", "1000")])
async def test_who_may_not_transfer_has_no_keys_for_it(house: Laboratory, caller: str, called: str) -> None:
    """As caller and as called: the keys reach the other side as they are."""
    there, here = await connect(house.bank.phone(caller), called, house.bank.phone(called))
    barred, other = (there, here) if caller == "1000" else (here, there)
    await barred.press("*1")
    await until(lambda: len(other.digits) == 2)
    assert (other.digits, other.is_over) == ("*1", False)
    await finish(there, here)


@pytest.mark.parametrize(("caller", "called"), [("1002", "1000"), ("1000", "1002")], ids=["as caller", "as called"])
async def test_who_may_transfer_does(house: Laboratory, caller: str, called: str) -> None:
    there, here = await connect(house.bank.phone(caller), called, house.bank.phone(called))
    may, other = (there, here) if caller == "1002" else (here, there)
    await may.press("*1")
    await asyncio.sleep(PROMPT_S)  # "transfer"
    with contextlib.suppress(Unavailable):  # the PBX lets the phone go with the last key
        await may.press("1001")
    third = await house.bank.phone("1001").rings()
    await third.answered()
    assert (other.digits, other.is_over) == ("", False)
    await finish(third, other)
    await may.ended()
