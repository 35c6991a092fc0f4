"""Sets of times."""

from callrec.domain.library.spans import common, joined, length_s, without


def test_what_touches_is_one_and_what_is_nothing_is_none() -> None:
    assert joined([(5.0, 6.0), (1.0, 2.0), (2.0, 3.0), (2.5, 2.6), (8.0, 8.0), (9.0, 7.0)]) == [(1.0, 3.0), (5.0, 6.0)]


def test_what_is_taken_is_gone() -> None:
    """From the middle, from an edge, and all of it."""
    assert without([(0.0, 10.0)], [(2.0, 3.0), (9.0, 12.0)]) == [(0.0, 2.0), (3.0, 9.0)]
    assert without([(1.0, 2.0), (4.0, 5.0)], [(0.0, 3.0)]) == [(4.0, 5.0)]
    assert without([(1.0, 2.0)], []) == [(1.0, 2.0)]


def test_what_is_in_both_is_common() -> None:
    assert common([(0.0, 4.0), (6.0, 9.0)], [(3.0, 7.0), (9.0, 10.0)]) == [(3.0, 4.0), (6.0, 7.0)]


def test_their_length_is_the_sum() -> None:
    assert length_s([(0.0, 1.5), (2.0, 3.0)]) == 2.5
