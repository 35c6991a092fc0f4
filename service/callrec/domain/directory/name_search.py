"""Finds users by the beginning of a name, for completion while it is typed: sorted words, so that a look-up is a binary
search."""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator

from callrec.domain.directory.cooperative_sort import sorted_texts
from callrec.domain.directory.model import User
from callrec.domain.rules import UserId
from callrec.domain.text_folding import folded

_END = "\0"
"""Between a word and its user's id: no name contains it, and it sorts before every letter."""


class Names:
    """The words of all users' names, and the whole names, each leading to its user."""

    def __init__(self, users: Iterable[User]) -> None:
        self._words = sorted_texts(entry for user in users for entry in _entries(user))

    def learn(self, user: User) -> None:
        """Add a user's name."""
        for entry in _entries(user):
            insort(self._words, entry)

    def forget(self, user: User) -> None:
        """Remove a user's name; the user must be as added."""
        for entry in _entries(user):
            at = bisect_left(self._words, entry)
            if self._words[at : at + 1] == [entry]:
                del self._words[at]

    def dismantle(self) -> None:
        """Empty it step by step (`Directory.dismantle`)."""
        while self._words:
            self._words.pop()

    def beginning(self, begins: str, most: int) -> list[UserId]:
        """At most `most` users whose name, or a word of it, begins with this text, in the order of these words; none for no
        text."""
        wanted = " ".join(folded(begins).replace(_END, " ").split())
        if not wanted:
            return []
        found: dict[UserId, None] = {}
        for at in range(bisect_left(self._words, wanted), len(self._words)):
            entry = self._words[at]
            if len(found) == most or not entry.startswith(wanted):
                break
            found[UserId(entry.rpartition(_END)[2])] = None
        return list(found)


def _entries(user: User) -> Iterator[str]:
    """Each word with the words after it, so that `doe`, `john` and `john d` all find John Doe. The entries are strings, which
    sort fastest and are not scanned by the garbage collector."""
    words = folded(user.name).split()
    return (" ".join(words[at:]) + _END + user.id for at in range(len(words)))
