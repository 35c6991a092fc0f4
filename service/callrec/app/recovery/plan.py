"""Decides whether each recording that a former daemon left goes on or has ended: journal + channels + files -> recordings. Pure.

A recording that had ended goes to the finalizer again. One whose recorder is at work goes on, and `*3` still stops it. One whose
leg is gone, or whose recorder was stopped meanwhile, ends with what its files hold. Files that no journal entry explains (the
dialplan's own, or those of a lost journal) become recordings of their own.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from callrec.domain.calls.ids import (
    CallId,
    CaptureId,
    LegId,
    NodeId,
    capture_id,
    orphan_id,
    recording_of,
)
from callrec.domain.calls.journal import Entry, Step
from callrec.domain.calls.model import (
    SYSTEM,
    Capture,
    Control,
    ControlStep,
    Instant,
    Pause,
    Recording,
)
from callrec.domain.library.captures import CaptureFiles
from callrec.domain.library.file_names import FallbackFile
from callrec.domain.rules import Rule
from callrec.protocols.ami import Message

ASTERISK_DIED = "asterisk-died"
RESTART = "restart"
"""The reason of a pause that only a note on a leg tells of."""
JOURNAL_LOST = "journal-lost"
TOLERANCE_S = 2.0
"""Uptime comes in whole seconds."""
_CLOSING_S = 0.1
"""What a recorder takes at most, after the hangup, until its files are closed."""
_STEP_BYTES = 32 * 1024
"""Asterisk writes a file in steps of this size, and the rest when it closes the file: that is lost when Asterisk dies."""
NOTED = "called:"
"""How the leg of a participant is called that only the dialplan's note tells of."""

Recorders = Mapping[LegId, str | None]
"""The MixMonitorID of the recorder on each living leg: empty when there is none, None when Asterisk did not answer."""


@dataclass(frozen=True, slots=True)
class Found:
    """What the spool tells of one capture."""

    files: CaptureFiles | None = None
    """None: the spool has no file of it."""
    written_ago_s: float = 0.0
    """How long ago Asterisk last wrote to them."""

    @property
    def length_s(self) -> float:
        """How long it plays; 0 without files."""
        return self.files.length_s if self.files else 0.0

    @property
    def is_cut_off(self) -> bool:
        """Whether each side ends with a whole step of Asterisk's writing. One that was closed in order does once in 512 times."""
        sides = (self.files.read_bytes, self.files.write_bytes) if self.files and self.files.bytes else ()
        return bool(sides) and all(size is not None and size % _STEP_BYTES == 0 for size in sides)


Spooled = Mapping[CaptureId, Found]
"""By capture. A capture that is missing here has no files."""
NOTHING = Found()
NOTHING_FOUND: Spooled = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Plan:
    """What becomes of the unfinished recordings of the journal."""

    adopt: tuple[Recording, ...]
    """Their last capture goes on."""
    finish: tuple[Recording, ...]
    """They have ended."""


@dataclass(frozen=True, slots=True)
class Running:
    """A recorder at work that belongs to no call yet. `file`: the dialplan began it, and its files have the dialplan's names."""

    recording: Recording
    file: FallbackFile | None = None

    @property
    def capture(self) -> Capture:
        """What it captures."""
        return self.recording.captures[-1]

    def stopped(self, now_s: float) -> "Running":
        """The same after its recorder was stopped at this instant."""
        *before, last = self.recording.captures
        captures = (*before, replace(last, to_s=now_s))
        to_s = now_s if self.recording.to_s is None else self.recording.to_s
        return replace(self, recording=replace(self.recording, captures=captures, to_s=to_s))


def plan(
    entries: Sequence[Entry], recorders: Recorders, spooled: Spooled, asterisk_since_s: float, now_mono_s: float
) -> Plan:
    """What the unfinished recordings become. `asterisk_since_s`: when the running Asterisk started, in Unix time."""
    adopt, finish = [], []
    for entry in entries:
        recording = entry.recording
        last = recording.captures[-1] if recording.captures else None
        if entry.step is Step.ENDED or last is None:
            finish.append(recording)
            continue
        at_work = _at_work(last, recorders)
        if at_work or (at_work is None and spooled.get(last.id, NOTHING).files):
            adopt.append(_seen(recording, recorders[last.leg]))
        elif going_on := _without_recorder(recording, recorders, spooled, now_mono_s):
            adopt.append(going_on)
        else:
            died = last.leg not in recorders and last.from_s + TOLERANCE_S < asterisk_since_s
            finish.append(ended(recording, spooled, ASTERISK_DIED if died else "", now_mono_s))
    return Plan(tuple(adopt), tuple(finish))


