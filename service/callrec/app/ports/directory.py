"""The ports for users and tables: the store, and its local copy. The adapter implements them with Redis."""

from collections.abc import AsyncIterable, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypedDict, Unpack

from callrec.domain.directory.directory import Directory
from callrec.domain.directory.edit import Edit
from callrec.domain.directory.last_changes import LastChange
from callrec.domain.directory.model import Feature, FeatureCode, Tables, User
from callrec.domain.directory.table_changes import Difference
from callrec.domain.directory.tables_mark import Marked, Standing, TablesMark
from callrec.domain.errors import Unavailable
from callrec.domain.rules import RecordRules, UserId

if TYPE_CHECKING:
    from callrec.app.directory.user_file.import_users import Tell
    from callrec.app.directory.user_file.jobs import Done, Job


class UserFields(TypedDict, total=False):
    """The fields that `set_user` may change, without those that must be unique (user name, agent number)."""

    firstname: str
    lastname: str
    language: str | None
    call_record: bool
    online_record: bool
    rules: RecordRules
    outcallerid: str
    mobilephonenumber: str
    bosssecretary: str
    enablehint: bool
    enablexfer: bool
    dnd: bool
    forward_unconditional: str
    forward_no_answer: str
    forward_busy: str
    voicemail_enabled: bool
    filter_enabled: bool
    agent_logged_in: bool


_UNKNOWN_STATE = Standing(0)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All tables at one instant, and their place in the stream of events."""

    tables: Tables
    revision: int
    """The number of the last change of the tables. The next change has the next number; with another one a change was missed."""
    cursor: str
    """The id of the last event that these tables contain."""
    edit_revision: int = 0
    """The number of the last edit: a change of records names the edit revision at which they were read."""
    standing: Standing = _UNKNOWN_STATE
    """How these tables compare with a mark."""


class TableStore(Protocol):
    """Users, lines, incalls, voicemails, feature codes, contexts, entities, profiles, function keys and roles.

    Every change is on disk when its method returns. Any method raises Unavailable: with code `store-outcome-unknown`
    when the change may or may not have been made (the request can be repeated with the same request id: it is made once), with
    any other code when nothing was changed.
    """

    async def snapshot(self, event: str = "") -> Snapshot:
        """All tables at one instant, with their standing compared with the mark that has this event."""
        ...

    async def tables(self) -> Tables:
        """All tables at one instant, without their place in the stream."""
        ...

    async def reserve_user_ids(self, count: int) -> Sequence[UserId]:
        """New ids, which are never reused, even if they are not used now."""
        ...

    async def edit(
        self, edit: Edit, request_id: str, *, based_on: int | None = None, actor: str = "", receipt: str = ""
    ) -> str | None:
        """Make all changes of the edit or none; once per request id. Refused `table-conflict` when a unique key is in use
        already, `tables-edited` when there was another edit after `based_on`, or a record does not exist any more. The `receipt`
        (a wording, a blank, the result) is kept as long as the request id. An empty edit only stores the receipt: it changes no
        revision and is no event.

        None when the edit was made now. Otherwise a request with this id and wording was made before, perhaps by another process,
        nothing is changed now, and the answer is the result in its receipt. Refused `request-id-reused` for another wording."""
        ...

    async def receipt(self, request_id: str) -> str | None:
        """The receipt of the change with this request id; None when there was no such change."""
        ...

    async def toggle_call_record(self, user: UserId, request_id: str, actor: str) -> bool:
        """Toggle the always-record flag and return its new value; once per request id. Refused: no such user."""
        ...

    async def flag_set_ms(self, user: UserId) -> int:
        """The instant (epoch) at which the always-record flag of this user was last set; 0: never. Raises Unavailable."""
        ...

    async def apply_fallback_change(
        self, user: UserId, *, on: bool, told_ms: int, request_id: str, actor: str, made_from_ms: int | None = None
    ) -> bool:
        """Apply a fallback change: set the always-record flag to what the dialplan announced at `told_ms` (epoch), and return
        its value. Once per request id. A flag that was set after that instant stays, unless it is the one, set at
        `made_from_ms`, that the fallback change toggled: a clock may have been set meanwhile. Refused: no such user."""
        ...

    async def set_user(self, user: UserId, *, actor: str, request_id: str, **fields: Unpack[UserFields]) -> User:
        """Change some fields and return the user as stored; once per request id. Refused: no such user, or a wrong value."""
        ...

    async def set_code(
        self,
        feature: Feature,
        code: str,
        enabled: bool,
        *,
        actor: str = "",
        before: FeatureCode | None = None,
        request_id: str | None = None,
        receipt: str = "",
    ) -> str | None:
        """Set a feature's digits and whether the code is enabled; once per request id, if there is one. Refused when another
        feature has the digits, and `tables-edited` when the feature code is not `before` any more. When it is to stay as
        `before`, only the receipt is stored. Answers as `edit` does."""
        ...


class TableCopy(Protocol):
    """The local copy of the tables. A look-up in it never waits."""

    @property
    def directory(self) -> Directory:
        """The copy. Read this property for every look-up: a reload replaces it."""
        ...

    @property
    def fresh(self) -> bool:
        """True while the copy follows the store: it is at most about a second behind."""
        ...

    @property
    def edit_revision(self) -> int:
        """The copy's edit revision (`Snapshot.edit_revision`); -1 when it was never loaded."""
        ...

    async def catch_up(self, limit_s: float) -> bool:
        """Wait until the copy has the store's present state; False when it has not within `limit_s`."""
        ...


