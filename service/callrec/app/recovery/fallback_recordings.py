"""What fallback captures become, and what the dialplan noted beside them: files + notes -> recordings. Pure."""

import math
from collections.abc import Collection, Sequence
from dataclasses import replace

from callrec.app.calls.ami_events import by_name, number_in
from callrec.app.ports.calls import Endpoints
from callrec.app.recovery.plan import ASTERISK_DIED, NOTED, NOTHING, TOLERANCE_S, Recorders, Running, Spooled, ended
from callrec.domain.calls.captures.fallback_notes import CaptureNote
from callrec.domain.calls.ids import LegId, NodeId, recording_id
from callrec.domain.calls.model import Actor, ActorKind, Capture, Party, Recording
from callrec.domain.calls.not_recorded import LINK_DOWN
from callrec.domain.library.file_names import FallbackFile
from callrec.domain.library.missed_conversations import MissedConversation
from callrec.domain.rules import Rule

UNANSWERED = "unanswered: while the daemon was away"
DAEMON_AWAY = "daemon-away"
"""The dialplan took a daemon for alive that had just died, and the conversation was over before another one was there."""
_NAMED_S = 1.0
"""By how much the instant in the name of a fallback file may be too early: it is a whole second (EPOCH)."""


def fallback(file: FallbackFile, endpoints: Endpoints, node: NodeId) -> Recording:
    """The recording that a fallback capture becomes, from the name of one of its files: always the same."""
    leg, from_s = LegId(file.uniqueid), float(file.epoch_s)
    found = by_name(endpoints, file.endpoint)
    user = found.user.id if found else None
    kind = ActorKind.POLICY if file.rule is Rule.ALWAYS else ActorKind.USER
    party = Party(leg, user, found.line.number if found else "", found.user.name if found else "", from_s)
    return Recording(
        recording_id(file.call, 1),
        file.call,
        file.uniqueid,
        node,
        file.rule,
        Actor(kind, user, leg),
        from_s,
        captures=(Capture(file.capture, leg, "", file.rate_hz, from_s),),
        parties=(party,),
    )


def with_other(recording: Recording, note: CaptureNote, endpoints: Endpoints) -> Recording:
    """The recording with its other participant, as far as the dialplan's note and the tables tell: the name of the files has room
    for one of the two."""
    shown = number_in(note.own_number)
    parties = tuple(replace(one, number=shown) if shown and not one.user else one for one in recording.parties)
    recording = replace(recording, rule_origin=note.origin, parties=parties)
    found = by_name(endpoints, note.endpoint)
    number = found.line.number if found else number_in(note.number)
    if not number:
        return recording
    user, name = (found.user.id, found.user.name) if found else (None, "")
    other = Party(LegId(f"{NOTED}{number}"), user, number, name, recording.from_s)
    return replace(recording, parties=(*recording.parties, other))


def fallback_ended(
    recording: Recording, spooled: Spooled, asterisk_since_s: float, note: CaptureNote | None = None
) -> Recording:
    """A fallback capture that has ended. Under always-record, files without sound are of a call that was not answered, unless the
    dialplan noted its answer, or could not note its end. `asterisk_since_s`: when the running Asterisk started; infinite while
    none can be asked. `note`: what the dialplan noted of it."""
    found = spooled.get(recording.captures[-1].id, NOTHING)
    is_silent = found.files is not None and not found.files.bytes
    began_s, ended_s = (note.began_s, note.ended_s) if note else (None, None)
    cause = ""
    tolerance_s = 0.0 if note and note.tells_end else TOLERANCE_S
    if (found.is_cut_off or is_silent) and ended_s is None and recording.from_s + tolerance_s < asterisk_since_s:
        # Asterisk writes what a second or two had at once. While none can be asked it may still be there
        cause = LINK_DOWN if is_silent and asterisk_since_s == math.inf else ASTERISK_DIED
    elif is_silent and recording.rule is Rule.ALWAYS and began_s is None:
        cause = UNANSWERED
    if began_s is not None:
        recording = beginning_at(recording, began_s)
        if (
            ended_s is not None
        ):  # a file that plays for longer: a clock was set, or the dialplan knew of the end too early
            recording = _lasting(recording, max(ended_s, began_s + found.length_s))
    if is_silent:
        return replace(ended(recording, spooled, ""), cause=cause)
    return ended(recording, spooled, cause)


