"""Refusals of one asker are logged one by one up to a number, and counted from then on."""

from callrec.domain.access.audit import Action, Actor, ActorKind, AuditEntry
from callrec.domain.access.refusal_pace import FIRST, MOST_ASKERS, WINDOW_S, RefusalPace

ADA, CRM = Actor(ActorKind.ACCOUNT, "1"), Actor(ActorKind.TOKEN, "0123456789ab")


def refusal(actor: Actor = ADA, what: str = "listAudit needs audit.read") -> AuditEntry:
    return AuditEntry(Action.REFUSED, actor, address="192.0.2.7", details=what)


def test_the_first_have_an_entry_each_and_the_rest_one_together() -> None:
    pace = RefusalPace()
    told = [one for nth in range(FIRST + 213) for one in pace.entries_for(refusal(what=f"{nth}"), 100.0)]
    assert [one.details for one in told] == [str(nth) for nth in range(FIRST)]
    assert pace.next_s() == 100.0 + WINDOW_S
    assert pace.over(100.0 + WINDOW_S - 1) == []
    (summary,) = pace.over(100.0 + WINDOW_S)
    assert (summary.action, summary.actor, summary.address) == (Action.REFUSED, ADA, "192.0.2.7")
    assert (summary.subject, "213 more" in summary.details, "the last: 232" in summary.details) == (
        "more:213",
        True,
        True,
    )
    assert pace.next_s() is None


def test_one_asker_does_not_hide_another() -> None:
    pace = RefusalPace()
    for _ in range(FIRST + 1):
        pace.entries_for(refusal(), 0.0)
    assert list(pace.entries_for(refusal(CRM), 1.0)) == [refusal(CRM)]


def test_a_new_window_begins_with_the_number_of_the_former_one() -> None:
    pace = RefusalPace()
    for _ in range(FIRST + 2):
        pace.entries_for(refusal(), 0.0)
    summary, first = pace.entries_for(refusal(), WINDOW_S)
    assert (summary.subject, first) == ("more:2", refusal())


def test_a_window_in_which_nothing_was_only_counted_has_no_number() -> None:
    pace = RefusalPace()
    pace.entries_for(refusal(), 0.0)
    assert list(pace.entries_for(refusal(), WINDOW_S)) == [refusal()]
    assert (pace.over(2 * WINDOW_S), pace.rest()) == ([], [])


def test_the_rest_is_told_at_the_end() -> None:
    pace = RefusalPace()
    for _ in range(FIRST + 5):
        pace.entries_for(refusal(), 0.0)
    assert [one.subject for one in pace.rest()] == ["more:5"]
    assert pace.rest() == []


def test_what_is_counted_at_the_same_time_is_bounded_and_the_oldest_number_is_not_lost() -> None:
    pace = RefusalPace()
    for _ in range(FIRST + 1):
        pace.entries_for(refusal(), 0.0)
    told = [
        one for nth in range(MOST_ASKERS) for one in pace.entries_for(refusal(Actor(ActorKind.LINK, f"l{nth}")), 1.0)
    ]
    assert [one.subject for one in told if one.actor == ADA] == ["more:1"]
    assert len(told) == MOST_ASKERS + 1
