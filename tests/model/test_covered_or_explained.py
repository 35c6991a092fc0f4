"""A call in which nobody talks with anybody: whatever happens in it, what policy wants of it is in exactly one entry."""

from hypothesis import given, settings
from hypothesis import strategies as st

from callrec.domain.calls.commands import AskApplication, CloseCapture, HandOver, OpenCapture
from callrec.domain.calls.events import (
    ApplicationTold,
    CaptureClosed,
    CaptureOpened,
    DialEnded,
    DialStarted,
    Event,
    FeatureCodeDialled,
    LegAnswered,
    LegAppeared,
    LegGone,
)
from callrec.domain.calls.handle import handle
from callrec.domain.calls.ids import CallId, CaptureId, LegId, NodeId
from callrec.domain.calls.model import Direction, Instant, Leg, Recording
from callrec.domain.calls.policy import RecordApplications, Terms
from callrec.domain.calls.session import Session
from callrec.domain.directory.model import User
from callrec.domain.rules import UserId

FLAGGED, PLAIN = User(UserId("1"), "flagged", call_record=True), User(UserId("2"), "plain")
LEGS = (
    Leg(LegId("c.1"), "PJSIP/a-1", Direction.OUT, FLAGGED, "1001", dialled="*43"),
    Leg(LegId("b"), "PJSIP/b-1", Direction.IN, PLAIN, "1002"),
    Leg(LegId("x"), "PJSIP/trunk-1", Direction.IN, None, "0301"),
    Leg(LegId("l"), "Local/9@q-1;1", Direction.IN),
)
HAPPENINGS = st.tuples(
    st.sampled_from(("comes", "comes", "answers", "answers", "goes", "serves", "dial ends", "called", "time")),
    st.sampled_from(LEGS),
    st.sampled_from((0.5, 1.0, 3.0)),
)


class World:
    """The truth, kept without the session: since when the flagged user is answered and alone."""

    def __init__(self, applications: RecordApplications = RecordApplications.NONE) -> None:
        self.session = Session(CallId("c"), "c.1", NodeId("n"), Terms(applications=applications))
        self.now_s = 0.0
        self.legs: dict[LegId, Leg] = {}
        self.up: set[LegId] = set()
        self.served = False
        self.since_s: float | None = None
        self.is_due = False
        self.handed: list[Recording] = []
        self.captured: list[CaptureId] = []
        self.is_answered_alone = False

    def tell(self, event: Event) -> None:
        """One event, and what is true after it."""
        phones = [leg for leg in self.legs.values() if not leg.is_local]
        alone = len(phones) == 1 and phones[0].id == LEGS[0].id and LEGS[0].id in self.up
        if not alone and self.since_s is not None:
            self.is_due = self.is_due or (self.now_s - self.since_s >= 2 and not self.served)
            self.since_s = None
        elif alone and self.since_s is None:
            self.since_s = self.now_s
        up = [leg for leg in self.legs.values() if leg.id in self.up and not leg.is_local]
        is_asked = up == [LEGS[0]] and not self.served
        self.is_answered_alone = self.is_answered_alone or is_asked
        self.session, commands = handle(self.session, event, Instant(1e9 + self.now_s, self.now_s))
        self.handed += [command.recording for command in commands if isinstance(command, HandOver)]
        for command in commands:
            match command:
                case AskApplication(asked):
                    self.tell(ApplicationTold(asked, "Echo", "", 8000))
                case OpenCapture(capture):
                    self.captured.append(capture.id)
                    self.tell(CaptureOpened(capture.id, "0x1"))
                case CloseCapture(capture):
                    self.tell(CaptureClosed(capture.id))

    def happens(self, what: str, leg: Leg, seconds: float) -> None:
        """What can happen to a leg before anybody talks."""
        is_here = leg.id in self.legs
        if what == "comes" and not is_here and leg.id not in self.session.seen and not self.session.over:
            self.legs[leg.id] = leg
            self.tell(LegAppeared(leg))
        elif what == "answers" and is_here:
            self.up.add(leg.id)
            self.tell(LegAnswered(leg.id))
        elif what == "goes" and is_here:
            del self.legs[leg.id]
            self.tell(LegGone(leg.id, 16))
        elif what == "serves" and is_here and leg is LEGS[0] and self.since_s is None:
            self.served = True
            self.tell(FeatureCodeDialled(leg.id))
        elif what == "dial ends" and not self.session.over:
            self.tell(DialEnded("NOANSWER"))
        elif what == "called" and not self.session.over:
            self.tell(DialStarted(LEGS[0].id, PLAIN, "1002"))
        elif what == "time":
            self.now_s += seconds


@settings(derandomize=True, max_examples=400, deadline=None)
@given(st.lists(HAPPENINGS, max_size=25))
def test_a_call_that_policy_covers_and_no_entry_mentions_does_not_exist(
    happenings: list[tuple[str, Leg, float]],
) -> None:
    """Alone with an application for two seconds: *not-covered*. Else at most the word that nobody answered. Never two."""
    world = World()
    world.happens("comes", LEGS[0], 0)
    for what, leg, seconds in happenings:
        world.happens(what, leg, seconds)
    for leg in list(world.legs.values()):
        world.happens("goes", leg, 0)
    causes = [one.cause for one in world.handed]
    assert len(causes) <= 1
    assert world.is_due == (causes == ["not-covered"])
    assert all(one.parties and one.to_s is not None for one in world.handed)


@settings(derandomize=True, max_examples=400, deadline=None)
@given(st.lists(HAPPENINGS, max_size=25))
def test_a_user_who_is_answered_by_an_application_is_recorded_once(happenings: list[tuple[str, Leg, float]]) -> None:
    """Whatever rings beside them, however short it is. A feature code of ours is none."""
    world = World(RecordApplications.USERS)
    world.happens("comes", LEGS[0], 0)
    for what, leg, seconds in happenings:
        world.happens(what, leg, seconds)
    for leg in list(world.legs.values()):
        world.happens("goes", leg, 0)
    for capture in world.captured:
        world.tell(CaptureClosed(capture))
    assert world.is_answered_alone == bool(world.captured)
    assert len(world.captured) <= 1
    assert len(world.handed) <= 1
    assert world.captured == [capture.id for one in world.handed for capture in one.captures]
    assert not [one for one in world.handed if one.cause == "not-covered"]
