"""What a stored recording lacks since a phone restarted its RTP numbering: its recorder was deaf to that voice, and the
phones heard it (`domain.calls.captures.rtp_counts`).

In the file that is one stretch of digital silence, which begins with the first of these packets and ends when their numbers have
caught up, the recorder was restarted, or a partner capture holds the voice. Which silence it is tells when a new source sent its
first packet, or how far the numbers of the same source went back. A phone that was muted in the same moment looks the same: in
doubt the entry says that a voice is missing. Where the renumbering leaves no silence nothing is missing.

A phone that stood still while it took another source looks the same for a moment, too. But then its packets come all at once,
and beside them the recorder writes a frame or two of silence on the other side (`domain.library.bursts`): such a short silence is
told as `late-packets`.

A leg that hung up while its side of the file was silent may have done that in the last seconds, when no counter tells it any
more. That is doubted only where the conversation ended with it, and the silence lasts to that end: who goes by a transfer is
silent while they press its keys.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from callrec.app.library.finalize.capture_silences import CaptureSilences
from callrec.app.ports.calls import Spool
from callrec.domain.calls.ids import CaptureId
from callrec.domain.calls.model import LATE_PACKETS, Capture, Heard, Missing, Recording, Renumbering
from callrec.domain.library.captures import CaptureFiles
from callrec.domain.library.file_names import Side
from callrec.domain.library.late_pieces import FRAME_S
from callrec.domain.library.missing_time import conversation_end_s, quiet
from callrec.domain.library.partner_voice import usable
from callrec.domain.library.spans import Span, joined, span_of, without
from callrec.domain.vocabulary import AlarmCause

CAUSE = AlarmCause.DEAF_LEG.value
SHORT_S = 1.0
"""So long a phone may stand still; a deaf recorder is mended later."""
BESIDE_S = 0.06
"""So near to the end of a silence the other side's begins."""
LEAST_S = 0.1
"""The shortest silence that counts: as much as a recording may lack and still be sound."""
EDGE_S = 0.2
"""How near to the ends of a file a silence may begin or end there: a recorder's first and last packets."""
AGAIN_S = FRAME_S
"""So near to the end of a wait, a frame, a silence goes on from it."""
NEAR_S = 0.7
"""How far a silence may lie from where it is reckoned to be: growth marks of the file, a busy machine."""
UNSENT_S = 3.0
"""So much earlier a new source may have begun than its packets tell: a phone may have sent nothing for a while."""
AT_END_S = 1.0
"""So long before the end of the conversation a leg may hang up and have ended it: a busy Asterisk tells the other one late."""


def renumbered_voices(
    recording: Recording,
    captured_files: Mapping[CaptureId, CaptureFiles],
    spool: Spool,
    told: Sequence[Missing] = (),
) -> tuple[Missing, ...]:
    """The missing audio of an ended recording for this cause, in order, without what is `told` already. Raises Unavailable when a
    file cannot be read."""
    found: dict[tuple[Heard, str], list[Span]] = {}
    for one in recording.renumberings:
        goes_on = False
        for own in recording.captures:
            files = captured_files.get(own.id)
            if files is None or not files.shorter_bytes:
                continue
            silences, end_s = CaptureSilences(recording, own, files, spool), conversation_end_s(recording)
            left = (span_of(party, end_s)[1] for party in recording.parties if party.leg == one.leg)
            voice = _Voice(one, own, silences, end_s, (*left, span_of(own, end_s)[1]))
            deaf = voice.from_the_start() if goes_on else voice.deaf()
            side = Heard.SAYS if one.leg == own.leg and not own.of_others else Heard.HEARS
            known = [(other.from_s, other.to_s) for other in told if other.side is side]
            rest = without(deaf, [*known, *_excused(recording, one, own)])
            cause = LATE_PACKETS if one.is_new_source and voice.came_at_once(deaf) else CAUSE
            found.setdefault((side, cause), []).extend(span for span in rest if not _is_start(recording, span))
            goes_on = bool(deaf) and deaf[-1][1] >= voice.silences.end_s - EDGE_S
    missing = [Missing(*span, cause, side) for (side, cause), spans in found.items() for span in joined(spans)]
    return tuple(sorted((one for one in missing if one.to_s - one.from_s > LEAST_S), key=lambda one: one.from_s))


