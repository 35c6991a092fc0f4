"""The daemon is killed, or ended, while it works: Asterisk goes on, and the next daemon makes it as if nothing had happened.

One crash serves many tests: `crash` plays it with seven calls at once, each of which meets the death of the daemon otherwise.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio
from soundness import assert_sound
from trouble import (
    KEYS_S,
    TOLD_S,
    TONES_HZ,
    Stored,
    Talk,
    aftermath,
    assert_by_command_line,
    assert_lamps,
    begin,
    between_presses_s,
    connect,
    conversation,
    is_flagged,
    lamp,
    leg_files,
    library,
    one,
    phone,
    says,
    settled,
    stored,
    until,
    until_lamp,
)

from callrec.app.recovery.fallback_recordings import UNANSWERED
from callrec.domain.calls.model import ActorKind
from callrec.domain.library.manifest import Manifest, StoredState
from callrec.domain.rules import Rule
from callrec_lab.phones import Answer, Busy, PhoneCall, RingForever
from callrec_lab.stack import Stack

pytestmark = [pytest.mark.asterisk, pytest.mark.asyncio(loop_scope="module")]

TALK_S = 1.5
KILLING_S = 20.0


@dataclass
class Crash:
    """What was played: by the caller's number, how long each recording has to be, and which lamps were lit afterwards."""

    stack: Stack
    talks: dict[str, Talk] = field(default_factory=dict)
    lit: dict[str, str] = field(default_factory=dict)

    async def call(self, caller: str, called: str, *, press: bool = False) -> Talk:
        """A call, which is recorded from now on, since somebody is flagged or the caller presses `*3`."""
        self.talks[caller] = await begin(self.stack, caller, called, press=press)
        return self.talks[caller]

    def length_s(self, caller: str) -> float:
        """How long the recording of this caller has to be."""
        return self.talks[caller].length_s

    def least_s(self, caller: str) -> float:
        """How much of it has to be there, of a call that is recorded as a whole."""
        return self.talks[caller].least_s

    def recording(self, *numbers: str) -> Stored:
        """The only recording of these numbers."""
        return one(self.stack, *numbers)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def crash(stack: Stack) -> AsyncIterator[Crash]:
    """The daemon dies in the middle of four recordings; three more begin while it is dead; then it returns."""
    played = Crash(stack)
    pressed, always, hung_up, stopped = await asyncio.gather(
        played.call("1000", "1001", press=True),
        played.call("1005", "1002"),
        played.call("1003", "1004", press=True),
        played.call("1007", "1008", press=True),
    )
    for number in ("1000", "1005", "1003", "1007"):
        await until_lamp(stack, number, "INUSE")
    await stack.daemon.kill()
    alone, brief, called = await asyncio.gather(
        played.call("1009", "1010", press=True), played.call("1006", "1011"), played.call("1012", "1013")
    )
    await stopped.press()
    await hung_up.hangup()
    await asyncio.sleep(TALK_S)
    await brief.hangup()
    await stack.daemon.start()
    await stack.daemon.ready()
    await assert_lamps(stack, "NOT_INUSE", "1003", "1007")  # lit when it died; hung up, and stopped, since then
    for number in ("1000", "1005", "1009", "1012", "1013"):
        await until_lamp(stack, number, "INUSE")
    played.lit = {number: await lamp(stack, number) for number in ("1003", "1007", "1006")}
    await asyncio.gather(pressed.press(), alone.press())
    for number in ("1000", "1009"):
        await until_lamp(stack, number, "NOT_INUSE")
    for talk in (always, called, pressed, stopped, alone):
        await talk.hangup()
    await aftermath(stack)
    yield played


async def test_p2_a_take_on_demand_goes_on_and_is_stopped_by_star_3_after_the_restart(crash: Crash) -> None:
    """One recording from press to press, the time without a daemon included."""
    recording = crash.recording("1000", "1001")
    recording.holds("1000", "1001", crash.length_s("1000"), keys_s=KEYS_S)
    assert_sound(recording.manifest)
    assert recording.manifest.recording.rule is Rule.ON_DEMAND


