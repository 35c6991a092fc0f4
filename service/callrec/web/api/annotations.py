"""Notes, tags, class and holds of recordings over HTTP."""

import re
from http import HTTPStatus

from aiohttp import web
from pydantic import BaseModel, Field

from callrec.app.library.annotating import Planned
from callrec.app.library.media.stored_media import StoredMedia
from callrec.domain.access.audit import Action
from callrec.domain.directory.model import Permission
from callrec.domain.library.annotations import (
    MOST_NOTES,
    MOST_REASON,
    MOST_TAGS,
    MOST_TEXT,
    Annotations,
    By,
    Change,
    NoteText,
    edited,
    held,
    noted,
    released,
)
from callrec.web.api.media import asker_of
from callrec.web.api.records import shown
from callrec.web.api.schemas import Body
from callrec.web.problems import BadRequest, Wrong
from callrec.web.requests import body_of
from callrec.web.routes import Answer, Operation

_TAG = re.compile(r'"r(?P<revision>[0-9]{1,9})"')
_ID = "The recording's id."
_REFUSALS = (
    *(HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY),
    *(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
)


class NoteWanted(Body):
    """A note."""

    id: str = Field("", max_length=40, description="That of an existing note; empty for a new one.")
    text: str = Field(min_length=1, max_length=MOST_TEXT)
    at_s: float | None = Field(
        None, ge=0, allow_inf_nan=False, description="Its moment, in seconds from the beginning; null: all of it."
    )


class NoteAdded(Body):
    """A new note."""

    text: str = Field(min_length=1, max_length=MOST_TEXT)
    at_s: float | None = Field(
        None, ge=0, allow_inf_nan=False, description="Its moment, in seconds from the beginning; null: all of it."
    )


class AnnotationsEdit(Body):
    """What is to be replaced; what is missing stays."""

    notes: list[NoteWanted] | None = Field(None, max_length=MOST_NOTES)
    tags: list[str] | None = Field(None, max_length=MOST_TAGS)
    retention_class: str | None = Field(None, max_length=40)


class HoldWanted(Body):
    """Why the recording must not be removed."""

    reason: str = Field(min_length=1, max_length=MOST_REASON)
    reference: str = Field("", max_length=MOST_REASON, description="Of a case or ticket.")


class Release(Body):
    """Which hold ends, and why."""

    hold: str | None = Field(None, max_length=40, description="Its id; null: all of them.")
    reason: str = Field(min_length=1, max_length=MOST_REASON, description="For the audit log.")


class NoteShown(BaseModel):
    """A note."""

    id: str
    text: str
    author: str
    made_s: float = Field(description="When, in Unix time.")
    at_s: float | None


class HoldShown(BaseModel):
    """A hold."""

    id: str
    reason: str
    reference: str
    author: str
    since_s: float


class AnnotationsShown(BaseModel):
    """What was added to a recording."""

    recording: str
    revision: int
    notes: list[NoteShown]
    tags: list[str]
    retention_class: str
    holds: list[HoldShown]


def annotation_operations(stored: StoredMedia) -> list[Operation]:
    """The operations of annotations."""
    of = _Annotations(stored)
    answer = {HTTPStatus.OK: Answer("What was added.", AnnotationsShown, ("ETag",))}
    path, tag = "/recordings/{id}", "recordings"
    return [
        Operation(
            "GET", f"{path}/annotations", "showAnnotations", tag, "Notes, tags, class and holds of a recording.",
            of.show, answer, (HTTPStatus.NOT_FOUND,), id_says=_ID, needs=(Permission.RECORDINGS_LIST,),
        ),
        Operation(
            "PATCH", f"{path}/annotations", "changeAnnotations", tag, "Change notes, tags or the class of a recording.",
            of.change, answer, (*_REFUSALS, HTTPStatus.PRECONDITION_FAILED, HTTPStatus.PRECONDITION_REQUIRED),
            body=AnnotationsEdit, headers=("If-Match",), id_says=_ID, needs=(Permission.RECORDINGS_ANNOTATE,),
        ),
        Operation(
            "POST", f"{path}/notes", "noteRecording", tag, "Add a note to a recording.",
            of.note, answer, _REFUSALS, body=NoteAdded, id_says=_ID, needs=(Permission.RECORDINGS_ANNOTATE,),
        ),
        Operation(
            "POST", f"{path}/hold", "holdRecording", tag, "Keep a recording from being removed until the hold is released.",
            of.hold, answer, _REFUSALS, body=HoldWanted, id_says=_ID, needs=(Permission.RECORDINGS_HOLD,),
        ),
        Operation(
            "POST", f"{path}/release", "releaseRecording", tag, "End a hold, or all holds, of a recording.",
            of.release, answer, _REFUSALS, body=Release, id_says=_ID, needs=(Permission.RECORDINGS_RELEASE,),
        ),
    ]  # fmt: skip


class _Annotations:
    def __init__(self, stored: StoredMedia) -> None:
        self._stored = stored

    async def show(self, request: web.Request) -> web.Response:
        return _shown(await self._stored.annotating.of(request.match_info["id"], asker_of(request)))

    async def change(self, request: web.Request) -> web.Response:
        revision = _revision(request)
        wanted = await body_of(request, AnnotationsEdit)
        given = wanted.model_fields_set
        notes = [NoteText(one.text, one.at_s, one.id) for one in wanted.notes or []] if "notes" in given else None
        tags = (wanted.tags or []) if "tags" in given else None
        named = (wanted.retention_class or "") if "retention_class" in given else None

        def planned(by: By, length_s: float) -> Change:
            return edited(by=by, length_s=length_s, notes=notes, tags=tags, retention_class=named)

        return await self._done(request, planned, Action.CHANGED, revision=revision)

    async def note(self, request: web.Request) -> web.Response:
        wanted = await body_of(request, NoteAdded)
        return await self._done(
            request, lambda by, length_s: noted(wanted.text, wanted.at_s, by, length_s), Action.CHANGED
        )

    async def hold(self, request: web.Request) -> web.Response:
        wanted = await body_of(request, HoldWanted)
        return await self._done(
            request, lambda by, _: held(wanted.reason, wanted.reference, by), Action.HELD, wanted.reason
        )

    async def release(self, request: web.Request) -> web.Response:
        wanted = await body_of(request, Release)
        return await self._done(request, lambda _by, _s: released(wanted.hold), Action.RELEASED, wanted.reason)

    async def _done(
        self, request: web.Request, planned: Planned, action: Action, reason: str = "", revision: int | None = None
    ) -> web.Response:
        recording = request.match_info["id"]
        after = await self._stored.annotating.changed(
            recording, planned, asker_of(request), action, reason=reason, revision=revision
        )
        return _shown(after)


def _revision(request: web.Request) -> int | None:
    """The revision that If-Match names; None for `*`. Raises BadRequest (428, 422)."""
    given = request.headers.getall("If-Match", [])
    hint = "read the annotations, and send their ETag in If-Match"
    if not given:
        raise BadRequest(HTTPStatus.PRECONDITION_REQUIRED, "if-match", "A change needs If-Match", hint)
    said = given[0].strip()
    if len(given) == 1 and said == "*":
        return None
    if len(given) == 1 and (found := _TAG.fullmatch(said)):
        return int(found["revision"])
    wrong = [Wrong("If-Match", "must be the ETag of annotations, or *")]
    raise BadRequest(HTTPStatus.UNPROCESSABLE_ENTITY, "if-match", "If-Match is no ETag of annotations", hint, wrong)


def _shown(annotations: Annotations) -> web.Response:
    body = {
        "recording": annotations.recording,
        "revision": annotations.revision,
        "notes": [
            {"id": one.id, "text": one.text, "author": one.author, "made_s": one.made_s, "at_s": one.at_s}
            for one in annotations.notes
        ],
        "tags": annotations.tags,
        "retention_class": annotations.retention_class,
        "holds": [
            {
                "id": one.id,
                "reason": one.reason,
                "reference": one.reference,
                "author": one.author,
                "since_s": one.since_s,
            }
            for one in annotations.holds
        ],
    }
    return shown(body, ETag=f'"r{annotations.revision}"')
