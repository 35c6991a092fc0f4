"""What remains become: tables of what the journal, the legs' recorders and the spool say."""

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest
from stage import ALICE, BOB, EPOCH_S, EVER, SECOND, TABLES, FragileSpool

from callrec.app import reconcile
from callrec.app.ports import Capture
from callrec.app.reconcile import Running
from callrec.domain.lifecycle import Entry, Step
from callrec.domain.model import (
    POLICY,
    SYSTEM,
    Actor,
    ActorKind,
    CallId,
    Interval,
    LegId,
    NodeId,
    Party,
    Recording,
    RecordingId,
    Take,
    TakeId,
    Waiting,
    WaitingKind,
)
from callrec.domain.naming import DegradedFile, LegFile, Side
from callrec.domain.provisioning.directory import Directory
from callrec.domain.provisioning.model import Rule

NODE = NodeId("n")
LEG = LegId("1.1")
TAKE = Take(TakeId("c1-1-1"), LEG, "PJSIP/alice-1", 8000, EPOCH_S, mixmonitor="0x1")
RECORDING = Recording(
    RecordingId("c1-1"), CallId("c1"), "1.1", NODE, Rule.ALWAYS, POLICY, EPOCH_S,
    takes=(TAKE,), parties=(Party(LEG, ALICE.id, "1001", "Alice", EPOCH_S),), pauses=(Interval(EPOCH_S + 1),),
)  # fmt: skip
BEFORE, AFTER = EPOCH_S - 100, EPOCH_S + 100
"""Asterisk began before the take, or after it: then it is another one."""


@pytest.fixture
def spool(tmp_path: Path) -> FragileSpool:
    return FragileSpool(tmp_path)


def lay(spool: FragileSpool, take: Take = TAKE, seconds: int = 2, shorter: int = 0) -> None:
    """The take's files."""
    Path(spool.path(take, "read")).write_bytes(SECOND * seconds)
    Path(spool.path(take, "write")).write_bytes(SECOND * (seconds - shorter))


def degraded(
    rule: Rule = Rule.ALWAYS, endpoint: str = "ever", uniqueid: str = "1.1", epoch_s: int = int(EPOCH_S)
) -> DegradedFile:
    """One side of what the dialplan captured."""
    return DegradedFile(rule, endpoint, uniqueid, epoch_s, Side.READ, 8000)


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
    spool: FragileSpool, mixmonitor: str, recorders: reconcile.Recorders, has_files: bool, adopted: str | None
) -> None:
    if has_files:
        lay(spool)
    recording = replace(RECORDING, takes=(replace(TAKE, mixmonitor=mixmonitor),))
    plan = reconcile.plan([Entry(Step.OPENED, recording)], recorders, spool, BEFORE, 0.0)
    if adopted is None:
        assert (plan.adopt, [one.id for one in plan.finish]) == ((), ["c1-1"])
        assert plan.finish[0].takes[0].cause == ""
    else:
        assert plan.finish == ()
        assert plan.adopt == (replace(recording, takes=(replace(TAKE, mixmonitor=adopted),)),)


@pytest.mark.parametrize(
    ("since_s", "recorders", "cause"),
    [(BEFORE, {}, ""), (AFTER, {}, "asterisk-died"), (EPOCH_S + 1, {}, ""), (AFTER, {LEG: ""}, "")],
    ids=["hung up", "died", "in the same second", "lives, unrecorded"],
)
def test_a_leg_that_went_with_its_asterisk_says_so(
    spool: FragileSpool, since_s: float, recorders: reconcile.Recorders, cause: str
) -> None:
    lay(spool)
    (finished,) = reconcile.plan([Entry(Step.OPENED, RECORDING)], recorders, spool, since_s, 0.0).finish
    assert finished.takes == (replace(TAKE, to_s=EPOCH_S + 2, cause=cause),)


