"""What remains become: tables of what the journal, the legs' recorders and the spool say."""

import math
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from callrec.app.recovery import fallback_recordings
from callrec.app.recovery import plan as recovery_plan
from callrec.app.recovery.plan import Running
from callrec.domain.calls.captures.fallback_notes import CaptureNote
from callrec.domain.calls.ids import CallId, CaptureId, LegId, NodeId, RecordingId, may_be_of
from callrec.domain.calls.journal import Entry, Step
from callrec.domain.calls.model import (
    POLICY,
    SYSTEM,
    Actor,
    ActorKind,
    Capture,
    Control,
    Instant,
    Party,
    Pause,
    Presence,
    Recording,
    Waiting,
    WaitingKind,
)
from callrec.domain.directory.directory import Directory
from callrec.domain.library.captures import CaptureFiles
from callrec.domain.library.file_names import CaptureFile, FallbackFile, Side
from callrec.domain.rules import Rule
from callrec_lab.simulated_asterisk import ALICE, BOB, EPOCH_S, EVER, SECOND, TABLES, FragileSpool

NODE = NodeId("n")
LEG = LegId("1.1")
CAPTURE = Capture(CaptureId("c1-1-1"), LEG, "PJSIP/alice-1", 8000, EPOCH_S, mixmonitor="0x1")
RECORDING = Recording(
    RecordingId("c1-1"), CallId("c1"), "1.1", NODE, Rule.ALWAYS, POLICY, EPOCH_S,
    captures=(CAPTURE,), parties=(Party(LEG, ALICE.id, "1001", "Alice", EPOCH_S),), pauses=(Pause(EPOCH_S + 1),),
)  # fmt: skip
BEFORE, AFTER = EPOCH_S - 100, EPOCH_S + 100
"""Asterisk began before the capture, or after it: then it is another one."""


@pytest.fixture
def spool(tmp_path: Path) -> FragileSpool:
    return FragileSpool(tmp_path)


def lay(spool: FragileSpool, capture: Capture = CAPTURE, seconds: int = 2, shorter: int = 0) -> None:
    """The capture's files."""
    Path(spool.path(capture, "read")).write_bytes(SECOND * seconds)
    Path(spool.path(capture, "write")).write_bytes(SECOND * (seconds - shorter))


def looked(spool: FragileSpool, recording: Recording) -> recovery_plan.Spooled:
    """What the spool tells of its captures."""
    ids = [capture.id for capture in recording.captures]
    return {one: recovery_plan.Found(spool.capture_files(one), spool.written_ago_s(one)) for one in ids}


def planned(
    entries: list[Entry], recorders: recovery_plan.Recorders, spool: FragileSpool, since_s: float, now_mono_s: float
) -> recovery_plan.Plan:
    """The plan, with a look at the files that it has to know."""
    wanted = recovery_plan.to_look_at(entries, recorders)
    spooled = {
        one: found for entry in entries for one, found in looked(spool, entry.recording).items() if one in wanted
    }
    return recovery_plan.plan(entries, recorders, spooled, since_s, now_mono_s)


def fallback(
    rule: Rule = Rule.ALWAYS, endpoint: str = "ever", uniqueid: str = "1.1", epoch_s: int = int(EPOCH_S)
) -> FallbackFile:
    """One side of what the dialplan captured."""
    return FallbackFile(rule, endpoint, uniqueid, epoch_s, Side.READ, 8000)


