"""The operator accepts the store's tables although they are older than those seen last."""

from callrec.app.ports.directory import AskableStore
from callrec.domain.directory.tables_mark import TablesMark
from callrec.domain.errors import Refused


async def accepted(store: AskableStore, revision: int) -> TablesMark:
    """Accept the tables of this revision; returns their mark. Raises Refused when the store has another revision."""
    now = await store.accept(revision)
    if now is None:
        found = await store.standing("")
        message = f"the store has revision {found.revision} of the tables (users: {found.users}), not {revision}"
        raise Refused("store-revision", message, hint="nothing was changed; callrec doctor shows the current revision")
    return now.mark
