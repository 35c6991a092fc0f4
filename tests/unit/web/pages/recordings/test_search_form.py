"""The conditions of a list in a page's address, and what they ask of the catalogue."""

from datetime import UTC

import pytest

from callrec.domain.library.search_pages import Sort
from callrec.web.pages.forms import Form, checked
from callrec.web.pages.languages import locale_of
from callrec.web.pages.recordings.search import FIELDS, LIMIT, Search
from callrec.web.pages.view import View

VIEW = View("en", locale_of("en"), UTC, "", None, "", "/recordings", static=str)


def search(**fields: str) -> Search:
    form = Form({name.rstrip("_"): [value] for name, value in fields.items()})
    found = checked(form, Search)
    assert found is not None, form.errors
    return found


@pytest.mark.parametrize(
    ("who", "asked"),
    [
        ("1001", {"number_part": "1001"}),
        ("+49 (301) 23-4", {"number_part": "+49301234"}),
        ("10", {"number": "10"}),
        ("  Doe ", {"name": "Doe"}),
        ("   ", {}),
        ("Line 7", {"name": "Line 7"}),
    ],
)
def test_one_field_finds_numbers_and_names(who: str, asked: dict[str, str]) -> None:
    query = search(who=who).query(VIEW)
    assert query.model_dump(include={"number", "number_part", "name"}, exclude_defaults=True) == asked


def test_the_last_day_is_included() -> None:
    query = search(from_="2026-11-22", to="2026-11-22").query(VIEW)
    assert (query.from_s, query.to_s) == (1795305600.0, 1795391999.999)


def test_minutes_become_seconds_and_a_page_is_counted() -> None:
    query = search(least_min="1.5", most_min="2", held="true", sort="-length").query(VIEW)
    assert (query.least_s, query.most_s, query.held, query.sort) == (90.0, 120.0, True, Sort.LONGEST)
    assert (query.limit, query.count) == (LIMIT, True)


def test_an_address_keeps_the_conditions_and_changes_what_it_is_told() -> None:
    found = search(who="a&b", held="false", from_="2026-11-22", cursor="abc")
    assert found.address("/recordings") == "/recordings?who=a%26b&from=2026-11-22&held=false"
    assert found.address("/my", cursor="x", held=None) == "/my?who=a%26b&from=2026-11-22&cursor=x"
    assert Search.model_validate({}).address("/recordings") == "/recordings"


def test_the_form_opens_its_further_conditions_when_one_of_them_is_set() -> None:
    assert [search(who="x").is_narrow, search(tag="x").is_narrow] == [False, True]
    assert {"who", "from", "to", "user", "cursor"} <= FIELDS
