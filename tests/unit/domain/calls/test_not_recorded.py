"""Entries without a file: nobody answered, nobody was reached, or a user talked with an application."""

from dataclasses import replace

import pytest

from callrec.domain.calls.commands import HandOver
from callrec.domain.calls.events import (
    CallMerged,
    DeadlinePassed,
    DialEnded,
    DialStarted,
    Event,
    FeatureCodeDialled,
    LegAnswered,
    LegAppeared,
    LegBridged,
    LegGone,
    Wait,
)
from callrec.domain.calls.handle import handle
from callrec.domain.calls.ids import BridgeId, CallId, LegId, NodeId
from callrec.domain.calls.model import Direction, Instant, Leg, Recording
from callrec.domain.calls.policy import Terms
from callrec.domain.calls.session import Session
from callrec.domain.directory.model import User
from callrec.domain.rules import RecordRules, Rule, UserId

FLAGGED = User(UserId("4"), "Dora", call_record=True)
OUTSIDE_ONLY = User(UserId("5"), "Olaf", rules=RecordRules(out_external=Rule.ALWAYS, in_internal=Rule.NEVER))
BOB = User(UserId("2"), "Bob")
CALLER = Leg(LegId("a"), "PJSIP/a-1", Direction.OUT, FLAGGED, "1004", "Dora", dialled="*43")
LOCAL = Leg(LegId("l"), "Local/1@q-1;1", Direction.IN)
NO_ROUTE, NORMAL, INTERWORKING = 3, 16, 127


def rung(user: User | None, number: str) -> Leg:
    return Leg(LegId(number), f"PJSIP/{number}-1", Direction.IN, user, number)


class Call:
    """A call whose time passes when it is told to."""

    def __init__(self) -> None:
        self.session = Session(CallId("c"), "c.1", NodeId("n"), Terms())
        self.now_s = 0.0
        self.handed: list[Recording] = []

    def on(self, *events: Event) -> "Call":
        """These happen."""
        for event in events:
            self.session, commands = handle(self.session, event, Instant(1_000 + self.now_s, self.now_s))
            self.handed += [command.recording for command in commands if isinstance(command, HandOver)]
        return self

    def later(self, seconds: float) -> "Call":
        """Time passes."""
        self.now_s += seconds
        return self

    def answered(self, leg: Leg = CALLER) -> "Call":
        """By an application, or by its phone."""
        return self.on(LegAppeared(leg), LegAnswered(leg.id))

    def ends(self, *legs: Leg, cause: int = NORMAL) -> list[tuple[str, list[str]]]:
        """(cause, numbers) of each entry."""
        self.on(*(LegGone(leg.id, cause) for leg in legs))
        return [(one.cause, [party.number for party in one.parties]) for one in self.handed]


# -- a user alone with an application ----------------------------------------------------------------------------------


def test_a_user_whom_policy_always_records_has_an_entry_when_they_talk_with_an_application() -> None:
    """From the answer to the hangup; what they dialled is the other party."""
    call = Call().answered().later(2)
    assert [("not-covered", ["1004", "*43"])] == call.ends(CALLER)
    (entry,) = call.handed
    assert (1_000.0, 1_002.0, (), Rule.ALWAYS) == (entry.from_s, entry.to_s, entry.captures, entry.rule)
    assert [(1_000.0, 1_002.0)] * 2 == [(party.from_s, party.to_s) for party in entry.parties]


def test_a_user_whom_asterisk_has_called_for_an_application_dialled_nothing() -> None:
    assert [("not-covered", ["1004"])] == Call().answered(replace(CALLER, dialled="")).later(9).ends(CALLER)


@pytest.mark.parametrize(
    ("user", "seconds", "served", "due"),
    [
        (FLAGGED, 1.9, False, False),
        (FLAGGED, 60, True, False),  # a feature code of ours
        (BOB, 60, False, False),
        (None, 60, False, False),
        (OUTSIDE_ONLY, 60, False, True),  # an application is no user: a call to outside
        (replace(FLAGGED, rules=RecordRules(out_external=Rule.NEVER)), 60, False, False),
    ],
)
def test_whose_time_with_an_application_needs_an_entry(
    user: User | None, seconds: float, *, served: bool, due: bool
) -> None:
    leg = replace(CALLER, user=user)
    call = Call().answered(leg)
    call.on(*([FeatureCodeDialled(leg.id)] if served else []))
    assert due == bool(call.later(seconds).ends(leg))


def test_ringing_behind_an_answered_leg_is_no_application() -> None:
    """Nobody answered: that is what is said. Local channels are nobody."""
    bob = rung(BOB, "1002")
    call = Call().answered().later(1).on(LegAppeared(LOCAL), LegAppeared(bob)).later(30)
    call.on(LegGone(bob.id), LegGone(LOCAL.id), DialEnded("NOANSWER"))
    assert [("unanswered: NOANSWER", ["1004", "1002"])] == call.later(1).ends(CALLER)


def test_a_mailbox_that_answers_for_who_did_not_is_an_application() -> None:
    """One entry, with both."""
    bob = rung(BOB, "1002")
    call = Call().on(LegAppeared(CALLER), LegAppeared(bob)).later(9)
    call.on(LegGone(bob.id), DialEnded("NOANSWER"), LegAnswered(CALLER.id)).later(9)
    assert [("not-covered", ["1004", "1002"])] == call.ends(CALLER)


def test_a_conversation_makes_a_call_one_of_people() -> None:
    """After it music on hold: the conversation's rules are the call's."""
    bob = rung(BOB, "1002")
    leg = replace(CALLER, user=OUTSIDE_ONLY)
    call = Call().answered(leg).later(1).on(LegAppeared(bob))
    call.on(LegBridged(BridgeId("b"), leg, 8000), LegBridged(BridgeId("b"), bob, 8000))
    call.later(5).on(LegGone(bob.id)).later(60)
    assert [] == call.ends(leg)


def test_of_a_call_that_was_over_when_the_link_came_back_nobody_says_that_it_was_not_answered() -> None:
    """It was `unanswered: CANCEL`, though people may have talked for as long as the link was down."""
    bob = rung(BOB, "1002")
    call = Call().on(LegAppeared(CALLER), LegAppeared(bob)).later(60)
    call.on(LegGone(bob.id, is_unseen=True), LegGone(CALLER.id, is_unseen=True))
    assert ["link-down"] == [one.cause for one in call.handed]
    busy = Call().on(LegAppeared(CALLER), LegAppeared(bob), DialEnded("BUSY"))
    busy.on(LegGone(bob.id, is_unseen=True), LegGone(CALLER.id, is_unseen=True))
    assert ["unanswered: BUSY"] == [one.cause for one in busy.handed]


def test_a_menu_before_a_conversation_that_no_rule_covers_has_its_entry() -> None:
    """There was none. The entry is of the menu alone: nothing says that the conversation was to be recorded."""
    bob = rung(BOB, "1002")
    leg = replace(CALLER, user=OUTSIDE_ONLY)
    call = Call().answered(leg).later(60).on(LegAppeared(bob))
    call.on(LegBridged(BridgeId("b"), leg, 8000), LegBridged(BridgeId("b"), bob, 8000)).later(5)
    assert [("not-covered", ["1004", "*43"])] == call.ends(bob, leg)
    assert (1_000.0, 1_060.0) == (call.handed[0].from_s, call.handed[0].to_s)


def test_a_menu_before_a_conversation_that_is_recorded_has_no_entry_of_its_own() -> None:
    bob = rung(BOB, "1002")
    call = Call().answered().later(60).on(LegAppeared(bob))
    call.on(LegBridged(BridgeId("b"), CALLER, 8000), LegBridged(BridgeId("b"), bob, 8000)).later(5)
    assert [] == call.ends(bob, CALLER), "its recording waits for its files"
    call.later(3).on(DeadlinePassed(Wait.SETTLE, call.session.set_aside[0].captures[-1].id))
    assert [["1004", "1002"]] == [[party.number for party in one.parties] for one in call.handed]


def test_the_first_of_two_who_were_alone_is_named() -> None:
    """Two bridges of an ARI application, one after the other."""
    other = Leg(LegId("b"), "PJSIP/b-1", Direction.OUT, replace(FLAGGED, id=UserId("9")), "1009")
    call = Call().answered().later(5).on(LegAppeared(LOCAL), LegGone(CALLER.id)).answered(other).later(5)
    assert [("not-covered", ["1004", "*43"])] == call.ends(other, LOCAL)


