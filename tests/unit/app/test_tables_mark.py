"""Whether a store's tables come after those that were seen: each reason has its sentence, and what decides it."""

import pytest

from callrec.app.tables_mark import SEEN_LAST, Standing, TablesMark, accepted, dumped, judge, loaded
from callrec.domain.errors import Corrupt, Refused

SEEN = TablesMark(7, "7-0")


@pytest.mark.parametrize(
    ("mark", "now"),
    [
        (None, Standing(0)),
        (None, Standing(9, "9-0", users=3)),
        (SEEN, Standing(7, "7-0")),
        (SEEN, Standing(8, "8-0")),
        (TablesMark(7), Standing(7)),
    ],
)
def test_what_comes_after_what_was_seen_is_taken(mark: TablesMark | None, now: Standing) -> None:
    judge(mark, now, SEEN_LAST)
    assert now.mark == TablesMark(now.revision, now.event)


@pytest.mark.parametrize(
    ("mark", "now", "code"),
    [
        (SEEN, Standing(6, "6-0"), "store-went-back"),
        (SEEN, Standing(0, follows=False), "store-went-back"),
        (SEEN, Standing(8, "8-1", follows=False), "store-other-history"),
        (None, Standing(8, "8-1", gone=("users",)), "store-records-gone"),
        (SEEN, Standing(7, "7-0", gone=("users", "lines")), "store-records-gone"),
        (SEEN, Standing(7), "store-records-gone"),
    ],
)
def test_what_does_not_is_refused_with_the_command_that_decides(
    mark: TablesMark | None, now: Standing, code: str
) -> None:
    with pytest.raises(Corrupt) as caught:
        judge(mark, now, SEEN_LAST)
    assert caught.value.code == code
    assert f"callrec confgen --accept-store {now.revision};" in caught.value.hint


class Store:
    """At one revision."""

    def __init__(self, now: Standing) -> None:
        self.now = now

    async def standing(self, _event: str) -> Standing:
        """See AskableStore."""
        return self.now

    async def accept(self, revision: int) -> Standing | None:
        """See AskableStore."""
        return self.now if revision == self.now.revision else None


async def test_only_the_revision_that_was_looked_at_is_accepted() -> None:
    store = Store(Standing(3, "3-0", users=2))
    assert await accepted(store, 3) == TablesMark(3, "3-0")
    with pytest.raises(Refused, match=r"revision 3 of the tables \(users: 2\), not 4"):
        await accepted(store, 4)


def test_a_mark_comes_back_from_its_file() -> None:
    assert loaded(dumped(SEEN), "here") == SEEN


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b'{"revision": 1}', b'{"revision": "x", "event": ""}', b"\xff", b"[" * 9000]
)
def test_what_is_no_mark_says_where_and_what_to_do(text: bytes) -> None:
    with pytest.raises(Corrupt, match="here holds no mark") as caught:
        loaded(text, "here")
    assert "--accept-store" in caught.value.hint
