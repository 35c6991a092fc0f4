"""One call's mailbox and its work: what is done with each command, and with what goes wrong, in virtual time."""

import asyncio
from pathlib import Path

import pytest
from stage import ALICE, Stage, away, event, virtual

from callrec.app import call_actor
from callrec.app.call_actor import (
    EXAMINED_S,
    JOURNAL_S,
    LATE_LOOK_S,
    LATE_LOOKS,
    MAILBOX_EVENTS,
    WRITTEN_S,
    CallActor,
)
from callrec.app.takes import GROWING_CHECK_S, QUIET_S
from callrec.domain import messages as m
from callrec.domain.errors import Refused, Unavailable
from callrec.domain.model import CallId, LegId, NodeId, TakeId
from callrec.domain.session import Session
from callrec.domain.toggle import State

TAKE, NEXT = TakeId("c1-1-1"), TakeId("c1-1-2")
LEG = LegId("1.1")
SHORT_S = 0.1


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def session(stage: Stage) -> Session:
    """The one call."""
    (only,) = stage.engine.live()
    return only


async def recorded(stage: Stage) -> None:
    """Alice talks to Bob and has pressed: proven to be recorded."""
    stage.call()
    assert await stage.engine.press(LEG, ALICE, 8000) is m.Outcome.STARTED
    stage.asterisk.grow(TAKE)
    await stage.passes(1)
    assert session(stage).state is State.RECORDING


@virtual
async def test_a_call_is_recorded_from_press_to_press_and_handed_over(stage: Stage) -> None:
    """Intent before the recorder; tones; lamps of both; the id in the journal; one recording for intake."""
    async with stage.running():
        await recorded(stage)
        assert stage.asterisk.lit == {"1": True, "2": True}
        assert await stage.engine.press(LEG, ALICE, 8000) is m.Outcome.STOPPED
        await stage.passes(0.1)
        assert stage.asterisk.lit == {"1": False, "2": False}
    (handed,) = stage.handed
    assert [(take.id, take.mixmonitor) for take in handed.takes] == [(TAKE, "0x1")]
    assert stage.journal.steps("c1-1") == ["intent", "opened", "changed", "ended"]
    assert stage.asterisk.tones == ["started", "stopped"]
    assert len(handed.announcements) == 1
    assert stage.heard.alarms == stage.heard.defects == []


@virtual
async def test_a_full_mailbox_drops_the_oldest_and_counts_it(stage: Stage) -> None:
    actor = CallActor(Session(CallId("c"), "1.1", NodeId("n")), stage.engine)
    for _ in range(MAILBOX_EVENTS + 2):
        actor.post(m.Reconsidered())
    assert stage.heard.lost == ["call-mailbox"] * 2


