"""Who has heard that they are recorded."""

from callrec.domain.calls.announcements.who_was_told import begun, ended, have_heard, with_untold
from callrec.domain.calls.ids import LegId
from callrec.domain.calls.model import Hearing, NotHeard, Told

A, B, C = LegId("a"), LegId("b"), LegId("c")
HEARD_A = Hearing(A, Told.TONE, 1.0, 1.5, "", 16)


def test_what_has_begun_is_not_heard_yet() -> None:
    assert begun((), {A: ""}, Told.TONE, 1.0) == (Hearing(A, Told.TONE, 1.0, None, NotHeard.UNFINISHED),)
    assert not begun((), {A: ""}, Told.TONE, 1.0)[0].is_heard


def test_its_end_is_noted_on_its_own_leg() -> None:
    table = ended(begun((), {A: "", B: ""}, Told.TONE, 1.0), A, 1.5, "", 16)
    assert table == (HEARD_A, Hearing(B, Told.TONE, 1.0))
    assert have_heard(table, [A])
    assert not have_heard(table, [A, B])


def test_why_it_was_not_heard_stays_until_it_is() -> None:
    """A second try replaces the first. News may come from a clock that was set back: nothing ends before it begins."""
    table = ended(begun((), {A: ""}, Told.TONE, 1.0), A, 0.5, NotHeard.NO_RTP_IN, 16)
    assert table == (Hearing(A, Told.TONE, 1.0, 1.0, NotHeard.NO_RTP_IN, 16),)
    assert begun(table, {A: ""}, Told.TONE, 3.0) == (Hearing(A, Told.TONE, 3.0),)


def test_who_has_heard_it_has_heard_it() -> None:
    """Later tones, and their failures, take nothing back."""
    table = begun((HEARD_A,), {A: "", B: ""}, Told.TONE, 9.0)
    assert table == (HEARD_A, Hearing(B, Told.TONE, 9.0))
    assert ended(table, A, 9.5, NotHeard.NO_RTP_OUT, 0) == table


def test_of_the_others_the_end_says_that_nothing_was_played_to_them() -> None:
    """Also of one who left and came back: since when they were there first."""
    table = with_untold((HEARD_A,), [(A, 1.0), (C, 4.0), (C, 7.0)])
    assert table == (HEARD_A, Hearing(C, Told.TONE, 4.0, None, NotHeard.NOT_ANNOUNCED))