async def test_p2_a_call_recorded_always_goes_on_to_its_end(crash: Crash) -> None:
    recording = crash.recording("1005", "1002")
    recording.holds("1005", "1002", crash.length_s("1005"), least_s=crash.least_s("1005"))
    assert_sound(recording.manifest)
    assert recording.manifest.recording.rule is Rule.ALWAYS


async def test_p1_a_call_that_ends_while_the_daemon_is_dead_is_stored_by_the_next(crash: Crash) -> None:
    recording = crash.recording("1003", "1004")
    recording.holds("1003", "1004", crash.length_s("1003"))
    assert_sound(recording.manifest)
    assert crash.lit["1003"] == "NOT_INUSE"


async def test_p11_what_a_press_stopped_while_the_daemon_was_dead_is_not_begun_again(crash: Crash) -> None:
    """The dialplan stopped it, the presser was told so; the call went on after the restart, unrecorded."""
    recording = crash.recording("1007", "1008")
    recording.holds("1007", "1008", crash.length_s("1007"), keys_s=KEYS_S)
    assert_sound(recording.manifest)
    assert crash.lit["1007"] == "NOT_INUSE"


async def test_p11_a_press_without_a_daemon_records_and_the_next_press_stops_it_after_the_restart(crash: Crash) -> None:
    recording = crash.recording("1009", "1010")
    recording.holds("1009", "1010", crash.length_s("1009"), keys_s=KEYS_S, told_s=TOLD_S)
    actor, parties = recording.manifest.recording.actor, recording.manifest.recording.parties
    assert (recording.manifest.recording.rule, actor.kind) == (Rule.ON_DEMAND, ActorKind.USER)
    assert (parties[0].number, parties[0].user) == ("1009", actor.user)


async def test_p11_a_flagged_user_is_recorded_without_a_daemon(crash: Crash) -> None:
    """The call began and ended while it was dead. The dialplan's note says with whom: before, only the flagged user was known."""
    recording = crash.recording("1006", "1011")
    assert [party.number for party in recording.manifest.recording.parties] == ["1006", "1011"]
    recording.holds("1006", "1011", crash.length_s("1006"), least_s=crash.least_s("1006"))
    assert_sound(recording.manifest)
    assert recording.manifest.recording.rule is Rule.ALWAYS


async def test_p11_a_call_to_a_flagged_user_is_recorded_once_though_the_daemon_returns_in_its_middle(
    crash: Crash,
) -> None:
    """The flagged user's voice is on the left, whoever called."""
    recording = crash.recording("1012", "1013")
    recording.holds("1013", "1012", crash.length_s("1012"), least_s=crash.least_s("1012"))
    assert_sound(recording.manifest)
    assert recording.manifest.recording.rule is Rule.ALWAYS


@dataclass
class Words:
    """What `*26` said while the daemon was dead, and the flags and lamps after it had caught up, by the caller's number."""

    heard: dict[str, list[PhoneCall]]
    flags: dict[str, bool]
    lamps: dict[str, str]
    talk: Talk


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def words(stack: Stack, crash: Crash) -> AsyncIterator[Words]:
    """1008 turns it on and calls; 1009 turns it on and off; 1010, who turned it on, is turned off by an administrator."""
    assert crash.lit
    await stack.daemon.ready()
    await stack.daemon.kill()
    once, twice, overruled = await asyncio.gather(
        _dial(stack, "1008", times=1), _dial(stack, "1009", times=2), _dial(stack, "1010", times=1)
    )
    talk = await begin(stack, "1008", "1011")
    await asyncio.sleep(TALK_S)
    await talk.hangup()
    code, said = await stack.daemon.callrec("users", "set", "1010", "--call-record", "off")
    assert code == 0, said
    await stack.daemon.start()
    await stack.daemon.ready()
    await until(lambda: _is_caught_up(stack))
    numbers = ("1008", "1009", "1010")
    await until_lamp(stack, "1010", "NOT_INUSE", "26")
    await settled(stack)
    words = Words(
        dict(zip(numbers, (once, twice, overruled), strict=True)),
        {number: await is_flagged(stack, number) for number in numbers},
        {number: await lamp(stack, number, "26") for number in numbers},
        talk,
    )
    code, said = await stack.daemon.callrec(
        "users", "set", "1008", "--call-record", "off"
    )  # as the next tests know them
    assert code == 0, said
    yield words


