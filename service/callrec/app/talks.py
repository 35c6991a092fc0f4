"""Which leg is in which bridge, over all calls: whoever talks in one bridge is in one call, whatever Asterisk called it before.

Asterisk groups by Linkedid, and gives that to the legs only while they are made. A call that is picked up, a phone's own
attended transfer from a second line, a parked call that is fetched and a conference bring together legs that were born in
different calls. When that happens a leg's Linkedid becomes that of the oldest, so who called whom is known from the first
news of a leg only. A dial that is answered tells more: its leg has received the call, also when it was born as a caller (a
pickup); and of a call that Asterisk itself begins on a Local channel (click-to-call), the leg that is rung first has made it.
"""

from collections.abc import Iterable
from dataclasses import replace

from callrec.app.translation import Dial
from callrec.domain import messages as m
from callrec.domain.model import BridgeId, Direction, Leg, LegId


class Talks:
    """What was told of each living leg: what it is, and where it talks."""

    def __init__(self) -> None:
        self._legs: dict[LegId, Leg] = {}
        self._numbers: dict[LegId, str] = {}
        """What was dialled for legs of strangers: their news tell what was shown to them, or a name of ours for the trunk."""
        self._by_leg: dict[LegId, BridgeId] = {}
        self._by_bridge: dict[BridgeId, dict[LegId, None]] = {}

    def known(self, leg: Leg) -> Leg:
        """The leg as it is told now, on that side of the call on which it was first."""
        first = self._legs.setdefault(leg.id, leg)
        leg = replace(leg, direction=first.direction, dialled=first.dialled)
        if leg.user is None and (number := self._numbers.get(leg.id)) and number != leg.number:
            leg = replace(leg, number=number, name="")
        self._legs[leg.id] = leg
        return leg

    def dialled(self, dial: Dial) -> Leg | None:
        """The leg that this dial rings, when the dial tells more of it than was known."""
        leg, by = self._legs.get(dial.leg), self._legs.get(dial.by)
        if leg is None or leg.is_local:
            return None
        number = dial.number or leg.number or (by.dialled if by else "")
        if leg.user is None and number and dial.leg not in self._numbers:
            self._numbers[dial.leg] = number
        direction = Direction.OUT if self._is_origin(dial) else Direction.IN
        self._legs[dial.leg] = replace(leg, direction=direction)
        known = self.known(leg)
        return known if known != leg else None

    def fetches(self, leg: Leg, bridge: BridgeId) -> None:
        """The leg, as it is told now, enters a bridge of two. Where the others there are callers, and its Linkedid is not its
        own any more, it has fetched a parked call (which Asterisk does not dial): it has received that call."""
        known = self._legs.get(leg.id)
        others = [one for other in self.company(bridge) if other != leg.id and (one := self._legs.get(other))]
        phones = [one for one in others if not one.is_local]
        if known and phones and leg.direction is Direction.IN and all(one.direction is Direction.OUT for one in phones):
            self._legs[leg.id] = replace(known, direction=Direction.IN)

    def _is_origin(self, dial: Dial) -> bool:
        """Whether it rings the phone that makes a click-to-call: from behind the Local channel that is the call's first."""
        origin = self._legs.get(LegId(dial.linkedid))
        return (
            origin is not None
            and origin.is_local
            and origin.channel != dial.by_channel
            and origin.door == dial.by_channel.rpartition(";")[0]
        )

    def leg(self, leg: LegId) -> Leg | None:
        """What was last told of it."""
        return self._legs.get(leg)

    def note(self, leg: LegId, event: m.Event) -> None:
        """What happened to this leg, in the order of the news."""
        match event:
            case m.Bridged(bridge):
                self._leave(leg)
                self._by_leg[leg] = bridge
                self._by_bridge.setdefault(bridge, {})[leg] = None
            case m.LegGone():
                self._leave(leg)
                self._legs.pop(leg, None)
                self._numbers.pop(leg, None)
            case m.Unbridged(left) if left is None or left == self.bridge_of(leg):
                self._leave(leg)

    def bridge_of(self, leg: LegId) -> BridgeId | None:
        """Where the leg talks."""
        return self._by_leg.get(leg)

    def company(self, bridge: BridgeId) -> list[LegId]:
        """Who is in this bridge, in the order of coming."""
        return list(self._by_bridge.get(bridge, ()))

    def circle(self, leg: LegId, legs: Iterable[LegId]) -> set[LegId]:
        """Those of these legs that this one is connected with, itself included: by a bridge, and through Local channels on."""
        circle, rest = {leg}, set(legs) - {leg}
        while near := {one for one in rest if any(self._touch(one, other) for other in circle)}:
            circle, rest = circle | near, rest - near
        return circle

    def is_talk(self, legs: Iterable[LegId]) -> bool:
        """Whether two phones of these are in one bridge."""
        phones = (one for leg in legs if (one := self.leg(leg)) and not one.is_local)
        bridges = [bridge for phone in phones if (bridge := self.bridge_of(phone.id))]
        return len(bridges) > len(set(bridges))

    def _touch(self, one: LegId, other: LegId) -> bool:
        bridge, door = self.bridge_of(one), self._door(one)
        return (bridge is not None and bridge == self.bridge_of(other)) or (door != "" and door == self._door(other))

    def _door(self, leg: LegId) -> str:
        known = self.leg(leg)
        return known.door if known else ""

    def _leave(self, leg: LegId) -> None:
        bridge = self._by_leg.pop(leg, None)
        if bridge is None:
            return
        del self._by_bridge[bridge][leg]
        if not self._by_bridge[bridge]:
            del self._by_bridge[bridge]
