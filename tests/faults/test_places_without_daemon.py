"""Rules that hang at places, while the daemon is dead: the dialplan has its own copy of them, and who comes back has them, too.

Two users are called: one without a rule, and one who is flagged. So only the rule of the place explains what is recorded, and
what is not.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
import pytest_asyncio
from trouble import NEAR_S, TONES_HZ, Stored, aftermath, connect, leave_alone, phone, stored, until

from callrec.domain.calls.model import Heard, Missing
from callrec.domain.rules import Rule
from callrec.domain.vocabulary import AlarmCause
from callrec_lab.audio_checks import presence
from callrec_lab.phones import PhoneCall
from callrec_lab.stack import Stack

pytestmark = [pytest.mark.asterisk, pytest.mark.asyncio(loop_scope="module")]

PLAIN, FLAGGED, AGENT = "1000", "1005", "1001"
TO_PLAIN, TO_FLAGGED, TO_QUEUE, TO_AGENT = "2050", "2055", "2070", "2071"
"""The last leads to the queue, too, and leaves the decision to who answers."""
QUEUE = "Support 2"
COLLEAGUE = "1008"
"""Without a rule; the agent sends a caller on to them."""
ROOM, TALKERS = "7004", ("1002", "1003", "1007")
"""A conference that is always recorded, and three users without a rule."""
ALWAYS, NEVER, QUEUED, LATE_ALWAYS, LATE_NEVER, SENT_ON, BY_AGENT = (f"06{nth}0203040" for nth in range(7))
"""Who calls, by what is asked of their call."""
OUTWARD = "0123"
"""What a flagged user calls through the trunk."""
TALK_S = 2.0


@dataclass
class Played:
    """What was played."""

    stack: Stack
    heard_s: dict[tuple[str, str], float] = field(default_factory=dict)
    """By the number of an outside caller and that of a user: how long the caller's phone has heard this user."""

    def heard(self, shown: str, call: PhoneCall, *users: str) -> None:
        """This call has ended."""
        sound = call.heard()
        self.heard_s |= {(shown, user): presence(sound, TONES_HZ[user]) * sound.length_s for user in users}

    def of(self, number: str) -> list[Stored]:
        """The recordings with this outside number."""
        return [
            one for one in stored(self.stack) if number in {party.number for party in one.manifest.recording.parties}
        ]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def played(stack: Stack) -> AsyncIterator[Played]:
    """Three calls and a conference while the daemon is dead, two calls in which it returns, and one through a trunk."""
    played = Played(stack)
    await _lay_queue(stack)
    await _rule(stack, 3, ("incalls", "set", TO_PLAIN, "--record", "always"), ("incalls", "set", TO_FLAGGED, "--record", "never"),
                ("places", "set", "queue", QUEUE, "--record", "always"))  # fmt: skip
    await _rule(stack, 4, ("places", "set", "conference", ROOM, "--record", "always"))
    await leave_alone(stack)
    for shown, dialled, called in ((ALWAYS, TO_PLAIN, PLAIN), (NEVER, TO_FLAGGED, FLAGGED), (QUEUED, TO_QUEUE, AGENT),
                                   (BY_AGENT, TO_AGENT, AGENT)):  # fmt: skip
        there, here = await connect(stack, "outside", called, dialled=dialled, shown=shown)
        await asyncio.sleep(TALK_S)
        if shown == NEVER:
            await here.press("*3")
            await asyncio.sleep(TALK_S)
        await there.hangup()
        await here.ended()
        played.heard(shown, there, called)
    await _sent_on(played)
    await _conference(stack)
    await stack.pbx.cli("database deltree callrec/place")  # a call that came in while the dialplan knew of no rule
    late = [
        await connect(stack, "outside", called, dialled=dialled, shown=shown)
        for shown, dialled, called in ((LATE_ALWAYS, TO_PLAIN, PLAIN), (LATE_NEVER, TO_FLAGGED, FLAGGED))
    ]
    await asyncio.sleep(TALK_S)
    await stack.daemon.start()
    await stack.daemon.ready()
    await asyncio.sleep(2 * TALK_S)
    for there, here in late:
        await there.hangup()
        await here.ended()
    await aftermath(stack)
    await _rule(stack, 5, ("places", "set", "trunk", "trunk", "--record", "never"))
    await stack.daemon.kill()
    there, _ = await connect(stack, FLAGGED, "outside", dialled=OUTWARD)
    await asyncio.sleep(TALK_S)
    await there.hangup()
    await stack.daemon.start()
    await stack.daemon.ready()
    await aftermath(stack)
    yield played


