"""Legal holds on all recordings that meet conditions: put, or ended, each with a preview. Every recording has its own entry in
the audit log, before its hold is on disk."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from callrec.app.library.annotating import NEEDS, Annotating, Planned
from callrec.app.library.catalog import every
from callrec.app.library.lifetime.erasure import within
from callrec.app.library.media.looks import Asker
from callrec.app.library.media.sources import Sources
from callrec.app.ports.access import AuditLog
from callrec.domain.access.audit import Action, AuditEntry
from callrec.domain.access.decisions import visible
from callrec.domain.calls.ids import RecordingId
from callrec.domain.errors import Corrupt, Refused
from callrec.domain.library.annotations import Annotations, has_hold_of, held_once, is_held_for, released_of
from callrec.domain.library.search import Filter

MOST_AT_ONCE = 1000
"""Recordings that one request changes; it says whether others are left."""
FIRST = 20
"""How many recordings a preview names."""


@dataclass(frozen=True, slots=True)
class Case:
    """Why recordings are held, or need not be any longer. `reference`: of a case or ticket."""

    reason: str
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Planning:
    """A change of one recording, its kind, and the reason for the audit log."""

    action: Action
    planned: Planned
    reason: str


@dataclass(slots=True)
class Holds:
    """What was done, or would be. `failed`: the codes of errors, by recording."""

    recordings: int = 0
    unchanged: int = 0
    """They are held for this case already, or not held for it."""
    first: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    is_more_left: bool = False


class Holding:
    """The use case."""

    def __init__(self, sources: Sources, annotating: Annotating, audit: AuditLog) -> None:
        self._sources, self._annotating, self._audit = sources, annotating, audit

    async def hold(self, wanted: Filter, case: Case, asker: Asker, *, is_preview: bool = False) -> Holds:
        """Hold each that meets the conditions, once for a case: also who sends it again adds no second hold. Raises Refused
        (`annotation`, `erasure-conditions`), Unavailable."""
        change = Planning(Action.HELD, lambda by, _: held_once(case.reason, case.reference, by), case.reason)
        return await self._each(
            wanted, change, asker, lambda found: not is_held_for(found, case.reason, case.reference), is_preview
        )

    async def release(self, wanted: Filter, case: Case, asker: Asker, *, is_preview: bool = False) -> Holds:
        """End the holds with the case's reference; with an empty one all holds. Raises as `hold`."""
        change = Planning(Action.RELEASED, lambda _by, _s: released_of(case.reference), case.reason)
        return await self._each(wanted, change, asker, lambda found: has_hold_of(found, case.reference), is_preview)

    async def _each(
        self, wanted: Filter, change: Planning, asker: Asker, is_due: Callable[[Annotations], bool], is_preview: bool
    ) -> Holds:
        if wanted == Filter():
            hint = "name a user, a number, a time, a tag, ..."
            raise Refused("erasure-conditions", "a change of many recordings needs a condition", hint=hint)
        if is_preview:
            await self._previewed(asker)
        allowed, done = within(wanted, visible(asker.principal, NEEDS[change.action])), Holds()
        async for entry in every(self._sources.catalogue, allowed):
            if not is_preview and done.recordings + len(done.failed) >= MOST_AT_ONCE:
                done.is_more_left = True
                break
            try:
                found = await asyncio.to_thread(self._sources.library.annotations, entry["path"])
                if not is_due(found or Annotations(RecordingId(entry["id"]))):
                    done.unchanged += 1
                    continue
                if not is_preview:
                    await self._change(entry["id"], change, asker)
            except Corrupt as error:
                done.failed[entry["id"]] = error.code
            else:
                done.recordings += 1
                done.first = [*done.first, entry["id"]][:FIRST]
        return done

    async def _change(self, recording: str, change: Planning, asker: Asker) -> None:
        """One that was erased meanwhile needs no hold any more."""
        try:
            await self._annotating.changed(recording, change.planned, asker, change.action, reason=change.reason)
        except Refused as error:
            if error.code != "no-such-recording":
                raise

    async def _previewed(self, asker: Asker) -> None:
        entry = AuditEntry(Action.LISTED, asker.actor, address=asker.address, details="preview of a hold or a release")
        await self._audit.append([entry])
