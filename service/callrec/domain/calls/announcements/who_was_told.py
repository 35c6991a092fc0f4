"""Who has heard that they are recorded: a table with one row for each leg.

A row begins as *unfinished* when something is played, so that a daemon that dies meanwhile has claimed nothing. What the playback
proves replaces it. Who has heard it once has heard it: a later failure changes nothing.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from callrec.domain.calls.ids import LegId
from callrec.domain.calls.model import Hearing, NotHeard, Told

Hearings = tuple[Hearing, ...]


def begun(
    hearings: Hearings, legs: Mapping[LegId, str], what: Told, at_s: float, held: Collection[LegId] = ()
) -> Hearings:
    """The table when this begins to play to these legs, to each in its language; `held`: those that hold the call."""
    heard = {one.leg for one in hearings if one.is_heard}
    kept = [one for one in hearings if one.leg in heard or one.leg not in legs]
    causes = {leg: NotHeard.ON_HOLD if leg in held else NotHeard.UNFINISHED for leg in legs if leg not in heard}
    return (*kept, *(Hearing(leg, what, at_s, cause=cause, language=legs[leg]) for leg, cause in causes.items()))


def ended(hearings: Hearings, leg: LegId, to_s: float, cause: str, packets: int | None) -> Hearings:
    """The table when the playback to this leg has ended, or failed. What began in a hold is not proven."""
    return tuple(
        replace(
            one,
            to_s=max(one.from_s, to_s),
            cause=cause or (one.cause if one.cause == NotHeard.ON_HOLD else ""),
            packets=packets,
        )
        if one.leg == leg and not one.is_heard
        else one
        for one in hearings
    )


def have_heard(hearings: Hearings, legs: Iterable[LegId]) -> bool:
    """Whether each of these legs has heard it."""
    return {one.leg for one in hearings if one.is_heard}.issuperset(legs)


def with_untold(hearings: Hearings, legs: Iterable[tuple[LegId, float]]) -> Hearings:
    """The table of a recording that ends: those participants who are not in it were told nothing. Each comes with the instant
    since when they took part."""
    known = {one.leg for one in hearings}
    untold = {leg: from_s for leg, from_s in reversed(list(legs)) if leg not in known}
    return (
        *hearings,
        *(Hearing(leg, Told.TONE, from_s, cause=NotHeard.NOT_ANNOUNCED) for leg, from_s in untold.items()),
    )