def test_another_call_that_takes_this_one_over_explains_it() -> None:
    call = Call().answered().later(60).on(CallMerged())
    assert [] == call.ends()


# -- nobody was reached ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cause", "status"), [(NO_ROUTE, "CHANUNAVAIL"), (NORMAL, "CANCEL"), (INTERWORKING, "CANCEL"), (0, "CANCEL")]
)
def test_a_phone_that_could_not_be_rung_is_told_from_a_caller_who_gave_up(cause: int, status: str) -> None:
    """A dial that makes no leg sends no event: the hook had announced it, and the caller's hangup says why."""
    call = Call().on(LegAppeared(CALLER), DialStarted(CALLER.id, BOB, "1002"))
    assert [(f"unanswered: {status}", ["1004", "1002"])] == call.ends(CALLER, cause=cause)


def test_a_phone_that_rang_was_reached() -> None:
    bob = rung(BOB, "1002")
    call = Call().on(LegAppeared(CALLER), LegAppeared(bob))
    assert [("unanswered: CANCEL", ["1004", "1002"])] == call.ends(bob, CALLER, cause=NO_ROUTE)


@pytest.mark.parametrize(("hook", "trunk", "number"), [("0301", "", "0301"), ("", "", "*43"), ("", "0302", "0302")])
def test_an_unanswered_call_to_outside_has_the_number_that_is_known_best(hook: str, trunk: str, number: str) -> None:
    """Of the trunk's leg, else of the hook, else what the caller dialled."""
    call = Call().on(LegAppeared(CALLER), DialStarted(CALLER.id, None, hook))
    if trunk:
        call.on(LegAppeared(rung(None, trunk)), LegGone(LegId(trunk)), DialEnded("BUSY"))
    assert [number] == [numbers[1] for _, numbers in call.ends(CALLER)]


STRANGER = Leg(LegId("s"), "PJSIP/trunk-1", Direction.OUT, None, "0999", "Office")


@pytest.mark.parametrize(
    ("caller", "shown", "listed"),
    [
        (STRANGER, "0611", ("0611", "Eve")),
        (STRANGER, "", ("0999", "Office")),
        (CALLER, "0611", ("1004", "Dora")),
        (replace(STRANGER, channel="Local/0611@in-1;2"), "0611", None),
    ],
)
def test_a_stranger_has_the_number_that_the_dialplan_lets_the_first_phone_show(
    caller: Leg, shown: str, listed: tuple[str, str] | None
) -> None:
    """Where it shows one. A user has the number of their line, and a Local channel is nobody."""
    hook = DialStarted(caller.id, FLAGGED, "1004", shown, "Eve")
    call = Call().on(LegAppeared(caller), hook, DialEnded("BUSY"))
    call.ends(caller)
    (entry,) = call.handed
    assert [listed] * (listed is not None) == [(one.number, one.name) for one in entry.parties if one.leg == caller.id]


def test_a_number_that_is_set_for_a_forward_is_not_the_callers() -> None:
    """The trunk is shown the house's own number for a call that it did not make."""
    hooks = (
        DialStarted(STRANGER.id, FLAGGED, "1004", "0611", "Eve"),
        DialStarted(STRANGER.id, None, "0302", "0300", "House"),
    )
    call = Call().on(LegAppeared(STRANGER), *hooks, DialEnded("BUSY"))
    assert [("unanswered: BUSY", ["0611", "1004", "0302"])] == call.ends(STRANGER)


def test_what_a_hook_could_not_name_is_nobody_beside_a_phone_that_rang() -> None:
    """A filter rings a secretary: the call is one between users."""
    inside = replace(FLAGGED, call_record=False, rules=RecordRules(out_internal=Rule.ALWAYS))
    leg = replace(CALLER, user=inside)
    call = Call().on(LegAppeared(leg), DialStarted(leg.id, None, "1001"), LegAppeared(rung(BOB, "1002")))
    assert [("unanswered: CANCEL", ["1004", "1002"])] == call.ends(rung(BOB, "1002"), leg)
