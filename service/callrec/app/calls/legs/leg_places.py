"""At which queue or conference each leg is: by the application that it runs, which Asterisk is asked for.

A caller of a queue runs `Queue` from its beginning to the end of the talk with an agent, and a participant of a conference runs
`ConfBridge`: so the answer is right at any moment, also for a daemon that starts in the middle of the call, and needs no more
rights (the events of queues need the manager's right `agent`). Asterisk is asked only while the tables have a rule at a queue or
a conference (decision 38).

A queue's rule goes with the call: the caller who has talked with an agent and is transferred is still a caller of that queue,
until another queue takes the call. A caller who left it without a talk is not. A conference's rule ends with the conference.
What such a caller runs after a transfer does not tell the queue: it is noted on their leg, for a daemon that starts later.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from callrec.app.ports.calls import Endpoints
from callrec.domain.calls.ids import LegId
from callrec.domain.rules import PlaceKind, PlaceRule

_APPLICATIONS = {"queue": PlaceKind.QUEUE, "confbridge": PlaceKind.CONFERENCE}


@dataclass(frozen=True, slots=True)
class _Place:
    kind: PlaceKind
    name: str
    has_talked: bool
    """Whether the leg was in a conversation there."""


class LegPlaces:
    """What was told of each living leg."""

    def __init__(self, endpoints: Endpoints) -> None:
        self._endpoints = endpoints
        self._by_leg: dict[LegId, _Place] = {}
        self._noted: dict[LegId, str] = {}
        """The queue whose name is noted on the leg."""

    @property
    def are_needed(self) -> bool:
        """Whether any rule needs to know them."""
        return self._endpoints.has_rule_of(*_APPLICATIONS.values())

    def told(self, leg: LegId, application: str, arguments: str, *, in_bridge: bool) -> None:
        """The leg runs this application now; `in_bridge`: it is in one. An empty name tells nothing."""
        before = self._by_leg.get(leg)
        kind, name = _APPLICATIONS.get(application.lower()), arguments.split(",", 1)[0].strip()
        if kind and name:
            stays = before is not None and (before.kind, before.name.lower()) == (kind, name.lower())
            self._by_leg[leg] = _Place(kind, name, in_bridge or (stays and before is not None and before.has_talked))
        elif application and before and not (before.kind is PlaceKind.QUEUE and before.has_talked):
            del self._by_leg[leg]

    def inherits(self, leg: LegId, legs: Iterable[LegId]) -> None:
        """The leg is connected by a Local channel with one of these, and calls through it: it is where that one is."""
        found = next((place for one in legs if (place := self._by_leg.get(one))), None)
        if found and leg not in self._by_leg:
            self._by_leg[leg] = found

    def rule_of(self, leg: LegId) -> PlaceRule | None:
        """What is said of calls where this leg is."""
        place = self._by_leg.get(leg)
        return self._endpoints.rule_of(place.kind, place.name) if place else None

    def unnoted(self, legs: Iterable[LegId]) -> dict[LegId, str]:
        """What is to be noted on these legs, and is not: the queue in which the leg has talked; empty where it left that one."""
        wanted = {leg: self._talked_in(leg) for leg in legs}
        return {leg: queue for leg, queue in wanted.items() if queue != self._noted.get(leg, "")}

    def noted(self, leg: LegId, queue: str) -> None:
        """This note is on the leg."""
        self._noted[leg] = queue

    def found_note(self, leg: LegId, queue: str) -> None:
        """A daemon before has noted this queue on the leg."""
        self.told(leg, PlaceKind.QUEUE.value, queue, in_bridge=True)
        self.noted(leg, queue)

    def gone(self, leg: LegId) -> None:
        """The leg has hung up."""
        self._by_leg.pop(leg, None)
        self._noted.pop(leg, None)

    def _talked_in(self, leg: LegId) -> str:
        place = self._by_leg.get(leg)
        return place.name if place and place.kind is PlaceKind.QUEUE and place.has_talked else ""
