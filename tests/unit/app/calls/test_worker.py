"""One call's mailbox and its work: what is done with each command, and with what goes wrong, in virtual time."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from callrec.app.calls import worker
from callrec.app.calls.capture_files.file_watch import GROWING_CHECK_S, GROWTH_CHECK_S, QUIET_S
from callrec.app.calls.conversations import Conversations
from callrec.app.calls.legs.leg_places import LegPlaces
from callrec.app.calls.live_calls import LiveState, state_of
from callrec.app.calls.worker import (
    EXAMINED_S,
    JOURNAL_S,
    LATE_LOOK_S,
    LATE_LOOKS,
    PLACE_AGAIN_S,
    PLACE_TRIES,
    QUEUE_EVENTS,
    WRITTEN_S,
    Worker,
)
from callrec.domain.calls.commands import Examine, MuteCapture, Tell
from callrec.domain.calls.events import CaptureMuted, DialEnded, Event, MuteRefused, PlaceTold, ResyncEnded
from callrec.domain.calls.ids import CallId, CaptureId, LegId, NodeId
from callrec.domain.calls.model import Capture, Control
from callrec.domain.calls.policy import Terms
from callrec.domain.calls.session import ACTIVE, Session, State
from callrec.domain.directory.directory import Directory
from callrec.domain.directory.model import Incall, Place
from callrec.domain.errors import Refused, Unavailable
from callrec.domain.rules import PlaceKind, Rule
from callrec.domain.vocabulary import ControlAnswer, Outcome
from callrec.protocols.ami import Message
from callrec_lab.simulated_asterisk import ALICE, TABLES, Stage, away, event, virtual

CAPTURE, NEXT = CaptureId("c1-1-1"), CaptureId("c1-1-2")
LEG = LegId("1.1")
SHORT_S = 0.1


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def session(stage: Stage) -> Session:
    """The one call."""
    (only,) = stage.call_router.live()
    return only


async def recorded(stage: Stage) -> None:
    """Alice talks to Bob and has pressed: proven to be recorded."""
    stage.call()
    assert await stage.call_router.press(LEG, ALICE, 8000) is Outcome.STARTED
    stage.asterisk.grow(CAPTURE)
    await stage.passes(1.1)
    assert session(stage).state is State.RECORDING


@virtual
async def test_a_call_is_recorded_from_press_to_press_and_handed_over(stage: Stage) -> None:
    """Intent before the recorder; tones; lamps of both; the id in the journal; one recording for intake."""
    async with stage.running():
        await recorded(stage)
        assert stage.asterisk.lit == {"1": True, "2": True}
        assert await stage.call_router.press(LEG, ALICE, 8000) is Outcome.STOPPED
        await stage.passes(0.1)
        assert stage.asterisk.lit == {"1": False, "2": False}
    (handed,) = stage.handed
    assert [(capture.id, capture.mixmonitor) for capture in handed.captures] == [(CAPTURE, "0x1")]
    assert stage.journal.steps("c1-1") == ["intent", "opened", "changed", "changed", "ended"]
    assert stage.asterisk.tones == ["started", "started", "stopped", "stopped"]
    assert len(handed.announcements) == 1
    assert [(one.is_heard, one.packets) for one in handed.hearings] == [(True, 16)] * 2
    assert stage.heard.alarms == stage.heard.defects == []


@virtual
async def test_a_full_mailbox_drops_the_oldest_and_counts_it(stage: Stage) -> None:
    places = Conversations(LegPlaces(stage))
    actor = Worker(
        Session(CallId("c"), "1.1", NodeId("n")), stage.call_ports, reply=lambda _: None, lit=frozenset, places=places
    )
    for _ in range(QUEUE_EVENTS + 2):
        actor.post(ResyncEnded())
    assert stage.heard.lost == ["call-mailbox"] * 2


@virtual
async def test_an_event_that_cannot_be_handled_ends_neither_its_call_nor_another(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A defect of ours is told, and the next event is handled."""
    handle = worker.handle

    def broken(of: Session, news: Event, now: object, at_mono_s: float) -> object:
        if isinstance(news, DialEnded):
            raise RuntimeError("a defect")  # noqa: TRY004 - a defect, of whatever type
        return handle(of, news, now, at_mono_s)  # type: ignore[arg-type] # as it came

    monkeypatch.setattr(worker, "handle", broken)
    async with stage.running():
        stage.call()
        stage.call_router.asterisk(event("DialEnd", "1.1", "alice"))
        assert await stage.call_router.press(LEG, ALICE, 8000) is Outcome.STARTED
    assert len(stage.heard.defects) == 1
    assert "DialEnded" in stage.heard.defects[0]