@virtual
async def test_an_event_that_cannot_be_handled_ends_neither_its_call_nor_another(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A defect of ours is told, and the next event is handled."""
    handle = call_actor.handle

    def broken(of: Session, news: m.Event, now: object, at_mono_s: float) -> object:
        if isinstance(news, m.DialEnded):
            raise RuntimeError("a defect")  # noqa: TRY004 - a defect, of whatever type
        return handle(of, news, now, at_mono_s)  # type: ignore[arg-type] # as it came

    monkeypatch.setattr(call_actor, "handle", broken)
    async with stage.running():
        stage.call()
        stage.engine.asterisk(event("DialEnd", "1.1", "alice"))
        assert await stage.engine.press(LEG, ALICE, 8000) is m.Outcome.STARTED
    assert len(stage.heard.defects) == 1
    assert "DialEnded" in stage.heard.defects[0]


@virtual
async def test_a_command_that_breaks_does_not_keep_the_next_from_being_done(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_fact: m.Tell) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr(stage.heard, "told", broken)
    async with stage.running():
        stage.call()
        await stage.engine.press(LEG, ALICE, 8000)
        stage.hang_up()
        await stage.passes(5)
    assert len(stage.handed) == 1
    assert all("Tell" in defect for defect in stage.heard.defects)


@pytest.mark.parametrize(
    ("delay_s", "fault", "alarm"),
    [(60.0, None, "journal-slow"), (0.0, away("disk"), "Write: disk")],
    ids=["slow", "full"],
)
@virtual
async def test_a_call_does_not_wait_for_its_journal(
    stage: Stage, delay_s: float, fault: Unavailable | None, alarm: str
) -> None:
    """It goes on without: recorded within a blink, alarmed, and handed over at its end."""
    stage.journal.delay_s, stage.journal.fault = delay_s, fault
    async with stage.running():
        stage.call()
        began_s = asyncio.get_running_loop().time()
        assert await stage.engine.press(LEG, ALICE, 8000) is m.Outcome.STARTED
        assert asyncio.get_running_loop().time() - began_s <= 2 * JOURNAL_S
        for take in list(stage.asterisk.running):
            stage.asterisk.close(take)
        for leg, name in (("1.1", "alice"), ("1.2", "bob")):
            stage.engine.asterisk(event("Hangup", leg, name))
        await stage.passes(10)
    assert len(stage.handed) == 1
    assert set(stage.heard.alarms) == {alarm}


# -- what only Asterisk can add ----------------------------------------------------------------------------------------


@virtual
async def test_the_rate_of_a_leg_that_policy_may_record_is_asked_for_once(stage: Stage) -> None:
    async with stage.running():
        stage.call("ever", "bob")
        stage.engine.asterisk(event("BridgeEnter", "1.1", "ever", linkedid="1.1", BridgeUniqueid="b2"))
        stage.engine.asterisk(event("BridgeEnter", "1.2", "bob", linkedid="1.1", BridgeUniqueid="b2"))
        await stage.passes(0.1)
        assert stage.asterisk.asked_rates == [LEG]
        assert session(stage).take is not None
        assert session(stage).rates_hz == {LEG: 8000}


@virtual
async def test_without_an_answer_the_take_is_made_wide_enough_for_anything(stage: Stage) -> None:
    stage.asterisk.faults["rate_hz"] = away("ami-outcome-unknown")
    async with stage.running():
        stage.call("ever", "bob")
        await stage.passes(0.1)
        take = session(stage).take
        assert take is not None
        assert take.rate_hz == 16000


@virtual
async def test_files_that_close_while_asterisk_cannot_be_asked_are_judged_when_it_can(stage: Stage) -> None:
    """Nobody stopped it: the leg keeps its note. A new take begins, no earlier than Asterisk can be asked."""
    async with stage.running():
        await recorded(stage)
        stage.link_is_up = False
        stage.asterisk.close(TAKE)
        await stage.passes(60)
        assert list(stage.asterisk.running) == []
        stage.link_is_up = True
        await stage.passes(2)
        assert list(stage.asterisk.running) == ["c1-1-2"]


@virtual
async def test_a_press_that_only_the_dialplan_heard_is_obeyed(stage: Stage) -> None:
    """The leg's note of the recorder is gone: it was stopped, and is not begun again."""
    async with stage.running():
        await recorded(stage)
        stage.asterisk.recorders[LEG] = ""
        stage.asterisk.close(TAKE)
        await stage.passes(5)
        assert list(stage.asterisk.running) == []
        assert session(stage).state is State.IDLE
    (handed,) = stage.handed
    assert handed.takes[0].cause == ""


@virtual
async def test_when_nobody_can_say_who_stopped_it_it_is_begun_again(stage: Stage) -> None:
    async with stage.running():
        await recorded(stage)
        stage.asterisk.recorders[LEG] = ""
        stage.asterisk.faults["recorder_on"] = away()
        stage.asterisk.close(TAKE)
        await stage.passes(2)
        assert list(stage.asterisk.running) == ["c1-1-2"]


@virtual
async def test_files_that_close_with_their_leg_need_no_question(stage: Stage) -> None:
    """The hangup explains it, in whatever order the two are told."""
    stage.asterisk.faults["recorder_on"] = Refused("asked", "nobody may ask")
    async with stage.running():
        await recorded(stage)
        stage.asterisk.close(TAKE)
        stage.engine.asterisk(event("Hangup", "1.1", "alice"))
        await stage.passes(2)
        stage.engine.asterisk(event("Hangup", "1.2", "bob"))
        await stage.passes(10)
    assert [take.cause for handed in stage.handed for take in handed.takes] == [""]


# -- what Asterisk does not do -----------------------------------------------------------------------------------------


@virtual
async def test_a_recorder_that_is_refused_is_tried_once_more_and_then_failed(stage: Stage) -> None:
    stage.asterisk.faults["start"] = Refused("ami-error", "no")
    async with stage.running():
        stage.call()
        assert await stage.engine.press(LEG, ALICE, 8000) is m.Outcome.FAILED
        await stage.passes(5)
    (handed,) = stage.handed
    assert [take.cause for take in handed.takes] == ["ami-error", "ami-error"]
    assert "failed" in stage.asterisk.tones


@virtual
async def test_a_recorder_that_begins_after_it_was_given_up_is_ended(stage: Stage) -> None:
    """Told to have failed, and then not recorded: also when Asterisk does late what it was asked."""
    stage.asterisk.faults["start"] = away("ami-outcome-unknown")
    async with stage.running():
        stage.call()
        assert await stage.engine.press(LEG, ALICE, 8000) is m.Outcome.UNAVAILABLE
        await stage.passes(5)
        (handed,) = stage.handed
        del stage.asterisk.faults["start"]
        stage.asterisk.faults["stop"] = away()
        await stage.asterisk.start(handed.takes[0], handed.rule)
        await stage.passes(3 * LATE_LOOK_S)
        assert list(stage.asterisk.running) == [TAKE]
        del stage.asterisk.faults["stop"]
        await stage.passes(2 * LATE_LOOK_S)
        assert list(stage.asterisk.running) == []


@virtual
async def test_one_that_never_begins_is_looked_for_no_longer_than_half_a_minute(stage: Stage) -> None:
    stage.asterisk.faults["start"] = away("ami-outcome-unknown")
    async with stage.running() as engine:
        stage.call()
        await engine.press(LEG, ALICE, 8000)
        await stage.passes(LATE_LOOKS * LATE_LOOK_S + 1)
        assert engine._background == 0


@virtual
async def test_a_stop_that_is_refused_takes_nothing_from_what_is_captured(stage: Stage) -> None:
    stage.asterisk.faults["stop"] = Refused("ami-error", "no")
    async with stage.running():
        await recorded(stage)
        assert await stage.engine.press(LEG, ALICE, 8000) is m.Outcome.FAILED
        assert list(stage.asterisk.running) == [TAKE]
        stage.hang_up()
        await stage.passes(10)
    (handed,) = stage.handed
    assert len(handed.takes) == 1


@virtual
async def test_a_take_that_has_no_files_is_closed_with_its_stop(stage: Stage) -> None:
    """Nobody would tell that they close."""
    stage.asterisk.silent = True
    async with stage.running():
        stage.call()
        pressed = asyncio.create_task(stage.engine.press(LEG, ALICE, 8000))
        await stage.passes(1.5)
        assert await stage.engine.press(LEG, ALICE, 8000) is m.Outcome.STOPPED
        assert await pressed is m.Outcome.STOPPED
    assert len(stage.handed) == 1


@virtual
async def test_a_pause_that_cannot_be_made_is_told_to_the_call(stage: Stage) -> None:
    """What goes on being heard must not be called paused."""
    stage.asterisk.faults["mute"] = Refused("ami-error", "no")
    async with stage.running():
        await recorded(stage)
        (actor,) = stage.engine._calls.values()
        take = session(stage).take
        assert take is not None
        await actor._do(m.MuteTake(take, muted=True))
        assert actor._mailbox.get_nowait()[0] == m.TakeRefused(TAKE, "ami-error")
        stage.asterisk.faults.clear()
        await actor._do(m.MuteTake(take, muted=True))
        assert stage.asterisk.muted == [(TAKE, True)]


@virtual
async def test_a_tone_that_fails_is_an_alarm_and_no_announcement(stage: Stage) -> None:
    stage.asterisk.faults["announce"] = away("ari-down")
    async with stage.running():
        await recorded(stage)
        recording = session(stage).recording
        assert recording is not None
        assert recording.announcements == ()
    assert stage.heard.alarms == ["announce: ari-down"]


@virtual
async def test_a_lamp_is_set_to_what_is_true_when_it_is_set(stage: Stage) -> None:
    """Alice is in two recorded calls: the end of one does not darken her lamp."""
    async with stage.running():
        await recorded(stage)
        stage.call(nth=2)
        await stage.engine.press(LegId("2.1"), ALICE, 8000)
        stage.asterisk.grow("c2-1-1")
        await stage.passes(1)
        stage.hang_up(1)
        await stage.passes(5)
        assert stage.asterisk.lit == {"1": True, "2": True}
        stage.hang_up(2)
        await stage.passes(5)
        assert stage.asterisk.lit == {"1": False, "2": False}


@pytest.mark.parametrize(
    ("packets", "alarms"),
    [
        ([100, 100], []),
        ([100, 150], []),
        ([100, 600], ["stalled"]),
        ([None, 600], ["stalled"]),
        ([100, None], ["stalled"]),
    ],
    ids=["nothing is sent", "comfort noise", "voice", "not counted", "not counted any more"],
)
@virtual
async def test_files_that_do_not_grow_are_an_alarm_when_something_is_sent(
    stage: Stage, packets: list[int | None], alarms: list[str]
) -> None:
    """Neither phone sends: that is no dead recorder, and no further take helps. Of what cannot be counted it may be one."""
    async with stage.running():
        await recorded(stage)
        stage.asterisk.packet_counts = packets
        await stage.passes(QUIET_S + GROWING_CHECK_S + EXAMINED_S + WRITTEN_S)
        assert stage.heard.alarms == alarms
        assert len(stage.engine.live()[0].recording.takes) == 1 + len(alarms)  # type: ignore[union-attr]
    assert stage.heard.defects == []


@virtual
async def test_a_take_that_grows_after_all_or_is_put_on_hold_while_it_is_examined_is_let_be(stage: Stage) -> None:
    """One examination at a time."""
    async with stage.running():
        await recorded(stage)
        (actor,) = stage.engine._calls.values()
        take = session(stage).take
        assert take is not None
        stage.asterisk.packet_counts = [100, 900, 100, 900]
        await actor._do(m.Examine(take))
        await actor._do(m.Examine(take))
        await stage.passes(EXAMINED_S / 2)
        stage.asterisk.grow(TAKE)
        await stage.passes(EXAMINED_S)
        assert stage.asterisk.packet_counts == [100, 900]
        await actor._do(m.Examine(take))
        await stage.passes(EXAMINED_S / 2)
        stage.engine.asterisk(event("Hold", "1.1", "alice"))
        await stage.passes(EXAMINED_S)
    assert stage.heard.alarms == stage.heard.defects == []


@virtual
async def test_who_begins_to_speak_in_the_last_moment_of_an_examination_proves_no_dead_recorder(stage: Stage) -> None:
    """Asterisk writes 32 KiB at once: the packets are there before they are in the file."""
    async with stage.running():
        await recorded(stage)
        stage.asterisk.packet_counts = [100, 250]
        await stage.passes(QUIET_S + GROWING_CHECK_S + EXAMINED_S)
        stage.asterisk.grow(TAKE)
        await stage.passes(WRITTEN_S)
    assert stage.heard.alarms == []


@virtual
async def test_a_leg_that_cannot_be_asked_for_is_not_let_be(stage: Stage) -> None:
    stage.asterisk.faults["packets"] = away("ami")
    async with stage.running():
        await recorded(stage)
        await stage.passes(QUIET_S + GROWING_CHECK_S + EXAMINED_S + WRITTEN_S)
    assert stage.heard.alarms == ["stalled"]


# -- a leg that may be deaf -------------------------------------------------------------------------------------------


async def transferred(stage: Stage) -> None:
    """Alice's call is recorded, and goes on with Ever in another bridge."""
    await recorded(stage)
    for name, leg, who in (("BridgeLeave", "1.2", "bob"), ("BridgeLeave", "1.1", "alice"), ("Hangup", "1.2", "bob")):
        stage.engine.asterisk(event(name, leg, who, linkedid="1.1", BridgeUniqueid="b1"))
    stage.engine.asterisk(event("Newchannel", "1.3", "stranger", linkedid="1.1"))
    for leg, who in (("1.1", "alice"), ("1.3", "stranger")):
        stage.engine.asterisk(event("BridgeEnter", leg, who, linkedid="1.1", BridgeUniqueid="b2"))
    await stage.passes(0.1)


@virtual
@pytest.mark.parametrize(("is_deaf", "alarms"), [(True, ["deaf-leg"]), (False, [])])
async def test_a_partner_who_speaks_and_is_not_in_the_file_is_an_alarm(
    stage: Stage, is_deaf: bool, alarms: list[str]
) -> None:
    """While the call lasts, as soon as the files are so far; a further take is tried, with nothing between the two."""
    async with stage.running():
        await transferred(stage)
        assert stage.asterisk.listened == {"1.3"}
        stage.engine.asterisk(event("ChannelTalkingStart", "1.3", "stranger", linkedid="1.1"))
        await stage.passes(SHORT_S)
        assert stage.asterisk.listened == set()
        stage.asterisk.grow(TAKE, 4)
        if is_deaf:
            hears = stage.asterisk.folder / f"{TAKE}.write.sln"
            hears.write_bytes(b"\1\2" * 8000 + bytes(hears.stat().st_size - 16000))
        await stage.passes(call_actor.COMPARE_S - SHORT_S + call_actor.ALONE_S / 2)
        assert stage.heard.alarms == alarms
        assert stage.asterisk.recorders[LEG] == ("" if is_deaf else "0x1"), "none, for a packet or two"
        await stage.passes(call_actor.ALONE_S)
        stage.asterisk.grow(NEXT)
        await stage.passes(1)
        now = session(stage)
        assert (now.state, stage.heard.alarms) == (State.RECORDING, alarms)
        assert now.is_current(NEXT if is_deaf else TAKE)


@virtual
async def test_a_take_that_ends_before_it_can_be_compared_is_left_to_intake(stage: Stage) -> None:
    """Its files are looked at when they are whole."""
    async with stage.running():
        await transferred(stage)
        stage.engine.asterisk(event("ChannelTalkingStart", "1.3", "stranger", linkedid="1.1"))
        await stage.passes(0.1)
        await stage.engine.press(LEG, ALICE, 8000)
        await stage.passes(call_actor.COMPARE_LOOKS)
    (handed,) = stage.handed
    assert [one.leg for one in handed.speech] == ["1.3"]
    assert stage.heard.alarms == []


@virtual
async def test_an_asterisk_that_cannot_listen_is_an_alarm_and_stands_in_the_recording(stage: Stage) -> None:
    """func_talkdetect is not loaded."""
    stage.asterisk.faults["listen"] = Refused("ami-error", "no")
    async with stage.running():
        await transferred(stage)
        recording = session(stage).recording
    assert recording
    assert [one.proven for one in recording.speech] == [False]
    assert stage.heard.alarms == ["Listen: ami-error"]
