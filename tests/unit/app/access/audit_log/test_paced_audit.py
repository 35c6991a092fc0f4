"""A flood of refused requests fills no disk, and the log has their number; everything else is logged at once."""

import asyncio

import pytest
from audit_trail import AuditTrail

from callrec.app.access.audit_log.paced_audit import AGAIN_S, PacedAudit
from callrec.domain.access.audit import Action, Actor, ActorKind, AuditEntry
from callrec.domain.access.refusal_pace import FIRST, WINDOW_S
from callrec.domain.errors import Unavailable
from callrec_lab.simulated_asterisk import virtual

ADA = Actor(ActorKind.ACCOUNT, "1")
REFUSED, LISTENED = AuditEntry(Action.REFUSED, ADA, details="no"), AuditEntry(Action.LISTENED, ADA, "c1-1")


async def flood(audit: PacedAudit, times: int) -> None:
    for _ in range(times):
        await audit.append([REFUSED])


@virtual
async def test_a_flood_of_refusals_costs_a_few_entries_and_nothing_else_is_lost() -> None:
    trail = AuditTrail()
    audit = PacedAudit(trail)
    await flood(audit, 100_000)
    await audit.append([LISTENED, REFUSED])
    assert trail.entries == [*[REFUSED] * FIRST, LISTENED]
    await asyncio.sleep(WINDOW_S + 1)
    assert trail.entries[-1].subject == f"more:{100_001 - FIRST}"
    await asyncio.sleep(2 * WINDOW_S)
    assert len(trail.entries) == FIRST + 2
    await audit.close()


@virtual
async def test_a_first_refusal_waits_for_the_disk_as_every_entry_does() -> None:
    trail = AuditTrail()
    trail.refuses = True
    audit = PacedAudit(trail)
    with pytest.raises(Unavailable):
        await audit.append([REFUSED])
    with pytest.raises(Unavailable):
        await audit.append([LISTENED])
    await audit.close()


@virtual
async def test_a_number_that_the_disk_does_not_take_is_logged_later() -> None:
    trail = AuditTrail()
    audit = PacedAudit(trail)
    await flood(audit, FIRST + 7)
    trail.refuses = True
    await asyncio.sleep(WINDOW_S + 1)
    trail.refuses = False
    assert len(trail.entries) == FIRST
    await asyncio.sleep(AGAIN_S)
    assert [one.subject for one in trail.entries[FIRST:]] == ["more:7"]
    await audit.close()


@virtual
async def test_a_number_that_comes_with_a_refusal_the_disk_does_not_take_is_not_lost() -> None:
    trail = AuditTrail()
    audit = PacedAudit(trail)
    await flood(audit, FIRST + 7)
    audit._waker.cancel()  # type: ignore[union-attr] # so that the refusal after the window finds its number
    await asyncio.sleep(WINDOW_S)
    trail.refuses = True
    with pytest.raises(Unavailable):
        await audit.append([REFUSED])
    trail.refuses = False
    await audit.close()
    assert [one.subject for one in trail.entries[FIRST:]] == ["more:7"]


@virtual
async def test_the_numbers_are_logged_at_the_end_of_the_daemon() -> None:
    trail = AuditTrail()
    audit = PacedAudit(trail)
    await flood(audit, FIRST + 3)
    await audit.close()
    assert [one.subject for one in trail.entries[FIRST:]] == ["more:3"]
