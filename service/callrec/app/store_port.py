"""What the use cases need of the store and of its local copy. The adapter keeps these promises on Redis."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypedDict, Unpack

from callrec.app.tables_mark import Standing, TablesMark
from callrec.domain.errors import Unavailable
from callrec.domain.provisioning.difference import Difference
from callrec.domain.provisioning.directory import Directory
from callrec.domain.provisioning.edit import Edit
from callrec.domain.provisioning.model import Feature, FeatureCode, RecordRules, Tables, User, UserId


class UserFields(TypedDict, total=False):
    """What `set_user` may change; what must be unique (user name, agent number) is not among it."""

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


_NOT_ASKED = Standing(0)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All tables at one instant, and the place in the stream of events where they stood."""

    tables: Tables
    revision: int
    """Counts the changes of the tables: the next change has the next number, otherwise something was missed."""
    cursor: str
    """The id of the last event that these tables contain."""
    edition: int = 0
    """Counts the edits: whoever changes records that they have read says of which edition they were."""
    standing: Standing = _NOT_ASKED
    """Whether these tables come after those of a mark."""


class TableStore(Protocol):
    """Users, lines, incalls, voicemails, feature codes, contexts, entities, profiles, function keys and roles.

    Every change is on disk when its method returns. Any method raises Unavailable: with code `store-outcome-unknown`
    when the change may or may not have happened (ask again with the same request id, it will happen once), with any
    other code when nothing was changed.
    """

    async def snapshot(self) -> Snapshot:
        """All tables at one instant."""
        ...

    async def tables(self) -> Tables:
        """All tables at one instant, without their place in the stream."""
        ...

    async def reserve_user_ids(self, count: int) -> Sequence[UserId]:
        """New ids, given once and never again, also when nobody uses them."""
        ...

    async def add(self, tables: Tables, request_id: str, *, actor: str = "") -> None:
        """Add all of it or, when any of it is taken already, nothing: Refused `table-conflict`. Of users, lines, incalls and
        voicemails; the other tables are not looked at."""
        ...

    async def edit(
        self, edit: Edit, request_id: str, *, based_on: int | None = None, actor: str = "", receipt: str = ""
    ) -> str | None:
        """Do all of it or nothing; once per request id. Refused `table-conflict` when something of it is taken already,
        `tables-edited` when another edit has come since the edition `based_on`, or a record is not there any more.
        The `receipt` (a wording, a blank, what was done) is kept with the request id for as long as that is known. An empty
        edit leaves only that: it counts nothing up and is no event.

        None when it was done now. Otherwise nothing was: a request of this id and wording was first, be it in another process
        a moment ago, and this is what its receipt says that it did. Refused `request-id-reused` for another wording."""
        ...

    async def receipt(self, request_id: str) -> str | None:
        """What the change under this request id left as its receipt; None when there was no such change."""
        ...

    async def toggle_call_record(self, user: UserId, request_id: str, actor: str) -> bool:
        """Turn the always-record flag over and say what it is now; once per request id. Refused: no such user."""
        ...

    async def flag_set_ms(self, user: UserId) -> int:
        """The instant (epoch) at which the always-record flag of this user was last set; 0: never. Raises Unavailable."""
        ...

    async def keep_word(
        self, user: UserId, *, on: bool, told_ms: int, request_id: str, actor: str, made_from_ms: int | None = None
    ) -> bool:
        """Set the always-record flag to what its user was told at `told_ms` (epoch) while we could not be asked, and say what it
        is now. Once per request id. A flag that anybody set after that instant stays as it is, unless it is the one that was set
        at `made_from_ms` and that this word turned over: clocks may have been set. Refused: no such user."""
        ...

    async def set_user(self, user: UserId, *, actor: str, request_id: str, **fields: Unpack[UserFields]) -> User:
        """Change some fields and give the user as stored; once per request id. Refused: no such user, or a bad value."""
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
        """Set a feature's digits and whether they work; once per request id where there is one. Refused when another feature has
        the digits, and `tables-edited` when it is not as it was `before`. What is as it was `before` leaves only its receipt.
        Answers as `edit` does."""
        ...


class RecordingIndex(Protocol):
    """The rebuildable index of recordings; the truth is on the disk."""

    async def index_recording(self, entry: Mapping[str, str]) -> None:
        """Put one entry in, or in the place of the one with the same `id`. It needs `id` and `start_s` (epoch)."""
        ...

    async def recording(self, recording: str) -> dict[str, str] | None:
        """One entry."""
        ...

    async def recordings(
        self, *, from_s: float | None = None, to_s: float | None = None, offset: int = 0, limit: int = 100
    ) -> tuple[dict[str, str], ...]:
        """Entries by start, newest first; both bounds belong to it."""
        ...

    async def forget(self, recording: str) -> bool:
        """Take one entry out; False when there was none."""
        ...

    def refuses(self, entry: Mapping[str, str]) -> str:
        """Why the index does not take this entry; empty when it does."""
        ...

    async def rebuild_index(self, entries: Iterable[Mapping[str, str]]) -> int:
        """Put these entries in the place of all; readers see the old index until the new one is complete."""
        ...


class EventSink(Protocol):
    """Where events go that others may follow."""

    async def publish(self, event: Mapping[str, str]) -> None:
        """Append one event; it needs a `type`."""
        ...


class DirectorySource(Protocol):
    """The local copy of the tables. A look-up in it never waits."""

    @property
    def directory(self) -> Directory:
        """The copy; ask for it anew at every look-up, a reload replaces it."""
        ...

    @property
    def fresh(self) -> bool:
        """True while the copy follows the store: it is at most about a second behind."""
        ...

    @property
    def edition(self) -> int:
        """Which edition of the tables the copy is (see `Snapshot`); -1 when it was never loaded."""
        ...

    async def catch_up(self, limit_s: float) -> bool:
        """Wait until the copy has all that the store has now; False when it has not within `limit_s`."""
        ...

    @property
    def mark(self) -> TablesMark | None:
        """Which tables the copy has; None when it was never loaded."""
        ...

    async def standing(self, event: str) -> Standing:
        """What the store says of its tables (see `tables_mark`). Raises Unavailable."""
        ...

    def on_change(self, callback: Callable[[Difference], None]) -> None:
        """Call this, without awaiting anything, after every change that reached the copy."""
        ...


def tables_busy() -> Unavailable:
    """The end of looking again: somebody else was first each time."""
    return Unavailable(
        "tables-busy", "others edit the tables all the time", hint="nothing was changed; try again later"
    )
