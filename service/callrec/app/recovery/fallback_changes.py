"""Fallback changes reach the store: always-record flags that `*26` changed while the daemon or the store was away.

The dialplan toggled the flag in AstDB, noted the change, and said it to the user. `apply` writes the change to the store with its
event and its actor; when it is durable, exactly this note is removed. A crash in between repeats the change, and it happens once.
Of several changes by one user the last one counts. A flag that was set later than the change stays.
"""

from collections.abc import Mapping, Sequence

from callrec.app.ports.asterisk import ChangeNotes
from callrec.app.ports.directory import DirectorySource, TableStore
from callrec.app.ports.observer import Observer
from callrec.domain.calls.captures.fallback_notes import ChangeNote
from callrec.domain.calls.commands import Alarm
from callrec.domain.errors import CallrecError, Refused, Unavailable
from callrec.domain.rules import UserId
from callrec.domain.vocabulary import AlarmCause


class FallbackChanges:
    """`apply` does what can be done now; `app.asterisk.astdb_sync` calls it every few seconds."""

    def __init__(self, notes: ChangeNotes, store: TableStore, tables: DirectorySource, observer: Observer) -> None:
        self._notes, self._store, self._tables, self._observer = notes, store, tables, observer

    async def apply(self) -> Mapping[UserId, bool]:
        """The flag of each user with a note: as the user heard it while it waits for the store, else as the store has it now.

        Raises Unavailable while Asterisk cannot be asked.
        """
        try:
            notes = await self._notes.read()
        except Refused as error:  # the notes stay until the daemon may read them; nothing else has to wait for that
            self._alarm(error)
            return {}
        by_user: dict[UserId, list[ChangeNote]] = {}
        for note in sorted(notes, key=lambda note: (note.at_ms, note.name)):
            by_user.setdefault(note.user, []).append(note)
        flags = {user: heard[-1].on for user, heard in by_user.items()}
        for user, heard in by_user.items():
            if not self._tables.fresh:
                break
            try:
                flags[user] = await self._store_change(heard[-1])
            except Refused as error:  # the user was deleted
                self._alarm(error)
                del flags[user]
            except Unavailable as error:
                self._alarm(error)
                break
            except CallrecError as error:
                self._alarm(error)
                continue
            await self._forget(heard)
        return flags

    async def _forget(self, notes: Sequence[ChangeNote]) -> None:
        """Oldest first, so that an older note never becomes the last one."""
        try:
            for note in notes:
                await self._notes.forget(note)
        except Refused as error:  # the next look finds them, to no effect
            self._alarm(error)

    async def _store_change(self, note: ChangeNote) -> bool:
        request = note.name.replace("/", ":")
        return await self._store.apply_fallback_change(
            note.user,
            on=note.on,
            told_ms=note.at_ms,
            made_from_ms=note.made_from_ms,
            request_id=request,
            actor=f"user:{note.user}",
        )

    def _alarm(self, error: CallrecError) -> None:
        self._observer.alarmed(Alarm(f"{AlarmCause.MIRROR}: {error.code}", None), "")
