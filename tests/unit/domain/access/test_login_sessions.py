"""How long a session lasts, whatever the clock does."""

from dataclasses import replace

import pytest

from callrec.domain.access.login_sessions import ABSOLUTE_S, IDLE_S, LoginSession, digest_of, password_mark
from callrec.domain.directory.model import User
from callrec.domain.rules import UserId

T = 1_790_000_000.0
NEW = LoginSession(digest_of("secret"), UserId("7"), "mark", T, T)


@pytest.mark.parametrize(
    ("seen_after_s", "now_after_s", "over"),
    [
        (0, 0, False),
        (0, IDLE_S - 1, False),
        (0, IDLE_S, True),
        (IDLE_S - 1, 2 * IDLE_S - 2, False),
        (ABSOLUTE_S - 10, ABSOLUTE_S - 1, False),
        (ABSOLUTE_S - 10, ABSOLUTE_S, True),
        (600, 570, False),
        (600, 600 - 3600, True),
        (0, -3600, True),
    ],
)
def test_when_a_session_is_over(seen_after_s: float, now_after_s: float, over: bool) -> None:
    """The last two: the clock was set back by an hour, so nobody knows how long it was not used."""
    assert replace(NEW, seen_s=T + seen_after_s).is_over(T + now_after_s) is over


def test_its_name_in_lists_is_of_no_use_to_enter_it() -> None:
    assert NEW.id == NEW.digest[:16]
    assert "secret" not in repr(NEW)
    assert digest_of(NEW.digest) != NEW.digest


def test_the_mark_of_a_password_changes_with_it_and_tells_nothing() -> None:
    user = User(UserId("7"), "Ada", password_hash="$argon2id$one")
    assert password_mark(user) == password_mark(replace(user, firstname="Eve"))
    assert password_mark(user) != password_mark(replace(user, password_hash="$argon2id$two"))
    assert "argon2id" not in password_mark(user)