def _without_recorder(
    recording: Recording, legs: Collection[LegId], spooled: Spooled, now_mono_s: float
) -> Recording | None:
    """A paused recording without a recorder at work, or one that is announced first, when a leg of its conversation lives: it
    goes on, and its pause or its announcement with it. Else a new recording of the same call would hold what is said in the
    pause. One on demand whose recorder was at work has been stopped by a press in the fallback mode."""
    last = recording.captures[-1]
    was_stopped = recording.rule is not Rule.ALWAYS and last.to_s is None and last.leg in legs
    is_without = recording.is_paused or recording.is_announcing
    if not is_without or recording.to_s is not None or was_stopped:
        return None
    present = (party.leg for party in reversed(recording.parties) if party.to_s is None and party.leg in legs)
    leg = last.leg if last.leg in legs else next(present, None)
    if leg is None:
        return None
    if leg == last.leg and last.to_s is not None:
        return recording
    now_s = last.from_s if recording.mono_s is None else recording.from_s + now_mono_s - recording.mono_s
    ended = tuple(_ended_capture(one, spooled.get(one.id, NOTHING), "", now_s) for one in recording.captures)
    nth = len(recording.all_captures) + 1
    place = Capture(capture_id(recording.id, nth), leg, "", last.rate_hz, now_s, now_s)
    return replace(recording, captures=(*ended, place))


def with_pause(running: "Running", since_s: float | None) -> "Running":
    """The recording as a note on its legs tells: paused since then, even where the journal does not say it yet."""
    recording = running.recording
    if since_s is None or recording.is_paused or recording.to_s is not None:
        return running
    pause = Pause(max(since_s, recording.from_s), is_proven=False)
    step = ControlStep(Control.PAUSE, pause.from_s, SYSTEM, RESTART)
    paused = replace(recording, pauses=(*recording.pauses, pause), controls=(*recording.controls, step))
    return replace(running, recording=paused)


def to_look_at(entries: Sequence[Entry], recorders: Recorders) -> list[CaptureId]:
    """The captures whose files `plan` has to know: none of a recording whose recorder is at work for certain."""
    wanted: list[CaptureId] = []
    for entry in entries:
        captures = entry.recording.captures
        if entry.step is not Step.ENDED and captures and not _at_work(captures[-1], recorders):
            wanted += [capture.id for capture in entry.recording.all_captures]
    return wanted


def _at_work(capture: Capture, recorders: Recorders) -> bool | None:
    """Whether the recorder on the leg is this capture's; None: its files decide. A press in the fallback mode may have stopped
    it."""
    if capture.leg not in recorders:
        return False
    found = recorders[capture.leg]
    if found is None:
        return True  # not known: a recorder that is gone shows soon, since its files do not grow
    if capture.mixmonitor:
        return found == capture.mixmonitor
    return None if found else False


def _seen(recording: Recording, mixmonitor: str | None) -> Recording:
    """With the id of its recorder, when the journal does not have it yet. The participant that the dialplan noted is left out: a
    daemon that died while it adopted a fallback capture has journaled it, and Asterisk tells the legs now."""
    *before, last = recording.captures
    parties = tuple(party for party in recording.parties if not party.leg.startswith(NOTED))
    captures = (*before, replace(last, mixmonitor=last.mixmonitor or mixmonitor or ""))
    return replace(recording, captures=captures, parties=parties)


def ended(recording: Recording, spooled: Spooled, cause: str, now_mono_s: float | None = None) -> Recording:
    """The recording with the ends that its files tell: a capture lasted until its files were last written, when its recorder
    ended. Files that play for less lack something. Where the clocks do not tell, a capture lasted as long as its longer side."""
    now_s = None
    if recording.mono_s is not None and now_mono_s is not None:
        now_s = recording.from_s + now_mono_s - recording.mono_s

    def end(capture: Capture) -> Capture:
        return _ended_capture(capture, spooled.get(capture.id, NOTHING), cause, now_s)

    to_s = max((one.to_s or one.from_s for one in map(end, recording.captures)), default=recording.from_s)
    return recording.closed(recording.to_s or to_s, end)


def with_others_ended(
    recording: Recording, now: Instant, spooled: Spooled = NOTHING_FOUND, keep: Collection[CaptureId] = ()
) -> Recording:
    """The recording after its captures beside the last one were stopped now, but for those that go on (`keep`). One that had
    ended before did so when its files were last written (`spooled`), and so did the presence of a partner's leg."""
    now_s = now.utc_s if recording.mono_s is None else recording.from_s + now.mono_s - recording.mono_s

    def end(one: Capture) -> Capture:
        if one.to_s is not None or one.id in keep:
            return one
        if one.id in spooled:
            return _ended_capture(one, spooled[one.id], "", now_s)
        return replace(one, to_s=max(one.from_s, now_s))

    captures = (*map(end, recording.captures[:-1]), *recording.captures[-1:])
    partners = tuple(map(end, recording.partner_captures))
    left_s = {one.leg: one.to_s for one in partners if one.id in spooled}
    presences = recording.presences and tuple(
        replace(one, to_s=max(one.from_s, left_s.get(one.leg) or one.from_s))
        if one.to_s is None and one.leg in left_s
        else one
        for one in recording.presences
    )
    return replace(recording, captures=captures, partner_captures=partners, presences=presences)