async def _lay_queue(stack: Stack) -> None:
    """A queue and a conference, of whose names the hook tells: the dialplan has no other way to know them."""
    etc = stack.pbx.root / "etc"
    stack.pbx.write_conf("queues.conf", f"[general]\n[{QUEUE}]\nmember => PJSIP/{stack.line(AGENT)}\n")
    conf = (etc / "extensions.conf").read_text()
    conf += f"\n[from-extern](+)\nexten => {TO_QUEUE},1,Gosub(callrec-call,s,1(,queue:{QUEUE}))\n same => n,Queue({QUEUE})\n"
    conf += f"exten => {TO_AGENT},1,Gosub(callrec-call,s,1(,queue:{QUEUE},answered))\n"
    conf += f" same => n,Queue({QUEUE},,,,,,callrec-answered)\n"
    conf += f"[default](+)\nexten => {ROOM},1,Answer()\n same => n,Gosub(callrec-call,s,1(,conference:{ROOM}))\n"
    conf += f" same => n,ConfBridge({ROOM})\n"
    stack.pbx.write_conf("extensions.conf", conf)
    for what in ("queue reload all", "dialplan reload"):
        await stack.pbx.cli(what)


async def _sent_on(played: Played) -> None:
    """An agent sends a caller of the queue on to a user without a rule: REFER."""
    stack = played.stack
    there, here = await connect(stack, "outside", AGENT, dialled=TO_QUEUE, shown=SENT_ON)
    await asyncio.sleep(TALK_S)
    await here.send_to(COLLEAGUE)
    await (await phone(stack, COLLEAGUE).rings()).answered()
    await asyncio.sleep(TALK_S)
    await there.hangup()
    await there.ended()
    played.heard(SENT_ON, there, AGENT, COLLEAGUE)


async def _conference(stack: Stack) -> None:
    """Three join one after the other; the first one leaves in the middle."""
    calls = []
    for number in TALKERS:
        calls.append(call := await phone(stack, number).call(ROOM, tone_hz=TONES_HZ[number]))
        await call.answered()
    lines = tuple(f"PJSIP/{stack.line(number)}-" for number in TALKERS)

    async def are_together() -> bool:
        shown = (await stack.pbx.cli("core show channels concise")).splitlines()
        bridges = [line.split("!")[-2] for line in shown if line.startswith(lines)]
        return len(bridges) == len(TALKERS) and len(set(bridges)) == 1 and bool(bridges[0])

    await until(are_together, hint="they are in one conference")
    await asyncio.sleep(TALK_S)
    await calls[0].hangup()
    await asyncio.sleep(TALK_S)
    for call in calls[1:]:
        await call.hangup()


async def _rule(stack: Stack, count: int, *commands: tuple[str, ...]) -> None:
    """Commands of an operator, and until the dialplan knows of so many rules."""
    for words in commands:
        code, said = await stack.daemon.callrec(*words)
        assert code == 0, said

    async def is_copied() -> bool:
        return f"{count} results" in await stack.pbx.cli("database show callrec/place")

    await until(is_copied, hint="the rules are in Asterisk's database")


async def test_a_number_that_is_always_recorded_is_recorded_without_the_daemon(played: Played) -> None:
    """Its user, who has no rule, is on the left, as with the daemon; the entry names the number."""
    (found,) = played.of(ALWAYS)
    recording = found.manifest.recording
    assert (recording.rule, recording.rule_origin) == (Rule.ALWAYS, f"incall:{TO_PLAIN}@from-extern")
    assert [party.number for party in recording.parties] == [PLAIN, ALWAYS]
    found.holds(PLAIN, "outside", played.heard_s[ALWAYS, PLAIN])


async def test_a_number_that_is_never_recorded_is_not_without_the_daemon_though_its_user_is_flagged_and_presses(
    played: Played,
) -> None:
    """And the press is refused."""
    assert played.of(NEVER) == []


