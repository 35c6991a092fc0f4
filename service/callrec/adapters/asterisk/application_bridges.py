"""Channels in the bridges of other ARI applications, and the digits that are pressed on them, over ARI."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from callrec.app.calls.application_presses import CREATOR
from callrec.domain.calls.ids import BridgeId, LegId
from callrec.domain.errors import Refused


class Rest(Protocol):
    """The part of the ARI link that is used."""

    async def request(
        self, method: str, path_parts: Sequence[str], *, params: Mapping[str, str] | None = None
    ) -> object:
        """One request and the JSON of its answer."""
        ...


class AriApplicationBridges:
    """Implements `app.ports.asterisk.ApplicationBridges` for the application `app`, which is ours."""

    def __init__(self, ari: Rest, app: str) -> None:
        self._ari, self._app = ari, app

    async def legs(self) -> Sequence[tuple[LegId, str, BridgeId]]:
        """See ports.ApplicationBridges."""
        bridges = [
            bridge
            for bridge in _objects(await self._ari.request("GET", ["bridges"]))
            if bridge.get("creator") == CREATOR
        ]
        if not bridges:
            return ()
        names = {
            str(one.get("id")): str(one.get("name")) for one in _objects(await self._ari.request("GET", ["channels"]))
        }
        return [
            (LegId(channel), names[channel], BridgeId(str(bridge.get("id"))))
            for bridge in bridges
            for channel in _texts(bridge.get("channels"))
            if channel in names
        ]

    async def follow(self, leg: LegId) -> None:
        """See ports.ApplicationBridges."""
        await self._subscription("POST", leg)

    async def unfollow(self, leg: LegId) -> None:
        """See ports.ApplicationBridges."""
        await self._subscription("DELETE", leg)

    async def _subscription(self, method: str, leg: LegId) -> None:
        try:
            parts = ["applications", self._app, "subscription"]
            await self._ari.request(method, parts, params={"eventSource": f"channel:{leg}"})
        except Refused as error:
            # 422: the channel is gone; 409: the application is not subscribed (resource_applications.c)
            if error.code not in {"ari-refused", "ari-conflict", "ari-not-found"}:
                raise


def _objects(found: object) -> Iterator[Mapping[str, object]]:
    return (one for one in found if isinstance(one, dict)) if isinstance(found, list) else iter(())


def _texts(found: object) -> Iterator[str]:
    return (one for one in found if isinstance(one, str)) if isinstance(found, list) else iter(())