@dataclass(frozen=True, slots=True)
class _Voice:
    """The side of a capture that should hold the voice of a renumbering's leg."""

    renumbering: Renumbering
    own: Capture
    silences: CaptureSilences
    end_s: float
    """When the conversation ended."""
    ends_s: tuple[float, ...] = ()
    """When the leg left, or the capture ended: until then a deaf recorder gets nothing more of that voice."""

    def deaf(self) -> list[Span]:
        """The silence that the renumbering explains; empty when there is none."""
        one = self.renumbering
        spans = self._silences(one.from_s - NEAR_S, one.to_s + NEAR_S)
        if one.is_doubt:
            end_s, is_at_end = min(self.end_s, self.silences.end_s), one.to_s > self.end_s - AT_END_S
            is_last = self.silences.end_s > self.end_s - AT_END_S
            return [span for span in spans if is_at_end and is_last and span[1] >= end_s - EDGE_S]
        if not one.is_new_source:
            return _as_long(spans, one.behind_s, self.ends_s)
        return _of_source(spans, one) or _longest(self._silences(one.from_s - UNSENT_S, one.from_s))

    def came_at_once(self, deaf: Sequence[Span]) -> bool:
        """Whether the packets of a short silence came behind it, all at once."""
        if len(deaf) != 1 or deaf[0][1] - deaf[0][0] > SHORT_S:
            return False
        end_s, other = deaf[0][1], Side.WRITE if self._side is Side.READ else Side.READ
        return any(
            to_s - from_s < LEAST_S
            for from_s, to_s in self.silences.of(other, end_s - FRAME_S, end_s + BESIDE_S, FRAME_S)
        )

    def from_the_start(self) -> list[Span]:
        """The silence with which it begins: the recorder before it was deaf at its end, and this one still is."""
        return self._silences(self.own.from_s, self.own.from_s + EDGE_S)[:1]

    def _silences(self, from_s: float, to_s: float) -> list[Span]:
        """The stretches of digital silence that begin in this time."""
        return self.silences.of(self._side, from_s, to_s, LEAST_S)

    @property
    def _side(self) -> Side:
        return Side.READ if self.renumbering.leg == self.own.leg else Side.WRITE


def _of_source(spans: Sequence[Span], one: Renumbering) -> list[Span]:
    """The longest silence in which the new source has sent: what was silent before it may be the way of the call."""
    there = [(max(from_s, one.from_s - NEAR_S), to_s) for from_s, to_s in spans if to_s >= one.from_s + LEAST_S]
    return _longest(there)


def _longest(spans: Sequence[Span]) -> list[Span]:
    return [max(spans, key=lambda span: span[1] - span[0])] if spans else []


def _as_long(spans: Sequence[Span], behind_s: float | None, ends_s: Sequence[float]) -> list[Span]:
    """The one silence that is as long as the numbers went back. Of shorter ones the one that lasts until the leg left, or the
    capture ended; the longest, when there is none or that is not known."""
    if behind_s is not None:
        as_long = [span for span in spans if abs(span[1] - span[0] - behind_s) <= NEAR_S]
        if as_long:
            return [min(as_long, key=lambda span: abs(span[1] - span[0] - behind_s))]
    to_an_end = [span for span in spans if any(abs(span[1] - end_s) <= EDGE_S for end_s in ends_s)]
    return _longest(to_an_end or spans)


def _is_start(recording: Recording, span: Span) -> bool:
    """Whether that is the time which a phone takes to send again behind a wait or a pause."""
    ends = [one.to_s for several in (recording.waiting, recording.pauses) for one in several if one.to_s is not None]
    return span[1] - span[0] < EDGE_S and any(abs(span[0] - end_s) < AGAIN_S for end_s in ends)


def _excused(recording: Recording, one: Renumbering, own: Capture) -> list[Span]:
    """When silence is no loss: pauses, waits, the time after the conversation, what partner captures of this leg hold, and when
    the leg was not there: on a deaf side the partner before it was silent, too, and has captures of their own."""
    end_s = conversation_end_s(recording)
    spans = [*quiet(recording, end_s), (end_s, float("inf"))]
    there = [span_of(party, end_s) for party in recording.parties if party.leg == one.leg]
    spans += without([(recording.from_s, end_s)], there) if there else []
    if one.leg != own.leg:
        held = (capture for capture in recording.partner_captures if capture.leg == one.leg)
        spans += [span for capture in held for span in usable(recording, capture)]
    return spans
