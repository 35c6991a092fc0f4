"""The daemon dies just before a call is answered: its mark is still valid, so the dialplan leaves the call to it."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from soundness import assert_sound
from trouble import NEAR_S, TONES_HZ, Stored, aftermath, connect, phone, stored, until

from callrec.domain.library.manifest import StoredState
from callrec.domain.library.missing_time import LATE_START
from callrec_lab.phones import Answer, PhoneCall, RingForever
from callrec_lab.stack import Stack

pytestmark = [pytest.mark.asterisk, pytest.mark.asyncio(loop_scope="module")]

BRIEF_S, LONGER_S = 0.6, 3.5
"""A call that is over while the mark is valid, and one that is over without the daemon."""
CALLS = {("1005", "1000"): BRIEF_S, ("1001", "1006"): LONGER_S, ("1002", "1003"): BRIEF_S}
"""Caller and called. Nobody is flagged in the last one."""
STAYS = ("1013", "0123")
"""These talk until the daemon is back."""
NOTES = "database show callrec/missed"


def _name(number: str) -> str:
    return "outside" if number == STAYS[1] else number


@dataclass
class Played:
    """The calls of each caller and called, and how long they talked."""

    stack: Stack
    calls: dict[tuple[str, str], tuple[PhoneCall, PhoneCall]]

    def entries(self, *numbers: str) -> list[Stored]:
        """Those of these two."""
        return [
            found
            for found in stored(self.stack)
            if {party.number for party in found.manifest.recording.parties} == set(numbers)
        ]


async def _talk(there: PhoneCall, here: PhoneCall, tone_hz: float, talk_s: float) -> None:
    """Answer, and hang up after so long."""
    await here.answer(tone_hz)
    await there.answered()
    await asyncio.sleep(talk_s)
    await there.hangup()
    await here.ended()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def played(stack: Stack) -> AsyncIterator[Played]:
    """Four calls that ring when the daemon dies, and are answered at once."""
    await asyncio.gather(*(phone(stack, _name(called)).behave(RingForever()) for _, called in (*CALLS, STAYS)))
    calls = {}
    for caller, called in (*CALLS, STAYS):
        there = await phone(stack, caller).call(called, tone_hz=TONES_HZ[caller])
        calls[caller, called] = there, await phone(stack, _name(called)).rings()
    await stack.daemon.kill()
    await asyncio.gather(
        *(_talk(*calls[two], TONES_HZ[two[1]], talk_s) for two, talk_s in CALLS.items()),
        calls[STAYS][1].answer(TONES_HZ["outside"]),
    )
    await stack.daemon.start()
    await stack.daemon.ready()
    await asyncio.sleep(LONGER_S)
    await calls[STAYS][0].hangup()
    for _, called in (*CALLS, STAYS):
        await phone(stack, _name(called)).behave(Answer(tone_hz=TONES_HZ[_name(called)]))
    await aftermath(stack)
    yield Played(stack, calls)


@pytest.mark.parametrize(("caller", "called"), list(CALLS)[:2], ids=["brief", "longer"])
async def test_p1_a_call_that_is_answered_as_the_daemon_dies_has_an_entry(
    played: Played, caller: str, called: str
) -> None:
    """Nothing has recorded it: the entry says so, since when, until when, and who it was."""
    (found,) = played.entries(caller, called)
    assert (found.manifest.state, found.manifest.recording.cause) == (StoredState.FAILED, "daemon-away")
    recording = found.manifest.recording
    there, _ = played.calls[caller, called]
    assert recording.to_s is not None
    assert recording.to_s - recording.from_s == pytest.approx(there.heard().length_s, abs=NEAR_S)


async def test_p1_one_that_goes_on_is_recorded_as_soon_as_the_daemon_is_back(played: Played) -> None:
    """It has one entry, and that has what is missing."""
    (found,) = played.entries(*STAYS)
    assert found.manifest.state is StoredState.PARTIAL
    assert [one.cause for one in found.manifest.recording.missing] == [LATE_START]


async def _has_no_note(stack: Stack) -> bool:
    return "0 results" in await stack.pbx.cli(NOTES)


async def test_a_call_of_nobody_who_is_recorded_has_none(played: Played) -> None:
    """Nor is any note left."""
    assert len(stored(played.stack)) == len(CALLS)
    assert await _has_no_note(played.stack)


async def _slot(stack: Stack) -> str:
    found = re.search(r"Space\s*:\s*(\d+)", await stack.pbx.cli("parking show default"))
    return found[1] if found else ""


async def test_p1_who_fetches_a_parked_caller_as_the_daemon_dies_has_an_entry(played: Played) -> None:
    """No rule covers the caller and who has parked the call, and no leg passes the hook again."""
    stack = played.stack
    there, here = await connect(stack, "1002", "1003")
    await here.send_to("*70")
    await until(lambda: _is_parked(stack))
    slot = await _slot(stack)
    await stack.daemon.kill()
    fetching = await phone(stack, "1005").call(slot, tone_hz=TONES_HZ["1005"])
    await fetching.answered()
    await asyncio.sleep(BRIEF_S)
    await fetching.hangup()
    await there.ended()
    await stack.daemon.start()
    await stack.daemon.ready()
    await aftermath(stack)
    (found,) = [one for one in stored(stack) if one.manifest.recording.parties[0].number == "1005"][-1:]
    recording = found.manifest.recording
    assert (found.manifest.state, recording.cause) == (StoredState.FAILED, "daemon-away")
    assert [party.number for party in recording.parties] == ["1005", "1002"]
    assert recording.to_s is not None
    assert recording.to_s - recording.from_s == pytest.approx(fetching.heard().length_s, abs=NEAR_S)


async def _is_parked(stack: Stack) -> bool:
    return bool(await _slot(stack))


async def test_a_brief_call_that_the_daemon_has_recorded_has_one_entry(played: Played) -> None:
    """It is over before the dialplan could tell from the mark whether the daemon lived, so that it may be noted."""
    there, here = await connect(played.stack, "1005", "1001")
    await asyncio.sleep(BRIEF_S)
    await there.hangup()
    await here.ended()
    await aftermath(played.stack)
    await played.stack.daemon.kill()
    await played.stack.daemon.start()
    await played.stack.daemon.ready()
    await aftermath(played.stack)
    (found,) = played.entries("1005", "1001")
    assert_sound(found.manifest)
    await until(lambda: _has_no_note(played.stack))


@pytest.mark.parametrize("presser", ["caller", "called"])
async def test_p1_who_presses_has_an_entry_of_what_was_before(played: Played, presser: str) -> None:
    """The press records from there on. No moment is in both, and none in neither."""
    stack = played.stack
    before = {one.id for one in stored(stack)}
    await phone(stack, "1000").behave(RingForever())
    there = await phone(stack, "1005").call("1000", tone_hz=TONES_HZ["1005"])
    here = await phone(stack, "1000").rings()
    await stack.daemon.kill()
    await here.answer(TONES_HZ["1000"])
    await there.answered()
    await asyncio.sleep(LONGER_S)
    await (there if presser == "caller" else here).press("*3")
    await asyncio.sleep(LONGER_S)
    await there.hangup()
    await here.ended()
    await phone(stack, "1000").behave(Answer(tone_hz=TONES_HZ["1000"]))
    await stack.daemon.start()
    await stack.daemon.ready()
    await aftermath(stack)
    found = sorted(
        (one.manifest for one in stored(stack) if one.id not in before), key=lambda one: one.recording.from_s
    )
    assert [(one.state, one.recording.cause) for one in found] == [
        (StoredState.FAILED, "daemon-away"),
        (StoredState.SOUND, ""),
    ]
    missed, recorded = (one.recording for one in found)
    assert missed.to_s == pytest.approx(recorded.from_s, abs=NEAR_S)
    assert missed.from_s == pytest.approx(there.answered_s, abs=NEAR_S)
