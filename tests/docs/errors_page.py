"""docs/errors.md, made of the registry of error codes: `make docs` writes it, a test holds it to the registry."""

from collections.abc import Mapping

from documents import ROOT

from callrec.domain import error_codes
from callrec.domain.error_codes import ErrorCode

PAGE = "docs/errors.md"
_HEAD = """\
# Errors

<!-- Made by `make docs` of service/callrec/domain/error_codes.py: change it there. -->

An error has a code that never changes, a message that says what is wrong and where, and often a hint that says what to do. The
code stands in the log (`code`, or behind the colon of an alarm's `cause`), in the [API's](api.md#errors) answers (`code`), in
findings of `callrec verify` and, for the dialplan, in the channel variable CALLREC_REASON. A command prints the message with its
hint, and its [exit code](commands.md) tells the kind.
"""
_SECTIONS: Mapping[str, tuple[str, Mapping[ErrorCode, str]]] = {
    "Refused": (
        "The request cannot be done as it is: change it. Exit code 1; over HTTP 409, 404, 412, 413 or 422.",
        error_codes.REFUSED,
    ),
    "Conflict": ("Another change came first. Exit code 1; over HTTP 412.", error_codes.CONFLICT),
    "Unavailable": (
        "Something outside does not answer now: the same request may work later. Exit code 3; over HTTP 503.",
        error_codes.UNAVAILABLE,
    ),
    "Outcome unknown": (
        "The request was sent and not answered, so it may have been done: look first. Exit code 3; over HTTP 503.",
        error_codes.OUTCOME_UNKNOWN,
    ),
    "Corrupt": (
        "Stored or received bytes are invalid. Nothing was overwritten. Exit code 1; over HTTP 500.",
        error_codes.CORRUPT,
    ),
    "Misconfigured": (
        "A setting, a right or an include must be corrected first. Exit code 2; over HTTP 500.",
        error_codes.MISCONFIGURED,
    ),
    "Only over HTTP": ("The request was not understood, or was not taken.", error_codes.REQUESTS),
    "Findings": (
        "Of `callrec verify` and `callrec rebuild`, and behind the colon of alarms. What is *Corrupt* is found, too.",
        error_codes.FINDINGS,
    ),
    "Outside of the product": ("For those who work on callrec.", error_codes.TEST_PBX),
}


def page() -> str:
    """The whole page."""
    return "\n".join([_HEAD, *(_section(title, *one) for title, one in _SECTIONS.items())])


def _section(title: str, says: str, table: Mapping[ErrorCode, str]) -> str:
    rows = [f"| `{code}` | {sentence} |" for code, sentence in table.items()]
    return "\n".join([f"## {title}", "", says, "", "| code | what it means, and what to do |", "|---|---|", *rows, ""])


if __name__ == "__main__":
    (ROOT / PAGE).write_text(page(), "utf-8")