@virtual
async def test_a_command_that_breaks_does_not_keep_the_next_from_being_done(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_fact: Tell) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr(stage.heard, "told", broken)
    async with stage.running():
        stage.call()
        await stage.call_router.press(LEG, ALICE, 8000)
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
        assert await stage.call_router.press(LEG, ALICE, 8000) is Outcome.STARTED
        assert asyncio.get_running_loop().time() - began_s <= 2 * JOURNAL_S
        for capture in list(stage.asterisk.running):
            stage.asterisk.close(capture)
        for leg, name in (("1.1", "alice"), ("1.2", "bob")):
            stage.call_router.asterisk(event("Hangup", leg, name))
        await stage.passes(10)
    assert len(stage.handed) == 1
    assert set(stage.heard.alarms) == {alarm}


# -- what only Asterisk can add ----------------------------------------------------------------------------------------


@virtual
async def test_a_call_to_a_number_that_is_recorded_is_recorded_at_the_rate_of_who_takes_it(stage: Stage) -> None:
    """No rule of the user says so: the number's does."""
    did = Incall("2050", "from-extern", ALICE.id, record=Rule.ALWAYS)
    stage.directory = Directory(replace(TABLES, incalls=(did,)))
    more = {"Exten": "2050", "Context": "from-extern"}
    async with stage.running():
        stage.call_router.asterisk(event("Newchannel", "1.1", "trunk", **more))
        stage.call_router.asterisk(event("Newchannel", "1.2", "alice", linkedid="1.1", **more))
        for leg, name in (("1.1", "trunk"), ("1.2", "alice")):
            stage.call_router.asterisk(event("BridgeEnter", leg, name, linkedid="1.1", BridgeUniqueid="b"))
        await stage.passes(0.1)
        recording = session(stage).recording
        assert recording is not None
        assert (recording.rule, recording.rule_origin) == (Rule.ALWAYS, "incall:2050@from-extern")
        assert [("1.2", 8000)] == [(one.leg, one.rate_hz) for one in recording.captures]


@virtual
async def test_the_rate_of_a_leg_that_policy_may_record_is_asked_for_once(stage: Stage) -> None:
    async with stage.running():
        stage.call("ever", "bob")
        stage.call_router.asterisk(event("BridgeEnter", "1.1", "ever", linkedid="1.1", BridgeUniqueid="b2"))
        stage.call_router.asterisk(event("BridgeEnter", "1.2", "bob", linkedid="1.1", BridgeUniqueid="b2"))
        await stage.passes(0.1)
        assert stage.asterisk.requested_rates == [LEG]
        assert session(stage).capture is not None
        assert session(stage).rates_hz == {LEG: 8000}


@virtual
@pytest.mark.parametrize(
    ("application", "fault", "missing"),
    [("PJSIP/alice,qw", None, ["supervisor"]), ("PJSIP/alice,q", None, []), ("", away("ami-down"), ["supervisor"])],
    ids=["whispers", "listens", "not known"],
)
async def test_a_supervisor_may_speak_as_their_leg_says(
    stage: Stage, application: str, fault: Unavailable | None, missing: list[str]
) -> None:
    """Their leg is in another call, and is asked for the arguments of ChanSpy."""
    stage.asterisk.applications[LegId("9.1")] = ("ChanSpy", application)
    async with stage.running():
        await recorded(stage)
        if fault:
            stage.asterisk.faults["application_on"] = fault
        who = {"SpyerChannel": "PJSIP/boss-00000009", "SpyerUniqueid": "9.1", "SpyerLinkedid": "9.1"}
        stage.call_router.asterisk(Message((("Event", "ChanSpyStart"), *who.items(), ("SpyeeUniqueid", LEG))))
        await stage.passes(2)
        recording = session(stage).recording
        assert recording is not None
        assert [one.cause for one in recording.missing] == missing
        assert LegId("9.1") in {party.leg for party in recording.parties}


