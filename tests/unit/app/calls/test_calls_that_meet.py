"""Two calls that Asterisk makes one: pickup, attended transfer from a second line, a parked call that is fetched, conferences."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from login_store import KeptAudit

from callrec.app.calls.live_calls import LiveCalls, LiveState
from callrec.domain.access.audit import Actor, ActorKind
from callrec.domain.access.decisions import Visible
from callrec.domain.calls.ids import CaptureId, LegId
from callrec.domain.calls.journal import Step
from callrec.domain.calls.model import Control
from callrec.domain.calls.session import State
from callrec.domain.directory.directory import Directory
from callrec.domain.directory.model import Line, User
from callrec.domain.errors import Refused
from callrec.domain.rules import RecordRules, Rule, UserId
from callrec.domain.vocabulary import Outcome
from callrec_lab.simulated_asterisk import ALICE, BOB, TABLES, Stage, event, virtual

ALL = Visible(all=True)
ASKER = Actor(ActorKind.ACCOUNT, "7")
SILENT = User(UserId("4"), "Silent", rules=RecordRules(*[Rule.NEVER] * 4))
SHY = User(UserId("6"), "Shy", call_record=True, rules=RecordRules(out_external=Rule.NEVER))
LINES = (Line("silent", SILENT.id, "1004", "default"), Line("shy", SHY.id, "1006", "default"))


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    stage = Stage(tmp_path)
    stage.directory = Directory(replace(TABLES, users=(*TABLES.users, SILENT, SHY), lines=(*TABLES.lines, *LINES)))
    return stage


def picked_up(stage: Stage, caller: str, rung: str, picker: str) -> None:
    """pickup.c: ast_do_pickup; the picker's channel keeps its Uniqueid, and enters Dial's bridge first."""
    say = stage.call_router.asterisk
    say(event("Newchannel", "1.1", caller, linkedid="1.1"))
    say(event("Newchannel", "1.2", rung, linkedid="1.1"))
    say(event("Newchannel", "2.1", picker, linkedid="2.1"))
    say(event("Hangup", "1.2", rung, linkedid="1.1"))
    say(event("BridgeEnter", "2.1", picker, linkedid="2.1", BridgeUniqueid="b1"))
    say(event("BridgeEnter", "1.1", caller, linkedid="1.1", BridgeUniqueid="b1"))


def over(stage: Stage) -> None:
    for leg, name in (("2.1", "bob"), ("1.1", "ever")):
        stage.call_router.asterisk(event("Hangup", leg, name, linkedid="1.1"))


@virtual
async def test_a_flagged_users_call_that_a_colleague_picks_up_is_recorded(stage: Stage) -> None:
    async with stage.running():
        picked_up(stage, "ever", "alice", "bob")
        await stage.passes(1)
        recorded = list(stage.asterisk.running)
        over(stage)
        await stage.passes(10)
        assert not [one.cause for one in stage.handed if one.cause.startswith("unanswered")], "it was answered"
        assert recorded, "nobody records a flagged user's call"


@virtual
async def test_a_flagged_user_who_picks_up_is_recorded(stage: Stage) -> None:
    async with stage.running():
        picked_up(stage, "alice", "bob", "ever")
        await stage.passes(1)
        recorded = list(stage.asterisk.running)
        over(stage)
        await stage.passes(10)
        assert recorded or stage.handed, "neither recorded nor explained"


@virtual
async def test_star_3_works_in_a_call_that_was_picked_up(stage: Stage) -> None:
    async with stage.running() as call_router:
        picked_up(stage, "alice", "ever", "bob")
        await stage.passes(1)
        assert await call_router.press(LegId("1.1"), ALICE, 8000) is Outcome.STARTED


def transferred(stage: Stage, a: str, transferer: str) -> None:
    """A phone's own attended transfer (REFER with Replaces): 1.1 talks to 1.2, 2.1 consults 2.2; 1.1 takes the place of 2.1."""
    say = stage.call_router.asterisk
    say(event("BridgeLeave", "1.1", a, linkedid="1.1", BridgeUniqueid="b1"))
    say(event("BridgeEnter", "1.1", a, linkedid="1.1", BridgeUniqueid="b2"))
    say(event("BridgeLeave", "2.1", transferer, linkedid="1.1", BridgeUniqueid="b2"))
    say(event("BridgeLeave", "1.2", transferer, linkedid="1.1", BridgeUniqueid="b1"))
    say(event("Hangup", "1.2", transferer, linkedid="1.1"))
    say(event("Hangup", "2.1", transferer, linkedid="1.1"))


