"""What Asterisk counts of a leg's RTP: all in one answer (dialplan_functions.c: channel_read_rtcp). A leg that has hung up cannot
be asked: the dialplan tells its last counts by a UserEvent (dialplan/extensions_callrec.conf: callrec-counts)."""

from dataclasses import dataclass

from callrec.domain.calls.captures.rtp_counts import RtpCount
from callrec.domain.calls.ids import LegId
from callrec.protocols.ami import Message

COUNTERS = "CHANNEL(rtcp,all,audio)"
"""The function that gives them."""
JITTER = "CHANNEL(rtcp,all_jitter,audio)"
LAST_COUNTS = "CallrecCounts"
"""The UserEvent of the last counts, and the context that sends it."""
LAST_COUNTS_AT = "callrec-counts,s,1"
_SHARE = 16
"""Of a late packet's delay the jitter takes this part (RFC 3550, 6.4.1)."""
MOST_LOST, MOST_JITTER_S = 1 << 31, 60.0
"""More is a counter that went below zero."""
_WRAPS = 1 << 32


@dataclass(frozen=True, slots=True)
class Packets:
    """How many RTP packets a leg has received and sent since it began."""

    received: int
    sent: int

    def since(self, before: "Packets") -> "Packets":
        """Those since then. A counter that began again is taken as it is."""
        if self.received < before.received or self.sent < before.sent:
            return self
        return Packets(self.received - before.received, self.sent - before.sent)


@dataclass(frozen=True, slots=True)
class LastCounts:
    """What had been counted of a leg's RTP when it hung up."""

    leg: LegId
    count: RtpCount
    largest_delay_s: float | None


def last_counts_of(message: Message) -> LastCounts | None:
    """From the dialplan's UserEvent; None for all other events, and where nothing was counted."""
    if message.event != "UserEvent" or message.get("UserEvent") != LAST_COUNTS:
        return None
    count = rtp_count_of(message.get("Counts"))
    return LastCounts(LegId(message.get("Uniqueid")), count, largest_delay_of(message.get("Jitter"))) if count else None


def packets_of(counters: str) -> Packets | None:
    """From `ssrc=...;rxcount=151;...;txcount=150;...`; None when the technology does not count."""
    found = _by_name(counters)
    received, sent = found.get("rxcount", ""), found.get("txcount", "")
    return Packets(int(received), int(sent)) if received.isdecimal() and sent.isdecimal() else None


def largest_delay_of(jitter: str) -> float | None:
    """In seconds, from `minrxjitter=000.000125;maxrxjitter=000.037250;...`; None when the technology does not count."""
    try:
        largest_s = float(_by_name(jitter)["maxrxjitter"])
    except (KeyError, ValueError):
        return None
    return _SHARE * largest_s if 0 <= largest_s < MOST_JITTER_S else None


def rtp_count_of(counters: str) -> RtpCount | None:
    """From `ssrc=...;themssrc=2;lp=0;rxcount=151;txjitter=0.000125;...`: a count that cannot be is none. What is lost goes below
    zero after a step back of the sequence numbers, and is written without a sign. The jitter is in seconds. `txjitter` is what
    Asterisk has measured itself, and `rxjitter` what the phone has reported (rtp_engine.h: ast_rtp_instance_stats)."""
    found = _by_name(counters)
    try:
        source, received, lost = (int(found[name]) for name in ("themssrc", "rxcount", "lp"))
        jitter_s = float(found["txjitter"])
    except (KeyError, ValueError):
        return None
    lost -= _WRAPS if lost > MOST_LOST else 0
    is_possible = received >= 0 and abs(lost) <= MOST_LOST and 0 <= jitter_s < MOST_JITTER_S
    return RtpCount(source, received, lost, round(jitter_s * 1000, 1)) if is_possible else None


def _by_name(counters: str) -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in counters.split(";") if "=" in pair)
