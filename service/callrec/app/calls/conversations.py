"""Which leg is in which bridge, over all calls: the legs of one bridge are in one call, also those of different Linkedids.

Asterisk groups by Linkedid, and gives that to the legs only while they are made. A call that is picked up, a phone's own
attended transfer from a second line, a parked call that is fetched and a conference bring together legs that were born in
different calls. When that happens a leg's Linkedid becomes that of the oldest, so the caller is known from the first
news of a leg only. A dial that is answered tells more: its leg has received the call, also when it was born as a caller (a
pickup); and of a call that Asterisk itself begins on a Local channel (click-to-call), the leg that is rung first has made it.
"""

from collections.abc import Collection, Iterable
from dataclasses import replace

from callrec.app.calls.ami_events import Dial
from callrec.app.calls.legs.leg_places import LegPlaces
from callrec.domain.calls.bridges import is_between_phones, joined
from callrec.domain.calls.events import Event, LegBridged, LegGone, LegUnbridged
from callrec.domain.calls.ids import BridgeId, LegId
from callrec.domain.calls.model import Direction, Leg
from callrec.domain.rules import PlaceRule


class Conversations:
    """What was told of each living leg: what it is, and where it talks."""

    def __init__(self, places: LegPlaces) -> None:
        self._places = places
        self._legs: dict[LegId, Leg] = {}
        self._numbers: dict[LegId, str] = {}
        """What was dialled for legs of strangers: their news tell what was shown to them, or a name of ours for the trunk."""
        self._opted_out: set[LegId] = set()
        self._by_leg: dict[LegId, BridgeId] = {}
        self._by_bridge: dict[BridgeId, dict[LegId, None]] = {}

    def known(self, leg: Leg) -> Leg:
        """The leg as it is told now, on that side of the call on which it was first."""
        first = self._legs.setdefault(leg.id, leg)
        leg = replace(leg, direction=first.direction, dialled=first.dialled, rules=first.rules or leg.rules)
        leg = replace(leg, at=self._places.rule_of(leg.id), is_place_unknown=first.is_place_unknown)
        leg = replace(leg, language=leg.language or first.language, opted_out=leg.id in self._opted_out)
        if leg.user is None and (number := self._numbers.get(leg.id)) and number != leg.number:
            leg = replace(leg, number=number, name="")
        self._legs[leg.id] = leg
        return leg

    def opt_out(self, legs: Collection[LegId]) -> None:
        """The participants of these legs have opted out of being recorded, until they hang up."""
        self._opted_out |= set(legs)
        self._legs |= {leg: replace(known, opted_out=True) for leg in legs if (known := self._legs.get(leg))}

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

    def note_parked_call_retrieved(self, leg: Leg, bridge: BridgeId) -> None:
        """The leg, as it is told now, enters a bridge of two. Where the others there are callers, and its Linkedid is not its
        own any more, it has fetched a parked call (which Asterisk does not dial): it has received that call."""
        known = self._legs.get(leg.id)
        others = [one for other in self.members(bridge) if other != leg.id and (one := self._legs.get(other))]
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
            and origin.local_pair == dial.by_channel.rpartition(";")[0]
        )

    @property
    def needs_places(self) -> bool:
        """Whether any rule needs to know what legs run."""
        return self._places.are_needed

    def rule_at(self, leg: LegId) -> PlaceRule | None:
        """What is said of the queue or the conference where this leg is."""
        return self._places.rule_of(leg)

    def runs(self, leg: LegId, application: str, arguments: str) -> list[Leg]:
        """Asterisk says what this leg runs. Returns the legs to which other rules apply now."""
        self._places.told(leg, application, arguments, in_bridge=leg in self._by_leg)
        if not ((known := self._legs.get(leg)) and known.is_local):
            self._places.inherits(leg, self._far_halves(leg))
        near = self._near(leg)
        for one in near:
            self._places.inherits(one, [leg])
        return [
            now for one in (leg, *near) if (before := self._legs.get(one)) and (now := self.known(before)) != before
        ]

    def unnoted_queues(self, leg: LegId) -> dict[LegId, str]:
        """Which queues are to be noted on this leg, and on the phones for which it is half of a Local channel."""
        return self._places.unnoted((leg, *self._near(leg)))

    def queue_noted(self, leg: LegId, queue: str) -> None:
        """This queue is noted on the leg."""
        self._places.noted(leg, queue)

    def _far_halves(self, leg: LegId) -> list[LegId]:
        """The other halves of the Local channels in this leg's bridge: what they do, they do for it."""
        pairs = {pair for one in self._bridged(leg) if (pair := one.local_pair)}
        own = {one.id for one in self._bridged(leg)}
        return [one.id for one in self._legs.values() if one.local_pair in pairs and one.id not in own] if pairs else []

    def _near(self, leg: LegId) -> list[LegId]:
        """The phones in the bridge of this half's other half."""
        half = self._legs.get(leg)
        pair = half.local_pair if half else ""
        if not pair:
            return []
        others = [one.id for one in self._legs.values() if one.local_pair == pair and one.id != leg]
        return [one.id for other in others for one in self._bridged(other) if not one.is_local]

    def _bridged(self, leg: LegId) -> list[Leg]:
        """Who is in this leg's bridge, as was last told."""
        bridge = self._by_leg.get(leg)
        return [one for other in self._by_bridge.get(bridge, ()) if (one := self._legs.get(other))] if bridge else []

    def leg(self, leg: LegId) -> Leg | None:
        """What was last told of it."""
        return self._legs.get(leg)

    def note(self, leg: LegId, event: Event) -> None:
        """What happened to this leg, in the order of the news."""
        match event:
            case LegBridged(bridge):
                self._leave(leg)
                self._by_leg[leg] = bridge
                self._by_bridge.setdefault(bridge, {})[leg] = None
            case LegGone():
                self._leave(leg)
                self._legs.pop(leg, None)
                self._numbers.pop(leg, None)
                self._opted_out.discard(leg)
                self._places.gone(leg)
            case LegUnbridged(left) if left is None or left == self.bridge_of(leg):
                self._leave(leg)

    def bridge_of(self, leg: LegId) -> BridgeId | None:
        """Where the leg talks."""
        return self._by_leg.get(leg)

    def members(self, bridge: BridgeId) -> list[LegId]:
        """Who is in this bridge, in the order of coming."""
        return list(self._by_bridge.get(bridge, ()))

    def connected(self, leg: LegId, legs: Iterable[LegId]) -> set[LegId]:
        """Those of these legs that this one is connected with, itself included."""
        groups = self._groups({leg, *legs})
        return next({one.id for one in group} for group in groups if any(one.id == leg for one in group))

    def is_between_phones(self, legs: Iterable[LegId]) -> bool:
        """Whether two phones of these hear each other."""
        return any(map(is_between_phones, self._groups(legs)))

    def _groups(self, legs: Iterable[LegId]) -> list[list[Leg]]:
        """These legs by connection. One that no event has told of yet is in no bridge, and no phone."""
        bridges: dict[BridgeId | LegId, list[Leg]] = {}
        for leg in legs:
            known = self._legs.get(leg) or Leg(leg, "Local/", Direction.IN)
            bridges.setdefault(self.bridge_of(leg) or leg, []).append(known)
        return joined(bridges.values())

    def _leave(self, leg: LegId) -> None:
        bridge = self._by_leg.pop(leg, None)
        if bridge is None:
            return
        del self._by_bridge[bridge][leg]
        if not self._by_bridge[bridge]:
            del self._by_bridge[bridge]
