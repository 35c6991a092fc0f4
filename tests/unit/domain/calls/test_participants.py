"""Whom a recording names: those who were in a conversation with its user, from then on."""

from test_session import ANN, BOB, CEM, FLAGGED, NEXT, Call, leg

from callrec.domain.calls.events import LegAppeared, LegBridged, LegGone, LegUnbridged
from callrec.domain.calls.ids import BridgeId, LegId

FIRST, CONSULTATION = BridgeId("b"), BridgeId("consultation")


def named(call: Call) -> list[tuple[str, float, float | None]]:
    """Leg, from and to of each, as the finished recording has them."""
    call.gone(*(str(one) for one in call.session.legs))
    call.closed()
    (done,) = call.handed
    return sorted((one.leg, one.from_s, one.to_s) for one in done.parties)


def ask(call: Call) -> None:
    """`*2` at 1002: BOB asks CEM, while FLAGGED waits."""
    call.on(LegUnbridged(FIRST, LegId("b")), LegBridged(CONSULTATION, leg("b", BOB)))
    call.on(LegAppeared(leg("c", CEM)), LegBridged(CONSULTATION, leg("c", CEM)))


def test_who_was_only_asked_by_the_partner_is_not_named() -> None:
    """The transfer was cancelled: CEM has never talked with the recorded user."""
    call = Call().recorded(FLAGGED, BOB)
    ask(call)
    call.later(5).gone("c")
    call.on(LegUnbridged(CONSULTATION, LegId("b")), LegBridged(FIRST, leg("b", BOB)))
    call.later(3)
    assert {"a", "b"} == {name for name, _, _ in named(call)}


def test_the_target_of_a_transfer_is_named_since_it_talks_with_the_recorded_user() -> None:
    """Not since the partner asked it."""
    call = Call().recorded(FLAGGED, BOB)
    ask(call)
    call.later(5).on(LegUnbridged(CONSULTATION, LegId("c")), LegBridged(FIRST, leg("c", CEM)))
    call.later(3)
    assert ("c", 1_007.0, 1_010.0) in named(call)


def test_who_is_taken_from_one_bridge_to_the_next_is_named_once() -> None:
    """A Local channel that is optimised away: 10 ms between two bridges."""
    call = Call().recorded(FLAGGED, BOB)
    call.on(LegUnbridged(FIRST, LegId("a")))
    call.later(0.01).on(LegBridged(FIRST, leg("a", FLAGGED)))
    call.later(3)
    assert [("a", 1_000.0, 1_005.01), ("b", 1_000.0, 1_005.01)] == named(call)


def test_who_comes_back_later_is_named_twice() -> None:
    call = Call().recorded(FLAGGED, BOB)
    call.on(LegUnbridged(FIRST, LegId("b")))
    call.later(1).on(LegBridged(FIRST, leg("b", BOB)))
    assert [("b", 1_000.0, 1_002.0), ("b", 1_003.0, 1_003.0)] == [one for one in named(call) if one[0] == "b"]


def test_who_was_there_before_a_recording_on_demand_is_named_since_its_beginning() -> None:
    call = Call()
    call.talk(ANN, BOB)
    call.later(10).press()
    call.seen()
    call.later(3)
    assert [("a", 1_010.0, 1_013.0), ("b", 1_010.0, 1_013.0)] == named(call)


def test_who_comes_when_the_next_recording_has_begun_is_not_named_in_the_former() -> None:
    """Its files are not closed yet. CEM talked with another in this call, and then with those of the next recording."""
    call = Call().recorded(ANN, BOB)
    call.later(5).bridge(leg("c", CEM), leg("d"), bridge="other")
    call.later(5).press()
    call.later(1.5).press()
    call.later(1).bridge(leg("c", CEM))
    call.closed()
    (former,) = call.handed
    assert [("a", 1_000.0, 1_012.0), ("b", 1_000.0, 1_012.0)] == sorted(
        (one.leg, one.from_s, one.to_s) for one in former.parties
    )


def test_who_talked_in_a_former_recording_only_is_not_named_in_the_next() -> None:
    """CEM talks with another by now, in the same call."""
    call = Call().recorded(ANN, BOB)
    call.bridge(leg("c", CEM))
    call.later(5).press()
    call.closed()
    call.bridge(leg("c", CEM), leg("d"), bridge="other")
    call.later(5).press()
    call.seen(NEXT)
    call.later(5).on(*(LegGone(LegId(one)) for one in "abcd"))
    call.closed(NEXT)
    (done,) = call.handed
    assert [("a", 1_012.0), ("b", 1_012.0)] == sorted((one.leg, one.from_s) for one in done.parties)
