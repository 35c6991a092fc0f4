"""What happens where in a recording, over HTTP."""

from http import HTTPStatus

from aiohttp import web
from pydantic import BaseModel, Field

from callrec.app.library.media.stored_media import StoredMedia
from callrec.domain.access.audit import Action
from callrec.domain.directory.model import Permission
from callrec.domain.library.marks import MarkKind, Marks
from callrec.web.api.media import asker_of
from callrec.web.api.records import shown
from callrec.web.api.waveforms import LIMIT_S
from callrec.web.routes import Answer, Operation


class MarkShown(BaseModel):
    """A time of the recording, or a moment."""

    kind: MarkKind
    from_s: float = Field(description="In seconds from the beginning of the file.")
    to_s: float
    text: str = Field(description="The number of a participant who joined or left, the cause of missing audio.")


class SpeakingShown(BaseModel):
    """A participant."""

    user: str
    number: str
    name: str
    present_s: float
    speaking_s: float | None = Field(description="How long they spoke; null when it is not known.")
    partial: bool = Field(
        description="Whether they also spoke together with others on one channel; that is not counted."
    )


class MarksShown(BaseModel):
    """What happens where."""

    marks: list[MarkShown]
    speaking: list[SpeakingShown]


def marks_operation(stored: StoredMedia) -> Operation:
    """`GET /recordings/{id}/marks`."""

    async def show(request: web.Request) -> web.Response:
        recording = request.match_info["id"]
        marks = await stored.waveforms.marks(recording, asker_of(request))
        await stored.looks.told(asker_of(request), Action.SHOWN, recording)
        return shown(_shown(marks))

    return Operation(
        "GET", "/recordings/{id}/marks", "recordingMarks", "recordings",
        "Pauses, announcements, who comes and goes, silences, missing audio; and how long each participant spoke.", show,
        {HTTPStatus.OK: Answer("The marks.", MarksShown)}, (HTTPStatus.NOT_FOUND,),
        id_says="The recording's id.", limit_s=LIMIT_S, needs=(Permission.RECORDINGS_LISTEN,),
    )  # fmt: skip


def _shown(marks: Marks) -> dict[str, object]:
    return {
        "marks": [{"kind": one.kind, "from_s": one.from_s, "to_s": one.to_s, "text": one.text} for one in marks.marks],
        "speaking": [
            {
                "user": one.user,
                "number": one.number,
                "name": one.name,
                "present_s": one.present_s,
                "speaking_s": one.speaking_s,
                "partial": one.is_partial,
            }
            for one in marks.speaking
        ],
    }
