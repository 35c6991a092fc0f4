"""Feature codes and their keys on real phones: who rings, what the presser hears, which lamp is lit, what the store has."""

import asyncio
import csv
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import StringIO
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from arrangement import CAST, LATER, OUTSIDE, manager
from conversing import Scenes
from laboratory import BOUND_S, until
from listening import tells

from callrec.adapters.asterisk.numbers import AmiNumbers
from callrec.adapters.redis.store import open_store
from callrec.app.ports.asterisk import KnownNumber
from callrec.domain.directory.function_keys import bound
from callrec.domain.directory.model import User
from callrec.domain.errors import Refused, Unavailable
from callrec.domain.rules import UserId
from callrec_lab.phones import Busy, Phone, PhoneCall, RingForever
from callrec_lab.prompt_checks import words
from callrec_lab.stack import Stack

SPEAKS = {"anna": "en_US", "ben": "fr_FR", "cleo": "de_DE", "dave": "es_ES"}
SAID_OF = {"idle": "other-call-not-recorded", "recording": "other-call-recorded", "paused": "other-call-paused"}
"""What the status code says of another call, by the state of its recording."""
OF_CALLS = [(language[:2], name) for language in SPEAKS.values() for name in SAID_OF.values()]
NUMBERS = {name: str(number) for number, name in enumerate(CAST, start=1910)}
BOX = {"language": "en_US", "voicemailname": "Box", "voicemailpassword": "1234"}
COLUMNS = {
    "boss": {"bosssecretary": "boss"},
    "clerk": {"bosssecretary": "secretary"},
    "agent": {"agentnumber": "2101"},
    "dana": {"incallexten": "2913", "incallcontext": "from-extern"},
    "gina": {"incallexten": "2916", "incallcontext": "from-extern", "incallringseconds": "2"},
    "nic": {
        "mobilephonenumber": "+33 6 99 88 77 66".replace(" ", ""),
        "incallexten": "2923",
        "incallcontext": "from-extern",
    },
    "ruby": {**BOX, "voicemailmailbox": NUMBERS["ruby"]},
    **{name: {"language": language} for name, language in SPEAKS.items()},
}


