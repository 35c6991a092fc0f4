"""A request for a change, under the id by which it is done once."""

from dataclasses import dataclass

from callrec.app.store_port import TableStore
from callrec.domain.errors import Refused


@dataclass(frozen=True, slots=True)
class Asked:
    """One request for a change."""

    request_id: str
    actor: str
    wording: str
    """What exactly was asked, in short: another request under the same id is refused."""
    may_be_repeated: bool = False
    """Whether the asker chose the id, so that this may be the second time."""

    def receipt(self, done: str) -> str:
        """What the store keeps beside the change, for when it is asked for again."""
        return f"{self.wording} {done}"

    async def done_before(self, store: TableStore) -> str | None:
        """What this very request has done already; None: it is new. Raises Refused when its id was another request's."""
        receipt = await store.receipt(self.request_id) if self.may_be_repeated else None
        if receipt is None:
            return None
        return done_by(receipt, self.wording)


def done_by(receipt: str, wording: str) -> str:
    """What the request of that receipt has done, when it had this wording. Raises Refused: its id was another request's."""
    worded, _, done = receipt.partition(" ")
    if worded != wording:
        raise Refused("request-id-reused", "this Idempotency-Key was used for another request", hint="take a new one")
    return done
