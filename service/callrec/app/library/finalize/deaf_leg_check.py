"""The last guard against a deaf leg (reasons: `domain.calls.captures.partner_captures`): the time that no partner capture holds.

- A partner capture failed: only the recorded leg's own file can tell then. When its HEARS side is digital silence from the
  meeting with the new partner to the end of their conversation, the partner's voice may be missing, or the phone may have been
  muted. In doubt the entry says that it is missing.
- A partner capture began late after the meeting (the daemon was away, or Asterisk was busy): it holds a voice, and the HEARS side
  is digital silence from the meeting on until then.
- The dialplan recorded by itself: it begins no partner captures. When the HEARS side is digital silence to the end, a leg that
  was transferred, or fetched from a queue, may be deaf.
- A recording has as many partner captures as it may have: after the last one it is as if each further one had failed.
"""

from collections.abc import Mapping
from dataclasses import replace

from callrec.app.ports.calls import Spool
from callrec.domain.calls.captures.partner_captures import MOST_CAPTURES
from callrec.domain.calls.ids import CaptureId
from callrec.domain.calls.model import Capture, Heard, Missing, Recording
from callrec.domain.library.assessment import timeline_of
from callrec.domain.library.captures import SAMPLE_BYTES, CaptureFiles
from callrec.domain.library.file_names import CaptureFile, Side
from callrec.domain.library.partner_voice import usable
from callrec.domain.library.spans import Span
from callrec.domain.vocabulary import AlarmCause

CAUSE = AlarmCause.DEAF_LEG.value
BEGUN_S = 0.1
"""So late a partner's capture may begin without a word in the entry: as much as a recording may lack and still be sound."""
LEAST_S = 1.0
"""The shortest silence that counts."""
SETTLED_S = 0.15
"""How long after the meeting earlier audio (a ringing tone, music) may still be in the file."""


def deaf_legs(
    recording: Recording, captured_files: Mapping[CaptureId, CaptureFiles], spool: Spool
) -> tuple[Missing, ...]:
    """The missing audio of an ended recording for this cause, in order. Raises Unavailable when a file cannot be read."""
    found = []
    for nth, partner in enumerate(recording.partner_captures):
        if partner.track_s == partner.from_s:  # it began for a track: the recorder of the recorded leg heard them
            continue
        files = captured_files.get(partner.id)
        later = (one for one in recording.partner_captures[nth + 1 :] if one.leg == partner.leg)
        if not partner.cause and files is not None and files.bytes:
            found += _before(recording, partner, files, captured_files, spool)
            continue
        from_s = partner.from_s + (_length_s(recording, partner, files) if files and files.bytes else 0.0)
        to_s = min([_left_s(recording, partner), *(one.from_s for one in later)])
        found += [
            one for own in recording.captures if (one := _silent(recording, own, captured_files, spool, (from_s, to_s)))
        ]
    for own in recording.captures:
        if _is_dialplans(own) and (one := _silent_at_the_end(own, captured_files, spool)):
            found.append(one)
    if len(recording.partner_captures) >= MOST_CAPTURES:
        found += _behind_the_last(recording, captured_files, spool)
    return tuple(sorted(set(found), key=lambda one: one.from_s))


def _is_dialplans(capture: Capture) -> bool:
    """Whether no daemon ever had this capture's recorder: Asterisk has told neither its channel nor its MixMonitorID."""
    return not capture.channel and not capture.mixmonitor


def _silent_at_the_end(own: Capture, captured_files: Mapping[CaptureId, CaptureFiles], spool: Spool) -> Missing | None:
    """The digital silence at the end of this capture's HEARS side."""
    files = captured_files.get(own.id)
    if files is None or not files.write_bytes:
        return None
    samples, file = files.write_bytes // SAMPLE_BYTES, CaptureFile(own.id, Side.WRITE, files.rate_hz)
    heard, silent = 0, samples + 1  # the last sample that is heard lies before `silent`
    while silent - heard > 1:
        middle = (heard + silent) // 2
        if spool.silent_samples(file, middle - 1) >= samples - middle + 1:
            silent = middle
        else:
            heard = middle
    from_s = own.from_s + heard / files.rate_hz
    to_s = own.from_s + samples / files.rate_hz
    return Missing(from_s, to_s, CAUSE, Heard.HEARS) if to_s - from_s > LEAST_S else None


