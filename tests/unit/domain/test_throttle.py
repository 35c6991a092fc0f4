"""A storm of news is a few log lines, and a trouble that lasts is told once."""

from callrec.domain.throttle import MOST_KINDS, LastTold, Throttle


def test_the_first_second_fourth_and_eighth_time_are_told_with_their_number() -> None:
    throttle = Throttle()
    assert [throttle.count("storm") for _ in range(9)] == [1, 2, 0, 4, 0, 0, 0, 8, 0]


def test_each_kind_is_counted_by_itself_and_there_are_not_endlessly_many() -> None:
    throttle = Throttle()
    assert [throttle.count(f"kind {number}") for number in range(MOST_KINDS)] == [1] * MOST_KINDS
    assert throttle.count("kind 0") == 2
    assert throttle.count("one kind more") == 1
    assert throttle.count("kind 0") == 1


def test_a_trouble_is_news_when_it_begins_and_when_it_becomes_another() -> None:
    told = LastTold()
    assert [told.is_news(code) for code in ("down", "down", "full", "full", "down")] == [True, False, True, False, True]
    told.over()
    assert told.is_news("down")