async def _dial(stack: Stack, number: str, *, times: int) -> list[PhoneCall]:
    calls = []
    for _ in range(times):
        call = await phone(stack, number).call("*26", tone_hz=0)
        await call.answered()
        await call.ended()
        calls.append(call)
    return calls


async def _is_caught_up(stack: Stack) -> bool:
    return "0 results" in await stack.pbx.cli("database show callrec/intent")


async def test_p11_what_star_26_said_without_a_daemon_is_in_the_store_when_it_is_back(words: Words) -> None:
    """And on the lamp."""
    assert [says(call, "call-recording-on") for call in words.heard["1008"]] == [True]
    assert (words.flags["1008"], words.lamps["1008"]) == (True, "INUSE")


async def test_p11_a_call_after_star_26_without_a_daemon_is_recorded(stack: Stack, words: Words) -> None:
    """From Asterisk itself, and taken in afterwards."""
    recording = one(stack, "1008", "1011")
    recording.holds("1008", "1011", words.talk.length_s, least_s=words.talk.least_s)
    assert_sound(recording.manifest)
    assert recording.manifest.recording.rule is Rule.ALWAYS


async def test_p11_star_26_twice_without_a_daemon_is_on_and_off_again(words: Words) -> None:
    on, off = words.heard["1009"]
    assert says(on, "call-recording-on")
    assert says(off, "call-recording-off")
    assert (words.flags["1009"], words.lamps["1009"]) == (False, "NOT_INUSE")


async def test_p11_an_administrator_who_came_after_the_phone_has_the_last_word(words: Words) -> None:
    assert [says(call, "call-recording-on") for call in words.heard["1010"]] == [True]
    assert (words.flags["1010"], words.lamps["1010"]) == (False, "NOT_INUSE")


async def test_a_call_that_nobody_answers_without_a_daemon_is_explained(whole: Stack) -> None:
    """The dialplan's recorder waited for an answer; its empty files become an entry that says so."""
    await whole.daemon.kill()
    await phone(whole, "1004").behave(Busy())
    call = await phone(whole, "1005").call("1004")
    await call.ended()
    await phone(whole, "1004").behave(Answer(tone_hz=TONES_HZ["1004"]))
    await whole.daemon.start()
    await settled(whole)
    entry = stored(whole, "1005", "1004")[-1]
    assert (entry.manifest.state, entry.manifest.media) == (StoredState.UNANSWERED, None)
    assert entry.manifest.recording.cause == UNANSWERED


async def test_a_call_that_rings_at_the_restart_is_recorded_once_from_its_answer_on(whole: Stack) -> None:
    """The dialplan's recorder, which waits for the answer, gives way to the daemon's."""
    await whole.daemon.kill()
    await phone(whole, "1004").behave(RingForever())
    there = await phone(whole, "1006").call("1004", tone_hz=TONES_HZ["1006"])
    here = await phone(whole, "1004").rings()
    await until(lambda: len(leg_files(whole)) == 2)
    await whole.daemon.start()
    await whole.daemon.ready()
    assert leg_files(whole) == []
    await here.answer(TONES_HZ["1004"])
    await there.answered()
    await until_lamp(whole, "1006", "INUSE")
    await there.hangup()
    await phone(whole, "1004").behave(Answer(tone_hz=TONES_HZ["1004"]))
    await settled(whole)
    one(whole, "1006", "1004").holds("1006", "1004", there.ended_s - there.answered_s)


