"""Which short silences of an ended recording's files may be a voice whose packets came late (`domain.library.late_pieces`).

Looked at is where a voice was due: while its leg was in the conversation, without pauses, waits and what is told already, and a
moment away from their edges, where phones begin and end to send. Where a partner capture stands in for a recorded leg that hears
nothing, its silences count.
"""

from collections.abc import Iterable, Mapping, Sequence

from callrec.app.library.finalize.capture_silences import CaptureSilences
from callrec.app.ports.calls import Spool
from callrec.domain.calls.ids import CaptureId
from callrec.domain.calls.model import Capture, Heard, Missing, Recording
from callrec.domain.library.captures import CaptureFiles
from callrec.domain.library.file_names import Side
from callrec.domain.library.late_pieces import (
    FRAME_S,
    LONG_S,
    UNTOLD_S,
    SideSilences,
    is_in_time,
    judge,
    largest_delays_s,
)
from callrec.domain.library.missing_time import conversation_end_s, quiet
from callrec.domain.library.partner_voice import usable
from callrec.domain.library.spans import Span, common, length_s, span_of, without

AROUND_S = 0.3
"""So near to the edges of a wait, a pause or a presence a phone's silence is its own."""
NEAR_S = 0.05
"""So near to the end of the conversation a silence lasts to it."""


def late_pieces(
    recording: Recording,
    captured_files: Mapping[CaptureId, CaptureFiles],
    spool: Spool,
    told: Sequence[Missing],
) -> tuple[tuple[Missing, ...], float | None]:
    """What is missing beside what is `told`, and how much more may be, in seconds; None: not known. Raises Unavailable when a
    file cannot be read."""
    delays_s, end_s = largest_delays_s(recording), conversation_end_s(recording)
    last_s_of_all = end_s - UNTOLD_S - LONG_S
    since_s = {side: last_s_of_all if is_in_time(delay_s) else recording.from_s for side, delay_s in delays_s.items()}
    found: dict[Heard, list[Span]] = {Heard.SAYS: [], Heard.HEARS: []}
    last_s: dict[Heard, list[float]] = {side: [] for side in found}
    partners = {
        one.id: CaptureSilences(recording, one, files, spool)
        for one in recording.partner_captures
        if (files := captured_files.get(one.id)) and files.read_bytes
    }
    for own in recording.captures:
        files = captured_files.get(own.id)
        if files is None or not files.shorter_bytes:
            continue
        silences = CaptureSilences(recording, own, files, spool)
        for side in Side:
            heard = Heard.SAYS if side is Side.READ and not own.of_others else Heard.HEARS
            spans = silences.of(side, max(since_s[heard], own.from_s), end_s, FRAME_S)
            if side is Side.WRITE:
                spans = _with_partners(recording, spans, partners)
            due = _due(recording, own, side, told, heard)
            if spans and spans[-1][1] >= min(end_s, silences.end_s) - NEAR_S and own is recording.captures[-1]:
                last_s[heard].append(
                    length_s(common(spans[-1:], _due(recording, own, side, told, heard, to_the_end=True)))
                )
                spans = spans[:-1]
            last_s[heard] += _as_they_left(recording, own, silences, side, told)
            found[heard] += [span for span in spans if _is_due(span, due)]
    late, may_lack_s = judge(
        (SideSilences(one, tuple(sorted(spans)), tuple(last_s[one])) for one, spans in found.items()), delays_s
    )
    is_dialplans = any(not one.channel for one in recording.captures)  # when its recorder began, nothing tells
    return late, None if is_dialplans else may_lack_s


def _as_they_left(
    recording: Recording, own: Capture, silences: CaptureSilences, side: Side, told: Sequence[Missing]
) -> list[float]:
    """How long each participant whose voice this side has was silent until they left the others, who talked on."""
    heard = Heard.SAYS if side is Side.READ and not own.of_others else Heard.HEARS
    end_s = conversation_end_s(recording)
    due = _due(recording, own, side, told, heard, to_the_end=True)
    found = []
    for party in recording.parties:
        left_s = span_of(party, end_s)[1]
        if (party.leg == own.leg) != (side is Side.READ) or left_s > min(end_s, silences.end_s) - AROUND_S:
            continue
        spans = silences.of(side, max(own.from_s, left_s - UNTOLD_S - LONG_S), left_s, LONG_S)
        there = common(due, [(party.from_s, left_s)])
        found += [length_s(common([span], there)) for span in spans if span[0] < left_s - NEAR_S <= span[1]]
    return found


def _is_due(span: Span, due: Sequence[Span]) -> bool:
    """Whether a voice was due in all of this, but for a frame or two, and in most of it."""
    undue_s = length_s(without([span], due))
    return undue_s <= min(NEAR_S, (span[1] - span[0]) / 2)


def _with_partners(
    recording: Recording, spans: Sequence[Span], partners: Mapping[CaptureId, CaptureSilences]
) -> list[Span]:
    """The silences of what the recorded leg hears, with those of the partner captures that stand in for it."""
    rest = list(spans)
    for one in recording.partner_captures:
        if one.id not in partners:
            continue
        filled = common([span for span in spans if span[1] - span[0] >= LONG_S], usable(recording, one))
        rest = without(rest, filled)
        for from_s, to_s in filled:
            rest += common(partners[one.id].of(Side.READ, from_s, to_s, FRAME_S), [(from_s, to_s)])
    return sorted(rest)


def _due(
    recording: Recording,
    own: Capture,
    side: Side,
    told: Iterable[Missing],
    heard: Heard,
    *,
    to_the_end: bool = False,
) -> list[Span]:
    """When a voice was due there. `to_the_end`: also in the last moment of the conversation."""
    end_s = conversation_end_s(recording)
    edge_s = 0.0 if to_the_end else AROUND_S
    there = [
        (party.from_s + AROUND_S, min(span_of(party, end_s)[1], end_s) - edge_s)
        for party in recording.parties
        if (party.leg == own.leg) == (side is Side.READ)
    ]
    to_s = min(span_of(own, end_s)[1], end_s)
    excused = [*quiet(recording, end_s), *((one.from_s, one.to_s) for one in told if one.side in {heard, Heard.BOTH})]
    around = [(start - AROUND_S, stop + AROUND_S) for start, stop in excused]
    return without(common([(own.from_s + AROUND_S, to_s - edge_s)], [one for one in there if one[1] > one[0]]), around)
