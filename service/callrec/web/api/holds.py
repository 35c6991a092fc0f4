"""Legal holds over HTTP on all recordings that meet conditions; each with a preview."""

from http import HTTPStatus

from aiohttp import web
from pydantic import Field

from callrec.app.library.lifetime.holding import Case, Holding
from callrec.app.library.media.stored_media import StoredMedia
from callrec.domain.access.decisions import Visible
from callrec.domain.directory.model import Permission
from callrec.domain.library.annotations import MOST_REASON
from callrec.web.api.erasures import LIMIT_S, BodyConditions
from callrec.web.api.many_annotations import ManyChanged, many_row
from callrec.web.api.media import asker_of
from callrec.web.api.records import shown
from callrec.web.api.schemas import Body
from callrec.web.requests import body_of
from callrec.web.routes import Answer, Operation

_ALL = Visible(all=True)
_REFUSALS = (
    *(HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY),
    *(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
)


class HoldOfMany(Body):
    """Which recordings, and why they must not be removed."""

    filter: BodyConditions
    reason: str = Field(min_length=1, max_length=MOST_REASON)
    reference: str = Field("", max_length=MOST_REASON, description="Of a case or ticket.")
    preview: bool = Field(False, description="Only tell which.")


class ReleaseOfMany(Body):
    """Which recordings, and why they need not be kept any longer."""

    filter: BodyConditions
    reason: str = Field(min_length=1, max_length=MOST_REASON, description="For the audit log.")
    reference: str = Field("", max_length=MOST_REASON, description="Only holds with this reference; empty: all.")
    preview: bool = Field(False, description="Only tell which.")


def hold_operations(stored: StoredMedia) -> list[Operation]:
    """The operations of holds on many recordings."""
    of = _Holds(stored.holding)
    answer = {HTTPStatus.OK: Answer("What was done, or would be.", ManyChanged)}
    return [
        Operation(
            "POST", "/recordings/hold/all", "holdRecordings", "recordings",
            "Keep all recordings that meet conditions from being removed.", of.hold, answer, _REFUSALS, body=HoldOfMany,
            limit_s=LIMIT_S, needs=(Permission.RECORDINGS_HOLD,),
        ),
        Operation(
            "POST", "/recordings/release/all", "releaseRecordings", "recordings",
            "End the holds of all recordings that meet conditions.", of.release, answer, _REFUSALS, body=ReleaseOfMany,
            limit_s=LIMIT_S, needs=(Permission.RECORDINGS_RELEASE,),
        ),
    ]  # fmt: skip


class _Holds:
    def __init__(self, holding: Holding) -> None:
        self._holding = holding

    async def hold(self, request: web.Request) -> web.Response:
        wanted = await body_of(request, HoldOfMany)
        case = Case(wanted.reason, wanted.reference)
        done = await self._holding.hold(wanted.filter.filter(_ALL), case, asker_of(request), is_preview=wanted.preview)
        return shown(many_row(done))

    async def release(self, request: web.Request) -> web.Response:
        wanted = await body_of(request, ReleaseOfMany)
        case = Case(wanted.reason, wanted.reference)
        done = await self._holding.release(
            wanted.filter.filter(_ALL), case, asker_of(request), is_preview=wanted.preview
        )
        return shown(many_row(done))