def beside_the_last(recording: Recording) -> tuple[Capture, ...]:
    """The captures of which no end is known, but for the one that the recording speaks of: those of partners, and earlier ones of
    the recorded leg, whose stop may have been lost with the former daemon."""
    return tuple(one for one in (*recording.captures[:-1], *recording.partner_captures) if one.to_s is None)


def kept_partners(recording: Recording, recorders: Recorders) -> tuple[Capture, ...]:
    """The partner captures that go on with their recording, which has tracks: to stop them and begin others would cost a part of
    each. Those of a recording that ends, and those whose MixMonitorID is not known, are stopped."""
    last = recording.captures[-1] if recording.captures else None
    if recording.presences is None or recording.to_s is not None or last is None or not _at_work(last, recorders):
        return ()
    return tuple(
        one for one in recording.partner_captures if one.to_s is None and one.mixmonitor and one.leg in recorders
    )


def _ended_capture(capture: Capture, found: Found, cause: str, now_s: float | None) -> Capture:
    if capture.to_s is not None:
        return capture
    lasted_s = found.length_s
    if lasted_s and now_s is not None:
        lasted_s = max(lasted_s, now_s - found.written_ago_s - _CLOSING_S - capture.from_s)
    return replace(capture, to_s=capture.from_s + lasted_s, cause=capture.cause or cause)


# -- orphan files ------------------------------------------------------------------------------------------------------


def unknown(captured_files: Iterable[CaptureFiles], known: Iterable[Recording]) -> list[CaptureFiles]:
    """The files of captures that belong to none of these recordings."""
    named = {capture.id for recording in known for capture in recording.all_captures}
    return [files for files in captured_files if files.capture not in named]


def orphans(
    captured_files: Iterable[CaptureFiles], known: Iterable[Recording], node: NodeId, now_s: float
) -> tuple[Recording, ...]:
    """Recordings for the files of captures that no known recording explains: who spoke and why it was recorded is lost."""
    groups: dict[str, list[CaptureFiles]] = defaultdict(list)
    for files in unknown(captured_files, known):
        groups[recording_of(files.capture)].append(files)
    return tuple(_orphan(group, node, now_s) for group in groups.values())


def _orphan(group: list[CaptureFiles], node: NodeId, now_s: float) -> Recording:
    group.sort(key=lambda files: int(files.capture.rpartition("-")[2]))
    recording = orphan_id(group[0].capture)
    captures, at_s = [], now_s - sum(files.length_s for files in group)
    from_s = at_s
    for files in group:
        to_s = at_s + files.length_s
        captures.append(Capture(files.capture, LegId(""), "", files.rate_hz, at_s, to_s, cause=JOURNAL_LOST))
        at_s = to_s
    call = CallId(recording.rpartition("-")[0])
    return Recording(
        recording, call, "", node, Rule.ON_DEMAND, SYSTEM, from_s, now_s, captures=tuple(captures), cause=JOURNAL_LOST
    )


# -- recorders at work -------------------------------------------------------------------------------------------------


def unjournaled(
    files: CaptureFiles, rule: Rule, mixmonitor: str, channel: Message, *, node: NodeId, now_s: float
) -> Running:
    """A capture of the daemon's that the journal does not know, at work on this channel: as an orphan, but it goes on."""
    orphan = _orphan([files], node, now_s)
    (capture,) = orphan.captures
    leg, name = LegId(channel.get("Uniqueid")), channel.get("Channel")
    capture = replace(capture, leg=leg, channel=name, mixmonitor=mixmonitor, to_s=None, cause="")
    return Running(replace(orphan, rule=rule, linkedid=channel.get("Linkedid"), to_s=None, captures=(capture,)))


def one_for_each_call(
    running: Sequence[Running], linkedids: Mapping[LegId, str], recorded: Collection[str]
) -> tuple[list[Running], list[Running]]:
    """(The one of each call that goes on, the others.) In a call that is `recorded` already none goes on.

    The daemon's own comes first, before a fallback capture that a press began beside it; then always-record, which no press may
    stop; then the oldest. A recording whose end was asked for comes last: the one that was begun later is meant to go on.
    """
    first: dict[str, Running] = {}
    surplus = []
    for one in sorted(running, key=_precedence):
        linkedid = linkedids[one.capture.leg]
        if linkedid in recorded or linkedid in first:
            surplus.append(one)
        else:
            first[linkedid] = one
    return list(first.values()), surplus


def _precedence(one: Running) -> tuple[bool, bool, bool, float]:
    recording = one.recording
    return recording.to_s is not None, one.file is not None, recording.rule is not Rule.ALWAYS, recording.from_s