# -- what the journal speaks of ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mixmonitor", "recorders", "has_files", "adopted"),
    [
        ("0x1", {LEG: "0x1"}, True, "0x1"),
        ("0x1", {LEG: None}, True, "0x1"),
        ("", {LEG: "0x7"}, True, "0x7"),
        ("", {LEG: None}, True, ""),
        ("0x1", {LEG: ""}, True, None),
        ("0x1", {LEG: "0x2"}, True, None),
        ("", {LEG: ""}, True, None),
        ("", {LEG: "0x7"}, False, None),
        ("0x1", {}, True, None),
    ],
    ids=[
        "its recorder works",
        "nobody could say",
        "killed before the id was known",
        "neither is known",
        "a press stopped it",
        "another recorder is there",
        "it never began",
        "the recorder is somebody else's",
        "the leg is gone",
    ],
)
def test_a_take_is_adopted_when_the_legs_recorder_is_its_own(
    spool: FragileSpool, mixmonitor: str, recorders: recovery_plan.Recorders, has_files: bool, adopted: str | None
) -> None:
    if has_files:
        lay(spool)
    recording = replace(RECORDING, captures=(replace(CAPTURE, mixmonitor=mixmonitor),), pauses=())
    plan = planned([Entry(Step.OPENED, recording)], recorders, spool, BEFORE, 0.0)
    if adopted is None:
        assert (plan.adopt, [one.id for one in plan.finish]) == ((), ["c1-1"])
        assert plan.finish[0].captures[0].cause == ""
    else:
        assert plan.finish == ()
        assert plan.adopt == (replace(recording, captures=(replace(CAPTURE, mixmonitor=adopted),)),)


OTHER_LEG = LegId("1.2")


@pytest.mark.parametrize(
    ("rule", "to_s", "legs", "place"),
    [
        (Rule.ALWAYS, None, {LEG: ""}, None),
        (Rule.ALWAYS, None, {OTHER_LEG: ""}, OTHER_LEG),
        (Rule.ON_DEMAND, EPOCH_S + 2, {LEG: "0x2"}, None),
        (Rule.ON_DEMAND, None, {OTHER_LEG: ""}, OTHER_LEG),
    ],
    ids=["stopped", "transferred", "only its place was kept", "the presser's leg is gone"],
)
def test_a_pause_goes_on_without_a_recorder(
    spool: FragileSpool, rule: Rule, to_s: float | None, legs: recovery_plan.Recorders, place: LegId | None
) -> None:
    """A new recording of the same call would hold what is said in it. The place is on a leg that is there."""
    parties = (*RECORDING.parties, Party(OTHER_LEG, None, "1002", "", EPOCH_S))
    captures = (replace(CAPTURE, to_s=to_s),)
    recording = replace(RECORDING, rule=rule, captures=captures, parties=parties, mono_s=10.0)
    plan = planned([Entry(Step.CHANGED, recording)], legs, spool, BEFORE, 13.0)
    assert plan.finish == ()
    (going_on,) = plan.adopt
    assert going_on.is_paused
    last = going_on.captures[-1]
    assert (last.leg, last.to_s is not None) == (place or LEG, True)
    assert last.is_place is (to_s is None)


@pytest.mark.parametrize(
    ("changed", "legs"),
    [
        ({"rule": Rule.ON_DEMAND}, {LEG: ""}),
        ({"to_s": EPOCH_S + 3}, {LEG: ""}),
        ({}, {}),
        ({"pauses": (Pause(EPOCH_S + 1, EPOCH_S + 2),)}, {LEG: ""}),
    ],
    ids=["a press stopped it", "it had ended", "nobody is there", "the pause was over"],
)
def test_a_paused_recording_ends_all_the_same(
    spool: FragileSpool, changed: dict[str, Any], legs: recovery_plan.Recorders
) -> None:
    lay(spool)
    plan = planned([Entry(Step.CHANGED, replace(RECORDING, **changed))], legs, spool, BEFORE, 0.0)
    assert (plan.adopt, len(plan.finish)) == ((), 1)


def test_a_note_on_a_leg_tells_of_a_pause_that_the_journal_does_not_know() -> None:
    """Unknown is paused; what is known already stays as it is."""
    live = Running(replace(RECORDING, pauses=()))
    paused = recovery_plan.with_pause(live, EPOCH_S + 4.0).recording
    assert paused.pauses == (Pause(EPOCH_S + 4.0, is_proven=False),)
    assert [(step.control, step.reason) for step in paused.controls] == [(Control.PAUSE, "restart")]
    assert recovery_plan.with_pause(live, None) is live
    for known in (Running(RECORDING), Running(replace(live.recording, to_s=EPOCH_S + 5))):
        assert recovery_plan.with_pause(known, EPOCH_S + 4.0) is known


