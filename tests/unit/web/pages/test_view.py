"""How values are shown to a person, in their language and zone."""

from datetime import UTC, date
from zoneinfo import ZoneInfo

import pytest

from callrec.domain.access.principals import DAEMON
from callrec.web.pages.languages import locale_of
from callrec.web.pages.view import View, attributes, length, zone_of

AT_S = 1_795_341_600.25


def view(language: str = "en", zone: str = "Europe/Berlin") -> View:
    return View(
        language, locale_of(language), ZoneInfo(zone), "n", DAEMON, "John", "/x", static=lambda name: f"/static/{name}"
    )


def test_times_are_those_of_the_viewers_zone_and_programs_read_them() -> None:
    shown = view().when(AT_S)
    assert str(shown) == '<time datetime="2026-11-22T10:00:00+00:00">22 Nov 2026, 11:00:00</time>'
    assert view("de", "America/New_York").time_of_day(AT_S) == "05:00:00"
    assert view("fr").day(AT_S) == "22 nov. 2026"
    assert view().when(None) == ""


def test_a_day_begins_when_it_begins_there() -> None:
    assert view().day_begins_s(date(2026, 11, 22)) == AT_S - 0.25 - 11 * 3600


def test_numbers_and_sizes_have_the_separators_of_the_language() -> None:
    assert (view().number(12345.5), view("de").number(12345.5)) == ("12,345.5", "12.345,5")
    assert [view("de").size(size) for size in (0, 999, 1400, 2_500_000, 3e18)] == [
        "0\N{NO-BREAK SPACE}B",
        "999\N{NO-BREAK SPACE}B",
        "1,4\N{NO-BREAK SPACE}kB",
        "2,5\N{NO-BREAK SPACE}MB",
        "3.000.000\N{NO-BREAK SPACE}TB",
    ]


@pytest.mark.parametrize(
    ("seconds", "shown"), [(None, ""), (0, "0:00"), (59.6, "1:00"), (93, "1:33"), (3723, "1:02:03"), (-1, "0:00")]
)
def test_a_length_is_minutes_and_seconds(seconds: float | None, shown: str) -> None:
    assert length(seconds) == shown


def test_a_zone_that_is_none_is_the_machines() -> None:
    assert str(zone_of("Europe/Paris")) == "Europe/Paris"
    for name in ("", "../../etc/passwd", "Nowhere/Land", "/etc/passwd", "\0"):
        assert zone_of(name).utcoffset(None) is not None or zone_of(name) is UTC


def test_attributes_are_escaped_and_left_out_when_they_are_nothing() -> None:
    assert attributes({"max": 3, "required": True, "disabled": False, "title": None, "data_x": '"<'}) == (
        ' max="3" required data-x="&#34;&lt;"'
    )


def test_a_choice_begins_with_no_condition() -> None:
    assert view("de").choices({"a": "always"}) == [("", "alle"), ("a", "immer")]
    assert view().choices({"a": "always"}, None) == [("a", "always")]


def test_somebody_without_a_login_may_nothing() -> None:
    assert view().may("recordings.hold")
    stranger = View("en", locale_of("en"), UTC, "", None, "", "/", static=str)
    assert not stranger.may("recordings.hold")
    assert stranger.zone_name() == "UTC"
