"""A request for a change, with the idempotency key by which it is executed once."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from callrec.app.ports.directory import TableStore
from callrec.domain.access.principals import Principal
from callrec.domain.errors import OutcomeUnknown, Refused, Unavailable

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ChangeRequest:
    """One request for a change."""

    request_id: str
    actor: str
    wording: str
    """A short form of the exact request: another request with the same key is refused."""
    may_be_repeated: bool = False
    """Whether the client chose the key, so that the request may be a repetition."""
    by: Principal | None = None
    """Who must have every permission that the change touches; None: a command on this machine, or one's own password."""

    def receipt(self, done: str) -> str:
        """The receipt that the store keeps with the change, for a repetition of the request."""
        return f"{self.wording} {done}"

    async def done_before(self, store: TableStore) -> str | None:
        """The result of the same request executed before; None for a new one. Raises Refused for a key of another request."""
        receipt = await store.receipt(self.request_id) if self.may_be_repeated else None
        if receipt is None:
            return None
        return done_by(receipt, self.wording)


def done_by(receipt: str, wording: str) -> str:
    """The result in a receipt of the request with this wording. Raises Refused when the receipt is another request's."""
    worded, _, done = receipt.partition(" ")
    if worded != wording:
        raise Refused("request-id-reused", "this Idempotency-Key was used for another request", hint="send a new key")
    return done


async def until_known(change: Callable[[ChangeRequest], Awaitable[T]], change_request: ChangeRequest) -> T:
    """Make this change for a command, which has no second chance to send the same id: when the outcome is unknown, it is
    requested once more under this id, so that it is made only once. Raises OutcomeUnknown when that is not answered either."""
    try:
        return await change(change_request)
    except OutcomeUnknown as unknown:
        try:
            return await change(replace(change_request, may_be_repeated=True))
        except Unavailable:
            raise unknown from None
