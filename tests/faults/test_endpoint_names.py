"""Endpoints as existing PBXs name them, with capitals, dots, dashes, `@`, `+`, and long ones: they register, ring, press `*3` and
`*26`, are picked up, and are known by their whole names while the daemon is away."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from functools import partial

import pytest
import pytest_asyncio
from trouble import (
    KEYS_S,
    TALK_S,
    TONES_HZ,
    connect,
    is_flagged,
    one,
    phone,
    product,
    says,
    settled,
    stored,
    until,
)

from callrec_lab.phones import Answer, PhoneCall, RingForever
from callrec_lab.stack import Stack, Wishes

pytestmark = [pytest.mark.asterisk, pytest.mark.asyncio(loop_scope="module")]

NAMES = {
    "1000": "Alice",
    "1001": "bob.smith",
    "1002": "ACME-1106",
    "1003": "1107@tenant1",
    "1004": "sip+emil",
    "1005": f"Long.{'x' * 49}-_+.00001",
}
assert len(NAMES["1005"]) == 63, "the longest by which Asterisk finds a phone"
"""res_pjsip_endpoint_identifier_user.c: username_identify"""
ROW = "1|User|{number}|{number}|default|sip|{name}|en_US|1|{role}\n"
HEADER = "entityid|firstname|lastname|phonenumber|context|protocol|linename|language|onlinerecord|bosssecretary\n"
ROLES = {"1001": "boss", "1004": "secretary"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """The whole product with these lines. All phones have registered when it is ready."""
    folder = tmp_path_factory.mktemp("names")
    users = folder / "names.csv"
    users.write_text(
        HEADER
        + "".join(ROW.format(number=number, name=name, role=ROLES.get(number, "no")) for number, name in NAMES.items())
    )
    async with product(folder, Wishes(users=users, tones_hz={number: TONES_HZ[number] for number in NAMES})) as running:
        yield running


async def dialled(stack: Stack, number: str, digits: str) -> PhoneCall:
    """Dial a code and listen to the end."""
    call = await phone(stack, number).call(digits)
    await call.answered()
    await call.ended()
    return call


async def recorded(stack: Stack, caller: str, called: str) -> float:
    """A call in which the caller presses `*3`: how long it is recorded."""
    there, here = await connect(stack, caller, called)
    await there.press("*3")
    await asyncio.sleep(TALK_S)  # the length of the conversation
    await there.hangup()
    await here.ended()
    return there.ended_s - there.pressed_s[-1]


async def test_each_rings_and_is_recorded_by_its_own_press(whole: Stack) -> None:
    """Each calls another one and presses `*3`: both sides, and who pressed."""
    pairs = (("1000", "1001"), ("1002", "1003"), ("1004", "1005"), ("1001", "1002"), ("1003", "1004"), ("1005", "1000"))
    for three in (pairs[:3], pairs[3:]):  # nobody is in two calls at once
        lengths_s = await asyncio.gather(*(recorded(whole, *pair) for pair in three))
        await settled(whole)
        for (caller, called), length_s in zip(three, lengths_s, strict=True):
            stored = one(whole, caller, called)
            stored.holds(caller, called, length_s, keys_s=KEYS_S)
            assert stored.manifest.recording.actor.user == user(whole, caller)


async def test_star_26_finds_the_user_of_each(whole: Stack) -> None:
    calls = await asyncio.gather(*(dialled(whole, number, "*26") for number in NAMES))
    assert [says(call, "call-recording-on") for call in calls] == [True] * len(NAMES)
    assert [await is_flagged(whole, number) for number in NAMES] == [True] * len(NAMES)
    await asyncio.gather(*(dialled(whole, number, "*26") for number in NAMES))
    assert [await is_flagged(whole, number) for number in NAMES] == [False] * len(NAMES)


async def test_a_call_to_each_is_picked_up(whole: Stack) -> None:
    """`*8` and the number, from the next one's phone; the caller is somebody else."""
    numbers = list(NAMES)
    for rung, taker in itertools.pairwise(numbers):
        caller = next(number for number in numbers if number not in {rung, taker})
        await phone(whole, rung).behave(RingForever())
        there = await phone(whole, caller).call(rung, tone_hz=TONES_HZ[caller])
        await phone(whole, rung).rings()
        here = await phone(whole, taker).call(f"*8{rung}", tone_hz=TONES_HZ[taker])
        await asyncio.gather(there.answered(), here.answered())
        assert not there.is_over, (caller, taker)
        await there.hangup()
        await here.ended()
        await phone(whole, rung).behave(Answer(tone_hz=TONES_HZ[rung]))


async def test_a_secretary_whose_name_would_mean_more_in_a_regular_expression_passes_the_filter(whole: Stack) -> None:
    """Everybody else's call rings the secretary first."""
    await filtered(whole, "on")
    for caller, rung in (("1002", "1004"), ("1004", "1001")):
        there = await phone(whole, caller).call("1001", tone_hz=TONES_HZ[caller])
        here = await phone(whole, rung).rings()
        await asyncio.gather(there.answered(), here.answered())
        assert not there.is_over, (caller, rung)
        await there.hangup()
        await here.ended()
    await filtered(whole, "off")


async def filtered(stack: Stack, how: str) -> None:
    """The boss' filter, in Asterisk's database, too."""
    code, said = await stack.daemon.callrec("users", "set", "1001", "--secretary-filter", how)
    assert code == 0, said
    expected = {"on": "1", "off": "0"}[how]
    key = f"callrec services/{user(stack, '1001')}"

    async def is_known() -> bool:
        value = (await stack.pbx.cli(f"database get {key}")).rpartition(": ")[2].strip()
        return value.split("|")[5:6] == [expected]

    await until(is_known, hint="the filter is in Asterisk's database")


async def test_without_the_daemon_each_is_known_by_its_whole_name(whole: Stack) -> None:
    """Three press `*3`, the others turn `*26` on and are called: all that Asterisk captures alone becomes theirs afterwards."""
    pressers, flagged = ("1000", "1002", "1003"), ("1001", "1004", "1005")
    before = {one.id for one in stored(whole)}
    await whole.daemon.kill()
    words = await asyncio.gather(*(dialled(whole, number, "*26") for number in flagged))
    await asyncio.gather(*(recorded(whole, *pair) for pair in zip(pressers, flagged, strict=True)))
    # The pressers' calls went to flagged users: what ran already was theirs, and a press says so
    await whole.daemon.start()
    await whole.daemon.ready()
    await settled(whole)
    assert [says(call, "call-recording-on") for call in words] == [True] * 3
    for number in flagged:
        await until(partial(is_flagged, whole, number), hint="what the dialplan has noted is in the store")
    new = [one.manifest.recording for one in stored(whole) if one.id not in before]
    assert sorted(user(whole, number) for number in flagged) == sorted(str(one.parties[0].user) for one in new)


def user(stack: Stack, number: str) -> str:
    """The id of the user of this number."""
    return next(line.user for line in stack.pbx.tables.lines if line.number == number)
