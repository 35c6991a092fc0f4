"""What Asterisk counts of the RTP that a leg's phone sends, and what that tells of a phone that restarts its RTP numbering.

Theory. A phone may go on with other sequence numbers in the middle of a call: an SBC sends the call another way, a phone starts
its RTP again. Asterisk plays all of it to the other phone. But where Asterisk translates, Debian's 22.10.1 drops what is up to
32,768 packets behind the last one (docs/decisions/0017-the-deaf-leg.md), so a recorder gets digital silence until the numbers
have caught up. The counters show such a *renumbering*:

- A new source (SSRC): Asterisk counts its packets from zero (res_rtp_asterisk.c: ast_rtp_read), which tells when it began.
  Whether its numbers are behind, no counter tells: the recorder's file does.
- The same source with other numbers: what Asterisk takes for lost (expected less received) leaps by what no network can lose in
  that time. For n packets back it is -n, or 65,536 - n above 100, since Asterisk takes that for an overflow of the number. It
  computes that again at each of its RTCP reports, five seconds apart.

Seen with 22.10.1: 150 packets back `lp` goes from 0 to 65,386, 30 packets back from 65,386 to 65,356.
"""

from dataclasses import dataclass, replace

from callrec.domain.calls.ids import LegId
from callrec.domain.calls.model import PACKET_MOST_MS, PACKET_MS, Quality, Renumbering

NUMBERS = 1 << 16
BEHIND_MOST = NUMBERS // 2
"""So many packets behind the last one are dropped; more counts as ahead."""
BEHIND_LEAST = 5
"""So many packets, 100 ms, have to be found again to tell of a renumbering: fewer may have come twice, or in another order."""
REPORT_S = 6.0
"""So old what is lost may be: Asterisk's interval of reports, and one second."""
PACKET_LEAST_S = 0.01
STEADY = 20
"""So many packets tell how long one is."""


@dataclass(frozen=True, slots=True)
class RtpCount:
    """One answer: the phone's source (SSRC), how many of its packets were received, and how many Asterisk takes for lost (below
    zero after a step back); the jitter in milliseconds."""

    source: int
    received: int
    lost: int
    jitter_ms: float


@dataclass(frozen=True, slots=True)
class Counted:
    """What is known of one leg after an answer. `at_s`: when it was asked for, on the monotonic clock; `received` and `lost`: in
    all, whatever its source was, without leaps. `packet_s`: how long one packet is; None while that is not known."""

    at_s: float
    count: RtpCount
    received: int
    lost: int
    packet_s: float | None = None

    @classmethod
    def first(cls, at_s: float, count: RtpCount) -> "Counted":
        """After the first answer."""
        return cls(at_s, count, count.received, count.lost if 0 <= count.lost < BEHIND_MOST else 0)

    @property
    def quality(self) -> Quality:
        """For the manifest."""
        return Quality(self.received, max(0, self.lost), self.count.jitter_ms)

    def away_since_s(self, before: "Counted") -> float:
        """How much of the voice has neither come nor was lost since that answer: the phone sent nothing, or it is on its way."""
        packets = self.received - before.received + self.lost - before.lost
        return self.at_s - before.at_s - packets * (self.packet_s or PACKET_MS / 1000)

    def then(self, leg: LegId, at_s: float, answered_s: float, count: RtpCount) -> "tuple[Counted, Renumbering | None]":
        """After a further answer, and the renumbering that it shows. Its times are monotonic. A busy Asterisk may have counted at
        any moment between the question (`at_s`) and its answer. Before a phone's first packet there is no source yet: what is the
        first one then is no other."""
        if not self.received:
            return Counted.first(at_s, count), None
        packet_s = self.packet_s or PACKET_MS / 1000
        if count.source != self.count.source or count.received < self.count.received:
            lost = max(0, count.lost) if count.lost < BEHIND_MOST else 0
            sent_s = (count.received + lost) * packet_s
            first_s, last_s = (max(self.at_s, counted_s - sent_s) for counted_s in (at_s, answered_s))
            after = replace(
                self, at_s=at_s, count=count, received=self.received + count.received, lost=self.lost + lost
            )
            return after, Renumbering(leg, first_s, last_s, is_new_source=True)
        received, lost = count.received - self.count.received, count.lost - self.count.lost
        is_leap = not -BEHIND_LEAST < lost <= _loss_most(at_s - self.at_s)
        after = Counted(
            at_s,
            count,
            self.received + received,
            self.lost + (0 if is_leap else lost),
            _packet_s(self.packet_s, at_s - self.at_s, received),
        )
        behind = -lost % NUMBERS
        if not is_leap or behind > BEHIND_MOST:
            return after, None
        return after, Renumbering(leg, self.at_s - REPORT_S, answered_s, behind_s=behind * packet_s)


def _loss_most(length_s: float) -> float:
    """How many packets can be lost in this time, and in that of the report before."""
    return min((length_s + 2 * REPORT_S) / PACKET_LEAST_S, BEHIND_MOST - 1)


def _packet_s(known_s: float | None, length_s: float, received: int) -> float | None:
    """How long one packet is, a multiple of 10 ms: a phone may not have sent all the time, but it never sends faster."""
    if received < STEADY:
        return known_s
    found_s = round(length_s / received / PACKET_LEAST_S) * PACKET_LEAST_S
    found_s = min(max(found_s, PACKET_LEAST_S), PACKET_MOST_MS / 1000)
    return found_s if known_s is None else min(known_s, found_s)
