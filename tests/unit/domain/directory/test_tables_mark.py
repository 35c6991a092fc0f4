"""Whether a store's tables come after those that were seen: each reason has its sentence, and what decides it."""

import pytest

from callrec.domain.directory.tables_mark import SEEN_LAST, Standing, TablesMark, dumped, judge, loaded
from callrec.domain.errors import Corrupt

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


def test_a_mark_comes_back_from_its_file() -> None:
    assert loaded(dumped(SEEN), "here") == SEEN


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b'{"revision": 1}', b'{"revision": "x", "event": ""}', b"\xff", b"[" * 9000]
)
def test_what_is_no_mark_says_where_and_what_to_do(text: bytes) -> None:
    with pytest.raises(Corrupt, match="here holds no mark") as caught:
        loaded(text, "here")
    assert "--accept-store" in caught.value.hint
