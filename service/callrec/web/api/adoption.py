"""Adopted recordings over HTTP: `callrec recordings adopt` has them entered."""

from http import HTTPStatus

from aiohttp import web
from pydantic import BaseModel, Field

from callrec.app.library.adoption import BATCH
from callrec.app.library.media.stored_media import StoredMedia
from callrec.domain.directory.model import Permission
from callrec.web.api.media import asker_of
from callrec.web.api.records import shown
from callrec.web.api.schemas import Body
from callrec.web.requests import body_of
from callrec.web.routes import Answer, Operation

_REFUSALS = (
    *(HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY),
    *(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
)


class AdoptedPaths(Body):
    """Recordings of the state *adopted* that lie in the library."""

    paths: list[str] = Field(min_length=1, max_length=BATCH, description="Their paths there, without extension.")


class Entered(BaseModel):
    """What was done."""

    entered: int = Field(description="Recordings that have their audit entry, and are in the catalogue.")


def adoption_operations(stored: StoredMedia) -> list[Operation]:
    """The operations of adopted recordings."""

    async def enter(request: web.Request) -> web.Response:
        wanted = await body_of(request, AdoptedPaths)
        return shown({"entered": await stored.adopted.enter(wanted.paths, asker_of(request))})

    return [
        Operation(
            "POST", "/recordings/adopted/enter", "enterAdopted", "recordings",
            "Enter recordings of other programs that `callrec recordings adopt` has put into the library.", enter,
            {HTTPStatus.OK: Answer("They are entered.", Entered)}, _REFUSALS, body=AdoptedPaths,
            needs=(Permission.SETTINGS_CHANGE,),
        ),
    ]  # fmt: skip