def test_what_had_ended_and_what_never_had_a_take_go_as_they_are(spool: FragileSpool) -> None:
    """Their legs may live: that makes no difference."""
    over, bare = replace(RECORDING, to_s=EPOCH_S + 9), replace(RECORDING, id=RecordingId("c1-2"), takes=())
    plan = reconcile.plan([Entry(Step.ENDED, over), Entry(Step.CHANGED, bare)], {LEG: "0x1"}, spool, BEFORE, 0.0)
    assert plan == reconcile.Plan((), (over, bare))


def test_everything_ends_where_the_files_do(spool: FragileSpool) -> None:
    """The longer side counts; what had an end or a cause keeps it; a take without files has no length."""
    second = replace(TAKE, id=TakeId("c1-1-2"), from_s=EPOCH_S + 5)
    lost = replace(TAKE, id=TakeId("c1-1-3"), from_s=EPOCH_S + 6, cause="file-not-opened")
    lay(spool, second, 3, shorter=2)
    recording = replace(RECORDING, takes=(replace(TAKE, to_s=EPOCH_S + 4), second, lost))
    assert reconcile.ended(recording, spool, "why") == replace(
        recording,
        to_s=EPOCH_S + 8,
        takes=(
            replace(TAKE, to_s=EPOCH_S + 4),
            replace(second, to_s=EPOCH_S + 8, cause="why"),
            replace(lost, to_s=EPOCH_S + 6),
        ),
        parties=(replace(RECORDING.parties[0], to_s=EPOCH_S + 8),),
        pauses=(Interval(EPOCH_S + 1, EPOCH_S + 8),),
    )


def test_a_take_whose_recorder_ended_without_us_lasted_until_its_files_were_closed(spool: FragileSpool) -> None:
    """The daemon was dead at the hangup; neither phone had sent anything for three of eight seconds: it was *sound*."""
    lay(spool, TAKE, 5)
    for side in ("read", "write"):
        os.utime(spool.path(TAKE, side), (0, time.time() - 60))
    recording = replace(RECORDING, mono_s=1_000.0)
    done = reconcile.ended(recording, spool, "", now_mono_s=1_068.1)
    assert done.to_s == pytest.approx(EPOCH_S + 8, abs=0.5)
    assert reconcile.ended(recording, spool, "", now_mono_s=10.0).to_s == EPOCH_S + 5, "the machine was booted since"
    lost = replace(recording, takes=(replace(TAKE, id=TakeId("c1-1-7")),))
    assert reconcile.ended(lost, spool, "", now_mono_s=1_068.1).to_s == EPOCH_S, "no file tells nothing"


def test_a_wait_that_lasted_ends_with_the_recording(spool: FragileSpool) -> None:
    """It had no end in the entry."""
    lay(spool, TAKE, 5)
    waits = (Waiting(EPOCH_S + 2, None, WaitingKind.HOLD), Waiting(EPOCH_S + 9, None, WaitingKind.MUSIC))
    done = reconcile.ended(replace(RECORDING, waiting=waits), spool, "")
    assert done.waiting == (Waiting(EPOCH_S + 2, EPOCH_S + 5, WaitingKind.HOLD),)


def test_ends_that_are_known_stay(spool: FragileSpool) -> None:
    whole = replace(
        RECORDING,
        to_s=EPOCH_S + 3,
        takes=(),
        parties=(replace(RECORDING.parties[0], to_s=EPOCH_S + 2),),
        pauses=(Interval(EPOCH_S, EPOCH_S + 1),),
    )
    assert reconcile.ended(whole, spool, "why") == whole
    assert reconcile.ended(replace(whole, to_s=None), spool, "").to_s == EPOCH_S


@pytest.mark.parametrize(
    ("capture", "length_s"),
    [
        (None, 0.0),
        (Capture(TAKE.id, 8000, 16000, None), 1.0),
        (Capture(TAKE.id, 16000, None, 16000), 0.5),
        (Capture(TAKE.id, 8000, None, None), 0.0),
    ],
)
def test_a_capture_is_as_long_as_its_longer_side(capture: Capture | None, length_s: float) -> None:
    assert reconcile.length_s(capture) == length_s