class House:
    """The product with these people's phones."""

    def __init__(self, stack: Stack, ids: dict[str, UserId]) -> None:
        self.stack, self.ids = stack, ids

    def phone(self, name: str) -> Phone:
        """A person's, or the outside world."""
        assert self.stack.bank is not None
        return self.stack.bank.outside if name == OUTSIDE else self.stack.bank.phone(name)

    async def callrec(self, *arguments: str) -> str:
        """The command, which does it."""
        code, said = await self.stack.daemon.callrec(*arguments)
        assert code == 0, said
        return said

    async def user(self, name: str) -> User:
        """What the store has of a person."""
        async with open_store("embedded:", self.stack.daemon.state, join=True) as store:
            return next(one for one in (await store.tables()).users if one.id == self.ids[name])

    async def dial(self, name: str, digits: str, *keys: str) -> PhoneCall:
        """Until the PBX hangs up; the keys are pressed as soon as the PBX asks for them."""
        call = await self.phone(name).call(digits, tone_hz=0)
        await call.answered()
        for one in keys:
            await self._asks(name)
            await call.press(one)
        await call.ended()
        return call

    async def _asks(self, name: str) -> None:
        """Wait until the PBX reads what this phone presses."""
        async with asyncio.timeout(BOUND_S):
            while not any(  # noqa: ASYNC110 - the PBX sends no event to us
                one["name"].startswith(f"PJSIP/{name}-") and one["dialplan"]["app_name"] == "Read"
                for one in await self.ari("channels")
            ):
                await asyncio.sleep(0.05)

    async def reaches(self, caller: str, number: str, called: str, *, not_: str = "") -> None:
        """A call of this number is answered there, and does not ring at the one whom it must not reach."""
        before = self.phone(not_).calls.qsize() if not_ else 0
        there = await self.phone(caller).call(number, tone_hz=0, shown="0612345678")
        here = await self.phone(called).rings()
        await asyncio.gather(there.answered(), here.answered())
        assert not not_ or self.phone(not_).calls.qsize() == before
        await there.hangup()
        await here.ended()

    async def busy(self, caller: str, number: str) -> None:
        """Who calls this number hears that it is busy."""
        call = await self.phone(caller).call(number, tone_hz=0)
        await call.ended()
        assert call.cause == "User busy"

    async def lamp(self, name: str, code: str, state: str, to: str = "") -> None:
        """Wait for the lamp of a person's key."""
        device = f"deviceStates/Custom:{bound(self.ids[name], code, to)}"
        async with asyncio.timeout(BOUND_S):
            while (await self.ari(device))["state"] != state:  # noqa: ASYNC110 - the PBX sends no event to us
                await asyncio.sleep(0.05)

    async def ari(self, what: str) -> Any:
        """What the PBX says of it."""
        ports = self.stack.pbx.ports
        headers = {"Authorization": aiohttp.encode_basic_auth(ports.ari_user, ports.ari_secret)}
        url = f"http://127.0.0.1:{ports.http}/ari/{what}"
        async with aiohttp.ClientSession(headers=headers) as http, http.get(url) as answer:
            return await answer.json()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def house(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> House:
    """Imported as an administrator does it; each phone registers as soon as its line is there."""
    file = tmp_path_factory.mktemp("services") / "people.csv"
    file.write_text(_people())
    code, said = await stack.daemon.callrec("users", "import", str(file))
    assert code == 0, said
    shown = json.loads((await stack.daemon.callrec("users", "list", "--json"))[1])
    made = House(stack, {name: UserId(row["id"]) for name in NUMBERS for row in shown if row["lines"] == [name]})
    for name in NUMBERS:
        await _registers(stack, name)
    return made


def _people() -> str:
    names = ["firstname", "phonenumber", "context", "protocol", "linename", "linesecret"]
    text = StringIO()
    columns = [*names, *dict.fromkeys(column for row in COLUMNS.values() for column in row)]
    rows = csv.DictWriter(text, columns, restval="", delimiter="|", quotechar='"')
    rows.writeheader()
    for name, number in NUMBERS.items():
        cells = (name.title(), number, "default", "sip", name, LATER[name])
        rows.writerow(dict(zip(names, cells, strict=True)) | COLUMNS.get(name, {}))
    return text.getvalue()


async def _registers(stack: Stack, name: str) -> None:
    assert stack.bank is not None
    async with asyncio.timeout(BOUND_S):
        while True:
            try:
                return await stack.bank.register_one(name, LATER[name])
            except Refused:
                await asyncio.sleep(0.1)


async def dials(house: House, name: str) -> list[str]:
    """What the keys of a person dial."""
    return [row["dials"] for row in json.loads(await house.callrec("keys", "list", NUMBERS[name], "--json"))]


async def _forward_key(house: House) -> None:
    for number, extra in (("1", ()), ("2", ("--to", NUMBERS["fred"]))):
        await house.callrec("keys", "set", NUMBERS["dana"], number, "forward_unconditional", "--supervised", *extra)
    key, to_fred = await dials(house, "dana")
    call = await house.dial("dana", key, f"{NUMBERS['erik']}#")
    assert await tells(call, "forward-unconditional-on")
    assert (await house.user("dana")).forward_unconditional == NUMBERS["erik"]
    await house.lamp("dana", "*21", "INUSE")
    await house.lamp("dana", "*21", "NOT_INUSE", NUMBERS["fred"])
    await house.reaches("fred", NUMBERS["dana"], "erik", not_="dana")
    await house.reaches(OUTSIDE, "2913", "erik", not_="dana")
    call = await house.dial("dana", key)
    assert await tells(call, "forward-unconditional-off")
    await house.lamp("dana", "*21", "NOT_INUSE")
    await house.reaches("fred", NUMBERS["dana"], "dana", not_="erik")
    call = await house.dial("dana", to_fred)
    assert await tells(call, "forward-unconditional-on")
    await house.lamp("dana", "*21", "INUSE")
    await house.lamp("dana", "*21", "INUSE", NUMBERS["fred"])
    await house.reaches("erik", NUMBERS["dana"], "fred", not_="dana")
    call = await house.dial("dana", to_fred)
    assert await tells(call, "forward-unconditional-off")
    await house.lamp("dana", "*21", "NOT_INUSE", NUMBERS["fred"])


async def _no_number(house: House) -> None:
    call = await house.dial("hank", "*21", "#")
    assert await tells(call, "service-empty")
    call = await house.dial("hank", f"*21{NUMBERS['hank']}")
    assert await tells(call, "service-refused")
    assert (await house.user("hank")).forward_unconditional == ""


async def _foreign_key(house: House) -> None:
    call = await house.phone("ivan").call(bound(house.ids["hank"], "*22", NUMBERS["ivan"]), tone_hz=0)
    await call.ended()
    assert call.heard().length_s == 0
    assert (await house.user("hank")).forward_no_answer == ""


async def _busy_or_silent(house: House) -> None:
    for code, to in (("*22", "jack"), ("*23", "kim")):
        await house.dial("gina", f"{code}{NUMBERS[to]}")
    await house.phone("gina").behave(Busy())
    await house.reaches("jack", NUMBERS["gina"], "kim")
    await house.phone("gina").behave(RingForever())
    await house.reaches(OUTSIDE, "2916", "jack", not_="kim")
    await house.phone("gina").behave(Busy())
    call = await house.dial("gina", "*20")
    assert await tells(call, "forwards-off")
    await house.busy("jack", NUMBERS["gina"])


async def _loop(house: House) -> None:
    await house.dial("lou", f"*21{NUMBERS['mia']}")
    await house.dial("mia", f"*21{NUMBERS['lou']}")
    call = await house.phone("nic").call(NUMBERS["lou"], tone_hz=0)
    await call.ended()  # the tone that says so is played for 5 s


async def _do_not_disturb(house: House) -> None:
    await house.callrec("keys", "set", NUMBERS["otto"], "1", "dnd", "--supervised")
    (key,) = await dials(house, "otto")
    call = await house.dial("otto", key)
    assert await tells(call, "dnd-on")
    await house.lamp("otto", "*25", "INUSE")
    await house.busy("pam", NUMBERS["otto"])
    call = await house.dial("otto", "*25")
    assert await tells(call, "dnd-off")
    await house.lamp("otto", "*25", "NOT_INUSE")
    await house.reaches("pam", NUMBERS["otto"], "otto")


async def _key_gone(house: House) -> None:
    await house.callrec("keys", "set", NUMBERS["quin"], "7", "dnd", "--supervised")
    await house.dial("quin", "*25")
    await house.lamp("quin", "*25", "INUSE")
    await house.callrec("keys", "remove", NUMBERS["quin"], "7")
    await house.lamp("quin", "*25", "NOT_INUSE")


async def _mailbox(house: House) -> None:
    await house.phone("ruby").behave(Busy())
    call = await house.phone("sam").call(NUMBERS["ruby"], tone_hz=0)
    await call.answered()
    await call.hangup()
    call = await house.dial("ruby", "*90")
    assert await tells(call, "voicemail-off")
    await house.busy("sam", NUMBERS["ruby"])
    call = await house.phone("sam").call(f"*97{NUMBERS['ruby']}", tone_hz=0)
    await call.answered()
    await call.hangup()
    call = await house.dial("ruby", "*90")
    assert await tells(call, "voicemail-on")


async def _filter(house: House) -> None:
    for name in ("boss", "clerk"):
        await house.callrec("keys", "set", NUMBERS[name], "1", "secretary_filter", "--supervised")
    await house.reaches("tina", NUMBERS["boss"], "boss", not_="clerk")
    call = await house.dial("boss", "*37")
    assert await tells(call, "filter-on")
    for name in ("boss", "clerk"):
        await house.lamp(name, "*37", "INUSE")
    await house.reaches("tina", NUMBERS["boss"], "clerk", not_="boss")
    await house.reaches("clerk", NUMBERS["boss"], "boss")
    await house.phone("clerk").behave(Busy())
    await house.reaches("tina", NUMBERS["boss"], "boss")
    call = await house.dial("clerk", f"*37{NUMBERS['boss']}")
    assert await tells(call, "filter-off")
    for name in ("boss", "clerk"):
        await house.lamp(name, "*37", "NOT_INUSE")
    call = await house.dial("tina", "*37")
    assert await tells(call, "service-refused")


async def _agent(house: House) -> None:
    async with _queue(house) as number:
        call = await house.dial("ula", "*312101")
        assert await tells(call, "service-refused")
        call = await house.dial("agent", "*31")
        assert await tells(call, "agent-on")
        await house.reaches("ula", number, "agent")
        call = await house.dial("agent", "*302101")
        assert await tells(call, "agent-off")
        there = await house.phone("ula").call(number, tone_hz=0)
        with pytest.raises(Unavailable, match="did not ring"):
            await house.phone("agent").rings(2)
        await there.hangup()


@asynccontextmanager
async def _queue(house: House) -> AsyncIterator[str]:
    """One queue of the operator's, with an agent as its member; gives the number that leads to it."""
    pbx = house.stack.pbx
    before = {name: (pbx.root / "etc" / name).read_text() for name in ("queues.conf", "extensions.conf")}
    member = "Local/2101@callrec-agents/n,0,Agent,Custom:callrec-agent-2101"
    pbx.write_conf("queues.conf", before["queues.conf"] + f"\n[help]\nstrategy = ringall\nmember => {member}\n")
    pbx.write_conf("extensions.conf", before["extensions.conf"] + "\n[default](+)\nexten => 7100,1,Queue(help)\n")
    for command in ("queue reload all", "dialplan reload"):
        await pbx.cli(command)
    try:
        yield "7100"
    finally:
        for name, text in before.items():
            pbx.write_conf(name, text)
        for command in ("queue reload all", "dialplan reload"):
            await pbx.cli(command)


async def _pickup(house: House) -> None:
    """The phone where it rings has a call of its own; then it rings at one whose name begins with the name of that phone."""
    for name in ("vic", "vic-b"):
        await house.phone(name).behave(RingForever())
    own = await house.phone("vic").call("*43", tone_hz=0)
    await own.answered()
    await _picks_up(house, "vic")
    await own.hangup()
    there = await house.phone("walt").call(NUMBERS["vic-b"], tone_hz=0)
    await house.phone("vic-b").rings()
    silent = await house.phone("xena").call(f"*8{NUMBERS['vic']}", tone_hz=0)
    await silent.ended()
    assert silent.heard().length_s == 0
    await there.hangup()
    await _picks_up(house, "vic-b")


async def _picks_up(house: House, rung: str) -> None:
    there = await house.phone("walt").call(NUMBERS[rung], tone_hz=0)
    await house.phone(rung).rings()
    picker = await house.phone("xena").call(f"*8{NUMBERS[rung]}", tone_hz=0)
    await asyncio.gather(there.answered(), picker.answered())
    await there.hangup()
    await picker.ended()


async def _status(house: House) -> None:
    call = await house.dial("yves", "*10")
    assert await tells(call, "call-recording-off", "status-quiet")
    await house.callrec("users", "set", NUMBERS["yves"], "--dnd", "on", "--forward-busy", "1000", "--call-record", "on")
    call = await house.dial("yves", "*10")
    assert await tells(call, "dnd-on", "forward-busy-on", "call-recording-on")


async def _status_of_calls(house: House) -> None:
    """Two calls of four users, who dial the code beside it in each state of the recordings, each in a language of their own."""
    for caller, called in (("anna", "ben"), ("cleo", "dave")):
        there = await house.phone(caller).call(NUMBERS[called], tone_hz=440)
        here = await house.phone(called).rings()
        await asyncio.gather(there.answered(), here.answered())
    for verb, state in (("", "idle"), ("start", "recording"), ("pause", "paused")):
        for one in await _live_calls(house):
            if verb:
                await house.callrec("calls", verb, one["id"], "--reason", "asked for")
        async with asyncio.timeout(BOUND_S):
            while any(one["state"] != state for one in await _live_calls(house)):  # noqa: ASYNC110 - as a person looks
                await asyncio.sleep(0.5)
        dialled = await asyncio.gather(*(house.dial(name, "*10") for name in SPEAKS))
        for (name, language), call in zip(SPEAKS.items(), dialled, strict=True):
            heard = await asyncio.to_thread(words, call.heard(), OF_CALLS)
            assert heard == [(language[:2], SAID_OF[state])], (name, heard)


async def _live_calls(house: House) -> list[dict[str, Any]]:
    """Those of these users, as the command lists them."""
    theirs = {NUMBERS[name] for name in SPEAKS}
    listed = json.loads(await house.callrec("calls", "list", "--json"))
    talking = [one for one in listed if len(one["participants"]) > 1]
    return [one for one in talking if {each["number"] for each in one["participants"]} <= theirs]


async def _mobile(house: House) -> None:
    for shown, name in (("0033699887766", "Nic"), ("0033699887767", "")):
        there = await house.phone(OUTSIDE).call("2923", tone_hz=0, shown=shown)
        here = await house.phone("nic").rings()
        await asyncio.gather(there.answered(), here.answered())
        names = {one["caller"]["name"] for one in await house.ari("channels") if one["caller"]["number"] == shown}
        assert names == {name}
        await there.hangup()
        await here.ended()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def scenes(house: House) -> AsyncIterator[Scenes[None]]:
    """Everything that concerns nobody else, at the same time: prompts take their time."""
    playing = Scenes(
        forward_key=_forward_key(house),
        filter=_filter(house),
        no_number=_no_number(house),
        foreign_key=_foreign_key(house),
        busy_or_silent=_busy_or_silent(house),
        loop=_loop(house),
        do_not_disturb=_do_not_disturb(house),
        key_gone=_key_gone(house),
        mailbox=_mailbox(house),
        agent=_agent(house),
        pickup=_pickup(house),
        status=_status(house),
        status_of_calls=_status_of_calls(house),
        mobile=_mobile(house),
    )
    yield playing
    await playing.ended()


async def test_the_forward_key_asks_for_the_number_obeys_it_lights_and_turns_off(scenes: Scenes[None]) -> None:
    """Without a destination: the number is asked for, callers from inside and outside are forwarded, any forward lights it."""
    await scenes.assert_played("forward_key")


async def test_no_number_is_no_forward(scenes: Scenes[None]) -> None:
    """Who enters nothing is told so, and nothing changes; nor is a forward to oneself one."""
    await scenes.assert_played("no_number")


async def test_a_forward_key_works_for_nobody_else(scenes: Scenes[None]) -> None:
    await scenes.assert_played("foreign_key")


async def test_calls_to_a_busy_or_silent_phone_go_where_they_shall(scenes: Scenes[None]) -> None:
    """Each forward for its own case, and one code ends them all."""
    await scenes.assert_played("busy_or_silent")


async def test_forwards_that_lead_to_each_other_end(scenes: Scenes[None]) -> None:
    await scenes.assert_played("loop")


async def test_who_is_not_to_be_disturbed_is_not(scenes: Scenes[None]) -> None:
    """By key and by code; the other way round with the next press."""
    await scenes.assert_played("do_not_disturb")


async def test_the_status_code_says_in_four_languages_what_is_true_of_another_call(scenes: Scenes[None]) -> None:
    """Not recorded, recorded, paused: as `callrec calls` lists it, which also starts and pauses the recordings."""
    await scenes.assert_played("status_of_calls")


async def test_a_lamp_whose_key_is_gone_is_dark(scenes: Scenes[None]) -> None:
    await scenes.assert_played("key_gone")


async def test_a_mailbox_that_is_switched_off_takes_no_call(scenes: Scenes[None]) -> None:
    """`*97` leaves a message in it without ringing anybody, whatever its owner has set."""
    await scenes.assert_played("mailbox")


async def test_a_secretary_answers_first_while_the_filter_is_on(scenes: Scenes[None]) -> None:
    """Whoever turns it; the secretary's own call passes, and what she does not take reaches the boss."""
    await scenes.assert_played("filter")


async def test_a_mailboxrings_an_agent_who_is_logged_in(scenes: Scenes[None]) -> None:
    """The member of the queue is the agent number; nobody else's code logs the agent in."""
    await scenes.assert_played("agent")


async def test_a_call_that_rings_elsewhere_is_picked_up(scenes: Scenes[None]) -> None:
    """By the number where it rings; what does not ring there is not taken."""
    await scenes.assert_played("pickup")


async def test_the_phone_says_what_is_active(scenes: Scenes[None]) -> None:
    await scenes.assert_played("status")


async def test_who_calls_from_their_mobile_phone_is_shown_by_name(scenes: Scenes[None]) -> None:
    """In whatever form the trunk writes the number; nobody else is."""
    await scenes.assert_played("mobile")


async def test_a_code_is_another_at_once_and_one_that_is_off_is_no_number(house: House, scenes: Scenes[None]) -> None:
    """Without a restart, also with digits that the PBX has for an echo test; what would take a user's number is refused."""
    await scenes.ended()
    await house.callrec("extensions", "set", "dnd", "--code", "*43")
    async with asyncio.timeout(BOUND_S):
        while "callrec-service" not in await house.stack.pbx.cli("dialplan show *43@default"):  # noqa: ASYNC110 - a console tells nobody
            await asyncio.sleep(0.1)
    call = await house.dial("zack", "*43")
    assert await tells(call, "dnd-on")
    call = await house.phone("zack").call("*25", tone_hz=0)
    await call.ended()
    assert call.heard().length_s == 0
    await house.callrec("extensions", "set", "dnd", "--code", "*25")
    await house.callrec("users", "set", NUMBERS["zack"], "--dnd", "off")
    for digits, why in (("1910", "1910"), ("*21", "forward_unconditional"), ("*219", "forward_unconditional")):
        code, said = await house.stack.daemon.callrec("extensions", "set", "dnd", "--code", digits)
        assert (code, why in said) == (1, True), said


async def test_a_call_that_rings_in_a_group_is_picked_up_by_its_members(house: House, scenes: Scenes[None]) -> None:
    """By `*8` alone. Who is in no group, or only supervises it, takes nothing."""
    await scenes.ended()
    members = [word for name in ("ivan", "xena") for word in ("--member", NUMBERS[name])]
    await house.callrec("groups", "set", "pickers", *members, "--supervisor", NUMBERS["walt"])
    async with asyncio.timeout(BOUND_S):
        while "pickers" not in await house.stack.pbx.cli("pjsip show endpoint xena"):  # noqa: ASYNC110 - a console tells nobody
            await asyncio.sleep(0.1)
    await house.phone("ivan").behave(RingForever())
    there = await house.phone("zack").call(NUMBERS["ivan"], tone_hz=0)
    await house.phone("ivan").rings()
    silent = await house.phone("walt").call("*8", tone_hz=0)
    await silent.ended()
    assert silent.heard().length_s == 0
    picker = await house.phone("xena").call("*8", tone_hz=0)
    await asyncio.gather(there.answered(), picker.answered())
    await there.hangup()


async def test_asterisk_says_which_numbers_keys_can_dial_and_which_have_a_lamp(house: House) -> None:
    """A position of the parking lot has a hint, an echo test has none, and a number that nobody has is not there."""
    async with manager(house.stack.pbx) as ami:
        numbers = AmiNumbers(ami)
        assert await numbers.known("701", "default") == KnownNumber(True, "park:701@pbx-own")
        assert await numbers.known("*43", "default") == KnownNumber(True, "")
        assert await numbers.known("5999", "default") == KnownNumber(False, "")


async def test_the_code_of_online_recording_is_another_at_once(house: House, scenes: Scenes[None]) -> None:
    """What is pressed in a call follows the table, too."""
    await scenes.ended()
    await house.callrec("users", "set", NUMBERS["zack"], "--online-record", "on")
    await house.callrec("extensions", "set", "online_record", "--code", "*5")
    async with asyncio.timeout(BOUND_S):
        while "*5" not in await house.stack.pbx.cli("features show"):  # noqa: ASYNC110 - a console tells nobody
            await asyncio.sleep(0.1)
    there = await house.phone("zack").call(NUMBERS["xena"], tone_hz=500)
    here = await house.phone("xena").rings()
    await asyncio.gather(there.answered(), here.answered())
    await there.press("*3")
    await until(lambda: here.digits == "*3")
    await there.press("*5")
    async with asyncio.timeout(BOUND_S):
        while not list(house.stack.daemon.spool.glob("[!.]*")):  # noqa: ASYNC110 - a folder tells nobody
            await asyncio.sleep(0.05)
    await there.hangup()
    await here.ended()
    assert here.digits == "*3"
    await house.callrec("extensions", "set", "online_record", "--code", "*3")
    async with asyncio.timeout(BOUND_S):
        while "*5" in await house.stack.pbx.cli("features show"):  # noqa: ASYNC110 - a console tells nobody
            await asyncio.sleep(0.1)