@virtual
async def test_without_an_answer_the_take_is_made_wide_enough_for_anything(stage: Stage) -> None:
    stage.asterisk.faults["audio"] = away("ami-outcome-unknown")
    async with stage.running():
        stage.call("ever", "bob")
        await stage.passes(0.1)
        capture = session(stage).capture
        assert capture is not None
        assert capture.rate_hz == 16000


@virtual
async def test_files_that_close_while_asterisk_cannot_be_asked_are_judged_when_it_can(stage: Stage) -> None:
    """Nobody stopped it: the leg keeps its note. A new capture begins, no earlier than Asterisk can be asked."""
    async with stage.running():
        await recorded(stage)
        stage.link_is_up = False
        stage.asterisk.close(CAPTURE)
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
        stage.asterisk.close(CAPTURE)
        await stage.passes(5)
        assert list(stage.asterisk.running) == []
        assert session(stage).state is State.IDLE
    (handed,) = stage.handed
    assert handed.captures[0].cause == ""


@virtual
async def test_when_nobody_can_say_who_stopped_it_it_is_begun_again(stage: Stage) -> None:
    async with stage.running():
        await recorded(stage)
        stage.asterisk.recorders[LEG] = ""
        stage.asterisk.faults["recorder_on"] = away()
        stage.asterisk.close(CAPTURE)
        await stage.passes(2)
        assert list(stage.asterisk.running) == ["c1-1-2"]


@virtual
async def test_files_that_close_with_their_leg_need_no_question(stage: Stage) -> None:
    """The hangup explains it, in whatever order the two are told."""
    stage.asterisk.faults["recorder_on"] = Refused("asked", "nobody may ask")
    async with stage.running():
        await recorded(stage)
        stage.asterisk.close(CAPTURE)
        stage.call_router.asterisk(event("Hangup", "1.1", "alice"))
        await stage.passes(2)
        stage.call_router.asterisk(event("Hangup", "1.2", "bob"))
        await stage.passes(10)
    assert [capture.cause for handed in stage.handed for capture in handed.captures] == [""]


# -- what Asterisk does not do -----------------------------------------------------------------------------------------


@virtual
async def test_a_recorder_that_is_refused_is_tried_once_more_and_then_failed(stage: Stage) -> None:
    stage.asterisk.faults["start"] = Refused("ami-error", "no")
    async with stage.running():
        stage.call()
        assert await stage.call_router.press(LEG, ALICE, 8000) is Outcome.FAILED
        await stage.passes(5)
    (handed,) = stage.handed
    assert [capture.cause for capture in handed.captures] == ["ami-error", "ami-error"]
    assert "failed" in stage.asterisk.tones


@virtual
async def test_a_recorder_that_begins_after_it_was_given_up_is_ended(stage: Stage) -> None:
    """Told to have failed, and then not recorded: also when Asterisk does late what it was asked."""
    stage.asterisk.faults["start"] = away("ami-outcome-unknown")
    async with stage.running():
        stage.call()
        assert await stage.call_router.press(LEG, ALICE, 8000) is Outcome.UNAVAILABLE
        await stage.passes(5)
        (handed,) = stage.handed
        del stage.asterisk.faults["start"]
        stage.asterisk.faults["stop"] = away()
        await stage.asterisk.start(handed.captures[0], handed.rule)
        await stage.passes(3 * LATE_LOOK_S)
        assert list(stage.asterisk.running) == [CAPTURE]
        del stage.asterisk.faults["stop"]
        await stage.passes(2 * LATE_LOOK_S)
        assert list(stage.asterisk.running) == []


def begins_without_an_answer(stage: Stage, *, as_partner: bool = False) -> None:
    """Asterisk does what it is asked, and its answer is lost."""
    begin = stage.asterisk.start

    async def start(capture: Capture, rule: Rule) -> str:
        mixmonitor = await begin(capture, rule)
        if capture.is_partner == as_partner:
            raise away("ami-outcome-unknown")
        return mixmonitor

    stage.asterisk.start = start  # type: ignore[method-assign] # a line that loses answers


@virtual
async def test_a_recorder_whose_start_was_not_answered_is_identified_and_stopped(stage: Stage) -> None:
    """Its files are there: it counts as at work until they are closed, however long Asterisk cannot be asked."""
    begins_without_an_answer(stage)
    stage.asterisk.faults["mixmonitor_of"] = stage.asterisk.faults["stop"] = away()
    async with stage.running():
        stage.call()
        assert await stage.call_router.press(LEG, ALICE, 8000) is Outcome.UNAVAILABLE
        await stage.passes(2 * LATE_LOOKS * LATE_LOOK_S)
        assert CAPTURE in session(stage).open_captures
        stage.asterisk.faults.clear()
        await stage.passes(2 * LATE_LOOK_S)
        assert list(stage.asterisk.running) == []
        assert CAPTURE not in session(stage).open_captures


@virtual
async def test_no_pause_is_proven_while_a_recorder_may_be_at_work(stage: Stage) -> None:
    """Suspect, since the first capture broke off; of the further one nothing is known but its files."""
    async with stage.running() as call_router:
        stage.call("ever")
        stage.asterisk.grow(CAPTURE)
        await stage.passes(1.1)
        begins_without_an_answer(stage)
        stage.asterisk.faults["mixmonitor_of"] = away()
        stage.asterisk.close(CAPTURE)
        await stage.passes(Terms().limits.lost_s + 0.1)
        assert (session(stage).state, NEXT in stage.asterisk.running) == (State.SUSPECT, True)
        stage.asterisk.faults["mute"] = stage.asterisk.faults["stop"] = away()
        assert await call_router.control(CallId("c1"), Control.PAUSE, "", None) is ControlAnswer.ACCEPTED
        await stage.passes(60)
        assert (state_of(session(stage)), "paused" in stage.asterisk.tones) == (LiveState.PAUSING, False)
        stage.asterisk.faults.clear()
        await stage.passes(2 * LATE_LOOK_S)
        assert (state_of(session(stage)), list(stage.asterisk.running)) == (LiveState.PAUSED, [])


@virtual
async def test_a_recorder_that_begins_late_in_a_pause_has_no_file_to_write_to(stage: Stage) -> None:
    """So the pause is proven at once."""
    async with stage.running() as call_router:
        stage.call("ever")
        stage.asterisk.grow(CAPTURE)
        await stage.passes(1.1)
        stage.asterisk.faults["start"] = away("ami-outcome-unknown")
        stage.asterisk.close(CAPTURE)
        await stage.passes(Terms().limits.lost_s + 0.1)
        capture = session(stage).capture
        assert capture
        assert (session(stage).state, capture.id) == (State.SUSPECT, NEXT)
        assert await call_router.control(CallId("c1"), Control.PAUSE, "", None) is ControlAnswer.ACCEPTED
        assert state_of(await call_router.until(CallId("c1"), lambda _: True, 1)) is LiveState.PAUSED
        stage.asterisk.faults.clear()
        await stage.asterisk.start(capture, Rule.ALWAYS)
        assert stage.spool.capture_files(NEXT) is None
        await stage.passes(2 * LATE_LOOK_S)
        assert list(stage.asterisk.running) == []


@virtual
async def test_a_disk_that_cannot_say_whether_a_recorder_has_begun_is_asked_again(stage: Stage) -> None:
    """Until then it may be at work."""
    stage.asterisk.faults["start"] = away("ami-outcome-unknown")
    async with stage.running() as call_router:
        stage.call()
        stage.spool.fault = away("disk")
        await call_router.press(LEG, ALICE, 8000)
        await stage.passes(1)
        assert CAPTURE in session(stage).open_captures
        stage.spool.fault = None
        await stage.passes(2 * LATE_LOOK_S)
        assert CAPTURE not in session(stage).open_captures
        assert [one.id for one in stage.handed] == ["c1-1"]


@virtual
async def test_one_that_never_begins_is_looked_for_no_longer_than_half_a_minute(stage: Stage) -> None:
    stage.asterisk.faults["start"] = away("ami-outcome-unknown")
    async with stage.running() as call_router:
        stage.call()
        await call_router.press(LEG, ALICE, 8000)
        await stage.passes(LATE_LOOKS * LATE_LOOK_S + 1)
        assert stage.background.at_once == 0


@virtual
async def test_a_stop_that_is_refused_takes_nothing_from_what_is_captured(stage: Stage) -> None:
    stage.asterisk.faults["stop"] = Refused("ami-error", "no")
    async with stage.running():
        await recorded(stage)
        assert await stage.call_router.press(LEG, ALICE, 8000) is Outcome.FAILED
        assert list(stage.asterisk.running) == [CAPTURE]
        stage.hang_up()
        await stage.passes(10)
    (handed,) = stage.handed
    assert len(handed.captures) == 1


@virtual
async def test_a_take_that_has_no_files_is_closed_with_its_stop(stage: Stage) -> None:
    """Nobody would tell that they close."""
    stage.asterisk.silent = True
    async with stage.running():
        stage.call()
        pressed = asyncio.create_task(stage.call_router.press(LEG, ALICE, 8000))
        await stage.passes(1.5)
        assert await stage.call_router.press(LEG, ALICE, 8000) is Outcome.STOPPED
        assert await pressed is Outcome.STOPPED
    assert len(stage.handed) == 1


@virtual
async def test_a_pause_that_cannot_be_made_is_told_to_the_call(stage: Stage) -> None:
    """What goes on being heard must not be called paused."""
    stage.asterisk.faults["mute"] = Refused("ami-error", "no")
    async with stage.running():
        await recorded(stage)
        (actor,) = stage.call_router._calls.values()
        capture = session(stage).capture
        assert capture is not None
        await actor._do(MuteCapture(capture, muted=True))
        assert actor._queue.get_nowait()[0] == MuteRefused(CAPTURE, muted=True, cause="ami-error")
        stage.asterisk.faults.clear()
        await actor._do(MuteCapture(capture, muted=True))
        assert stage.asterisk.muted == [(CAPTURE, True)]
        assert actor._queue.get_nowait()[0] == CaptureMuted(CAPTURE, muted=True)


@virtual
async def test_a_tone_that_fails_is_an_alarm_and_no_announcement(stage: Stage) -> None:
    stage.asterisk.faults["play"] = away("ari-down")
    async with stage.running():
        await recorded(stage)
        recording = session(stage).recording
        assert recording is not None
        assert recording.announcements == ()
        assert [(one.is_heard, one.cause) for one in recording.hearings] == [(False, "ari-down")] * 2
    assert stage.heard.alarms == ["announce: ari-down"]


@virtual
async def test_a_lamp_is_set_to_what_is_true_when_it_is_set(stage: Stage) -> None:
    """Alice is in two recorded calls: the end of one does not darken her lamp."""
    async with stage.running():
        await recorded(stage)
        stage.call(nth=2)
        await stage.call_router.press(LegId("2.1"), ALICE, 8000)
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
    """Neither phone sends: that is no dead recorder, and no further capture helps. Of what cannot be counted it may be one."""
    async with stage.running():
        await recorded(stage)
        stage.asterisk.packet_counts = packets
        await stage.passes(QUIET_S + GROWING_CHECK_S + EXAMINED_S + WRITTEN_S)
        assert stage.heard.alarms == alarms
        assert len(stage.call_router.live()[0].recording.captures) == 1 + len(alarms)  # type: ignore[union-attr]
    assert stage.heard.defects == []


@pytest.mark.parametrize(("fax", "cause"), [(False, "no-decoder: g729"), (True, "t38")])
@virtual
async def test_a_file_that_does_not_grow_since_the_codec_has_changed_is_no_dead_recorder(
    stage: Stage, fax: bool, cause: str
) -> None:
    """It is stopped, and one that follows begins when the leg can be heard again."""
    async with stage.running():
        await recorded(stage)
        stage.asterisk.undecodable, stage.asterisk.faxes = ({}, {LEG}) if fax else ({LEG: cause}, set())
        await stage.passes(QUIET_S + GROWING_CHECK_S + 1)
        assert (stage.heard.alarms, stage.asterisk.running) == ([cause], {})
        await stage.passes(60)
        assert stage.asterisk.running == {}
        stage.asterisk.undecodable, stage.asterisk.faxes = {}, set()
        await stage.passes(10)
        assert list(stage.asterisk.running) == [NEXT]
    assert stage.heard.defects == []