def _behind_the_last(
    recording: Recording, captured_files: Mapping[CaptureId, CaptureFiles], spool: Spool
) -> list[Missing]:
    """What any partner may have said to a deaf leg behind the last partner capture that was allowed."""
    last = recording.partner_captures[-1]
    files, own_legs = captured_files.get(last.id), {own.leg for own in recording.captures}
    held_s = _length_s(recording, last, files) if files and files.bytes else 0.0
    found = []
    for leg in dict.fromkeys(party.leg for party in recording.parties if party.leg not in own_legs):
        from_s = last.from_s + (held_s if leg == last.leg else 0.0)
        behind = replace(last, leg=leg, from_s=from_s, to_s=None, track_s=None)
        for span in usable(recording, behind):
            found += [_silent(recording, own, captured_files, spool, span) for own in recording.captures]
    return [one for one in found if one]


def _before(
    recording: Recording,
    partner: Capture,
    files: CaptureFiles,
    captured_files: Mapping[CaptureId, CaptureFiles],
    spool: Spool,
) -> list[Missing]:
    """What was said to a deaf leg from the meeting until this partner capture began."""
    met_s = max(
        (one.from_s for one in recording.parties if one.leg == partner.leg and one.from_s <= partner.from_s),
        default=partner.from_s,
    )
    # A partner who is taken to another bridge is captured again; the capture before holds what they said until then.
    before = [one.to_s for one in recording.partner_captures if one.leg == partner.leg and one.id != partner.id]
    met_s = max([met_s, *(to_s for to_s in before if to_s is not None and to_s <= partner.from_s)])
    held = (files.read_bytes or 0) // SAMPLE_BYTES
    late = (gap.to_s for gap in timeline_of(recording, partner, files).gaps if gap.is_late)
    begun_s = next(late, partner.from_s)
    if begun_s - met_s <= BEGUN_S or spool.silent_samples(CaptureFile(partner.id, Side.READ, files.rate_hz), 0) >= held:
        return []
    until_s = begun_s + min(LEAST_S + SETTLED_S, files.length_s)
    deaf = (_silent(recording, own, captured_files, spool, (met_s, until_s)) for own in recording.captures)
    return [replace(one, to_s=min(one.to_s, begun_s)) for one in deaf if one]


def _length_s(recording: Recording, partner: Capture, files: CaptureFiles) -> float:
    """How much time this partner capture holds, with the time in which there was nothing to write."""
    return timeline_of(recording, partner, files).samples / files.rate_hz


def _left_s(recording: Recording, partner: Capture) -> float:
    """When the partner left the conversation, at the latest with the end of the recording. A partner who was on the way out when
    the capture began may have left some milliseconds before."""
    end_s = recording.to_s if recording.to_s is not None else max(one.to_s or one.from_s for one in recording.captures)
    left = sorted(party.to_s for party in recording.parties if party.leg == partner.leg and party.to_s is not None)
    last_s = left[-1] if left else end_s
    return min(end_s, next((to_s for to_s in left if to_s >= partner.from_s), last_s))


def _silent(
    recording: Recording,
    own: Capture,
    captured_files: Mapping[CaptureId, CaptureFiles],
    spool: Spool,
    span: Span,
) -> Missing | None:
    """The part of this time in which the recorded leg's capture has nothing but digital silence on its HEARS side."""
    files = captured_files.get(own.id)
    from_s, to_s = max(span[0], own.from_s), span[1] if own.to_s is None else min(span[1], own.to_s)
    if files is None or files.write_bytes is None or to_s - from_s <= LEAST_S:
        return None
    timeline = timeline_of(recording, own, files)
    start, end = (
        timeline.sample_at(round((at_s - own.from_s) * files.rate_hz))
        for at_s in (from_s + SETTLED_S, to_s - SETTLED_S)
    )
    silent = spool.silent_samples(CaptureFile(own.id, Side.WRITE, files.rate_hz), start)
    is_silent = silent > LEAST_S * files.rate_hz and start + silent >= min(end, files.write_bytes // SAMPLE_BYTES)
    return Missing(from_s, to_s, CAUSE, Heard.HEARS) if is_silent else None
