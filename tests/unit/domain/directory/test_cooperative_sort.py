"""Sorting in small steps gives what sorting gives."""

from hypothesis import given
from hypothesis import strategies as st

from callrec.domain.directory import cooperative_sort
from callrec.domain.directory.cooperative_sort import sorted_texts


@given(st.lists(st.text(max_size=3), max_size=50), st.integers(1, 8))
def test_it_is_the_usual_order_whatever_the_size_of_a_heap(texts, heap):
    usual, cooperative_sort.HEAP = cooperative_sort.HEAP, heap
    try:
        assert sorted(texts) == sorted_texts(iter(texts))
    finally:
        cooperative_sort.HEAP = usual


def test_many_texts():
    texts = [str(number * 7919 % 10_007) for number in range(10_007)]
    assert sorted(texts) == sorted_texts(texts)
