"""Pages and their cursors."""

import base64
import json

import pytest

from callrec.domain.errors import Refused
from callrec.domain.library.search_pages import MOST_COUNTED, Count, Cursor, Page, PageRequest, Row, Sort, page_of

ROWS = [Row(place, place * 10, {"id": f"r{place}"}) for place in (5, 4, 3)]


def test_a_cursor_is_read_as_it_was_written() -> None:
    for sort in Sort:
        for one in (Cursor(sort, 0, 5), Cursor(sort, 7, (1 << 63) - 1, is_back=True)):
            assert Cursor.read(str(one), sort) == one
            assert set(str(one)) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def encoded(document: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "é",
        "!!!!",
        encoded(None),
        encoded([1, "-start", 0, 5]),
        encoded([2, "-start", 0, 5, 0]),
        encoded([1, "start", 0, 5, 0]),
        encoded([1, "-start", 0, "5", 0]),
        encoded([1, "-start", 0, 5, 2]),
        encoded([1, "-start", 0, -5, 0]),
        encoded([1, "-start", 0, 1 << 63, 0]),
        encoded([1, "-start", True, 5, 0]),
        encoded([True, "-start", 0, 5, 0]),
        base64.urlsafe_b64encode(b"[" * 100_000).decode(),
    ],
)
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(Refused) as refused:
        Cursor.read(text, Sort.NEWEST)
    assert refused.value.code == "search-cursor"


def test_the_only_page_has_no_other_around_it() -> None:
    assert page_of(PageRequest(limit=3), ROWS) == Page(tuple(row.entry for row in ROWS), None, None)
    assert page_of(PageRequest(limit=3), []) == Page((), None, None)


def test_a_page_in_the_middle_has_both() -> None:
    page = page_of(PageRequest(limit=2, cursor=Cursor(Sort.NEWEST, 0, 9)), ROWS)
    assert [one["id"] for one in page.entries] == ["r5", "r4"]
    assert page.next == Cursor(Sort.NEWEST, 40, 4)
    assert page.previous == Cursor(Sort.NEWEST, 50, 5, is_back=True)


def test_a_page_that_was_read_backwards_is_in_the_order_of_the_list() -> None:
    request = PageRequest(limit=2, cursor=Cursor(Sort.NEWEST, 0, 2, is_back=True))
    page = page_of(request, ROWS[::-1])
    assert [one["id"] for one in page.entries] == ["r4", "r3"]
    assert page.next == Cursor(Sort.NEWEST, 30, 3)
    assert page.previous == Cursor(Sort.NEWEST, 40, 4, is_back=True)
    assert page_of(PageRequest(limit=3, cursor=request.cursor), ROWS[::-1]).previous is None


def test_behind_skipped_entries_there_is_a_page_before() -> None:
    assert page_of(PageRequest(limit=3, skip=1), ROWS).previous == Cursor(Sort.NEWEST, 50, 5, is_back=True)


@pytest.mark.parametrize("said", [{"limit": 0}, {"limit": 10_001}, {"skip": -1}])
def test_a_page_that_cannot_be_is_a_defect(said: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="a page has"):
        PageRequest(**said)  # type: ignore[arg-type] # numbers


def test_a_count_is_exact_up_to_its_bound() -> None:
    assert Count.of(7) == Count(7, True)
    assert Count.of(MOST_COUNTED) == Count(MOST_COUNTED, True)
    assert Count.of(MOST_COUNTED + 1) == Count(MOST_COUNTED, False)
