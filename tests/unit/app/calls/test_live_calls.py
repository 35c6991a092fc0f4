"""Live calls for operators: an answer says what is proven."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from login_store import KeptAudit

from callrec.app.calls.live_calls import LiveCalls, LiveState, _refused
from callrec.domain.access.audit import Action, Actor, ActorKind
from callrec.domain.access.decisions import Visible
from callrec.domain.calls.ids import CallId, LegId
from callrec.domain.calls.model import Control
from callrec.domain.errors import CallrecError, Refused, Unavailable
from callrec.domain.rules import UserId
from callrec.domain.vocabulary import ControlAnswer
from callrec_lab.simulated_asterisk import Stage, event, virtual

CAPTURE = "c1-1-1"
ALL = Visible(all=True)
ASKER = Actor(ActorKind.ACCOUNT, "7")


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def calls(stage: Stage, audit: KeptAudit | None = None) -> LiveCalls:
    """What an operator asks."""
    return LiveCalls(stage.call_router, stage.asterisk.spool, audit or KeptAudit())


async def refusal(stage: Stage, control: Control, call: str = "c1", reason: str = "") -> str:
    """The code of what comes back."""
    with pytest.raises(CallrecError) as caught:
        await calls(stage).control(call, control, reason, by=ASKER, within=ALL)
    return caught.value.code


@asynccontextmanager
async def recorded(stage: Stage) -> AsyncIterator[None]:
    """A call whose recording an operator has started, and which grows."""
    async with stage.running():
        stage.call()
        await stage.passes(0.1)
        await calls(stage).control("c1", Control.START, by=ASKER, within=ALL)
        stage.asterisk.grow(CAPTURE)
        await stage.passes(1)
        yield


@virtual
async def test_recording_is_said_only_when_the_files_grow(stage: Stage) -> None:
    """Until then it is on its way; when it is proven in time, that is said."""
    async with stage.running():
        stage.call()
        await stage.passes(0.1)
        (idle,) = calls(stage).every()
        assert (idle.state, idle.recording, idle.grows) == (LiveState.IDLE, None, False)
        started = await calls(stage).control("c1", Control.START, "complaint", by=ASKER, within=ALL)
        assert (started.is_proven, started.call.state) == (False, LiveState.STARTING)
        asking = asyncio.create_task(calls(stage).control("c1", Control.START, by=ASKER, within=ALL))
        stage.asterisk.grow(CAPTURE)
        again = await asking
        assert (again.is_proven, again.call.state, again.call.grows) == (True, LiveState.RECORDING, True)
        assert again.call.written_bytes > 0
        assert [one.leg.number for one in again.call.participants] == ["1001", "1002"]
        assert all(one.since_s for one in again.call.participants)
        stopped = await calls(stage).control("c1", Control.STOP, by=ASKER, within=ALL)
        assert (stopped.is_proven, stopped.call.state) == (True, LiveState.IDLE)


@virtual
async def test_paused_is_said_only_when_asterisk_has_confirmed_it(stage: Stage) -> None:
    """What cannot be muted and does not stop is on its way, and no more."""
    async with recorded(stage):
        stage.asterisk.faults["mute"] = stage.asterisk.faults["stop"] = Refused("ami-error", "no")
        pausing = await calls(stage).control("c1", Control.PAUSE, "card number", 60.0, by=ASKER, within=ALL)
        assert (pausing.is_proven, pausing.call.state) == (False, LiveState.PAUSING)
        stage.asterisk.faults.clear()
        await stage.passes(10)
        paused = await calls(stage).control("c1", Control.PAUSE, by=ASKER, within=ALL)
        assert (paused.is_proven, paused.call.state) == (True, LiveState.PAUSED)
        assert await refusal(stage, Control.START) == "recording-paused"
        resumed = await calls(stage).control("c1", Control.RESUME, by=ASKER, within=ALL)
        assert (resumed.is_proven, resumed.call.state) == (False, LiveState.STARTING)


@virtual
async def test_who_asked_is_logged_before_anything_is_done(stage: Stage) -> None:
    """With the call, its recording and the reason; when the log takes no entry, the recording goes on. A pause it gets all the
    same: nobody's card number is recorded because a disk is full."""
    audit = KeptAudit()
    async with recorded(stage):
        audit.broken = True
        with pytest.raises(Unavailable):
            await calls(stage, audit).control("c1", Control.STOP, by=ASKER, within=ALL)
        (call,) = calls(stage).every()
        assert call.state is LiveState.RECORDING
        unlogged = await calls(stage, audit).control("c1", Control.PAUSE, by=ASKER, within=ALL)
        assert unlogged.call.state is LiveState.PAUSED
        audit.broken = False
        await calls(stage, audit).control("c1", Control.RESUME, by=ASKER, within=ALL)
        audit.entries.clear()
        await calls(stage, audit).control("c1", Control.PAUSE, "card number", by=ASKER, within=ALL, address="192.0.2.7")
        with pytest.raises(Refused):
            await calls(stage, audit).control("é", Control.STOP, by=ASKER, within=ALL)
        await stage.passes(1)
        (entry,) = audit.entries
        (call,) = calls(stage).every()
        assert call.recording is not None
        assert {step.actor.asker for step in call.recording.controls} == {f"{ASKER.kind}:{ASKER.id}"}
    assert (entry.action, entry.actor, entry.recording, entry.subject) == (Action.CONTROLLED, ASKER, "c1-1", "call:c1")
    assert (entry.details, entry.reason, entry.address) == ("pause", "card number", "192.0.2.7")