def test_a_fallback_capture_that_a_daemon_died_adopting_names_each_participant_once(spool: FragileSpool) -> None:
    """The journal has the participant of the dialplan's note; the list of channels tells the same one's leg."""
    lay(spool)
    noted = fallback_recordings.with_other(RECORDING, CaptureNote("bob", "1002"), Directory(TABLES))
    ruled = fallback_recordings.with_other(RECORDING, CaptureNote("", "", "queue:support"), Directory(TABLES))
    assert (noted.rule_origin, ruled.rule_origin, ruled.parties) == ("", "queue:support", RECORDING.parties)
    stranger = replace(RECORDING, parties=(replace(RECORDING.parties[0], user=None, number=""),))
    note = CaptureNote("", "2070", "queue:support", "+49301")
    assert [one.number for one in fallback_recordings.with_other(stranger, note, Directory(TABLES)).parties] == [
        "+49301",
        "2070",
    ]
    assert fallback_recordings.with_other(RECORDING, note, Directory(TABLES)).parties[0] == RECORDING.parties[0]
    assert [party.number for party in noted.parties] == ["1001", "1002"]
    plan = planned([Entry(Step.INTENT, noted)], {LEG: "0x1"}, spool, BEFORE, 0.0)
    assert [party.number for party in plan.adopt[0].parties] == ["1001"]


@pytest.mark.parametrize(
    ("since_s", "recorders", "cause"),
    [(BEFORE, {}, ""), (AFTER, {}, "asterisk-died"), (EPOCH_S + 1, {}, ""), (AFTER, {LEG: ""}, "")],
    ids=["hung up", "died", "in the same second", "lives, unrecorded"],
)
def test_a_leg_that_went_with_its_asterisk_says_so(
    spool: FragileSpool, since_s: float, recorders: recovery_plan.Recorders, cause: str
) -> None:
    lay(spool)
    recording = replace(RECORDING, pauses=())
    (finished,) = planned([Entry(Step.OPENED, recording)], recorders, spool, since_s, 0.0).finish
    assert finished.captures == (replace(CAPTURE, to_s=EPOCH_S + 2, cause=cause),)


def test_what_had_ended_and_what_never_had_a_take_go_as_they_are(spool: FragileSpool) -> None:
    """Their legs may live: that makes no difference."""
    over, bare = replace(RECORDING, to_s=EPOCH_S + 9), replace(RECORDING, id=RecordingId("c1-2"), captures=())
    plan = planned([Entry(Step.ENDED, over), Entry(Step.CHANGED, bare)], {LEG: "0x1"}, spool, BEFORE, 0.0)
    assert plan == recovery_plan.Plan((), (over, bare))


def test_everything_ends_where_the_files_do(spool: FragileSpool) -> None:
    """The longer side counts; what had an end or a cause keeps it; a capture without files has no length."""
    second = replace(CAPTURE, id=CaptureId("c1-1-2"), from_s=EPOCH_S + 5)
    lost = replace(CAPTURE, id=CaptureId("c1-1-3"), from_s=EPOCH_S + 6, cause="file-not-opened")
    lay(spool, second, 3, shorter=2)
    recording = replace(RECORDING, captures=(replace(CAPTURE, to_s=EPOCH_S + 4), second, lost))
    assert recovery_plan.ended(recording, looked(spool, recording), "why") == replace(
        recording,
        to_s=EPOCH_S + 8,
        captures=(
            replace(CAPTURE, to_s=EPOCH_S + 4),
            replace(second, to_s=EPOCH_S + 8, cause="why"),
            replace(lost, to_s=EPOCH_S + 6),
        ),
        parties=(replace(RECORDING.parties[0], to_s=EPOCH_S + 8),),
        pauses=(Pause(EPOCH_S + 1, EPOCH_S + 8),),
    )


