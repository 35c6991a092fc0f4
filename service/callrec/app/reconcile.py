"""After a restart: journal + live channels + files in the spool -> the same recordings as if nothing had happened.

Four kinds of remains, each with its way: a recording that had ended goes to intake again; one whose recorder is at work is
adopted, and `*3` still stops it; one whose leg is gone, or whose recorder was stopped meanwhile, is ended with what its files
hold; files that no journal knows (captured by the dialplan while we were dead, or left by a lost journal) become recordings
of their own, and what the dialplan captures at this moment is adopted, too.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from callrec.app.ports import Capture, Spool
from callrec.app.translation import Endpoints, by_name
from callrec.domain.lifecycle import Entry, Step
from callrec.domain.model import (
    SYSTEM,
    Actor,
    ActorKind,
    CallId,
    LegId,
    NodeId,
    Party,
    Recording,
    RecordingId,
    Take,
    TakeId,
    within,
)
from callrec.domain.naming import DegradedFile, recording_id, recording_of, take_id
from callrec.domain.provisioning.model import Rule
from callrec.protocols.ami import Message

BYTES_PER_SAMPLE = 2
ASTERISK_DIED = "asterisk-died"
JOURNAL_LOST = "journal-lost"
_TOLERANCE_S = 2.0
"""Uptime comes in whole seconds."""
_CLOSING_S = 0.1
"""What a recorder takes at most, after the hangup, until its files are closed."""
_NAMED_S = 1.0
"""By how much an instant in the name of a dialplan's file may be too early: it is a whole second (EPOCH)."""
_ORPHANS = 1000
"""More recordings than a call has, and more takes than a recording has."""
UNANSWERED = "unanswered: while the daemon was away"

Recorders = Mapping[LegId, str | None]
"""For each leg that is alive: the MixMonitorID of the recorder on it, empty when there is none, None when nobody could say."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do with the remains."""

    adopt: tuple[Recording, ...]
    """Their last take is still being captured."""
    finish: tuple[Recording, ...]
    """For intake, ended."""


@dataclass(frozen=True, slots=True)
class Running:
    """A recorder at work that no call of ours has yet. `file`: the dialplan began it, and its files bear the dialplan's names."""

    recording: Recording
    file: DegradedFile | None = None

    @property
    def take(self) -> Take:
        """What it captures."""
        return self.recording.takes[-1]

    def stopped(self, now_s: float) -> "Running":
        """Its recorder was stopped at this moment."""
        *before, last = self.recording.takes
        takes = (*before, replace(last, to_s=now_s))
        to_s = now_s if self.recording.to_s is None else self.recording.to_s
        return replace(self, recording=replace(self.recording, takes=takes, to_s=to_s))


def plan(
    entries: Sequence[Entry], recorders: Recorders, spool: Spool, asterisk_since_s: float, now_mono_s: float
) -> Plan:
    """What the journal's unfinished recordings become. `asterisk_since_s`: when the running Asterisk started, in Unix time."""
    adopt, finish = [], []
    for entry in entries:
        recording = entry.recording
        last = recording.takes[-1] if recording.takes else None
        if entry.step is Step.ENDED or last is None:
            finish.append(recording)
        elif _is_at_work(last, recorders, spool):
            adopt.append(_seen(recording, recorders[last.leg]))
        else:
            died = last.leg not in recorders and last.from_s + _TOLERANCE_S < asterisk_since_s
            finish.append(ended(recording, spool, ASTERISK_DIED if died else "", now_mono_s))
    return Plan(tuple(adopt), tuple(finish))


def _is_at_work(take: Take, recorders: Recorders, spool: Spool) -> bool:
    """Whether the recorder on the take's leg is this take's. A press may have stopped it by the dialplan, without us."""
    if take.leg not in recorders:
        return False
    found = recorders[take.leg]
    if found is None:
        return True  # nobody could say: a recorder that is gone shows soon, since its files do not grow
    if take.mixmonitor:
        return found == take.mixmonitor
    return bool(found) and spool.capture(take.id) is not None


def _seen(recording: Recording, mixmonitor: str | None) -> Recording:
    """With the id of its recorder, when the journal does not have it yet."""
    *before, last = recording.takes
    return replace(recording, takes=(*before, replace(last, mixmonitor=last.mixmonitor or mixmonitor or "")))


def ended(recording: Recording, spool: Spool, cause: str, now_mono_s: float | None = None) -> Recording:
    """The recording with the ends that its files tell: a take lasted until its files were written last, when its recorder ended.
    They may play for less: then they lack something. Where the clocks do not tell, as long as its longer side plays."""
    now_s = None
    if recording.mono_s is not None and now_mono_s is not None:
        now_s = recording.from_s + now_mono_s - recording.mono_s
    takes = tuple(_ended_take(take, spool, cause, now_s) for take in recording.takes)
    to_s = max((take.to_s or take.from_s for take in takes), default=recording.from_s)
    return replace(
        recording,
        takes=takes,
        to_s=recording.to_s or to_s,
        parties=tuple(replace(party, to_s=to_s) if party.to_s is None else party for party in recording.parties),
        pauses=within(recording.pauses, recording.from_s, recording.to_s or to_s),
        waiting=within(recording.waiting, recording.from_s, recording.to_s or to_s),
    )


def _ended_take(take: Take, spool: Spool, cause: str, now_s: float | None) -> Take:
    if take.to_s is not None:
        return take
    lasted_s = length_s(spool.capture(take.id))
    if lasted_s and now_s is not None:
        lasted_s = max(lasted_s, now_s - spool.written_ago_s(take.id) - _CLOSING_S - take.from_s)
    return replace(take, to_s=take.from_s + lasted_s, cause=take.cause or cause)