# -- what no journal speaks of -----------------------------------------------------------------------------------------


def test_captures_that_nobody_knows_become_recordings_that_say_so(spool: FragileSpool) -> None:
    """Takes of one recording stay together, one behind the other; those that are known are left alone."""
    lay(spool)
    for name, seconds in (("c2-1-1", 2), ("c2-1-2", 1), ("c3-4-1", 1)):
        lay(spool, replace(TAKE, id=TakeId(name)), seconds)
    first, second = reconcile.orphans(spool.captures(), [RECORDING], NODE, EPOCH_S + 10)
    assert (first.id, first.call, second.id) == ("c2-1001", "c2", "c3-4001")
    assert (first.actor, first.cause, first.from_s, first.to_s) == (SYSTEM, "journal-lost", EPOCH_S + 7, EPOCH_S + 10)
    assert [(take.id, take.from_s, take.to_s, take.cause) for take in first.takes] == [
        ("c2-1-1", EPOCH_S + 7, EPOCH_S + 9, "journal-lost"),
        ("c2-1-2", EPOCH_S + 9, EPOCH_S + 10, "journal-lost"),
    ]


def test_an_orphan_has_an_id_that_its_call_gives_to_no_recording(spool: FragileSpool) -> None:
    """Its first take gives it, in the order of numbers and not of letters; each take tells what it can be a part of."""
    for nth in (10, 9, 1):
        lay(spool, replace(TAKE, id=TakeId(f"c2-3-{nth}")))
    known = replace(RECORDING, takes=(replace(TAKE, id=TakeId("c2-3-1")),))
    (orphan,) = reconcile.orphans(spool.captures(), [known], NODE, EPOCH_S)
    assert (orphan.id, orphan.call) == ("c2-3009", "c2")
    assert [take.id for take in orphan.takes] == ["c2-3-9", "c2-3-10"]
    assert all(reconcile.may_be_of(take.id, orphan.id) for take in orphan.takes)


@pytest.mark.parametrize(
    ("recording", "is_so"),
    [("c2-3", True), ("c2-3001", True), ("c2-3002", True), ("c2-3003", False), ("c2-3000", False), ("c1-3001", False)],
)
def test_a_take_is_its_recordings_or_an_orphans_from_an_earlier_take_on(recording: str, is_so: bool) -> None:
    assert reconcile.may_be_of(TakeId("c2-3-2"), RecordingId(recording)) is is_so


@pytest.mark.parametrize(
    ("file", "actor", "party"),
    [
        (degraded(), Actor(ActorKind.POLICY, EVER.id, LEG), Party(LEG, EVER.id, "1003", "Ever", EPOCH_S)),
        (
            degraded(Rule.ON_DEMAND, "bob"),
            Actor(ActorKind.USER, BOB.id, LEG),
            Party(LEG, BOB.id, "1002", "Bob", EPOCH_S),
        ),
        (degraded(endpoint="gone"), Actor(ActorKind.POLICY, None, LEG), Party(LEG, None, "", "", EPOCH_S)),
    ],
    ids=["policy", "press", "a user who is gone"],
)
def test_what_the_dialplan_captured_has_its_rule_and_its_user(file: DegradedFile, actor: Actor, party: Party) -> None:
    """Both sides are one recording, with an id that follows from the name."""
    sides = [file, replace(file, side=Side.WRITE)]
    (recording,) = reconcile.degraded(sides, Directory(TABLES), NODE)
    assert (recording.id, recording.rule, recording.actor) == (f"d{int(EPOCH_S)}x1x1-1", file.rule, actor)
    assert recording.parties == (party,)
    assert [take.id for take in recording.takes] == [reconcile.degraded_take(one) for one in sides][:1]
    assert reconcile.degraded_take(sides[0]) == reconcile.degraded_take(sides[1])