async def test_sigterm_ends_the_daemon_in_order_and_its_takes_go_on(whole: Stack) -> None:
    """Clean and within 15 s in the middle of a recording; the next daemon adopts the capture."""
    async with conversation(whole, "1001", "1003") as (there, _):
        await there.press("*3")
        await until_lamp(whole, "1001", "INUSE")
        await whole.daemon.stop()
        assert whole.daemon._process is not None
        assert whole.daemon._process.returncode == 0
        assert len(leg_files(whole)) == 2
        await whole.daemon.start()
        await until_lamp(whole, "1001", "INUSE")
        await there.press("*3")
    await settled(whole)
    one(whole, "1001", "1003").holds("1001", "1003", between_presses_s(there), keys_s=KEYS_S)


async def test_p5_killed_between_the_intent_and_the_files_there_is_one_explained_entry_or_the_sound(
    whole: Stack,
) -> None:
    """Killed as soon as the intent is on the disk: whoever records then, daemon or dialplan, the press is in the catalogue."""
    journal = whole.daemon.state / "journal"
    there, _ = await connect(whole, "1002", "1008")
    before = sum(path.stat().st_size for path in journal.glob("*.log"))
    pressing = asyncio.create_task(there.press("*3"))
    while sum(path.stat().st_size for path in journal.glob("*.log")) == before:  # noqa: ASYNC110 - a file of another process
        await asyncio.sleep(0)
    await whole.daemon.kill()
    await pressing
    await asyncio.sleep(TALK_S)
    await whole.daemon.start()
    await whole.daemon.ready()
    await there.hangup()
    await settled(whole)
    assert stored(whole, "1002", "1008") or stored(whole, "1002")


def _in_place(stack: Stack) -> int:
    """Recordings whose media is there: a daemon that was just killed may have written a sidecar, and not yet linked its media."""
    found = [(path, manifest) for path, manifest in library(stack).sidecars() if isinstance(manifest, Manifest)]
    names = (Path(path).parent / manifest.media.name for path, manifest in found if manifest.media is not None)
    return sum((stack.daemon.monitor / name).is_file() for name in names)


async def test_p5_killed_again_and_again_while_recordings_are_stored_each_is_there_once(whole: Stack) -> None:
    """Six recordings wait for intake, and daemon after daemon dies at a random moment of its work."""
    luck = random.Random(20261122)  # noqa: S311 - the same moments in every run, as far as a machine keeps time
    calls = [("1000", "1002"), ("1003", "1004"), ("1007", "1001"), ("1008", "1009"), ("1010", "1011"), ("1012", "1005")]
    before = len(stored(whole))
    talks = await asyncio.gather(*(connect(whole, caller, called) for caller, called in calls))
    await asyncio.gather(
        *(there.press("*3") for (there, _), (_, called) in zip(talks, calls, strict=True) if called != "1005")
    )
    await until_lamp(whole, "1012", "INUSE")
    await whole.daemon.kill()
    await asyncio.gather(*(there.hangup() for there, _ in talks))
    until_s = time.monotonic() + KILLING_S
    while time.monotonic() < until_s and _in_place(whole) < before + len(calls):
        await whole.daemon.start()
        await asyncio.sleep(luck.uniform(0, 0.1))
        await whole.daemon.kill()
    await whole.daemon.start()
    await whole.daemon.ready()
    await settled(whole)
    assert len(stored(whole)) == before + len(calls)
    for each in stored(whole)[before:]:
        assert_sound(each.manifest)


async def test_the_command_line_finds_all_of_it_sound_and_rebuilds_the_same_catalogue(whole: Stack) -> None:
    """As an operator looks after all this; `aftermath` asks the library itself."""
    await assert_by_command_line(whole)
