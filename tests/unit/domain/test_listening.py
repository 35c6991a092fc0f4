"""Who is listened to: new partners of a recorded leg, until their first word."""

import pytest

from callrec.domain import messages as m
from callrec.domain.handling import handle
from callrec.domain.lifecycle import Step
from callrec.domain.model import BridgeId, CallId, Direction, Instant, Leg, LegId, NodeId, Recording, Speech, TakeId
from callrec.domain.policy import OverridesAlways, Terms
from callrec.domain.provisioning.model import User, UserId
from callrec.domain.session import Session

FLAGGED, OTHER = User(UserId("1"), "Ann", call_record=True, online_record=True), User(UserId("2"), "Bob")
A, B, C, D = (LegId(name) for name in "abcd")
T1, T2 = TakeId("c-1-1"), TakeId("c-1-2")
TALK_S, MEET_S, WORD_S = 1000.0, 1010.0, 1011.5


def leg(name: LegId, user: User | None = OTHER, direction: Direction = Direction.IN) -> Leg:
    return Leg(name, f"PJSIP/{name}-00000001", direction, user)


RECORDED = leg(A, FLAGGED, Direction.OUT)


class Call:
    """`a` is always recorded and talks with `b`; the recorder began when they met."""

    def __init__(self, terms: Terms | None = None) -> None:
        self.session = Session(CallId("c"), "c.1", NodeId("n"), terms or Terms())
        self.commands: tuple[m.Command, ...] = ()
        self.at(TALK_S, *bridged("one", RECORDED, leg(B)))
        assert self.heard_of() == []
        self.at(TALK_S + 0.1, m.TakeSeen(T1, "0x1"), m.TakeGrew(T1))

    def at(self, utc_s: float, *events: m.Event) -> "Call":
        """These happen."""
        commands: list[m.Command] = []
        for event in events:
            self.session, more = handle(self.session, event, Instant(utc_s, utc_s))
            commands += more
        self.commands = tuple(commands)
        return self

    def heard_of(self) -> list[str]:
        """Whom Asterisk listens to from here on (+), and to whom no more (-)."""
        return [f"{'+' if one.on else '-'}{one.leg}" for one in self.commands if isinstance(one, m.Listen)]

    @property
    def recording(self) -> Recording:
        """The current one."""
        assert self.session.recording is not None
        return self.session.recording


def bridged(bridge: str, *legs: Leg) -> tuple[m.Event, ...]:
    return tuple(m.Bridged(BridgeId(bridge), one, 8000) for one in legs)


def blind(call: Call) -> Call:
    """`b` sends `a` on to `c`: both leave, and `a` enters another bridge."""
    call.at(TALK_S + 5, m.Unbridged(BridgeId("one"), B), m.Unbridged(BridgeId("one"), A), m.LegGone(B))
    return call.at(MEET_S, m.LegAppeared(leg(C)), *bridged("two", RECORDED, leg(C)))


def attended(call: Call) -> Call:
    """`c`, who talked with `b` elsewhere, takes its place in the bridge of `a`."""
    call.at(TALK_S + 2, m.LegAppeared(leg(D)), *bridged("consultation", leg(D), leg(C)))
    call.at(TALK_S + 5, m.LegGone(B), m.LegGone(D), m.Unbridged(BridgeId("consultation"), C))
    return call.at(MEET_S, *bridged("one", leg(C)))


def test_the_first_partner_is_not_listened_to() -> None:
    """Most calls have no other: they cost nothing."""
    assert Call().at(WORD_S, m.Spoke(B)).recording.speech == ()


@pytest.mark.parametrize("transfer", [blind, attended])
def test_a_new_partner_is_listened_to_until_the_first_word(transfer: object) -> None:
    """The word is journaled at once, and the files are looked at while the call lasts."""
    assert callable(transfer)
    call = transfer(Call())
    assert call.heard_of() == ["+c"]

    speech = Speech(T1, C, MEET_S, WORD_S)
    call.at(WORD_S, m.Spoke(C))
    assert call.heard_of() == ["-c"]
    assert call.recording.speech == (speech,)
    assert [one.entry.step for one in call.commands if isinstance(one, m.Write)] == [Step.CHANGED]
    assert [one for one in call.commands if isinstance(one, m.Compare)] == [m.Compare(call.recording.takes[0], speech)]

    assert call.at(WORD_S + 5, m.Spoke(C)).recording.speech == (speech,), "late news"


def test_each_further_partner_is_listened_to() -> None:
    """The partner is replaced, and the new one too."""
    call = blind(Call()).at(WORD_S, m.Spoke(C))
    call.at(WORD_S + 3, m.Unbridged(BridgeId("two"), C))
    call.at(WORD_S + 4, m.LegAppeared(leg(D)), *bridged("two", leg(D)))
    assert call.heard_of() == ["+d"]
    call.at(WORD_S + 5, m.Unbridged(BridgeId("two"), D), *bridged("two", leg(C)))
    assert call.heard_of() == ["-d", "+c"], "who comes back is a new partner again"


def test_in_a_bridge_of_three_both_others_may_give_the_proof() -> None:
    """The one who was there when the recorder began is not listened to again."""
    call = Call().at(MEET_S, m.LegAppeared(leg(C)), *bridged("one", leg(C)))
    assert call.heard_of() == ["+c"]
    call.at(WORD_S, m.LegAppeared(leg(D)), *bridged("one", leg(D)))
    assert call.heard_of() == ["+d"]


