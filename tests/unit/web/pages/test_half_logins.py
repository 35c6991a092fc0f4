"""Right passwords that wait for a code of the second factor."""

from callrec.web.pages.login import HALF_S, MOST_HALF, HalfLogins


class Clock:
    """Counts as a test says."""

    now_s = 0.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now_s


def test_a_ticket_is_good_once_and_for_a_while() -> None:
    clock = Clock()
    waiting = HalfLogins(clock)
    ticket = waiting.keep("ann", "secret")
    found = waiting.take(ticket)
    assert found is not None
    assert (found.username, found.password) == ("ann", "secret")
    assert waiting.take(ticket) is None
    late = waiting.keep("ann", "secret")
    clock.now_s = HALF_S
    assert waiting.take(late) is None


def test_only_so_many_wait_and_the_oldest_go_first() -> None:
    waiting = HalfLogins(Clock())
    tickets = [waiting.keep(str(nth), "") for nth in range(MOST_HALF + 1)]
    assert waiting.take(tickets[0]) is None
    assert waiting.take(tickets[1]) is not None
