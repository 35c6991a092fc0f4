"""`*3` and `*4` in a bridge of another ARI application, where Asterisk's features.conf does not work.

Theory. Feature codes belong to bridges that Dial and Queue make. In a bridge of an ARI application (a call centre's program, a
voice bot) Asterisk gives pressed digits to ARI only. So while a leg of a user who may press is in such a bridge, our own
application is subscribed to that one channel (ARI: `POST /applications/{app}/subscription`), which changes nothing for the other
application. The digits of a code, each within `GAP_S` of the one before, are a press. No digit is kept or logged.

A subscription ends with the channel. After a lost link Asterisk has forgotten all of them, and what was missed is looked up.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from callrec.app.background import Background
from callrec.app.calls.ami_events import endpoint_of, is_leg, leg_id_of
from callrec.app.ports.asterisk import ApplicationBridges
from callrec.app.ports.calls import Clock, Endpoints
from callrec.domain.calls.ids import BridgeId, LegId
from callrec.domain.directory.directory import Party
from callrec.domain.directory.model import Feature, FeatureCode
from callrec.domain.errors import Unavailable
from callrec.domain.vocabulary import DropReason
from callrec.protocols.ami import Message

GAP_S = 2.0
"""The most time between two digits of a code."""
CREATOR = "Stasis"
"""BridgeCreator of a bridge that an ARI application has made (resource_bridges.c: ast_ari_bridges_create)."""
MOST_LEGS = 5000
"""As many legs as are followed: the bound of calls."""

Press = Callable[[LegId, Party], Awaitable[object]]


@dataclass(slots=True)
class _Listened:
    channel: str
    bridge: BridgeId
    digits: str = ""
    at_mono_s: float = field(default=float("-inf"))


class ApplicationPresses:
    """`presses` has for each feature what is called with the leg and its user when its code is pressed; this runs as background
    work. `code`: the code of a feature as it is now."""

    def __init__(
        self,
        bridges: ApplicationBridges,
        endpoints: Endpoints,
        clock: Clock,
        background: Background,
        *,
        code: Callable[[Feature], FeatureCode],
        presses: Mapping[Feature, Press],
    ) -> None:
        self._bridges, self._endpoints, self._clock, self._background = bridges, endpoints, clock, background
        self._code, self._presses = code, presses
        self._listened: dict[LegId, _Listened] = {}

    def asterisk(self, message: Message) -> None:
        """A manager event."""
        match message.event:
            case "BridgeEnter" if message.get("BridgeCreator") == CREATOR and is_leg(message):
                self._entered(leg_id_of(message), message.get("Channel"), BridgeId(message.get("BridgeUniqueid")))
            case "BridgeEnter" | "Hangup":
                self._left(leg_id_of(message), None)
            case "BridgeLeave":
                self._left(leg_id_of(message), BridgeId(message.get("BridgeUniqueid")))

    async def link_up(self) -> None:
        """ARI is connected: subscribe to the legs that are in such bridges now. Raises CallrecError."""
        self._listened.clear()
        for leg, channel, bridge in await self._bridges.legs():
            self._entered(leg, channel, bridge)

    def digit(self, leg: LegId, digit: str) -> None:
        """This key was pressed on a leg."""
        listened = self._listened.get(leg)
        codes = {one.code: feature for feature in self._presses if (one := self._code(feature)).enabled and one.code}
        if listened is None or not codes:
            return
        now_s = self._clock.now().mono_s
        before = listened.digits if now_s - listened.at_mono_s <= GAP_S else ""
        listened.digits, listened.at_mono_s = (before + digit)[-max(map(len, codes)) :], now_s
        party = self._endpoints.by_endpoint(endpoint_of(listened.channel))
        feature = next((feature for code, feature in codes.items() if listened.digits.endswith(code)), None)
        if feature is not None and party is not None:
            listened.digits = ""
            self._background.start(self._pressed(feature, leg, party), DropReason.APPLICATION_PRESS)

    async def _pressed(self, feature: Feature, leg: LegId, party: Party) -> None:
        await self._presses[feature](leg, party)

    def _entered(self, leg: LegId, channel: str, bridge: BridgeId) -> None:
        party = self._endpoints.by_endpoint(endpoint_of(channel))
        if party is None or not party.user.online_record or len(self._listened) >= MOST_LEGS:
            return
        is_new = leg not in self._listened
        self._listened[leg] = _Listened(channel, bridge)
        if is_new:
            self._background.start(self._follow(leg), DropReason.APPLICATION_PRESS)

    async def _follow(self, leg: LegId) -> None:
        try:
            await self._bridges.follow(leg)
        except Unavailable:
            self._listened.pop(leg, None)  # `link_up` comes again
            raise

    def _left(self, leg: LegId, bridge: BridgeId | None) -> None:
        """The leg is out of this bridge (None: of any); late news of a bridge that it has changed for another is nothing."""
        listened = self._listened.get(leg)
        if listened is not None and bridge in {None, listened.bridge}:
            del self._listened[leg]
            self._background.start(self._bridges.unfollow(leg), DropReason.APPLICATION_PRESS)
