"""Keys that came twice are found by their hashes."""

from hypothesis import given
from hypothesis import strategies as st

from callrec.domain.directory.doubles import Doubles


@given(st.lists(st.integers(-50, 50)))
def test_the_hash_of_every_key_that_came_twice_is_a_suspect(keys: list[int]) -> None:
    doubles = Doubles()
    for key in keys:
        doubles.add(key)
    hashes = list(map(hash, keys))
    assert {one for one in hashes if hashes.count(one) > 1} == doubles.suspects()


def test_two_keys_of_one_hash_are_suspects_too() -> None:
    """So who asks has to compare the keys."""
    doubles = Doubles()
    assert hash(-1) == hash(-2)
    for key in (-1, -2, "other"):
        doubles.add(key)
    assert frozenset({-2}) == doubles.suspects()