def test_a_take_whose_recorder_ended_without_us_lasted_until_its_files_were_closed(spool: FragileSpool) -> None:
    """The daemon was dead at the hangup; neither phone had sent anything for three of eight seconds: it was *sound*."""
    lay(spool, CAPTURE, 5)
    for side in ("read", "write"):
        os.utime(spool.path(CAPTURE, side), (0, time.time() - 60))
    recording = replace(RECORDING, mono_s=1_000.0)
    done = recovery_plan.ended(recording, looked(spool, recording), "", now_mono_s=1_068.1)
    assert done.to_s == pytest.approx(EPOCH_S + 8, abs=0.5)
    assert recovery_plan.ended(recording, looked(spool, recording), "", now_mono_s=10.0).to_s == EPOCH_S + 5, (
        "the machine was booted since"
    )
    lost = replace(recording, captures=(replace(CAPTURE, id=CaptureId("c1-1-7")),))
    assert recovery_plan.ended(lost, looked(spool, lost), "", now_mono_s=1_068.1).to_s == EPOCH_S, (
        "no file tells nothing"
    )


def test_a_wait_that_lasted_ends_with_the_recording(spool: FragileSpool) -> None:
    """It had no end in the entry."""
    lay(spool, CAPTURE, 5)
    waits = (Waiting(EPOCH_S + 2, None, WaitingKind.HOLD), Waiting(EPOCH_S + 9, None, WaitingKind.MUSIC))
    done = recovery_plan.ended(replace(RECORDING, waiting=waits), looked(spool, RECORDING), "")
    assert done.waiting == (Waiting(EPOCH_S + 2, EPOCH_S + 5, WaitingKind.HOLD),)


def test_ends_that_are_known_stay(spool: FragileSpool) -> None:
    whole = replace(
        RECORDING,
        to_s=EPOCH_S + 3,
        captures=(),
        parties=(replace(RECORDING.parties[0], to_s=EPOCH_S + 2),),
        pauses=(Pause(EPOCH_S, EPOCH_S + 1),),
    )
    assert recovery_plan.ended(whole, looked(spool, whole), "why") == whole
    assert recovery_plan.ended(replace(whole, to_s=None), {}, "").to_s == EPOCH_S


# -- what no journal speaks of -----------------------------------------------------------------------------------------


def test_captures_that_nobody_knows_become_recordings_that_say_so(spool: FragileSpool) -> None:
    """Takes of one recording stay together, one behind the other; those that are known are left alone."""
    lay(spool)
    for name, seconds in (("c2-1-1", 2), ("c2-1-2", 1), ("c3-4-1", 1)):
        lay(spool, replace(CAPTURE, id=CaptureId(name)), seconds)
    first, second = recovery_plan.orphans(spool.captured_files(), [RECORDING], NODE, EPOCH_S + 10)
    assert (first.id, first.call, second.id) == ("c2-1001", "c2", "c3-4001")
    assert (first.actor, first.cause, first.from_s, first.to_s) == (SYSTEM, "journal-lost", EPOCH_S + 7, EPOCH_S + 10)
    assert [(capture.id, capture.from_s, capture.to_s, capture.cause) for capture in first.captures] == [
        ("c2-1-1", EPOCH_S + 7, EPOCH_S + 9, "journal-lost"),
        ("c2-1-2", EPOCH_S + 9, EPOCH_S + 10, "journal-lost"),
    ]


def test_an_orphan_has_an_id_that_its_call_gives_to_no_recording(spool: FragileSpool) -> None:
    """Its first capture gives it, in the order of numbers and not of letters; each capture tells what it can be a part of."""
    for nth in (10, 9, 1):
        lay(spool, replace(CAPTURE, id=CaptureId(f"c2-3-{nth}")))
    known = replace(RECORDING, captures=(replace(CAPTURE, id=CaptureId("c2-3-1")),))
    (orphan,) = recovery_plan.orphans(spool.captured_files(), [known], NODE, EPOCH_S)
    assert (orphan.id, orphan.call) == ("c2-3009", "c2")
    assert [capture.id for capture in orphan.captures] == ["c2-3-9", "c2-3-10"]
    assert all(may_be_of(capture.id, orphan.id) for capture in orphan.captures)


