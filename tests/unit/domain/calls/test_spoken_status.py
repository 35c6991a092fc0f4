"""What the phone status code says of a user's live calls: only what is proven."""

from test_record_code import ask
from test_session import ANN, BOB, CEM, FLAGGED, Call, leg

from callrec.domain.calls.announcements.spoken_status import NOT_RECORDED, PAUSED, RECORDED, UNPROVEN, spoken_of_calls
from callrec.domain.calls.events import DialplanRecords, LegAppeared
from callrec.domain.calls.ids import LegId
from callrec.domain.calls.model import Control, Direction
from callrec.domain.directory.model import User

DIALLING = LegId("status")


def spoken(*calls: Call, user: User = BOB) -> list[str]:
    """What this user is told."""
    return list(spoken_of_calls([one.session for one in calls], user.id, DIALLING))


def test_each_state_of_a_recording_is_said_as_far_as_it_is_proven() -> None:
    call = Call()
    call.talk(ANN, BOB)
    assert spoken(call) == [NOT_RECORDED]
    call.press()
    assert spoken(call) == [UNPROVEN]
    call.seen()
    assert spoken(call) == [UNPROVEN]
    call.grew()
    assert spoken(call) == [RECORDED]
    call.later(5).press()
    assert spoken(call) == [UNPROVEN]
    call.closed()
    assert spoken(call) == [NOT_RECORDED]


def test_a_pause_is_said_when_it_is_proven() -> None:
    call = Call().recorded(FLAGGED, BOB)
    ask(call, Control.PAUSE)
    assert spoken(call) == [UNPROVEN]
    call.muted()
    assert spoken(call) == [PAUSED]


def test_a_recorder_of_the_dialplan_may_record() -> None:
    call = Call()
    call.talk(ANN, BOB)
    call.on(DialplanRecords(LegId("a")))
    assert spoken(call) == [UNPROVEN]


def test_of_another_conversation_in_a_recorded_call_nothing_is_proven() -> None:
    call = Call().recorded(FLAGGED, CEM)
    call.bridge(leg("c", BOB), leg("d", CEM), bridge="b2")
    assert spoken(call) == [UNPROVEN]


def test_the_call_of_the_code_itself_one_that_rings_and_those_of_others_are_left_out() -> None:
    """The same is said once."""
    own, rings = Call(), Call()
    own.talk(BOB, CEM)
    own.on(LegAppeared(leg(DIALLING, BOB, Direction.OUT)))
    rings.on(LegAppeared(leg("a", ANN, Direction.OUT)), LegAppeared(leg("b", BOB)))
    assert spoken(own, rings) == []
    assert spoken(Call().recorded(ANN, CEM)) == []
    two = Call().recorded(ANN, BOB), Call().recorded(FLAGGED, BOB)
    assert spoken(*two) == [RECORDED]
