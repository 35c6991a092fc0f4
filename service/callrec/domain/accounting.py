"""What a recording lacks of its time, reckoned from its instants and the samples that its files hold. Pure.

Due is the time from the answer (or the press) to the end of the last conversation. Captured is what the takes hold. Between
takes, waits and pauses are no loss; inside one those waits are none in which a recorder may have nothing to write: the ones
without music.
What is due and neither captured nor waited is missing; above 200 ms it is told:

    late-start  from the answer to the first take
    gap         between two takes, or after the last one
    timeline    a take whose recorder ran longer than its file plays: neither side sent anything, or packets were lost on both
    the take's own cause, where it has one (asterisk-died, ...), instead of the last two

The file of a *timeline* loss moves forward all that follows; where in the take it lies is not known, so it is told at the end.
"""

from collections.abc import Iterable, Sequence

from callrec.domain.model import Missing, Recording, Take, WaitingKind

TOLD_S = 0.2
"""What is missing is told above this."""
DRIFT = 0.0001
"""How far the clocks of phones and of this machine may run apart, as a part of the length: crystals are good for 50 ppm."""
_WORTH_S = 0.02
"""A shorter piece beside a longer one is rounding: a frame of Asterisk's."""
LATE_START, GAP, TIMELINE = "late-start", "gap", "timeline"

Span = tuple[float, float]


def missing_time(recording: Recording, audible: Sequence[tuple[Take, float]]) -> tuple[Missing, ...]:
    """What is missing, in order. `audible`: each take that has sound and how long its longer side plays, in seconds."""
    end_s = _end(recording)
    waits = _joined(_waits(recording, end_s))
    unwritten = _joined(_unwritten(recording, end_s))
    found: list[Missing] = []
    covered_s, cause = recording.from_s, LATE_START
    for take, length_s in audible:
        found += _between(covered_s, take.from_s, waits, cause)
        to_s = max(take.from_s, end_s if take.to_s is None else min(take.to_s, end_s))
        found += _within(take, to_s, length_s, unwritten)
        covered_s, cause = max(covered_s, to_s), take.cause or GAP
    return (*found, *_between(covered_s, end_s, waits, cause))


def _end(recording: Recording) -> float:
    """The end of the recording, or of its last conversation if that is earlier: a leg alone afterwards hears no partner."""
    ends = [take.to_s or take.from_s for take in recording.takes]
    end_s = recording.to_s if recording.to_s is not None else max(ends, default=recording.from_s)
    left = [party.to_s for party in recording.parties if party.to_s is not None]
    return min(end_s, max(left)) if left and len(left) == len(recording.parties) else end_s


def _waits(recording: Recording, end_s: float) -> Iterable[Span]:
    spans = [(wait.from_s, wait.to_s) for wait in recording.waiting]
    spans += [(pause.from_s, pause.to_s) for pause in recording.pauses]
    return ((from_s, end_s if to_s is None else to_s) for from_s, to_s in spans)


def _unwritten(recording: Recording, end_s: float) -> Iterable[Span]:
    """Waits in which a recorder may have nothing to write. Music it writes, and silence in a pause: what a take lacks then has
    been lost, in them or elsewhere."""
    waits = (one for one in recording.waiting if one.kind is not WaitingKind.MUSIC)
    return ((one.from_s, end_s if one.to_s is None else one.to_s) for one in waits)


def _between(from_s: float, to_s: float, waits: Sequence[Span], cause: str) -> list[Missing]:
    """No take covers this."""
    rest, at_s = [], from_s
    for wait_from_s, wait_to_s in waits:
        rest.append((at_s, min(to_s, wait_from_s)))
        at_s = max(at_s, wait_to_s)
    rest = [(start, end) for start, end in (*rest, (at_s, to_s)) if end - start > _WORTH_S]
    if sum(end - start for start, end in rest) <= TOLD_S:
        return []
    return [Missing(start, end, cause) for start, end in rest]


def _within(take: Take, to_s: float, length_s: float, waits: Sequence[Span]) -> list[Missing]:
    """A take that is shorter than its time."""
    due_s = to_s - take.from_s
    waited_s = sum(max(0.0, min(to_s, end) - max(take.from_s, start)) for start, end in waits)
    short_s = due_s - length_s - waited_s
    if short_s <= TOLD_S + due_s * DRIFT:
        return []
    return [Missing(to_s - short_s, to_s, take.cause or TIMELINE)]


def _joined(spans: Iterable[Span]) -> list[Span]:
    """In order, none overlapping another."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined
