"""Who talks, and that each call which policy covers has an entry: names and numbers, pickup, click-to-call, applications."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from arrangement import EXTERN, OUTSIDE, TRUNK_SHOWS, phone, provider_of_named_trunk, set_user, tone_of
from conversing import News, Scenes, conversation
from listening import PACKETS_S, Stored, assert_heard, presence, voice
from soundness import LOST_TO_LOAD, assert_sound, lacks_s, missing_s

from callrec.domain.errors import Unavailable
from callrec.domain.rules import Rule
from callrec_lab.audio_checks import longest_s
from callrec_lab.phones import Answer, Busy, RingForever
from callrec_lab.stack import Stack

TALK_S = 1.5
PROMPT_S = 1.0
APPLICATION_S = 3.0
STRANGER, ABROAD, ELSEWHERE = "0611223344", "0123450001", "0123450002"
DID, ITS_USER = "2050", "1000"
IN_ALWAYS, OUT_ALWAYS = "1055", "1056"
AWAY = "1058"
MOSTLY = 0.5
"""Enough to know which voice is on a side, where the test is about names: packets may be late."""
DID_NAMED, DID_CLAIMED = "2098", "2099"
PAGE = Path(__file__).parents[2] / "docs/existing-pbx.md"
CALLS = 20


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def scenes(stack: Stack) -> AsyncIterator[Scenes[list[Stored]]]:
    """Calls at the same time, each between phones of its own."""
    await set_user(stack, IN_ALWAYS, "--rule=in_external=always", "--rule=out_external=never")
    await set_user(stack, OUT_ALWAYS, "--rule=out_external=always")
    playing = Scenes(
        outside=_outside(stack),
        echo=_application(stack, "1046", "*43", APPLICATION_S),
        conference=_application(stack, "1047", "7003", APPLICATION_S),
        code=_application(stack, "1039", "*26", APPLICATION_S, entries=0),
    )
    yield playing
    await playing.ended()
    await set_user(stack, "1039", "--call-record", "on")  # the code has turned it off


async def _outside(stack: Stack) -> list[Stored]:
    """A flagged user calls through a subroutine and a trunk that shows its own number."""
    async with News(stack) as news:
        async with conversation(stack, "1005", OUTSIDE, dialled=f"77{ABROAD}"):
            await asyncio.sleep(TALK_S)
        return await news.stored("1005", ABROAD)


async def _application(stack: Stack, caller: str, dialled: str, length_s: float, *, entries: int = 1) -> list[Stored]:
    """A flagged user talks with an application and hangs up."""
    async with News(stack) as news:
        call = await phone(stack, caller).call(dialled, tone_hz=tone_of(caller))
        await call.answered()
        await asyncio.sleep(length_s)
        await call.hangup()
        return await news.stored(caller, dialled, count=entries)


async def test_who_was_called_outside_has_the_number_that_was_dialled(scenes: Scenes[list[Stored]]) -> None:
    """Behind a subroutine it was `s`, behind a trunk with its own `callerid` that one."""
    (stored,) = await scenes.of("outside")
    stored.assert_sides(tone_of("1005"), tone_of(OUTSIDE))
    assert stored.numbers == ["1005", ABROAD]
    assert TRUNK_SHOWS not in stored.path.with_suffix(".json").read_text()


@pytest.mark.parametrize(("scene", "number", "dialled"), [("echo", "1046", "*43"), ("conference", "1047", "7003")])
async def test_a_flagged_user_alone_with_an_application_is_recorded(
    scenes: Scenes[list[Stored]], scene: str, number: str, dialled: str
) -> None:
    """There was no conversation of two legs, and so no recording. The echo is on the right. Until ConfBridge has made its
    conference nothing of the leg is read, and the entry says so."""
    (stored,) = await scenes.of(scene)
    recording = stored.manifest.recording
    if scene == "echo":
        assert_sound(stored.manifest)
    assert {one.cause for one in recording.missing} <= LOST_TO_LOAD
    assert (len(recording.captures), stored.numbers) == (1, [number, dialled]), recording
    assert APPLICATION_S - 1 < (recording.to_s or 0) - recording.from_s < APPLICATION_S + 2
    for side in (stored.left, stored.right) if scene == "echo" else (stored.left,):
        heard = voice(side, tone_of(number))
        assert heard.length_s > APPLICATION_S - 1 - lacks_s(stored.manifest)
        said_s = presence(heard, tone_of(number)) * heard.length_s
        assert said_s > heard.length_s - missing_s(stored.manifest) - PACKETS_S


async def test_a_code_of_ours_is_no_call_to_be_recorded(scenes: Scenes[list[Stored]]) -> None:
    """`*26` with its prompt."""
    assert await scenes.of("code") == []


async def test_a_call_from_outside_is_recorded_by_the_rules_of_who_picks_it_up(
    stack: Stack, scenes: Scenes[list[Stored]]
) -> None:
    """`*8` is dialled, and yet the call is one that was received: 4 of 4 were not recorded."""
    await scenes.ended()
    await phone(stack, ITS_USER).behave(RingForever())
    async with News(stack) as news:
        there = await phone(stack, OUTSIDE).call(DID, tone_hz=tone_of(OUTSIDE), shown=STRANGER)
        await phone(stack, ITS_USER).rings()
        here = await phone(stack, IN_ALWAYS).call(f"*8{ITS_USER}", tone_hz=tone_of(IN_ALWAYS))
        await asyncio.gather(there.answered(), here.answered())
        await asyncio.sleep(TALK_S)
        await there.hangup()
        await here.ended()
        stored = await news.one(STRANGER, IN_ALWAYS)
    await phone(stack, ITS_USER).behave(Answer(tone_hz=tone_of(ITS_USER)))
    stored.assert_sides(tone_of(IN_ALWAYS), tone_of(OUTSIDE))
    assert stored.manifest.recording.rule is Rule.ALWAYS


async def test_a_call_from_outside_is_recorded_by_the_rules_of_who_fetches_it_from_parking(
    stack: Stack, scenes: Scenes[list[Stored]]
) -> None:
    """`701` is dialled, and yet the call is one that was received: there was neither a recording nor an entry."""
    await scenes.ended()
    async with News(stack) as news:
        there = await phone(stack, OUTSIDE).call(DID, tone_hz=tone_of(OUTSIDE), shown=STRANGER)
        first = await phone(stack, ITS_USER).rings()
        await asyncio.gather(there.answered(), first.answered())
        await first.press("*1")
        await asyncio.sleep(PROMPT_S)
        with contextlib.suppress(Unavailable):  # the PBX lets the phone go with the last key
            await first.press("*70")
        await until_parked(stack)
        await first.hangup()
        here = await phone(stack, IN_ALWAYS).call("701", tone_hz=tone_of(IN_ALWAYS))
        await here.answered()
        await asyncio.sleep(TALK_S)
        await here.hangup()
        await there.ended()
        stored = await news.one(STRANGER, IN_ALWAYS)
    assert stored.manifest.recording.rule is Rule.ALWAYS
    assert_heard(voice(stored.left, tone_of(IN_ALWAYS)), tone_of(IN_ALWAYS))


async def until_parked(stack: Stack) -> None:
    """Wait for a call in the first place."""
    async with asyncio.timeout(10):
        while "701" not in await stack.pbx.cli("parking show default"):  # noqa: ASYNC110 - a console tells nobody
            await asyncio.sleep(0.1)


async def test_a_call_that_asterisk_makes_for_a_user_is_recorded_as_one_that_they_made(
    stack: Stack, scenes: Scenes[list[Stored]]
) -> None:
    """Click-to-call: their phone rings, then the other. Also after the Local channel is optimised away."""
    await scenes.ended()
    async with News(stack) as news:
        await _originate(stack, f"Local/{OUT_ALWAYS}@default", ELSEWHERE)
        there = await phone(stack, OUT_ALWAYS).rings()
        here = await phone(stack, OUTSIDE).rings()
        await asyncio.gather(there.answered(), here.answered())
        await asyncio.sleep(TALK_S)
        await here.hangup()
        await there.ended()
        stored = await news.one(OUT_ALWAYS, ELSEWHERE)
    assert stored.manifest.recording.rule is Rule.ALWAYS
    assert stored.numbers[0] == OUT_ALWAYS
    # Until the Local channel is gone these phones get no packet, and without one they send none: silence stands for that
    assert {one.cause for one in stored.manifest.recording.missing} <= LOST_TO_LOAD
    assert stored.length_s > here.heard().length_s - 0.3
    for side, own, other in ((stored.left, OUT_ALWAYS, OUTSIDE), (stored.right, OUTSIDE, OUT_ALWAYS)):
        heard = voice(side, tone_of(own))
        assert presence(heard, tone_of(own)) * heard.length_s > heard.length_s - missing_s(stored.manifest) - PACKETS_S
        assert heard.length_s > TALK_S - 0.5
        assert longest_s(side, tone_of(other)) < 0.1


@pytest.mark.parametrize(("did", "listed"), [(DID_NAMED, TRUNK_SHOWS), (DID_CLAIMED, STRANGER)])
async def test_a_caller_through_a_trunk_with_its_own_number_is_listed_as_phones_show_them(
    stack: Stack, scenes: Scenes[list[Stored]], did: str, listed: str
) -> None:
    """With the trunk's number. Where the dialplan takes the number of From, as the page says: with that, answered or not."""
    await scenes.ended()
    await _lay_numbers(stack)
    provider = await provider_of_named_trunk(stack)
    async with News(stack) as news:
        there = await provider.call(did, tone_hz=tone_of(OUTSIDE), shown=STRANGER)
        here = await phone(stack, IN_ALWAYS).rings()
        await asyncio.gather(there.answered(), here.answered())
        await asyncio.sleep(TALK_S)
        await there.hangup()
        await here.ended()
        stored = await news.one(listed, IN_ALWAYS)
    assert here.number == listed
    for side, number in ((stored.left, IN_ALWAYS), (stored.right, OUTSIDE)):
        assert presence(side, tone_of(number)) > MOSTLY
    await phone(stack, IN_ALWAYS).behave(Busy())
    async with News(stack) as news:
        there = await provider.call(did, tone_hz=0, shown=STRANGER)
        await there.ended()
        entry = await news.one(listed, IN_ALWAYS)
    await phone(stack, IN_ALWAYS).behave(Answer(tone_hz=tone_of(IN_ALWAYS)))
    assert entry.manifest.recording.cause == "unanswered: BUSY"