def test_a_local_channel_is_not_listened_to_but_the_phone_behind_it() -> None:
    """An audiohook on half of a Local channel would keep it from being optimised away."""
    call = Call().at(TALK_S + 5, m.Unbridged(BridgeId("one"), B), m.LegGone(B), m.Unbridged(BridgeId("one"), A))
    halves = [Leg(LegId(f"l{half}"), f"Local/c@default-00000001;{half}", Direction.IN) for half in (1, 2)]
    call.at(MEET_S, *bridged("two", RECORDED, halves[0]), *bridged("three", halves[1], leg(C)))
    assert call.heard_of() == ["+c"]


def test_a_pause_proves_nothing() -> None:
    """The recorder writes silence then; after it everybody who was not heard before is listened to anew."""
    call = blind(Call(Terms(overrides_always=OverridesAlways.PAUSE)))
    call.at(MEET_S + 2, m.Pressed(A, FLAGGED, "r", 8000))
    assert call.heard_of() == ["-c"]
    assert call.at(MEET_S + 3, m.Spoke(C)).recording.speech == ()
    call.at(MEET_S + 60, m.Pressed(A, FLAGGED, "r", 8000))
    assert call.heard_of() == ["+c"]
    assert call.at(MEET_S + 61, m.Spoke(C)).recording.speech == (Speech(T1, C, MEET_S + 60, MEET_S + 61),)


def test_when_asterisk_cannot_listen_the_entry_knows() -> None:
    """There is no proof of a word then, and none of silence."""
    call = blind(Call()).at(WORD_S, m.NotListened(C))
    assert call.recording.speech == (Speech(T1, C, MEET_S, MEET_S, proven=False),)


def test_after_a_lost_link_who_has_not_spoken_is_listened_to_again() -> None:
    """A first word may have been missed; Asterisk tells it again when it is asked anew."""
    assert blind(Call()).at(WORD_S, m.Reconsidered()).heard_of() == ["+c"]
    assert blind(Call()).at(WORD_S, m.Spoke(C)).at(WORD_S + 1, m.Reconsidered()).heard_of() == []


def test_a_daemon_that_is_new_listens_to_every_partner() -> None:
    """It does not know which bridge this is."""
    before = blind(Call())
    session = Session.resume(before.recording, Terms())
    call = Call()
    call.session = session
    call.at(WORD_S, *bridged("two", RECORDED, leg(C)))
    assert call.heard_of() == ["+c"]


def test_without_a_recorder_nobody_is_listened_to() -> None:
    """Stopped, or never begun."""
    call = blind(Call()).at(MEET_S + 1, m.LegGone(A))
    assert call.heard_of() == ["-c"]


# -- a further take for a deaf one ------------------------------------------------------------------------------------


def takes_asked(call: Call) -> list[str]:
    return [f"{type(one).__name__} {one.take.id}" for one in call.commands if isinstance(one, m.OpenTake | m.CloseTake)]


def alarms(call: Call) -> list[str]:
    return [one.cause for one in call.commands if isinstance(one, m.Alarm)]


def test_a_deaf_take_is_followed_by_another_that_is_listened_for_too() -> None:
    """Closed first: Asterisk translates anew only for a leg without a recorder."""
    call = blind(Call()).at(WORD_S, m.Spoke(C)).at(WORD_S + 2, m.TakeDeaf(T1, C))
    assert takes_asked(call) == ["CloseTake c-1-1", "OpenTake c-1-2"]
    assert alarms(call) == ["deaf-leg"]
    assert call.heard_of() == ["+c"]
    call.at(WORD_S + 3, m.Spoke(C))
    assert call.recording.speech[-1] == Speech(T2, C, WORD_S + 2, WORD_S + 3)


def test_a_further_take_that_is_deaf_as_well_goes_on() -> None:
    """It helps once or not at all; the next partner is another matter."""
    call = blind(Call()).at(WORD_S, m.Spoke(C)).at(WORD_S + 2, m.TakeDeaf(T1, C), m.TakeSeen(T2, "0x2"), m.TakeGrew(T2))
    call.at(WORD_S + 3, m.Spoke(C)).at(WORD_S + 5, m.TakeDeaf(T2, C))
    assert (takes_asked(call), alarms(call)) == ([], ["deaf-leg"])
    call.at(WORD_S + 6, m.Unbridged(BridgeId("two"), C))
    call.at(WORD_S + 7, m.LegAppeared(leg(D)), *bridged("two", leg(D)))
    call.at(WORD_S + 8, m.Spoke(D)).at(WORD_S + 9, m.TakeDeaf(T2, D))
    assert takes_asked(call) == ["CloseTake c-1-2", "OpenTake c-1-3"]


def test_a_deaf_take_that_is_paused_or_over_is_not_followed() -> None:
    """A pause is told by the alarm alone; late news of another take by nothing."""
    call = blind(Call(Terms(overrides_always=OverridesAlways.PAUSE))).at(WORD_S, m.Spoke(C))
    call.at(WORD_S + 1, m.Pressed(A, FLAGGED, "r"), m.TakeDeaf(T1, C))
    assert (takes_asked(call), alarms(call)) == ([], ["deaf-leg"])
    call.at(WORD_S + 2, m.TakeDeaf(T2, C))
    assert (takes_asked(call), alarms(call)) == ([], [])