@virtual
async def test_of_two_operators_each_is_told_what_is_true(stage: Stage) -> None:
    """One pauses, the other resumes, at once: the first one's pause is over when it is told."""
    async with recorded(stage):
        one, other = await asyncio.gather(
            calls(stage).control("c1", Control.PAUSE, by=ASKER, within=ALL),
            calls(stage).control("c1", Control.RESUME, by=ASKER, within=ALL),
            return_exceptions=True,
        )
        (call,) = calls(stage).every()
        assert call.state is LiveState.RECORDING
        assert isinstance(one, Refused)
        assert one.code == "control-failed"
        assert not isinstance(other, BaseException)
        assert other.is_proven
        assert [step.control for step in call.session.recording.controls] == ["start", "pause", "resume"]


@virtual
async def test_what_cannot_be_done_is_refused_with_its_reason(stage: Stage) -> None:
    async with stage.running():
        assert await refusal(stage, Control.START, "unknown") == "no-such-call"
        stage.call()
        await stage.passes(0.1)
        assert await refusal(stage, Control.PAUSE) == "not-recorded"
        stage.call_router.recorded_by_dialplan(LegId("1.1"))
        assert await refusal(stage, Control.PAUSE) == "recorded-by-dialplan"
        (by_dialplan,) = calls(stage).every()
        assert (by_dialplan.state, by_dialplan.recording, by_dialplan.grows) == (LiveState.FALLBACK, None, False)
        stage.call_router.asterisk(event("Newchannel", "9.1", "alice"))
        await stage.passes(0.1)
        assert await refusal(stage, Control.START, "c2") == "no-conversation"
        assert await refusal(stage, Control.START, reason="x" * 10_000) == "control-reason"
        assert await refusal(stage, Control.START, reason="a\nb\x1b[2J") == "control-reason"
        stage.hang_up()
        await stage.passes(30)
        assert await refusal(stage, Control.START) == "call-ended"
        stage.call("ever", "bob", 3)
        await stage.passes(0.1)
        assert await refusal(stage, Control.STOP, "c3") == "rule-always"
        assert _refused("c", Control.START, ControlAnswer.NEVER).code == "rule-never"


@virtual
async def test_a_call_of_others_is_like_none(stage: Stage) -> None:
    """Who may do it in Bob's calls is told of a call without Bob what is told of one that does not exist; nothing is logged."""
    audit = KeptAudit()
    bobs = Visible(all=False, users=frozenset({UserId("2")}))
    async with stage.running():
        stage.call()
        stage.call("alice", "ever", 3)
        await stage.passes(0.1)
        live = calls(stage, audit)
        assert [call.session.call for call in live.seen(bobs)] == ["c1"]
        assert {call.session.call: sorted(call.users) for call in live.every()} == {"c1": ["1", "2"], "c2": ["1", "3"]}
        said = []
        for call in ("c2", "c9"):
            with pytest.raises(Refused) as caught:
                await live.control(call, Control.PAUSE, by=ASKER, within=bobs)
            said.append((caught.value.code, caught.value.message.replace(call, "?"), caught.value.hint))
        assert said[0] == said[1]
        assert audit.entries == []
        assert (await live.control("c1", Control.START, by=ASKER, within=bobs)).call.state is LiveState.STARTING


@virtual
async def test_while_asterisk_cannot_be_asked_nothing_is_promised(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stage.running():
        stage.call()
        await stage.passes(0.1)
        monkeypatch.setattr(stage.call_router, "link_is_up", lambda: False)
        with pytest.raises(Unavailable):
            await calls(stage).control("c1", Control.PAUSE, by=ASKER, within=ALL)


@virtual
async def test_a_call_that_does_not_answer_costs_the_asker_five_seconds(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stage.running():
        stage.call()
        await stage.passes(0.1)
        monkeypatch.setattr(stage.call_router._worker(CallId("c1")), "post", lambda *_: None)
        assert await refusal(stage, Control.PAUSE) == "no-outcome"
