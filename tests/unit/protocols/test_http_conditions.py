"""Which bytes of a file a request asks for: RFC 9110, and whatever else clients send."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callrec.protocols.http_conditions import MOST_RANGES, ByteRange, Condition, condition, is_same_file, ranges

SIZE = 1000


@pytest.mark.parametrize(
    ("said", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=0-499", 0, 499),
        ("bytes=500-", 500, 999),
        ("bytes=-1", 999, 999),
        ("bytes=-5000", 0, 999),
        ("bytes=990-5000", 990, 999),
        ("BYTES = 1-2", 1, 2),
        ("bytes=1-2,", 1, 2),
        ("bytes=, 1-2", 1, 2),
        ("bytes=5000-,1-2", 1, 2),
        ("bytes=0-999999999999999999", 0, 999),
    ],
)
def test_one_range_that_lies_in_the_file(said, first, last):
    assert ranges([said], SIZE) == (ByteRange(first, last),)


def test_several_ranges_come_in_the_order_of_the_request():
    assert ranges(["bytes=500-599,\t0-1 , -1"], SIZE) == (ByteRange(500, 599), ByteRange(0, 1), ByteRange(999, 999))
    assert ByteRange(500, 599).bytes == 100
    assert ByteRange(500, 599).of(SIZE) == "bytes 500-599/1000"


@pytest.mark.parametrize(
    "said",
    [
        *("", "bytes", "bytes=", "bytes=,", "bytes=-", "bytes=a-b", "bytes=2-1", "bytes=1-2;3-4", "bytes=1--2"),
        *("lines=1-2", "bytes=0x1-2", "bytes=1-2,zz", "bytes=\u0661-\u0662", "bytes=1-2-3", "bytes= 1 - 2", "1-2"),
        *("bytes=" + "9" * 30 + "-", "bytes=-" + "9" * 5000, "bytes=1-2," * 20 + "x", "bytes=--1", "bytes=\x00"),
    ],
)
def test_what_is_no_range_means_the_whole_file(said):
    """RFC 9110, 14.2: a Range header that is not understood is ignored."""
    assert ranges([said], SIZE) is None


def test_without_the_header_or_with_two_the_whole_file_is_meant():
    assert ranges([], SIZE) is None
    assert ranges(["bytes=0-1", "bytes=0-1"], SIZE) is None


@pytest.mark.parametrize(
    "said",
    [
        *("bytes=1000-", "bytes=1000-2000", "bytes=-0", "bytes=5000-6000,7000-"),
        *("bytes=0-10,5-15", "bytes=0-,-1", "bytes=" + ",".join(f"{n}-{n}" for n in range(0, 3 * MOST_RANGES + 1, 3))),
    ],
)
def test_what_lies_outside_or_asks_too_much_is_refused(said):
    assert ranges([said], SIZE) == ()


def test_an_empty_file_has_no_range():
    assert ranges(["bytes=0-"], 0) == ranges(["bytes=-1"], 0) == ()


@given(st.text(st.sampled_from("bytes=0123456789-, \t"), max_size=60), st.integers(0, 50))
def test_whatever_is_sent_a_range_is_never_outside_of_the_file_and_none_is_over_another(said, size):
    found = ranges([f"bytes={said}"], size) or ()
    places = [place for one in found for place in range(one.first, one.last + 1)]
    assert len(places) == len(set(places))
    assert set(places) <= set(range(size))


@pytest.mark.parametrize(
    ("if_match", "if_none_match", "expected"),
    [
        ([], [], Condition.SEND),
        (['"a"'], [], Condition.SEND),
        (["*"], [], Condition.SEND),
        (['"b", "a"'], [], Condition.SEND),
        (['W/"a"'], [], Condition.FAILED),
        (['"b"'], [], Condition.FAILED),
        (["a"], [], Condition.FAILED),
        (['"b"'], ['"a"'], Condition.FAILED),
        ([], ['"a"'], Condition.NOT_MODIFIED),
        ([], ['W/"a"'], Condition.NOT_MODIFIED),
        ([], ["*"], Condition.NOT_MODIFIED),
        ([], ['"b"', '"a"'], Condition.NOT_MODIFIED),
        ([], ['"b"'], Condition.SEND),
        ([], ["garbage"], Condition.SEND),
        (['"a"'], ['"a"'], Condition.NOT_MODIFIED),
    ],
)
def test_conditions_by_the_tag(if_match, if_none_match, expected):
    assert condition("a", if_match, if_none_match) is expected


def test_a_range_counts_under_the_same_strong_tag_only():
    assert is_same_file("a", [])
    assert is_same_file("a", [' "a" '])
    for other in (['"b"'], ['W/"a"'], ["Mon, 30 Nov 2026 06:00:00 GMT"], ["*"], ['"a"', '"a"']):
        assert not is_same_file("a", other)
