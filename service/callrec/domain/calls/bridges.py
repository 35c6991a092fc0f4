"""Which legs are in a bridge, which of them hear each other, and from when to when each takes part. The call's own view of its
bridges and the router's view of all calls ask the same functions.

The legs of one bridge hear each other. A Local channel has two halves, and what goes into one comes out of the other: two bridges
with a half each are one. (What Asterisk optimises away later is heard the same before and after.)
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from callrec.domain.calls.ids import BridgeId, LegId
from callrec.domain.calls.model import Leg, Party

CONVERSATION = 2
"""As many legs make a bridge a conversation."""
MOVED_S = 0.2
"""A leg that is back in a bridge so soon was taken from one to the next (a Local channel that is optimised away): it had not
left."""

Bridges = Mapping[BridgeId, tuple[LegId, ...]]
"""The legs of each bridge, in the order in which they entered it; no bridge is empty."""


def enter(bridges: Bridges, leg: LegId, bridge: BridgeId) -> Bridges:
    """The bridges when the leg is in this one, and in no other."""
    others = {key: tuple(one for one in legs if one != leg) for key, legs in bridges.items()}
    members = (*others.pop(bridge, ()), leg)
    return {**{key: legs for key, legs in others.items() if legs}, bridge: members}


def leave(bridges: Bridges, leg: LegId, bridge: BridgeId | None) -> Bridges:
    """The bridges when the leg is out of this one (None: of all)."""
    left = {
        key: tuple(one for one in legs if one != leg) if bridge in {None, key} else legs
        for key, legs in bridges.items()
    }
    return {key: legs for key, legs in left.items() if legs}


def join(parties: tuple[Party, ...], leg: Leg, at_s: float) -> tuple[Party, ...]:
    """The participants when this leg takes part from this instant on."""
    last = next((party for party in reversed(parties) if party.leg == leg.id), None)
    if last is not None and last.to_s is None:
        if leg.user is None or last.user is not None:
            return parties
        known = replace(last, user=leg.user.id, number=leg.number, name=leg.name)  # the tables came later than the leg
        return tuple(known if party is last else party for party in parties)
    if last is not None and at_s - (last.to_s or 0.0) <= MOVED_S:
        return tuple(replace(party, to_s=None) if party is last else party for party in parties)
    return (*parties, Party(leg.id, leg.user.id if leg.user else None, leg.number, leg.name, at_s))


def part(parties: tuple[Party, ...], legs: Collection[LegId], at_s: float) -> tuple[Party, ...]:
    """The participants when these legs take no part any more from this instant on."""
    return tuple(
        replace(party, to_s=max(party.from_s, at_s)) if party.leg in legs and party.to_s is None else party
        for party in parties
    )


def joined(bridges: Iterable[Sequence[Leg]]) -> list[list[Leg]]:
    """The legs that are connected, one list for each group. A leg in no bridge is given as a bridge of its own."""
    groups: list[list[Leg]] = []
    for legs in bridges:
        touching = [group for group in groups if _local_pairs(group) & _local_pairs(legs)]
        groups = [group for group in groups if group not in touching]
        groups.append([leg for group in (*touching, legs) for leg in group])
    return groups


def is_conversation(legs: Sequence[Leg]) -> bool:
    """Whether these connected legs are a conversation: two or more, a phone among them."""
    return len(legs) >= CONVERSATION and not all(leg.is_local for leg in legs)


def is_between_phones(legs: Sequence[Leg]) -> bool:
    """Whether two phones among these connected legs hear each other."""
    return sum(not leg.is_local for leg in legs) >= CONVERSATION


def _local_pairs(legs: Iterable[Leg]) -> set[str]:
    return {leg.local_pair for leg in legs if leg.local_pair}