@virtual
async def test_no_recorder_begins_on_a_leg_that_none_can_hear(stage: Stage) -> None:
    stage.asterisk.undecodable = {LEG: "no-decoder: opus"}
    async with stage.running():
        stage.call("ever", "bob")
        await stage.passes(30)
        assert (stage.asterisk.running, stage.heard.alarms) == ({}, ["no-decoder: opus"])
        assert len(session(stage).recording.captures) == 1  # type: ignore[union-attr]
        stage.asterisk.undecodable = {}
        await stage.passes(10)
        assert list(stage.asterisk.running) == [NEXT]
    assert stage.heard.defects == []


@virtual
async def test_a_take_that_grows_after_all_or_is_put_on_hold_while_it_is_examined_is_let_be(stage: Stage) -> None:
    """One examination at a time."""
    async with stage.running():
        await recorded(stage)
        (actor,) = stage.call_router._calls.values()
        capture = session(stage).capture
        assert capture is not None
        stage.asterisk.packet_counts = [100, 900, 100, 900]
        await actor._do(Examine(capture))
        await actor._do(Examine(capture))
        await stage.passes(EXAMINED_S / 2)
        stage.asterisk.grow(CAPTURE)
        await stage.passes(EXAMINED_S)
        assert stage.asterisk.packet_counts == [100, 900]
        await actor._do(Examine(capture))
        await stage.passes(EXAMINED_S / 2)
        stage.call_router.asterisk(event("Hold", "1.1", "alice"))
        await stage.passes(EXAMINED_S)
    assert stage.heard.alarms == stage.heard.defects == []


@virtual
async def test_who_begins_to_speak_in_the_last_moment_of_an_examination_proves_no_dead_recorder(stage: Stage) -> None:
    """Asterisk writes 32 KiB at once: the packets are there before they are in the file."""
    async with stage.running():
        await recorded(stage)
        stage.asterisk.packet_counts = [100, 250]
        await stage.passes(QUIET_S + GROWING_CHECK_S + EXAMINED_S)
        stage.asterisk.grow(CAPTURE)
        await stage.passes(WRITTEN_S)
    assert stage.heard.alarms == []


@virtual
async def test_a_leg_that_cannot_be_asked_for_is_not_let_be(stage: Stage) -> None:
    stage.asterisk.faults["packets"] = away("ami")
    async with stage.running():
        await recorded(stage)
        await stage.passes(QUIET_S + GROWING_CHECK_S + EXAMINED_S + WRITTEN_S)
    assert stage.heard.alarms == ["stalled"]


# -- a new partner -------------------------------------------------------------------------------------------------------


async def transferred(stage: Stage) -> None:
    """Alice's call is recorded, and goes on with Ever in another bridge."""
    await recorded(stage)
    await meet_another(stage)


async def meet_another(stage: Stage) -> None:
    """Bob leaves, and Ever comes."""
    for name, leg, who in (("BridgeLeave", "1.2", "bob"), ("BridgeLeave", "1.1", "alice"), ("Hangup", "1.2", "bob")):
        stage.call_router.asterisk(event(name, leg, who, linkedid="1.1", BridgeUniqueid="b1"))
    stage.call_router.asterisk(event("Newchannel", "1.3", "stranger", linkedid="1.1"))
    for leg, who in (("1.1", "alice"), ("1.3", "stranger")):
        stage.call_router.asterisk(event("BridgeEnter", leg, who, linkedid="1.1", BridgeUniqueid="b2"))
    await stage.passes(0.1)


@virtual
async def test_a_new_partner_is_captured_until_the_recorder_hears_them(stage: Stage) -> None:
    """Silence since they met proves nothing, and a fifth of a second of sound is enough. Nobody is told of anything."""
    async with stage.running():
        await transferred(stage)
        assert stage.asterisk.partner_recorders == {"1.3": "0x2"}
        hears = stage.asterisk.folder / f"{CAPTURE}.write.sln"
        says = stage.asterisk.folder / f"{CAPTURE}.read.sln"
        for seconds in (1, 2, 3):
            hears.write_bytes(b"\1\2" * 400 + bytes(2 * 8000 * seconds))
            says.write_bytes(bytes(hears.stat().st_size))
            await stage.passes(GROWTH_CHECK_S)
        assert stage.asterisk.partner_recorders == {"1.3": "0x2"}, "silence"
        for path, sound in ((hears, b"\1\0" * 1600), (says, bytes(3200))):
            with path.open("ab") as file:
                file.write(sound)
        await stage.passes(GROWTH_CHECK_S)
        assert stage.asterisk.partner_recorders == {"1.3": ""}
        assert stage.asterisk.recorders == {LEG: "0x1"}
        assert session(stage).state is State.RECORDING
    assert stage.heard.alarms == []


