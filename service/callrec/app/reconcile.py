"""After a restart: journal + live channels + files in the spool -> the same recordings as if nothing had happened.

Four kinds of remains, each with its way: a recording that had ended goes to intake again; one whose leg is alive is
adopted, and `*3` still stops it; one whose leg is gone is ended with what its files hold; files that no journal knows
(captured by the dialplan while we were dead, or left by a lost journal) become recordings of their own.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from callrec.app.ports import Capture, Spool
from callrec.app.translation import Endpoints, by_name
from callrec.domain.lifecycle import Entry, Step
from callrec.domain.model import SYSTEM, Actor, ActorKind, CallId, LegId, NodeId, Party, Recording, Take, TakeId
from callrec.domain.naming import DegradedFile, recording_id, recording_of, take_id
from callrec.domain.provisioning.model import Rule

BYTES_PER_SAMPLE = 2
ASTERISK_DIED = "asterisk-died"
JOURNAL_LOST = "journal-lost"
_TOLERANCE_S = 2.0
"""Uptime comes in whole seconds."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do with the remains."""

    adopt: tuple[Recording, ...]
    """Their last take is still being captured."""
    finish: tuple[Recording, ...]
    """For intake, ended."""


def plan(entries: Sequence[Entry], living: Collection[LegId], spool: Spool, asterisk_since_s: float) -> Plan:
    """What the journal's unfinished recordings become. `asterisk_since_s`: when the running Asterisk started, in Unix time."""
    adopt, finish = [], []
    for entry in entries:
        recording = entry.recording
        last = recording.takes[-1] if recording.takes else None
        if entry.step is Step.ENDED or last is None:
            finish.append(recording)
        elif last.leg in living:
            adopt.append(recording)
        else:
            died = last.from_s + _TOLERANCE_S < asterisk_since_s
            finish.append(ended(recording, spool, ASTERISK_DIED if died else ""))
    return Plan(tuple(adopt), tuple(finish))


def ended(recording: Recording, spool: Spool, cause: str) -> Recording:
    """The recording with the ends that its files tell: a take lasted as long as its longer side does."""
    takes = tuple(_ended_take(take, spool.capture(take.id), cause) for take in recording.takes)
    to_s = max((take.to_s or take.from_s for take in takes), default=recording.from_s)
    return replace(
        recording,
        takes=takes,
        to_s=recording.to_s or to_s,
        parties=tuple(replace(party, to_s=to_s) if party.to_s is None else party for party in recording.parties),
        pauses=tuple(replace(pause, to_s=to_s) if pause.to_s is None else pause for pause in recording.pauses),
    )


def _ended_take(take: Take, capture: Capture | None, cause: str) -> Take:
    if take.to_s is not None:
        return take
    return replace(take, to_s=take.from_s + length_s(capture), cause=take.cause or cause)


def length_s(capture: Capture | None) -> float:
    """How long a capture plays."""
    if capture is None:
        return 0.0
    return max(capture.read_bytes or 0, capture.write_bytes or 0) / BYTES_PER_SAMPLE / capture.rate_hz


def orphans(spool: Spool, known: Iterable[Recording], node: NodeId, now_s: float) -> tuple[Recording, ...]:
    """Recordings for captures that no journal entry speaks of: who and why is lost, the voices are not."""
    named = {take.id for recording in known for take in recording.takes}
    groups: dict[str, list[Capture]] = defaultdict(list)
    for capture in spool.captures():
        if capture.take not in named:
            groups[recording_of(capture.take)].append(capture)
    return tuple(_orphan(captures, node, now_s) for captures in groups.values())


def _orphan(captures: list[Capture], node: NodeId, now_s: float) -> Recording:
    captures.sort(key=lambda capture: capture.take)
    recording = recording_of(captures[0].take)
    takes, at_s = [], now_s - sum(map(length_s, captures))
    from_s = at_s
    for capture in captures:
        to_s = at_s + length_s(capture)
        takes.append(Take(capture.take, LegId(""), "", capture.rate_hz, at_s, to_s, cause=JOURNAL_LOST))
        at_s = to_s
    call = recording.rpartition("-")[0]
    return Recording(
        recording, CallId(call), "", node, Rule.ON_DEMAND, SYSTEM, from_s, now_s, takes=tuple(takes), cause=JOURNAL_LOST
    )


def degraded(files: Sequence[DegradedFile], endpoints: Endpoints, node: NodeId) -> tuple[Recording, ...]:
    """Recordings for what the dialplan captured by itself, one for each start of a recorder. The ids repeat: twice is fine."""
    starts = {(file.call, file.uniqueid, file.epoch_s): file for file in files}
    return tuple(_degraded(file, endpoints, node) for _, file in sorted(starts.items()))


def _degraded(file: DegradedFile, endpoints: Endpoints, node: NodeId) -> Recording:
    recording = recording_id(file.call, 1)
    leg, from_s = LegId(file.uniqueid), float(file.epoch_s)
    found = by_name(endpoints, file.endpoint)
    user = found.user.id if found else None
    kind = ActorKind.POLICY if file.rule is Rule.ALWAYS else ActorKind.USER
    party = Party(leg, user, found.line.number if found else "", found.user.name if found else "", from_s)
    take = Take(take_id(recording, 1), leg, "", file.rate_hz, from_s)
    return Recording(
        recording,
        file.call,
        file.uniqueid,
        node,
        file.rule,
        Actor(kind, user, leg),
        from_s,
        takes=(take,),
        parties=(party,),
    )


def degraded_take(file: DegradedFile) -> TakeId:
    """The take that a degraded file becomes a side of."""
    return take_id(recording_id(file.call, 1), 1)