@virtual
async def test_never_protects_also_whom_a_recorded_caller_is_transferred_to(stage: Stage) -> None:
    """Ever (flagged) talks to Alice, who transfers her to Silent (never)."""
    async with stage.running():
        stage.call("ever", "alice", nth=1)
        stage.call("alice", "silent", nth=2)
        await stage.passes(1)
        assert len(stage.asterisk.running) == 1
        stage.asterisk.grow("c1-1-1")
        await stage.passes(1)
        transferred(stage, "ever", "alice")
        await stage.passes(1)
        assert list(stage.asterisk.running) == [], "never is recorded"


@pytest.mark.parametrize("paused", ["c1", "c2"])
@virtual
async def test_who_is_transferred_out_of_a_pause_into_a_recorded_call_is_not_recorded(
    stage: Stage, paused: str
) -> None:
    """Nor is who is transferred into a pause. Of two calls that become one, the pause goes on."""
    flagged = User(UserId("7"), "Flagged", call_record=True)
    tables = replace(TABLES, users=(*TABLES.users, flagged))
    tables = replace(tables, lines=(*tables.lines, Line("flagged", flagged.id, "1007", "default")))
    stage.directory = Directory(tables)
    async with stage.running() as call_router:
        stage.call("trunk", "ever", nth=1)
        stage.call("ever", "flagged", nth=2)
        await stage.passes(1)
        for call in ("c1", "c2"):
            stage.asterisk.grow(f"{call}-1-1")
        await stage.passes(3)
        done = await LiveCalls(call_router, stage.spool, KeptAudit()).control(
            paused, Control.PAUSE, by=ASKER, within=ALL
        )
        assert done.is_proven
        transferred(stage, "trunk", "ever")
        await stage.passes(3)
        (call,) = LiveCalls(call_router, stage.spool, KeptAudit()).every()
        assert call.state is LiveState.PAUSED
        muted = {capture for capture, is_muted in stage.asterisk.muted if is_muted}
        assert set(stage.asterisk.running) <= muted
        assert {LegId("1.1"), LegId("2.2")} <= set(stage.asterisk.paused)


@virtual
async def test_who_leaves_a_paused_conference_for_a_recorded_call_is_recorded_there_and_hears_it(stage: Stage) -> None:
    """The others of the conference are still paused. Nobody in the other call has asked for a pause."""
    flagged = User(UserId("7"), "Flagged", call_record=True)
    tables = replace(TABLES, users=(*TABLES.users, flagged))
    tables = replace(tables, lines=(*tables.lines, Line("flagged", flagged.id, "1007", "default")))
    stage.directory = Directory(tables)
    say = stage.call_router.asterisk
    async with stage.running() as call_router:
        stage.call("ever", "alice", nth=1)
        say(event("Newchannel", "1.3", "trunk", linkedid="1.1"))
        say(event("BridgeEnter", "1.3", "trunk", linkedid="1.1", BridgeUniqueid="b1"))
        stage.call("flagged", "bob", nth=2)
        await stage.passes(1)
        stage.asterisk.grow("c1-1-1")
        stage.asterisk.grow("c2-1-1")
        await stage.passes(3)
        live = LiveCalls(call_router, stage.spool, KeptAudit())
        assert (await live.control("c1", Control.PAUSE, by=ASKER, within=ALL)).is_proven
        await stage.passes(1)
        assert stage.asterisk.paused.keys() == {"1.1", "1.2", "1.3"}
        stage.asterisk.tones.clear()
        say(event("BridgeLeave", "1.3", "trunk", linkedid="1.1", BridgeUniqueid="b1"))
        say(event("BridgeEnter", "1.3", "trunk", linkedid="1.1", BridgeUniqueid="b2"))
        await stage.passes(1)
        assert [(one.session.call, one.state) for one in live.every()] == [
            ("c1", LiveState.PAUSED),
            ("c2", LiveState.RECORDING),
        ]
        assert stage.asterisk.paused.keys() == {"1.1", "1.2"}
        assert stage.asterisk.tones == ["resumed"]