async def _lay_numbers(stack: Stack) -> None:
    """Two incoming numbers of the same user; behind the second the dialplan takes the number of the SIP header From."""
    (claimed,) = re.findall(r"`(Set\(CALLERID\(num\)=[^`]+)`", PAGE.read_text())
    rings = f"Gosub(pbx-user,s,1({stack.line(IN_ALWAYS)},20,,t,,{IN_ALWAYS}@default))"
    text = f"""
[{EXTERN}](+)
exten => {DID_NAMED},1,{rings}
exten => {DID_CLAIMED},1,{claimed}
 same => n,{rings}
"""
    conf = (stack.pbx.root / "etc/extensions.conf").read_text()
    if text not in conf:
        stack.pbx.write_conf("extensions.conf", conf + text)
        await stack.pbx.cli("dialplan reload")


async def _originate(stack: Stack, endpoint: str, extension: str) -> None:
    """As a web page does it."""
    ports = stack.pbx.ports
    headers = {"Authorization": aiohttp.encode_basic_auth(ports.ari_user, ports.ari_secret)}
    what = {"endpoint": endpoint, "extension": extension, "context": "default", "priority": 1}
    async with aiohttp.ClientSession(headers=headers) as http:
        answer = await http.post(f"http://127.0.0.1:{ports.http}/ari/channels", json=what)
        assert answer.status == 200, await answer.text()