@pytest.mark.parametrize(
    ("file", "actor", "party"),
    [
        (fallback(), Actor(ActorKind.POLICY, EVER.id, LEG), Party(LEG, EVER.id, "1003", "Ever", EPOCH_S)),
        (
            fallback(Rule.ON_DEMAND, "bob"),
            Actor(ActorKind.USER, BOB.id, LEG),
            Party(LEG, BOB.id, "1002", "Bob", EPOCH_S),
        ),
        (fallback(endpoint="gone"), Actor(ActorKind.POLICY, None, LEG), Party(LEG, None, "", "", EPOCH_S)),
    ],
    ids=["policy", "press", "a user who is gone"],
)
def test_what_the_dialplan_captured_has_its_rule_and_its_user(file: FallbackFile, actor: Actor, party: Party) -> None:
    """Both sides are one recording, with an id that follows from the name."""
    first, second = (
        fallback_recordings.fallback(one, Directory(TABLES), NODE) for one in (file, replace(file, side=Side.WRITE))
    )
    assert first == second
    assert (first.id, first.rule, first.actor) == (f"d{int(EPOCH_S)}x1x1-1", file.rule, actor)
    assert first.parties == (party,)
    assert [capture.id for capture in first.captures] == [file.capture]


@pytest.mark.parametrize(
    ("rule", "seconds", "cause"),
    [
        (Rule.ALWAYS, 0, "unanswered: while the daemon was away"),
        (Rule.ALWAYS, 2, ""),
        (Rule.ON_DEMAND, 0, ""),
        (Rule.ALWAYS, None, ""),
    ],
    ids=["nobody answered", "somebody did", "a press is in a conversation", "no files"],
)
def test_an_empty_capture_of_a_standing_rule_is_an_unanswered_call(
    spool: FragileSpool, rule: Rule, seconds: int | None, cause: str
) -> None:
    recording = fallback_recordings.fallback(fallback(rule), Directory(TABLES), NODE)
    if seconds is not None:
        lay(spool, recording.captures[0], seconds)
    done = fallback_recordings.fallback_ended(recording, looked(spool, recording), 0.0)
    assert (done.cause, done.to_s) == (cause, EPOCH_S + (seconds or 0))


@pytest.mark.parametrize(
    ("seconds", "noted", "since_s", "expected"),
    [
        (2, (3.5, 5.75), 0.0, ("", 3.5, 5.75)),
        (2, (3.5, 8.5), 0.0, ("", 3.5, 8.5)),
        (9, (3.5, 5.75), 0.0, ("", 3.5, 12.5)),
        (2, (3.5, None), 0.0, ("", 3.5, 5.5)),
        (0, (3.5, 8.5), 0.0, ("", 3.5, 8.5)),
        (0, (None, 8.5), 60.0, ("unanswered: while the daemon was away", 0.0, 0.0)),
        (0, (None, None), 60.0, ("asterisk-died", 0.0, 0.0)),
        (0, (3.5, None), 60.0, ("asterisk-died", 3.5, 3.5)),
        (0, (None, None), math.inf, ("link-down", 0.0, 0.0)),
    ],
    ids=[
        *(
            "whole",
            "in three seconds nobody sent",
            "longer than it lasted",
            "its end is not known",
            "answered and empty",
        ),
        *("not answered", "Asterisk died", "Asterisk died after the answer", "Asterisk is away"),
    ],
)
def test_a_capture_lasted_as_the_dialplan_noted(
    spool: FragileSpool,
    seconds: float,
    noted: tuple[float | None, float | None],
    since_s: float,
    expected: tuple[str, float, float],
) -> None:
    """A file that is shorter lacks something, and without an end Asterisk died before it could write it."""
    recording = fallback_recordings.fallback(fallback(Rule.ALWAYS), Directory(TABLES), NODE)
    lay(spool, recording.captures[0], seconds)
    began_s, ended_s = (None if one is None else EPOCH_S + one for one in noted)
    note = CaptureNote("bob", "1002", began_s=began_s, ended_s=ended_s)
    done = fallback_recordings.fallback_ended(recording, looked(spool, recording), EPOCH_S + since_s, note)
    (capture,) = done.captures
    assert capture.to_s is not None
    assert (done.cause or capture.cause, capture.from_s - EPOCH_S, capture.to_s - EPOCH_S) == expected
    assert (done.from_s, done.to_s) == (capture.from_s, capture.to_s)