@virtual
async def test_after_a_transfer_star_3_works(stage: Stage) -> None:
    async with stage.running() as call_router:
        stage.call("bob", "alice", nth=1)
        stage.call("alice", "trunk", nth=2)
        transferred(stage, "bob", "alice")
        await stage.passes(1)
        assert await call_router.press(LegId("1.1"), BOB, 8000) is Outcome.STARTED


@virtual
async def test_after_a_transfer_one_call_knows_who_talks(stage: Stage) -> None:
    async with stage.running():
        stage.call("trunk", "ever", nth=1)
        stage.call("ever", "alice", nth=2)
        await stage.passes(1)
        transferred(stage, "trunk", "ever")
        await stage.passes(1)
        in_bridges = [
            {leg.id for leg in legs} for session in stage.call_router.live() for legs in session.conversations()
        ]
        assert [{"1.1", "2.2"}] == in_bridges


@virtual
async def test_a_flagged_user_in_a_conference_is_recorded(stage: Stage) -> None:
    """ConfBridge: each participant is a call of his own (Linkedid), all in one bridge."""
    async with stage.running():
        for leg, name in (("1.1", "ever"), ("2.1", "alice")):
            stage.call_router.asterisk(event("Newchannel", leg, name))
            stage.call_router.asterisk(event("BridgeEnter", leg, name, BridgeUniqueid="conf"))
        await stage.passes(1)
        assert list(stage.asterisk.running)


@virtual
async def test_a_call_from_outside_is_recorded_by_the_rules_of_who_fetches_it_from_parking(stage: Stage) -> None:
    """Takes (always for calls from outside) dials 701; the parked one is in the bridge first (parked_call_app_exec)."""
    user = User(UserId("8"), "Takes", rules=RecordRules(in_external=Rule.ALWAYS))
    stage.directory = Directory(
        replace(TABLES, users=(*TABLES.users, user), lines=(*TABLES.lines, Line("takes", user.id, "1008", "default")))
    )
    async with stage.running() as call_router:
        call_router.asterisk(event("Newchannel", "1.1", "trunk"))
        call_router.asterisk(event("Newchannel", "2.1", "takes"))
        bridge = {"BridgeUniqueid": "b1", "BridgeType": "basic"}
        for leg, name in (("1.1", "trunk"), ("2.1", "takes")):
            call_router.asterisk(event("BridgeEnter", leg, name, linkedid="1.1", **bridge))
        await stage.passes(0.5)
        assert [entry.recording.captures[0].leg for entry in stage.journal.entries][:1] == ["2.1"]


@virtual
async def test_the_rule_for_calls_made_holds_after_a_merge(stage: Stage) -> None:
    """A call that was made, fetched into a bridge whose Linkedid is older."""
    async with stage.running() as call_router:
        stage.call("shy", "trunk", nth=2)
        await stage.passes(0.5)
        assert list(stage.asterisk.running) == [], "never"
        for leg, name in (("2.1", "shy"), ("2.2", "trunk")):
            call_router.asterisk(event("BridgeEnter", leg, name, linkedid="1.1", BridgeUniqueid="b3"))
        await stage.passes(0.5)
        assert list(stage.asterisk.running) == [], "a caller whom `never` protects is recorded"


