"""docs/monitoring.md has a row, with a sentence, for each word of the vocabulary, in its order, and no other."""

import re
from collections.abc import Iterable
from enum import StrEnum

import pytest
from documents import text

from callrec.domain.vocabulary import AgiScript, AlarmCause, CallFact, DropReason


def rows(title: str) -> list[tuple[str, str]]:
    """First and second cell of the table under this heading."""
    section = text("docs/monitoring.md").partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| (`[^|]+) \| ([^|]+) \|$", section, re.MULTILINE)


def shown(words: Iterable[StrEnum]) -> list[str]:
    """As the page shows them: an alarm by its label, and by what the log has where that is another."""
    labels = [(getattr(word, "label", word.value), word.value) for word in words]
    return [f"`{label}`" if label == value else f"`{label}` (`{value}`)" for label, value in labels]


@pytest.mark.parametrize(
    ("title", "words"),
    [
        ("Alarms", AlarmCause),
        ("Facts of calls", CallFact),
        ("Drops", DropReason),
        ("FastAGI scripts", AgiScript),
    ],
)
def test_each_word_has_its_row(title: str, words: type[StrEnum]) -> None:
    found = rows(title)
    assert [word for word, _ in found] == shown(words)
    assert all(len(sentence) > 2 for _, sentence in found)


def test_each_alarm_says_what_to_do() -> None:
    """A sentence on what it means, and a second one."""
    assert [] == [word for word, says in rows("Alarms") if not re.search(r"[.:;] .+\.$", says)]
