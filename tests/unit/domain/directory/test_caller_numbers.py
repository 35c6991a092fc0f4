"""Whose number a caller shows."""

from callrec.domain.directory.caller_numbers import Callers, dialled
from callrec.domain.directory.model import Incall, Line, User
from callrec.domain.rules import UserId

JOHN = User(UserId("1"), "John", mobilephonenumber="+491701")
EVE = User(UserId("2"), "Eve")
DESK = Line("desk", JOHN.id, "1000", "default")
DID = Incall("2050", "from-extern", JOHN.id)


def test_only_what_is_dialled_counts():
    assert "49301234*#" == dialled("+49 (30) 12-34*#") == dialled("0049301234*#")
    assert "00" == dialled("00")


def test_lines_incoming_numbers_and_mobile_phones_lead_to_their_user():
    callers = Callers([JOHN, EVE, DESK, DID])
    assert ["1", "1", "1", None, None] == [callers.whose(n) for n in ("1000", "2050", "+49 170-1", "7", "")]


def test_a_number_that_several_users_have_is_nobodys_until_one_gives_it_up():
    theirs = Line("eve", EVE.id, "1000", "other")
    callers = Callers([DESK, theirs])
    assert callers.whose("1000") is None
    callers.forget(theirs)
    callers.forget(Line("x", EVE.id, "1000", "third"))
    assert JOHN.id == callers.whose("1000")
    callers.learn(Line("second", JOHN.id, "1000", "other"))
    assert JOHN.id == callers.whose("1000")
    callers.forget(DESK)
    callers.forget(DESK)
    callers.forget(DESK)
    assert callers.whose("1000") is None