@virtual
async def test_of_two_recordings_that_meet_one_goes_on_and_the_other_is_stored(stage: Stage) -> None:
    """Both were pressed for: one state per call, and nothing of what was captured is lost."""
    async with stage.running() as call_router:
        for nth, leg, user in ((1, "1.1", ALICE), (2, "2.1", BOB)):
            stage.call("alice" if nth == 1 else "bob", "trunk", nth=nth)
            assert await call_router.press(LegId(leg), user, 8000) is Outcome.STARTED
        for capture in list(stage.asterisk.running):
            stage.asterisk.grow(capture)
        await stage.passes(1)
        call_router.asterisk(event("BridgeEnter", "1.1", "alice", linkedid="1.1", BridgeUniqueid="b2"))
        await stage.passes(5)
        assert ["c2-1-1", "c2-1-2"] == list(stage.asterisk.running)
        assert stage.asterisk.partner_captures == {"c2-1-2"}, "alice is a new partner"
        assert [("c1-1", "")] == [(one.id, one.cause) for one in stage.handed]
        assert [State.RECORDING] == [session.state for session in call_router.live()]
        assert await call_router.press(LegId("1.1"), ALICE, 8000) is Outcome.STOPPED
        assert {} == stage.asterisk.running


@virtual
async def test_what_waits_for_an_answer_in_the_call_that_ends_has_one(stage: Stage) -> None:
    """A press in the very moment in which its call becomes another."""
    async with stage.running() as call_router:
        stage.asterisk.silent = True
        stage.call("alice", "trunk", nth=1)
        stage.call("bob", "trunk", nth=2)
        first, second = (
            asyncio.create_task(call_router.press(LegId(leg), user, 8000))
            for leg, user in (("2.1", BOB), ("1.1", ALICE))
        )
        await stage.passes(0.1)
        call_router.asterisk(event("BridgeEnter", "1.1", "alice", linkedid="1.1", BridgeUniqueid="b2"))
        assert await second is Outcome.FAILED
        assert await first is Outcome.FAILED


@virtual
async def test_a_hangup_behind_a_meeting_ends_the_call_that_goes_on(stage: Stage) -> None:
    """Each leg is looked for where it is now; nothing of the calls stays."""
    async with stage.running() as call_router:
        picked_up(stage, "ever", "alice", "bob")
        await stage.passes(1)
        over(stage)
        await stage.passes(10)
        assert [] == list(call_router.live())
        assert [1] == [len(recording.captures) for recording in stage.handed]


async def _conversation(stage: Stage, seconds: int) -> None:
    for _ in range(seconds):
        for capture in stage.asterisk.running:
            stage.asterisk.grow(capture)
        await stage.passes(1)


@virtual
async def test_who_leaves_others_talking_takes_nothing_of_their_call_along(stage: Stage) -> None:
    """Alice goes from one flagged user's conference to another's: both are two calls as before, and both are recorded."""
    async with stage.running() as call_router:
        stage.call("ever", "alice", nth=1)
        call_router.asterisk(event("BridgeEnter", "1.3", "bob", linkedid="1.1", BridgeUniqueid="b1"))
        stage.call("ever", "trunk", nth=2)
        await _conversation(stage, 3)
        call_router.asterisk(event("BridgeLeave", "1.2", "alice", linkedid="1.1", BridgeUniqueid="b1"))
        call_router.asterisk(event("BridgeEnter", "1.2", "alice", linkedid="1.1", BridgeUniqueid="b2"))
        await _conversation(stage, 3)
        assert ["c1-1-1", "c2-1-1"] == sorted(stage.asterisk.running)
        assert [{"1.1", "1.3"}, {"2.1", "2.2", "1.2"}] == [set(session.legs) for session in call_router.live()]
        assert [] == stage.handed


