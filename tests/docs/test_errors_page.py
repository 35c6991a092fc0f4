"""docs/errors.md is what the registry of error codes says."""

from documents import text
from errors_page import PAGE, page


def test_the_page_is_made_of_the_registry() -> None:
    """Else say `make docs`."""
    assert text(PAGE) == page()