def length_s(capture: Capture | None) -> float:
    """How long a capture plays; 0 when Asterisk cannot have written it."""
    if capture is None or capture.impossible:
        return 0.0
    return max(capture.read_bytes or 0, capture.write_bytes or 0) / BYTES_PER_SAMPLE / capture.rate_hz


def unknown(captures: Iterable[Capture], known: Iterable[Recording]) -> list[Capture]:
    """The captures that are no take of these recordings."""
    named = {take.id for recording in known for take in recording.takes}
    return [capture for capture in captures if capture.take not in named]


def orphan_id(first: TakeId) -> RecordingId:
    """The id of the recording that an unknown take becomes, with those behind it: the same at each try, and nobody else's.

    Its call's recordings count from 1, and the one that it once belonged to may be stored long since, without it.
    """
    recording, _, nth = first.rpartition("-")
    call, _, number = recording.rpartition("-")
    return RecordingId(f"{call}-{int(number) * _ORPHANS + int(nth)}")


def may_be_of(take: TakeId, recording: RecordingId) -> bool:
    """Whether this take is one of the recording's, or can be a part of this orphan."""
    first = recording_of(take)
    call, _, number = recording.rpartition("-")
    own_call, _, own_number = first.rpartition("-")
    nth = int(take.rpartition("-")[2])
    return recording == first or (
        call == own_call and number.isdecimal() and 1 <= int(number) - int(own_number) * _ORPHANS <= nth
    )


def orphans(
    captures: Iterable[Capture], known: Iterable[Recording], node: NodeId, now_s: float
) -> tuple[Recording, ...]:
    """Recordings for captures that no journal entry speaks of: who and why is lost, the voices are not."""
    groups: dict[str, list[Capture]] = defaultdict(list)
    for capture in unknown(captures, known):
        groups[recording_of(capture.take)].append(capture)
    return tuple(_orphan(captures, node, now_s) for captures in groups.values())


def _orphan(captures: list[Capture], node: NodeId, now_s: float) -> Recording:
    captures.sort(key=lambda capture: int(capture.take.rpartition("-")[2]))
    recording = orphan_id(captures[0].take)
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


def degraded_ended(recording: Recording, spool: Spool) -> Recording:
    """What the dialplan captured, ended. Files that stayed empty under a standing rule were of a call that nobody answered."""
    done = ended(recording, spool, "")
    capture = spool.capture(recording.takes[-1].id)
    is_silent = capture is not None and not (capture.read_bytes or capture.write_bytes)
    return replace(done, cause=UNANSWERED) if is_silent and recording.rule is Rule.ALWAYS else done


def running(files: Sequence[DegradedFile], recorders: Recorders) -> tuple[DegradedFile, ...]:
    """One file of each capture that the dialplan began and that goes on: on each leg that has a recorder, the newest."""
    newest = {LegId(file.uniqueid): file for file in sorted(files, key=lambda file: file.epoch_s)}
    return tuple(file for leg, file in newest.items() if recorders.get(leg))


def began(file: DegradedFile, mixmonitor: str, endpoints: Endpoints, node: NodeId) -> Running:
    """This capture of the dialplan, at work under this MixMonitorID."""
    (recording,) = degraded([file], endpoints, node)
    (take,) = recording.takes
    return Running(replace(recording, takes=(replace(take, mixmonitor=mixmonitor),)), file)


def unjournaled(
    capture: Capture, rule: Rule, mixmonitor: str, channel: Message, *, node: NodeId, now_s: float
) -> Running:
    """A take of ours that the journal does not know, at work on this channel: as an orphan, but it goes on."""
    orphan = _orphan([capture], node, now_s)
    (take,) = orphan.takes
    leg, name = LegId(channel.get("Uniqueid")), channel.get("Channel")
    take = replace(take, leg=leg, channel=name, mixmonitor=mixmonitor, to_s=None, cause="")
    return Running(replace(orphan, rule=rule, linkedid=channel.get("Linkedid"), to_s=None, takes=(take,)))


def one_for_each_call(
    running: Sequence[Running], linkedids: Mapping[LegId, str], recorded: Collection[str]
) -> tuple[list[Running], list[Running]]:
    """(The one of each call that goes on, the others.) In a call that is `recorded` already none does.

    Our own goes before the dialplan's, which a press began beside it; then a standing rule, which no press may stop; then the
    oldest. One whose end was asked for is the last: whoever began another one meanwhile meant that.
    """
    first: dict[str, Running] = {}
    surplus = []
    for one in sorted(running, key=_precedence):
        linkedid = linkedids[one.take.leg]
        if linkedid in recorded or linkedid in first:
            surplus.append(one)
        else:
            first[linkedid] = one
    return list(first.values()), surplus


def _precedence(one: Running) -> tuple[bool, bool, bool, float]:
    recording = one.recording
    return recording.to_s is not None, one.file is not None, recording.rule is not Rule.ALWAYS, recording.from_s


def going_on(recording: Recording, spool: Spool, mixmonitor: str, now_s: float) -> Recording:
    """A capture of the dialplan that becomes ours while it goes on; its parties are to come from Asterisk.

    Its name gives the start to the second, and under a standing rule that of the hook before Dial, not of the conversation.
    The length of its files gives it better, but for what Asterisk has not written yet. The latest possible start is taken: a
    file that then plays longer than its time is no loss, a shorter one is.
    """
    (take,) = recording.takes
    from_s = now_s - length_s(spool.capture(take.id))
    if recording.rule is not Rule.ALWAYS:
        from_s = min(from_s, take.from_s + _NAMED_S)
    from_s = max(from_s, take.from_s)
    return replace(recording, from_s=from_s, parties=(), takes=(replace(take, mixmonitor=mixmonitor, from_s=from_s),))