class DirectorySource(TableCopy, Protocol):
    """A copy that reports its mark and its changes."""

    @property
    def mark(self) -> TablesMark | None:
        """The mark of the copy's tables; None when it was never loaded."""
        ...

    async def standing(self, event: str) -> Standing:
        """The standing of the store's tables (`tables_mark`). Raises Unavailable."""
        ...

    def last_change(self, table: str, key: str) -> LastChange | None:
        """Who changed this record last, since the copy was loaded; None when it is not known."""
        ...

    def on_change(self, callback: Callable[[Difference], None]) -> None:
        """Call this, which must not block, after every change of the copy."""
        ...


def tables_busy() -> Unavailable:
    """The error after several attempts: other edits came first each time."""
    return Unavailable(
        "tables-busy",
        "other edits of the tables came first again and again",
        hint="nothing was changed; try again later",
    )


class Passwords(Protocol):
    """Hashes of clients' passwords. Slow on purpose; may be called in several threads at once."""

    def hashed(self, password: str) -> str:
        """A new hash."""
        ...

    def matches(self, password_hash: str, password: str) -> bool:
        """Whether the hash belongs to this password."""
        ...


Source = Callable[[TablesMark | None], Awaitable[Marked]]
"""Returns the present tables. Raises Unavailable; Corrupt when they do not come after the marked ones."""


class MarkFile(Protocol):
    """The file of a mark, outside of the store. Blocking."""

    def read(self) -> TablesMark | None:
        """The mark; None when there is none yet. Raises Unavailable, Corrupt."""
        ...

    def write(self, mark: TablesMark) -> None:
        """Write the mark; it is on disk on return. Raises Unavailable."""
        ...


class AskableStore(Protocol):
    """The part of the store for the standing of its tables."""

    async def standing(self, event: str) -> Standing:
        """The tables' standing, compared with the mark that has this event. Raises Unavailable."""
        ...

    async def accept(self, revision: int) -> Standing | None:
        """Accept the present tables as complete; None when they have another revision. Raises Unavailable."""
        ...


class OperatorStore(TableStore, AskableStore, Protocol):
    """The store for an operator's commands."""

    async def persistence(self) -> str:
        """The settings by which a power cut could lose a confirmed change, as sentences; "" when there is none. Raises
        Unavailable."""
        ...


class UserFiles(Protocol):
    """Imports and exports user files away from the daemon's loop."""

    def done(
        self, job: "Job", content: AsyncIterable[bytes] | None = None, tell: "Tell" = ...
    ) -> AbstractAsyncContextManager["Done"]:
        """Do this job; `tell` is told how far an import is. Raises Refused (FileErrors for what is wrong in the file),
        Unavailable: another job is being done, or the outcome is unknown."""
        ...
