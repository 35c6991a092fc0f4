"""A change of notes, tags or holds of all recordings that meet conditions, with a preview. The search has an entry in the audit
log, and every recording its own, before the change is on disk. Sent again, it changes nothing more."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from callrec.app.library.annotating import NEEDS, Annotating, Planned
from callrec.app.library.catalog import every
from callrec.app.library.lifetime.erasure import within
from callrec.app.library.media.logged_access import Asker
from callrec.app.library.media.sources import Sources
from callrec.app.ports.access import AuditLog
from callrec.domain.access.audit import Action, AuditEntry
from callrec.domain.access.decisions import visible
from callrec.domain.calls.ids import RecordingId
from callrec.domain.errors import Corrupt, Refused
from callrec.domain.library.annotations import Annotations, By, noted, retagged, with_class
from callrec.domain.library.search import Filter

MOST_AT_ONCE = 1000
"""Recordings that one request changes; it says whether others are left."""
FIRST = 20
"""How many recordings a preview names."""
IsDue = Callable[[Annotations], bool]


@dataclass(frozen=True, slots=True)
class Planning:
    """A change of one recording, its kind, and the reason for the audit log. `is_due`: whether it would change anything."""

    action: Action
    planned: Planned
    is_due: IsDue
    reason: str = ""


@dataclass(slots=True)
class ChangedMany:
    """What was done, or would be. `failed`: the codes of errors, by recording."""

    recordings: int = 0
    unchanged: int = 0
    """They are so already."""
    first: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    is_more_left: bool = False


class ChangingMany:
    """Makes one change of each recording."""

    def __init__(self, sources: Sources, annotating: Annotating, audit: AuditLog) -> None:
        self._sources, self._annotating, self._audit = sources, annotating, audit

    async def each(self, wanted: Filter, change: Planning, asker: Asker, *, is_preview: bool) -> ChangedMany:
        """Of those that meet the conditions, as far as the asker may change them. Raises Refused (`annotation`,
        `erasure-conditions`), Unavailable."""
        if wanted == Filter():
            hint = "name a user, a number, a time, a tag, ..."
            raise Refused("erasure-conditions", "a change of many recordings needs a condition", hint=hint)
        change.planned(By(asker.name, 0.0, str), 0.0)(
            Annotations(RecordingId(""))
        )  # what is wrong in itself is refused at once
        await self._told(asker, is_preview=is_preview)
        allowed, done = within(wanted, visible(asker.principal, NEEDS[change.action])), ChangedMany()
        async for entry in every(self._sources.catalogue, allowed):
            if not is_preview and done.recordings + len(done.failed) >= MOST_AT_ONCE:
                done.is_more_left = True
                break
            try:
                found = await asyncio.to_thread(self._sources.library.annotations, entry["path"])
                if not change.is_due(found or Annotations(RecordingId(entry["id"]))):
                    done.unchanged += 1
                    continue
                if not is_preview:
                    await self._change(entry["id"], change, asker)
            except (Corrupt, Refused) as error:  # a damaged file; more tags, notes or holds than a recording can have
                done.failed[entry["id"]] = error.code
            else:
                done.recordings += 1
                done.first = [*done.first, entry["id"]][:FIRST]
        return done

    async def _change(self, recording: str, change: Planning, asker: Asker) -> None:
        """One that was erased meanwhile needs no change any more."""
        try:
            await self._annotating.changed(recording, change.planned, asker, change.action, reason=change.reason)
        except Refused as error:
            if error.code != "no-such-recording":
                raise

    async def _told(self, asker: Asker, *, is_preview: bool) -> None:
        """The audit log has the search: the answer tells how many it finds, also when it changes none of them."""
        details = "preview of a change of many" if is_preview else "change of many"
        await self._audit.append([AuditEntry(Action.LISTED, asker.actor, address=asker.address, details=details)])


class Marking:
    """Tags, retention class and notes of many recordings."""

    def __init__(self, many: ChangingMany) -> None:
        self._many = many

    async def tag(
        self,
        wanted: Filter,
        add: Sequence[str],
        remove: Sequence[str],
        asker: Asker,
        *,
        retention_class: str | None = None,
        is_preview: bool = False,
    ) -> ChangedMany:
        """Add and remove tags, and set the retention class (None: it stays). Raises as `ChangingMany.each`."""

        def changed(before: Annotations) -> Annotations:
            after = retagged(add, remove)(before)
            return after if retention_class is None else with_class(retention_class)(after)

        change = Planning(Action.CHANGED, lambda _by, _s: changed, lambda found: changed(found) != found)
        return await self._many.each(wanted, change, asker, is_preview=is_preview)

    async def note(self, wanted: Filter, text: str, asker: Asker, *, is_preview: bool = False) -> ChangedMany:
        """Add this note to each that has none of the asker with these words. Raises as `ChangingMany.each`."""
        change = Planning(
            Action.CHANGED,
            lambda by, length_s: noted(text, None, by, length_s),
            lambda found: all((one.text, one.author) != (text, asker.name) for one in found.notes),
        )
        return await self._many.each(wanted, change, asker, is_preview=is_preview)