def test_only_the_newest_capture_of_a_leg_that_has_a_recorder_is_running() -> None:
    files = [
        fallback(uniqueid=leg, epoch_s=int(EPOCH_S) + nth) for leg in ("1.1", "2.1", "3.1", "4.1") for nth in (1, 0)
    ]
    recorders = {LegId("1.1"): "0x1", LegId("2.1"): "", LegId("3.1"): None}
    assert fallback_recordings.running(files, recorders) == (fallback(epoch_s=int(EPOCH_S) + 1),)


@pytest.mark.parametrize(
    ("rule", "seconds", "from_s"),
    [
        (Rule.ON_DEMAND, 2, EPOCH_S + 1),
        (Rule.ON_DEMAND, 30, EPOCH_S),
        (Rule.ALWAYS, 2, EPOCH_S + 8),
        (Rule.ALWAYS, 0, EPOCH_S + 10),
        (Rule.ALWAYS, 30, EPOCH_S),
    ],
    ids=[
        "in the second of the press",
        "from the press on",
        "from the answer on",
        "from now on",
        "never before the call",
    ],
)
def test_a_capture_that_becomes_ours_began_when_its_files_say(rule: Rule, seconds: int, from_s: float) -> None:
    """Its parties are told by Asterisk."""
    recording = fallback_recordings.fallback(fallback(rule), Directory(TABLES), NODE)
    ours = fallback_recordings.going_on(recording, float(seconds), "0x5", EPOCH_S + 10)
    assert (ours.captures[0].from_s, ours.captures[0].mixmonitor, ours.parties) == (from_s, "0x5", ())
    assert ours.from_s == from_s, "what was before that is no loss"
    assert CaptureFile(ours.captures[0].id, Side.READ, 8000).name.startswith("d")


# -- several recorders at once -----------------------------------------------------------------------------------------


def running(name: str, rule: Rule = Rule.ON_DEMAND, leg: str = "1.1", after_s: float = 0) -> Running:
    """A recorder of ours."""
    capture = replace(CAPTURE, id=CaptureId(f"{name}-1"), leg=LegId(leg))
    return Running(replace(RECORDING, id=RecordingId(name), rule=rule, from_s=EPOCH_S + after_s, captures=(capture,)))


def of_dialplan(leg: str, rule: Rule = Rule.ON_DEMAND, after_s: int = 0) -> Running:
    """One of the dialplan's."""
    return fallback_recordings.began(fallback(rule, "bob", leg, int(EPOCH_S) + after_s), "0x7", Directory(TABLES), NODE)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (running("c1-1", after_s=9), of_dialplan("1.2", Rule.ALWAYS)),
        (running("c1-1", Rule.ALWAYS, after_s=9), running("c2-1", leg="1.2")),
        (of_dialplan("1.1", Rule.ALWAYS, 9), of_dialplan("1.2")),
        (of_dialplan("1.1"), of_dialplan("1.2", after_s=1)),
        (of_dialplan("1.1", after_s=9), running("c1-1", Rule.ALWAYS, "1.2").stopped(EPOCH_S + 5)),
    ],
    ids=["ours", "always", "always, the dialplan's", "the oldest", "not what is being stopped"],
)
def test_of_two_recorders_in_one_call_the_better_one_goes_on(first: Running, second: Running) -> None:
    """Whatever order they are found in."""
    linkedids = {LEG: "1.1", LegId("1.2"): "1.1"}
    for both in ([first, second], [second, first]):
        assert recovery_plan.one_for_each_call(both, linkedids, ()) == ([first], [second])