def beginning_at(recording: Recording, from_s: float) -> Recording:
    """A fallback capture whose conversation began at this instant."""
    captures = tuple(replace(one, from_s=from_s) for one in recording.captures)
    parties = tuple(replace(one, from_s=from_s) for one in recording.parties)
    return replace(recording, from_s=from_s, captures=captures, parties=parties)


def _lasting(recording: Recording, to_s: float) -> Recording:
    return replace(recording, captures=tuple(replace(one, to_s=to_s) for one in recording.captures))


def missed(one: MissedConversation, endpoints: Endpoints, node: NodeId) -> Recording:
    """The entry of a conversation that nothing recorded. Where the clock was set back in it, its end is all that is known."""
    from_s = min(one.from_s, one.to_s)
    recording = beginning_at(with_other(fallback(one.file, endpoints, node), one.note, endpoints), from_s)
    recording = replace(recording, linkedid=one.linkedid, captures=(), cause=DAEMON_AWAY)
    return recording.closed(one.to_s, lambda capture: capture)


def unseen(
    found: Sequence[MissedConversation],
    known: Collection[Recording],
    outage: tuple[float, float],
    legs: Collection[LegId],
) -> list[MissedConversation]:
    """Those of which the daemon knows nothing. `known`: recordings that it knows of; `outage`: since when and until when it saw
    no call; `legs`: those that were there at its end. One that began after it ended was begun by another clock."""
    from_s, to_s = outage
    return [
        one
        for one in found
        if from_s <= one.from_s
        and (one.from_s < to_s or one.to_s < one.from_s)
        and not (one.to_s >= to_s and one.file.uniqueid in legs)
        and not any(_is_of(one, recording) for recording in known)
    ]


def _is_of(one: MissedConversation, recording: Recording) -> bool:
    """Whether this is its recording: it has begun with it, or goes on in it. One that ends as it begins is of former partners."""
    to_s = math.inf if recording.to_s is None else recording.to_s
    is_its = abs(recording.from_s - one.from_s) <= _NAMED_S
    goes_on = recording.from_s < one.to_s and to_s > one.from_s + _NAMED_S
    return recording.linkedid == one.linkedid and (is_its or goes_on)


def running(files: Sequence[FallbackFile], recorders: Recorders) -> tuple[FallbackFile, ...]:
    """One file of each fallback capture that goes on: on each leg that has a recorder, the newest."""
    newest = {LegId(file.uniqueid): file for file in sorted(files, key=lambda file: file.epoch_s)}
    return tuple(file for leg, file in newest.items() if recorders.get(leg))


def going_on(
    recording: Recording, length_s: float, mixmonitor: str, now_s: float, began_s: float | None = None
) -> Recording:
    """A fallback capture that becomes the daemon's while it goes on; Asterisk will tell its participants. `length_s`: what plays
    now; `began_s`: since when there is a conversation, if the dialplan noted it.

    Without that, the name of its files gives the start to the second, and under always-record that of the hook before Dial, not
    of the conversation. The length gives it better, but for what Asterisk has not written yet. The latest possible start is
    taken: a file that then plays longer than its time is no loss, a shorter one is.
    """
    (capture,) = recording.captures
    from_s = now_s - length_s
    if recording.rule is not Rule.ALWAYS:
        from_s = min(from_s, capture.from_s + _NAMED_S)
    from_s = max(from_s, capture.from_s) if began_s is None else min(began_s, now_s)
    capture = replace(capture, mixmonitor=mixmonitor, from_s=from_s)
    return replace(recording, from_s=from_s, parties=(), captures=(capture,))


def began(file: FallbackFile, mixmonitor: str, endpoints: Endpoints, node: NodeId) -> Running:
    """This fallback capture, at work under this MixMonitorID."""
    recording = fallback(file, endpoints, node)
    (capture,) = recording.captures
    return Running(replace(recording, captures=(replace(capture, mixmonitor=mixmonitor),)), file)
