"""docs/events.md is what the table of event types says."""

from documents import text
from events_page import PAGE, page


def test_the_page_is_made_of_the_table() -> None:
    """Else say `make docs`."""
    assert text(PAGE) == page()
