"""Tags, retention class and notes over HTTP of all recordings that meet conditions; each with a preview."""

from http import HTTPStatus

from aiohttp import web
from pydantic import BaseModel, Field, model_validator

from callrec.app.library.changing_many import MOST_AT_ONCE, ChangedMany, Marking
from callrec.app.library.media.stored_media import StoredMedia
from callrec.domain.access.decisions import Visible
from callrec.domain.directory.model import Permission
from callrec.domain.library.annotations import MOST_TAGS, MOST_TEXT
from callrec.web.api.erasures import LIMIT_S, BodyConditions
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


class TagsOfMany(Body):
    """Which recordings, and what becomes of their tags and class."""

    filter: BodyConditions
    add: list[str] = Field(default_factory=list, max_length=MOST_TAGS, description="Tags to add.")
    remove: list[str] = Field(default_factory=list, max_length=MOST_TAGS, description="Tags to remove.")
    retention_class: str | None = Field(
        None, max_length=40, description="Their retention class; an empty one is none, null leaves it as it is."
    )
    preview: bool = Field(False, description="Only tell which.")

    @model_validator(mode="after")
    def _changes_something(self) -> "TagsOfMany":
        if not (self.add or self.remove or self.retention_class is not None):
            raise ValueError("give add, remove or retention_class")
        return self


class NoteOfMany(Body):
    """Which recordings, and the note that each gets."""

    filter: BodyConditions
    text: str = Field(min_length=1, max_length=MOST_TEXT)
    preview: bool = Field(False, description="Only tell which.")


class ChangeFailed(BaseModel):
    """A recording that could not be changed."""

    recording: str
    code: str = Field(description="The code of the error.")


class ManyChanged(BaseModel):
    """What was done, or would be."""

    recordings: int = Field(description="That were changed, or would be.")
    unchanged: int = Field(description="That are so already.")
    first: list[str] = Field(description="The ids of the first 20.")
    failed: list[ChangeFailed]
    more: bool = Field(description=f"More are to be changed: one request changes {MOST_AT_ONCE}. Send it again.")


def many_annotation_operations(stored: StoredMedia) -> list[Operation]:
    """The operations of tags and notes of many recordings."""
    of, needs = _Many(stored.marking), (Permission.RECORDINGS_ANNOTATE,)
    answer = {HTTPStatus.OK: Answer("What was done, or would be.", ManyChanged)}
    return [
        Operation(
            "POST", "/recordings/tag/all", "tagRecordings", "recordings",
            "Add and remove tags, or set the retention class, of all recordings that meet conditions.", of.tag, answer,
            _REFUSALS, body=TagsOfMany, limit_s=LIMIT_S, needs=needs,
        ),
        Operation(
            "POST", "/recordings/note/all", "noteRecordings", "recordings",
            "Add a note to all recordings that meet conditions. Sent again, it adds no second one.", of.note, answer,
            _REFUSALS, body=NoteOfMany, limit_s=LIMIT_S, needs=needs,
        ),
    ]  # fmt: skip


class _Many:
    def __init__(self, marking: Marking) -> None:
        self._marking = marking

    async def tag(self, request: web.Request) -> web.Response:
        wanted = await body_of(request, TagsOfMany)
        done = await self._marking.tag(
            wanted.filter.filter(_ALL),
            wanted.add,
            wanted.remove,
            asker_of(request),
            retention_class=wanted.retention_class,
            is_preview=wanted.preview,
        )
        return shown(many_row(done))

    async def note(self, request: web.Request) -> web.Response:
        wanted = await body_of(request, NoteOfMany)
        done = await self._marking.note(
            wanted.filter.filter(_ALL), wanted.text, asker_of(request), is_preview=wanted.preview
        )
        return shown(many_row(done))


def many_row(done: ChangedMany) -> dict[str, object]:
    """What was done, as answers tell it."""
    return {
        "recordings": done.recordings,
        "unchanged": done.unchanged,
        "first": done.first,
        "failed": [{"recording": recording, "code": code} for recording, code in done.failed.items()],
        "more": done.is_more_left,
    }