async def test_an_unanswered_call_to_outside_has_the_number_that_was_dialled(
    stack: Stack, scenes: Scenes[list[Stored]]
) -> None:
    """Through the same subroutine and trunk."""
    await scenes.ended()
    await phone(stack, OUTSIDE).behave(Busy())
    async with News(stack) as news:
        call = await phone(stack, "1005").call(f"77{ELSEWHERE}", tone_hz=0)
        with pytest.raises(Unavailable):
            await call.answered()
        await call.ended()
        entry = await news.one("1005", ELSEWHERE)
    await phone(stack, OUTSIDE).behave(Answer(tone_hz=tone_of(OUTSIDE)))
    assert entry.manifest.recording.cause == "unanswered: BUSY"


async def test_each_of_twenty_calls_to_a_phone_that_is_not_registered_has_an_entry(
    stack: Stack, scenes: Scenes[list[Stored]]
) -> None:
    """With the cause that Dial had; 2 of 20 had none, and the others said CANCEL."""
    await scenes.ended()
    known = await stack.pbx.cli("database show registrar")
    name = stack.line(AWAY)
    (contact,) = [line.split(": ", 1)[0] for line in known.splitlines() if f"/contact/{name};" in line]
    await stack.pbx.cli(f'database del registrar "{contact.strip().removeprefix("/registrar/")}"')
    async with News(stack) as news:
        calls = [await phone(stack, "1005").call(AWAY, tone_hz=0) for _ in range(CALLS)]
        for call in calls:
            await call.ended()
        entries = await news.stored("1005", AWAY, count=CALLS)
    line = next(one for one in stack.pbx.tables.lines if one.number == AWAY)
    assert stack.bank is not None
    await stack.bank.register_one(line.name, line.secret)
    assert {entry.manifest.recording.cause for entry in entries} == {"unanswered: CHANUNAVAIL"}