@virtual
async def test_a_partner_is_awaited_no_longer_than_the_conversation(stage: Stage) -> None:
    """The recording hands over both captures, and its files are forgotten."""
    async with stage.running():
        await transferred(stage)
        await stage.call_router.press(LEG, ALICE, 8000)
        await stage.passes(2)
        assert stage.asterisk.partner_recorders == {"1.3": ""}
        assert stage.asterisk.running == {}
    (handed,) = stage.handed
    assert [(one.leg, one.to_s is None) for one in handed.partner_captures] == [("1.3", False)]


@virtual
async def test_a_partner_capture_that_asterisk_refuses_is_tried_again_and_told(stage: Stage) -> None:
    """Three times at most: what is refused so often would be refused again. The recording goes on."""
    async with stage.running():
        await recorded(stage)
        stage.asterisk.faults["start"] = Refused("ami-error", "no")
        await meet_another(stage)
        await stage.passes(10)
        recording = session(stage).recording
        assert recording
        assert [one.cause for one in recording.partner_captures] == ["ami-error"] * 3
        assert session(stage).state is State.RECORDING
    assert stage.heard.alarms == ["ami-error"] * 3


@virtual
async def test_a_user_with_an_application_is_recorded_when_asterisk_says_what_it_is(stage: Stage) -> None:
    """At the rate of their leg. While Asterisk does not say, nothing is recorded, and the entry says so."""
    for nth, fault in (("1", None), ("2", away())):
        async with stage.running():
            stage.asterisk.faults = {"application_on": fault} if fault else {}
            leg = LegId(f"{nth}.1")
            stage.asterisk.applications[leg] = ("Echo", "")
            stage.call_router.asterisk(event("Newchannel", leg, "ever", Exten="*43"))
            stage.call_router.asterisk(event("Newstate", leg, "ever", ChannelState="6"))
            await stage.passes(3)
            assert [capture for capture in stage.asterisk.running if fault is None] == [*stage.asterisk.running]
            for capture in list(stage.asterisk.running):
                assert capture.endswith("-1-1")
                stage.asterisk.close(capture)
            stage.call_router.asterisk(event("Hangup", leg, "ever"))
            await stage.passes(5)
    assert [("", 1), ("not-covered", 0)] == [(one.cause, len(one.captures)) for one in stage.handed]
    assert [8000] == [one.rate_hz for one in stage.handed[0].captures]


# -- queues and conferences --------------------------------------------------------------------------------------------


def at_queue(stage: Stage, rule: Rule) -> None:
    """A queue with a rule, whose caller is a stranger and whose agent is Ever, who is flagged, or Alice."""
    stage.directory = Directory(replace(TABLES, places=(Place(PlaceKind.QUEUE, "support", rule),)))
    stage.asterisk.applications = {LEG: ("Queue", "support,c"), LegId("1.2"): ("AppQueue", "(Outgoing Line)")}


@virtual
async def test_the_rule_of_a_queue_is_known_when_its_agent_answers(stage: Stage) -> None:
    at_queue(stage, Rule.ALWAYS)
    async with stage.running():
        stage.call("trunk", "alice")
        await stage.passes(0.1)
        recording = session(stage).recording
        assert recording is not None
        assert (recording.rule, recording.rule_origin) == (Rule.ALWAYS, "queue:support")
        assert [one.leg for one in recording.captures] == ["1.2"]
        assert stage.asterisk.queues == {LEG: "support"}  # for a daemon that starts after a transfer


@virtual
async def test_a_queue_that_is_never_recorded_protects_its_calls_from_the_rules_of_users(stage: Stage) -> None:
    at_queue(stage, Rule.NEVER)
    async with stage.running():
        stage.call("trunk", "ever")
        await stage.passes(0.1)
        assert session(stage).recording is None


