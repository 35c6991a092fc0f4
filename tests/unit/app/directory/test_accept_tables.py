"""An operator accepts the tables of a revision, and no other ones."""

import pytest

from callrec.app.directory.accept_tables import accepted
from callrec.domain.directory.tables_mark import Standing, TablesMark
from callrec.domain.errors import Refused


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
    with pytest.raises(Refused, match=r"revision 3 of the tables \(users: 2\), not 4") as refused:
        await accepted(store, 4)
    assert refused.value.code == "store-revision"
