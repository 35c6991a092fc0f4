"""Encrypted recordings over HTTP: `callrec encryption encrypt` has them entered."""

from http import HTTPStatus

from aiohttp import web
from pydantic import BaseModel, Field

from callrec.app.library.encryption.encrypting import BATCH
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


class EncryptedPaths(Body):
    """Recordings in the library that were encrypted."""

    paths: list[str] = Field(min_length=1, max_length=BATCH, description="Their paths there, without extension.")


class EncryptedEntered(BaseModel):
    """What was done."""

    entered: int = Field(description="Recordings that have their audit entry.")


def encryption_operations(stored: StoredMedia) -> list[Operation]:
    """The operations of encrypted recordings."""

    async def enter(request: web.Request) -> web.Response:
        wanted = await body_of(request, EncryptedPaths)
        return shown({"entered": await stored.encrypted.enter(wanted.paths, asker_of(request))})

    return [
        Operation(
            "POST", "/recordings/encrypted/enter", "enterEncrypted", "recordings",
            "Log that `callrec encryption encrypt` has encrypted recordings of the library.", enter,
            {HTTPStatus.OK: Answer("They are in the audit log.", EncryptedEntered)}, _REFUSALS, body=EncryptedPaths,
            needs=(Permission.SETTINGS_CHANGE,),
        ),
    ]  # fmt: skip