@virtual
async def test_a_rule_that_asterisk_tells_late_ends_what_had_begun(stage: Stage) -> None:
    """It did not answer at the beginning of the conversation."""
    at_queue(stage, Rule.NEVER)
    stage.asterisk.faults["application_on"] = away()
    async with stage.running():
        stage.call("trunk", "ever")
        await stage.passes(0.1)
        assert session(stage).state in ACTIVE
        await stage.passes(PLACE_AGAIN_S)
        del stage.asterisk.faults["application_on"]
        await stage.passes(PLACE_AGAIN_S)
        assert session(stage).state is not State.RECORDING
        assert stage.asterisk.running == {}
    assert stage.heard.defects == []


@virtual
async def test_asterisk_is_asked_again_for_a_while_only(stage: Stage) -> None:
    at_queue(stage, Rule.NEVER)
    stage.asterisk.faults["application_on"] = away()
    async with stage.running():
        stage.call("trunk", "alice")
        await stage.passes(PLACE_AGAIN_S * (PLACE_TRIES + 1))
        del stage.asterisk.faults["application_on"]
        await stage.passes(PLACE_AGAIN_S * 2)
        assert all(leg.at is None for leg in session(stage).legs.values())
    assert stage.heard.defects == []


@virtual
async def test_a_caller_who_gives_up_while_an_agent_rings_has_an_entry(stage: Stage) -> None:
    """The queue's rule is asked for when it rings the agent."""
    at_queue(stage, Rule.ALWAYS)
    async with stage.running():
        stage.call_router.asterisk(event("Newchannel", "1.1", "trunk"))
        stage.call_router.asterisk(event("Newchannel", "1.2", "alice", linkedid="1.1"))
        dial = {"DestUniqueid": "1.2", "DestChannel": "PJSIP/alice-00000001", "DestLinkedid": "1.1"}
        stage.call_router.asterisk(event("DialBegin", "1.1", "trunk", **dial))
        await stage.passes(0.1)
        for leg, name in (("1.2", "alice"), ("1.1", "trunk")):
            stage.call_router.asterisk(event("Hangup", leg, name, linkedid="1.1"))
        await stage.passes(0.1)
    (entry,) = stage.handed
    assert (entry.cause, entry.rule_origin) == ("unanswered: CANCEL", "queue:support")


@virtual
async def test_a_flagged_user_who_comes_to_a_queue_that_is_never_recorded_is_recorded_until_then(stage: Stage) -> None:
    """A menu first: the recording of the talk with it ends when the queue rings an agent."""
    at_queue(stage, Rule.NEVER)
    stage.asterisk.applications[LEG] = ("Read", "x")
    async with stage.running():
        stage.call_router.asterisk(event("Newchannel", "1.1", "ever"))
        stage.call_router.asterisk(event("Newstate", "1.1", "ever", ChannelState="6"))
        await stage.passes(0.2)
        assert session(stage).state in ACTIVE
        stage.asterisk.applications[LEG] = ("Queue", "support")
        stage.call_router.asterisk(event("Newchannel", "1.2", "alice", linkedid="1.1"))
        dial = {"DestUniqueid": "1.2", "DestChannel": "PJSIP/alice-00000001", "DestLinkedid": "1.1"}
        stage.call_router.asterisk(event("DialBegin", "1.1", "ever", **dial))
        await stage.passes(0.2)
        assert stage.asterisk.running == {}


@virtual
async def test_a_flagged_user_who_waits_in_a_conference_that_is_never_recorded_is_not_recorded(stage: Stage) -> None:
    stage.directory = Directory(replace(TABLES, places=(Place(PlaceKind.CONFERENCE, "7003", Rule.NEVER),)))
    stage.asterisk.applications = {LEG: ("ConfBridge", "7003")}
    async with stage.running():
        stage.call_router.asterisk(event("Newchannel", "1.1", "ever"))
        stage.call_router.asterisk(event("Newstate", "1.1", "ever", ChannelState="6"))
        await stage.passes(3)
        assert stage.asterisk.running == {}


@virtual
async def test_what_is_told_of_a_leg_that_is_gone_changes_nothing(stage: Stage) -> None:
    async with stage.running():
        stage.call()
        await stage.passes(0.1)
        (leg, *_) = session(stage).legs.values()
        before = session(stage)
        stage.call_router._by_leg[LEG].post(PlaceTold(replace(leg, id=LegId("9.9"))))
        await stage.passes(0.1)
        assert session(stage).legs == before.legs