async def test_a_queue_that_is_always_recorded_is_recorded_without_the_daemon(played: Played) -> None:
    """The caller is on the left: the dialplan does not know who will answer."""
    (found,) = played.of(QUEUED)
    recording = found.manifest.recording
    assert (recording.rule, recording.rule_origin) == (Rule.ALWAYS, f"queue:{QUEUE.lower()}")
    assert [party.number for party in recording.parties] == [QUEUED, TO_QUEUE]
    found.holds("outside", AGENT, played.heard_s[QUEUED, AGENT])


async def test_a_queue_that_is_always_recorded_has_its_agent_on_the_left_where_the_decision_is_theirs(
    played: Played,
) -> None:
    """The hook has left it to who answers; no voice is missing, though the caller has heard music."""
    (found,) = played.of(BY_AGENT)
    recording = found.manifest.recording
    assert (recording.rule, recording.rule_origin) == (Rule.ALWAYS, f"queue:{QUEUE.lower()}")
    assert [party.number for party in recording.parties] == [AGENT, BY_AGENT]
    found.holds(AGENT, "outside", played.heard_s[BY_AGENT, AGENT])


async def test_a_queues_rule_goes_with_a_caller_who_is_sent_on_without_the_daemon(played: Played) -> None:
    """A recording of each talk: the second one is of the user who was called, on the left. A missing agent is told."""
    first, second = played.of(SENT_ON)
    for one, left, right in ((first, "outside", AGENT), (second, COLLEAGUE, "outside")):
        recording = one.manifest.recording
        assert (recording.rule, recording.rule_origin) == (Rule.ALWAYS, f"queue:{QUEUE.lower()}")
        due_s = max(played.heard_s.get((SENT_ON, who), 0.0) for who in (left, right)) - NEAR_S
        for sound, who, heard in ((one.left, left, Heard.SAYS), (one.right, right, Heard.HEARS)):
            told_s = sum(lack.to_s - lack.from_s for lack in recording.missing if _is_deaf(lack, heard))
            assert presence(sound, TONES_HZ[who]) * sound.length_s + told_s >= due_s > 0, (who, due_s, recording)


def _is_deaf(lack: Missing, side: Heard) -> bool:
    """Whether it is the voice that a recorder cannot hear after music on hold, on an Asterisk that drops frames."""
    return lack.cause == AlarmCause.DEAF_LEG and lack.side is side


@pytest.mark.parametrize("number", TALKERS)
async def test_a_conference_that_is_always_recorded_is_recorded_without_the_daemon(played: Played, number: str) -> None:
    """Each participant's leg has a recorder of its own: a recording for each, with what all others say on the right."""
    (found,) = played.of(number)
    recording = found.manifest.recording
    assert (recording.rule, recording.rule_origin) == (Rule.ALWAYS, f"conference:{ROOM}")
    assert recording.parties[0].number == number
    talked_s = TALK_S if number == TALKERS[0] else 2 * TALK_S
    for other in TALKERS:
        side, due_s = (found.left, talked_s) if other == number else (found.right, TALK_S)
        assert presence(side, TONES_HZ[other]) * side.length_s >= due_s - NEAR_S, (other, recording)


async def test_a_trunk_that_is_never_recorded_wins_over_always_of_its_user_without_the_daemon(played: Played) -> None:
    """The hook before the dial names the trunk."""
    assert played.of(OUTWARD) == []


async def test_a_call_that_came_in_without_the_daemon_is_recorded_by_the_rule_of_its_number_after_its_return(
    played: Played,
) -> None:
    """From then on: what was said before is told as missing, or lies before the recording."""
    (found,) = played.of(LATE_ALWAYS)
    recording = found.manifest.recording
    assert (recording.rule, recording.rule_origin) == (Rule.ALWAYS, f"incall:{TO_PLAIN}@from-extern")
    assert found.length_s >= TALK_S
    assert not recording.is_place_unknown


async def test_a_call_to_a_number_that_is_never_recorded_is_not_recorded_on_after_the_daemons_return(
    played: Played,
) -> None:
    """The dialplan had begun a recording by the flag of its user."""
    (found,) = played.of(LATE_NEVER)
    (later,) = played.of(LATE_ALWAYS)
    ended_s = later.manifest.recording.to_s
    assert ended_s is not None
    assert found.manifest.recording.to_s is not None
    assert found.manifest.recording.to_s < ended_s - TALK_S
