"""Who has heard certain recordings, as the audit log has it."""

from collections.abc import Sequence, Set
from dataclasses import dataclass

from callrec.app.access.audit_log.audit_list import newest_first
from callrec.app.ports.access import LogReader
from callrec.domain.access.audit import Action, Actor
from callrec.protocols.audit_entries import decode_entry

HEARD = frozenset({Action.LISTENED, Action.DOWNLOADED, Action.EXPORTED})
"""What takes a recording's audio out of callrec."""
MOST_READ = 50_000
"""Entries that are looked at."""
MOST = 200


@dataclass(frozen=True, slots=True)
class Hearing:
    """Somebody has heard a recording, or taken its audio along. `at_s`: Unix time."""

    at_s: float
    actor: Actor
    action: Action
    recording: str


def hearings(log: LogReader, recordings: Set[str], not_by: Actor) -> Sequence[Hearing]:
    """What others than `not_by` have heard of these recordings, newest first: MOST at most, of the newest MOST_READ entries.
    Blocking. Raises Corrupt, Unavailable, Misconfigured (there is no log)."""
    _, entries = newest_first(log)
    found: list[Hearing] = []
    for nth, (_, content) in enumerate(entries):
        if len(found) == MOST or nth == MOST_READ:
            break
        entry = decode_entry(content)
        if entry.action in HEARD and entry.recording in recordings and entry.actor != not_by:
            found.append(Hearing(entry.time_ms / 1000, entry.actor, entry.action, entry.recording))
    return found
