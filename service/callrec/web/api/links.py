"""Links to recordings that need no login, over HTTP: made, listed and revoked with a permission, used by anyone who has one."""

import math
from collections.abc import Sequence
from http import HTTPStatus

from aiohttp import web
from pydantic import BaseModel, Field

from callrec.app.library.media.recording_media import MediaRequest, OpenMedia
from callrec.app.library.media.stored_media import StoredMedia
from callrec.domain.access.audit import Action
from callrec.domain.directory.model import Permission
from callrec.domain.library.links import MOST_LINKS_S, Link
from callrec.web.api.media import address_of, answered, asker_of
from callrec.web.api.records import shown
from callrec.web.api.schemas import Body
from callrec.web.requests import body_of
from callrec.web.routes import Answer, Handler, Operation

SHARED = "/shared/{token:[A-Za-z0-9_-]{8,64}}"
_TAG, _ID = "recordings", "The recording's id."
_REFUSALS = (
    *(HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY),
    *(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
)


class LinkWanted(Body):
    """A new link."""

    valid_h: float = Field(24.0, gt=0, le=MOST_LINKS_S / 3600, allow_inf_nan=False, description="For so many hours.")
    at_s: float | None = Field(
        None, ge=0, allow_inf_nan=False, description="The moment that it leads to, in seconds from the beginning."
    )


class Revocation(Body):
    """Which link ends."""

    link: str = Field(min_length=1, max_length=40, description="Its id.")


class LinkShown(BaseModel):
    """A link, without its token."""

    id: str
    recording: str
    maker: str
    made_s: float = Field(description="In Unix time, like the others.")
    expires_s: float
    revoked_s: float | None
    at_s: float | None


class LinkMade(LinkShown):
    """A new link."""

    path: str = Field(description="The address, to be put behind that of the daemon. No later answer has it.")


class Links(BaseModel):
    """The links of a recording."""

    items: list[LinkShown]


def link_operations(stored: StoredMedia) -> list[Operation]:
    """The operations of links."""
    of, needs = _Links(stored), (Permission.RECORDINGS_SHARE,)
    return [
        Operation(
            "POST", "/recordings/{id}/links", "makeLink", _TAG, "Make a link to a recording that needs no login.", of.make,
            {HTTPStatus.CREATED: Answer("The link.", LinkMade)}, _REFUSALS, body=LinkWanted, id_says=_ID, needs=needs,
        ),
        Operation(
            "GET", "/recordings/{id}/links", "listLinks", _TAG, "List the links of a recording.", of.every,
            {HTTPStatus.OK: Answer("Those that are valid, and those that ended within 30 days.", Links)},
            (HTTPStatus.NOT_FOUND,), id_says=_ID, needs=needs,
        ),
        Operation(
            "POST", "/recordings/{id}/links/revoke", "revokeLink", _TAG, "End a link.", of.revoke,
            {HTTPStatus.OK: Answer("The link.", LinkShown)}, _REFUSALS, body=Revocation, id_says=_ID, needs=needs,
        ),
    ]  # fmt: skip


def shared_pages(stored: StoredMedia) -> Sequence[tuple[str, Handler]]:
    """What a link leads to, outside of the API: path and handler."""

    async def lead(request: web.Request) -> web.StreamResponse:
        link, asker = await stored.sharing.used(request.match_info["token"], address_of(request))
        await stored.looks.told(asker, Action.SHOWN, link.recording)  # the answer tells that the recording is there
        moment = _moment(request, link)
        there = f"/shared/{request.match_info['token']}/media" + (f"#t={moment:g}" if moment else "")
        return web.Response(status=HTTPStatus.FOUND, headers={"Location": there})

    async def still(request: web.Request, found: OpenMedia) -> None:
        await stored.media.still_there(found)
        await stored.sharing.used(request.match_info["token"], address_of(request))

    async def give(request: web.Request) -> web.StreamResponse:
        link, asker = await stored.sharing.used(request.match_info["token"], address_of(request))
        async with stored.media.opened(MediaRequest(link.recording), asker) as found:
            return await answered(request, stored.media, found, lambda: still(request, found))

    return ((SHARED, lead), (f"{SHARED}/media", give))


def _moment(request: web.Request, link: Link) -> float | None:
    """The moment that `?t=93` asks for, or that of the link. A `t` that is no time is ignored."""
    try:
        moment = float(request.query.get("t", ""))
    except ValueError:
        return link.at_s
    return moment if math.isfinite(moment) and moment >= 0 else link.at_s


class _Links:
    def __init__(self, stored: StoredMedia) -> None:
        self._stored = stored

    async def make(self, request: web.Request) -> web.Response:
        wanted = await body_of(request, LinkWanted)
        link, token = await self._stored.sharing.make(
            request.match_info["id"], asker_of(request), wanted.valid_h * 3600, wanted.at_s
        )
        return shown(_shown(link) | {"path": f"/shared/{token}"}, HTTPStatus.CREATED)

    async def every(self, request: web.Request) -> web.Response:
        links = await self._stored.sharing.of(request.match_info["id"], asker_of(request))
        return shown({"items": [_shown(link) for link in links]})

    async def revoke(self, request: web.Request) -> web.Response:
        wanted = await body_of(request, Revocation)
        return shown(
            _shown(await self._stored.sharing.revoke(request.match_info["id"], wanted.link, asker_of(request)))
        )


def _shown(link: Link) -> dict[str, object]:
    return {
        "id": link.id,
        "recording": link.recording,
        "maker": link.maker,
        "made_s": link.made_s,
        "expires_s": link.expires_s,
        "revoked_s": link.revoked_s,
        "at_s": link.at_s,
    }