@virtual
async def test_a_take_does_not_go_along_with_its_leg_to_another_call(stage: Stage) -> None:
    """Alice records a conference of three and goes to another call: nothing is recorded, neither here nor there."""
    async with stage.running() as call_router:
        stage.call("alice", "mobile", nth=1)
        call_router.asterisk(event("BridgeEnter", "1.3", "trunk", linkedid="1.1", BridgeUniqueid="b1"))
        stage.call("bob", "trunk", nth=2)
        assert await call_router.press(LegId("1.1"), ALICE, 8000) is Outcome.STARTED
        await _conversation(stage, 3)
        call_router.asterisk(event("BridgeEnter", "1.1", "alice", linkedid="1.1", BridgeUniqueid="b2"))
        call_router.asterisk(event("BridgeLeave", "1.1", "alice", linkedid="1.1", BridgeUniqueid="b1"))
        await _conversation(stage, 3)
        assert {} == stage.asterisk.running
        assert [State.ABSENT, State.IDLE] == [session.state for session in call_router.live()]
        for leg in ("1.2", "1.3"):
            call_router.asterisk(event("Hangup", leg, "trunk", linkedid="1.1"))
        await _conversation(stage, 3)
        assert ["recorded-user-left"] == [one.end_reason for one in stage.handed]


@virtual
async def test_the_former_call_of_a_leg_learns_when_it_hangs_up(stage: Stage) -> None:
    """Asterisk refuses to stop the recorder that went along. Until the leg is gone the files are not given away, then they are:
    also where nobody saw them closed."""
    async with stage.running() as call_router:
        stage.call("alice", "mobile", nth=1)
        call_router.asterisk(event("BridgeEnter", "1.3", "trunk", linkedid="1.1", BridgeUniqueid="b1"))
        stage.call("bob", "trunk", nth=2)
        assert await call_router.press(LegId("1.1"), ALICE, 8000) is Outcome.STARTED
        await _conversation(stage, 3)
        stage.asterisk.faults["stop"] = Refused("ami-error", "no")
        call_router.asterisk(event("BridgeEnter", "1.1", "alice", linkedid="1.1", BridgeUniqueid="b2"))
        await _conversation(stage, 60)
        assert len(stage.asterisk.running) == 1
        for leg in ("1.2", "1.3"):
            call_router.asterisk(event("Hangup", leg, "trunk", linkedid="1.1"))
        await _conversation(stage, 60)
        assert not stage.handed
        call_router.asterisk(event("Hangup", "1.1", "alice", linkedid="1.1"))
        await _conversation(stage, 10)
        assert len(stage.handed) == 1


@virtual
async def test_nobody_of_a_call_is_recorded_before_all_its_legs_are_known(stage: Stage) -> None:
    """Ever's recorded caller is transferred to a conversation of which Silent is one: not for a moment is that recorded."""
    async with stage.running() as call_router:
        stage.call("trunk", "ever", nth=1)
        call_router.asterisk(event("Newchannel", "2.2", "ever", linkedid="2.2"))
        for leg, name in (("2.1", "trunk"), ("2.3", "silent"), ("2.2", "ever")):
            call_router.asterisk(event("BridgeEnter", leg, name, linkedid="2.2", BridgeUniqueid="b2"))
        await _conversation(stage, 3)
        assert ["c1-1-1"] == list(stage.asterisk.running)
        call_router.asterisk(event("BridgeLeave", "1.1", "trunk", linkedid="1.1", BridgeUniqueid="b1"))
        call_router.asterisk(event("BridgeEnter", "1.1", "trunk", linkedid="1.1", BridgeUniqueid="b2"))
        stage.asterisk.close(CaptureId("c1-1-1"))
        call_router.asterisk(event("Hangup", "1.2", "ever", linkedid="1.1"))
        await _conversation(stage, 6)
        assert {} == stage.asterisk.running
        begun = [entry.recording.captures[-1].id for entry in stage.journal.entries if entry.step is Step.INTENT]
        assert ["c1-1-1"] == begun
