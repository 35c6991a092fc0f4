"""Makes good what the dialplan answered to `*26` by itself, while the daemon or the store was away.

The dialplan turned the flag over in AstDB, noted what it said, and said it. Here that word reaches the store, durably, with its
event and its actor; then exactly this note is forgotten. A crash in between repeats it, and it happens once. Of several
words of one user the last one counts. A flag that was set after the word was given, by whomever, stays: the last word stands.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from callrec.app.call_actor import Observer
from callrec.app.store_port import DirectorySource, TableStore
from callrec.domain import messages as m
from callrec.domain.errors import CallrecError, Refused, Unavailable
from callrec.domain.provisioning.model import UserId
from callrec.domain.vocabulary import AlarmCause


@dataclass(frozen=True, slots=True)
class Told:
    """That this user was told `on` or `off`, and when. `name` is used once: a later word has another one."""

    name: str
    user: UserId
    on: bool
    at_ms: int
    made_from_ms: int | None = None
    """When the flag that was turned over had last been set, as the store said; None where the dialplan did not know. By it
    a word is later than a flag whatever the clocks say."""


class Words(Protocol):
    """Where the dialplan notes what it has said."""

    async def told(self) -> Sequence[Told]:
        """Everything that is noted, in any order."""
        ...

    async def forget(self, word: Told) -> None:
        """Remove this note, and no other."""
        ...


class CatchingUp:
    """`catch_up` does what can be done now; call it again and again."""

    def __init__(self, words: Words, store: TableStore, tables: DirectorySource, observer: Observer) -> None:
        self._words, self._store, self._tables, self._observer = words, store, tables, observer

    async def catch_up(self) -> Mapping[UserId, bool]:
        """What the flag of each user is to whom a word was found: as told while it waits for the store, then as stored.

        Raises Unavailable while Asterisk cannot be asked.
        """
        try:
            words = await self._words.told()
        except Refused as error:  # the notes stay until we may read them; nothing else has to wait for that
            self._alarm(error)
            return {}
        by_user: dict[UserId, list[Told]] = {}
        for word in sorted(words, key=lambda word: (word.at_ms, word.name)):
            by_user.setdefault(word.user, []).append(word)
        flags = {user: told[-1].on for user, told in by_user.items()}
        for user, told in by_user.items():
            if not self._tables.fresh:
                break
            try:
                flags[user] = await self._keep(told[-1])
            except Refused as error:  # nobody is this user any more
                self._alarm(error)
                del flags[user]
            except Unavailable as error:
                self._alarm(error)
                break
            except CallrecError as error:
                self._alarm(error)
                continue
            await self._forget(told)
        return flags

    async def _forget(self, words: Sequence[Told]) -> None:
        """The one that counts goes last: no other must come to count."""
        try:
            for word in words:
                await self._words.forget(word)
        except Refused as error:  # they are looked at again, to no effect
            self._alarm(error)

    async def _keep(self, word: Told) -> bool:
        request = word.name.replace("/", ":")
        return await self._store.keep_word(
            word.user,
            on=word.on,
            told_ms=word.at_ms,
            made_from_ms=word.made_from_ms,
            request_id=request,
            actor=f"user:{word.user}",
        )

    def _alarm(self, error: CallrecError) -> None:
        self._observer.alarmed(m.Alarm(f"{AlarmCause.MIRROR}: {error.code}", None), "")