def test_each_start_of_the_dialplans_recorder_is_a_recording() -> None:
    files = [degraded(epoch_s=int(EPOCH_S) + nth) for nth in (1, 0)]
    found = reconcile.degraded(files, Directory(TABLES), NODE)
    assert [recording.from_s for recording in found] == [EPOCH_S, EPOCH_S + 1]


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
    (recording,) = reconcile.degraded([degraded(rule)], Directory(TABLES), NODE)
    if seconds is not None:
        lay(spool, recording.takes[0], seconds)
    done = reconcile.degraded_ended(recording, spool)
    assert (done.cause, done.to_s) == (cause, EPOCH_S + (seconds or 0))


def test_only_the_newest_capture_of_a_leg_that_has_a_recorder_is_running() -> None:
    files = [
        degraded(uniqueid=leg, epoch_s=int(EPOCH_S) + nth) for leg in ("1.1", "2.1", "3.1", "4.1") for nth in (1, 0)
    ]
    recorders = {LegId("1.1"): "0x1", LegId("2.1"): "", LegId("3.1"): None}
    assert reconcile.running(files, recorders) == (degraded(epoch_s=int(EPOCH_S) + 1),)


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
def test_a_capture_that_becomes_ours_began_when_its_files_say(
    spool: FragileSpool, rule: Rule, seconds: int, from_s: float
) -> None:
    """Its parties are told by Asterisk."""
    (recording,) = reconcile.degraded([degraded(rule)], Directory(TABLES), NODE)
    lay(spool, recording.takes[0], seconds)
    ours = reconcile.going_on(recording, spool, "0x5", EPOCH_S + 10)
    assert (ours.takes[0].from_s, ours.takes[0].mixmonitor, ours.parties) == (from_s, "0x5", ())
    assert ours.from_s == from_s, "what was before that is no loss"
    assert LegFile(ours.takes[0].id, Side.READ, 8000).name.startswith("d")


# -- several recorders at once -----------------------------------------------------------------------------------------


def running(name: str, rule: Rule = Rule.ON_DEMAND, leg: str = "1.1", after_s: float = 0) -> Running:
    """A recorder of ours."""
    take = replace(TAKE, id=TakeId(f"{name}-1"), leg=LegId(leg))
    return Running(replace(RECORDING, id=RecordingId(name), rule=rule, from_s=EPOCH_S + after_s, takes=(take,)))


def of_dialplan(leg: str, rule: Rule = Rule.ON_DEMAND, after_s: int = 0) -> Running:
    """One of the dialplan's."""
    return reconcile.began(degraded(rule, "bob", leg, int(EPOCH_S) + after_s), "0x7", Directory(TABLES), NODE)


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
        assert reconcile.one_for_each_call(both, linkedids, ()) == ([first], [second])


def test_each_call_has_one_and_a_call_that_is_recorded_already_none() -> None:
    one, other, third = of_dialplan("1.1"), of_dialplan("2.1"), of_dialplan("3.1")
    linkedids = {LegId(leg): leg for leg in ("1.1", "2.1", "3.1")}
    assert reconcile.one_for_each_call([one, other, third], linkedids, {"2.1"}) == ([one, third], [other])


def test_what_is_stopped_has_its_end_then_and_keeps_an_older_one() -> None:
    stopped = running("c1-1").stopped(EPOCH_S + 5)
    assert (stopped.recording.to_s, stopped.take.to_s) == (EPOCH_S + 5, EPOCH_S + 5)
    asked = replace(stopped, recording=replace(RECORDING, to_s=EPOCH_S + 1)).stopped(EPOCH_S + 5)
    assert (asked.recording.to_s, asked.take.to_s) == (EPOCH_S + 1, EPOCH_S + 5)