def test_each_call_has_one_and_a_call_that_is_recorded_already_none() -> None:
    one, other, third = of_dialplan("1.1"), of_dialplan("2.1"), of_dialplan("3.1")
    linkedids = {LegId(leg): leg for leg in ("1.1", "2.1", "3.1")}
    assert recovery_plan.one_for_each_call([one, other, third], linkedids, {"2.1"}) == ([one, third], [other])


def test_what_is_stopped_has_its_end_then_and_keeps_an_older_one() -> None:
    stopped = running("c1-1").stopped(EPOCH_S + 5)
    assert (stopped.recording.to_s, stopped.capture.to_s) == (EPOCH_S + 5, EPOCH_S + 5)
    asked = replace(stopped, recording=replace(RECORDING, to_s=EPOCH_S + 1)).stopped(EPOCH_S + 5)
    assert (asked.recording.to_s, asked.capture.to_s) == (EPOCH_S + 1, EPOCH_S + 5)


PARTNER = Capture(
    CaptureId("c1-1-2"), LegId("1.2"), "PJSIP/bob-1", 8000, EPOCH_S + 2, mixmonitor="0x2", is_partner=True
)
WITH_TRACKS = replace(
    RECORDING, mono_s=50.0, partner_captures=(PARTNER,), presences=(Presence(LEG, EPOCH_S), Presence(PARTNER.leg, EPOCH_S + 2))
)  # fmt: skip


@pytest.mark.parametrize(
    ("recording", "recorders", "kept"),
    [
        (WITH_TRACKS, {LEG: "0x1", PARTNER.leg: ""}, True),
        (replace(WITH_TRACKS, presences=None), {LEG: "0x1", PARTNER.leg: ""}, False),
        (replace(WITH_TRACKS, to_s=EPOCH_S + 3), {LEG: "0x1", PARTNER.leg: ""}, False),
        (replace(WITH_TRACKS, captures=()), {LEG: "0x1", PARTNER.leg: ""}, False),
        (WITH_TRACKS, {LEG: "", PARTNER.leg: ""}, False),
        (WITH_TRACKS, {LEG: "0x1"}, False),
        (
            replace(WITH_TRACKS, partner_captures=(replace(PARTNER, mixmonitor=""),)),
            {LEG: "0x1", PARTNER.leg: ""},
            False,
        ),
        (
            replace(WITH_TRACKS, partner_captures=(replace(PARTNER, to_s=EPOCH_S + 3),)),
            {LEG: "0x1", PARTNER.leg: ""},
            False,
        ),
    ],
)
def test_partner_captures_go_on_with_their_recording_when_it_has_tracks(
    recording: Recording, recorders: dict[LegId, str | None], kept: bool
) -> None:
    """Those whose leg and MixMonitorID are known."""
    found = recovery_plan.kept_partners(recording, recorders)
    assert found == (recording.partner_captures if kept else ())


def test_what_goes_on_has_no_end_and_what_is_stopped_ends_now() -> None:
    now = Instant(0.0, 60.0)
    assert recovery_plan.with_others_ended(WITH_TRACKS, now, keep={PARTNER.id}) == WITH_TRACKS
    (ended,) = recovery_plan.with_others_ended(WITH_TRACKS, now).partner_captures
    assert ended.to_s == EPOCH_S + 10.0


def test_a_partner_who_left_meanwhile_was_there_until_their_files_end() -> None:
    """A second after the daemon died; it came back six seconds later."""
    files = CaptureFiles(PARTNER.id, 8000, 16_000, 16_000)
    spooled = {PARTNER.id: recovery_plan.Found(files, written_ago_s=6.0)}
    found = recovery_plan.with_others_ended(WITH_TRACKS, Instant(0.0, 60.0), spooled)
    assert found.partner_captures[0].to_s == pytest.approx(EPOCH_S + 3.9)
    assert found.presences is not None
    assert [one.to_s for one in found.presences] == [None, pytest.approx(EPOCH_S + 3.9)]
