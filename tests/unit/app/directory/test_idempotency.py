"""A change for a person: asked again under its id when the first answer was lost, and done once."""

import pytest

from callrec.app.directory.idempotency import ChangeRequest, until_known
from callrec.domain.errors import OutcomeUnknown, Refused, Unavailable

ASKED = ChangeRequest("r1", "operator:ann", "command")
UNKNOWN = OutcomeUnknown("store-outcome-unknown", "the change may have happened")


class Changes:
    """Changes that end like this, one after the other."""

    def __init__(self, *ends: Exception | str) -> None:
        self.asked: list[ChangeRequest] = []
        self._ends = list(ends)

    async def __call__(self, asked: ChangeRequest) -> str:
        """The next end."""
        self.asked.append(asked)
        end = self._ends.pop(0)
        if isinstance(end, Exception):
            raise end
        return end


async def test_a_change_that_is_answered_is_asked_once() -> None:
    change = Changes("done")
    assert (await until_known(change, ASKED), change.asked) == ("done", [ASKED])


async def test_a_lost_answer_is_asked_for_under_the_same_id() -> None:
    change = Changes(UNKNOWN, "done")
    assert await until_known(change, ASKED) == "done"
    assert [(one.request_id, one.may_be_repeated) for one in change.asked] == [("r1", False), ("r1", True)]


@pytest.mark.parametrize(
    "away", [UNKNOWN, Unavailable("store-unavailable", "away"), Unavailable("tables-stale", "away")]
)
async def test_where_that_is_not_answered_either_the_change_may_have_happened(away: Exception) -> None:
    with pytest.raises(OutcomeUnknown) as lost:
        await until_known(Changes(UNKNOWN, away), ASKED)
    assert lost.value is UNKNOWN


async def test_what_is_refused_is_not_asked_again() -> None:
    change = Changes(Refused("no-such-user", "none"))
    with pytest.raises(Refused):
        await until_known(change, ASKED)
    assert len(change.asked) == 1
