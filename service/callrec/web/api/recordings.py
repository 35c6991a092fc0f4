"""Stored recordings over HTTP: list with conditions, count, show."""

import asyncio
import json
from http import HTTPStatus
from typing import Literal

from aiohttp import web
from pydantic import BaseModel, Field

from callrec.app.ports.library import Catalogue
from callrec.domain.access.audit import Action, AuditEntry
from callrec.domain.access.decisions import Visible, visible
from callrec.domain.calls.model import ActorKind
from callrec.domain.directory.model import Permission
from callrec.domain.errors import Refused
from callrec.domain.library.call_direction import CallDirection
from callrec.domain.library.manifest import StoredState
from callrec.domain.library.search import Filter
from callrec.domain.library.search_keys import MOST_CHARACTERS, Entry, Heard
from callrec.domain.library.search_pages import MOST_COUNTED, Count, Cursor, Page, PageRequest, Sort
from callrec.domain.rules import Rule, UserId
from callrec.web.api.records import Query, shown
from callrec.web.auth import AUDIT, WAY, actor_of, log_refusal, principal_of
from callrec.web.requests import query_of, query_text
from callrec.web.routes import Answer, Operation

_TAG = "recordings"
MOST = 1000
_ID_PATTERN = "[A-Za-z0-9._-]{1,128}"
_LATEST_S = 8_000_000_000.0


class Conditions(BaseModel):
    """Conditions, all of which must be met."""

    user: str | None = Field(None, pattern="^[0-9]{1,20}$", description="The id of a participant.")
    number: str = Field("", max_length=MOST_CHARACTERS, description="A participant's whole number.")
    number_part: str = Field(
        "", max_length=MOST_CHARACTERS, description="Three or more characters of a participant's number."
    )
    name: str = Field(
        "", max_length=MOST_CHARACTERS, description="A part of a participant's name; case and accents are ignored. Fewer than "
        "three characters are a whole word of it.",
    )  # fmt: skip
    direction: CallDirection | None = Field(
        None, strict=False, description="The direction of the call, from the users' side."
    )
    rule: Rule | None = Field(None, strict=False, description="The rule by which it was made.")
    state: StoredState | None = Field(None, description="State of the recording.")
    node: str = Field("", max_length=63, description="The CALLREC_NODE that recorded it.")
    tag: str = Field("", max_length=MOST_CHARACTERS, description="One of its tags, exactly.")
    held: bool | None = Field(None, description="Whether it is under a hold.")
    heard: Heard | None = Field(
        None,
        strict=False,
        description="Whether each participant has heard that they are recorded; `none`: nothing was to be announced.",
    )
    from_s: float | None = Field(None, ge=0, le=_LATEST_S, description="The earliest start, in Unix time.")
    to_s: float | None = Field(None, ge=0, le=_LATEST_S, description="The latest start, in Unix time.")
    least_s: float | None = Field(None, ge=0, le=1e7, description="The least length of the audio, in seconds.")
    most_s: float | None = Field(None, ge=0, le=1e7, description="The greatest length of the audio, in seconds.")

    def filter(self, allowed: Visible) -> Filter:
        """The filter, within what is allowed. Raises Refused."""
        return Filter(
            UserId(self.user) if self.user is not None else None,
            None if allowed.all else allowed.users,
            number=self.number, number_part=self.number_part, name=self.name, direction=self.direction, rule=self.rule,
            state=self.state, node=self.node, tag=self.tag, is_held=self.held, heard=self.heard, from_s=self.from_s,
            to_s=self.to_s, least_s=self.least_s, most_s=self.most_s,
        )  # fmt: skip


class RecordingsQuery(Conditions, Query):
    """Conditions, all of which must be met, and the page."""

    sort: Sort = Field(Sort.NEWEST, description="By start or length; with a - the largest first.")
    limit: int = Field(100, ge=1, le=MOST, description="The most recordings in the page.")
    cursor: str | None = Field(
        None,
        max_length=200,
        pattern="^[A-Za-z0-9_-]+$",
        description="`next` or `previous` of another page in this order.",
    )
    count: bool = Field(False, description=f"Count all that meet the conditions, up to {MOST_COUNTED}.")


class QualityShown(BaseModel):
    """How well a participant's RTP was received."""

    number: str
    received: int
    lost: int
    jitter_ms: float


class ToldShown(BaseModel):
    """Whether a participant has heard that they are recorded."""

    number: str
    what: str
    heard: bool
    cause: str


class MissingShown(BaseModel):
    """From and to, in Unix time."""

    from_s: float
    to_s: float
    cause: str


class TrackShown(BaseModel):
    """A participant's own file."""

    track: int
    number: str
    user: str
    media: str
    sha256: str
    missing: list[MissingShown]


class StoredRecording(BaseModel):
    """A stored recording, as the catalogue has it."""

    id: str
    call: str
    state: StoredState
    cause: str = Field(description="Why it is not *sound*; else empty.")
    start_s: float = Field(description="In Unix time.")
    end_s: float | None
    rule: Rule | Literal[""] = Field(description="The rule by which it was made; empty: unknown, of an adopted one.")
    actor: ActorKind
    actor_user: str
    recorded_user: str = Field(description="The id of the user whose recording it is; empty when unknown.")
    numbers: list[str]
    users: list[str]
    names: list[str]
    direction: CallDirection
    node: str
    path: str = Field(description="The path of media and sidecar in the monitor directory, without extension.")
    media: str = Field(description="The path of the media file in the monitor directory; empty without audio.")
    length_s: float | None
    sha256: str
    bytes: int | None
    timeline_exact_s: float | None
    may_lack_s: float | None = Field(
        description="So much more than is told may be missing, at most: silences that nothing tells from a phone's own. "
        "null: not known, or no file."
    )
    tags: list[str]
    holds: list[str]
    quality: list[QualityShown]
    told: list[ToldShown]
    tracks: list[TrackShown]


class RecordingsPage(BaseModel):
    """A page of recordings."""

    items: list[StoredRecording]
    next: str | None = Field(description="The cursor of the page behind it; null on the last one.")
    previous: str | None = Field(description="The cursor of the page before it; null on the first one.")
    total: int | None = Field(description="How many meet the conditions, with `count`; else null.")
    total_is_exact: bool | None = Field(
        description=f"False: there are more than `total`, which is {MOST_COUNTED} then."
    )


def recording_operations(catalogue: Catalogue) -> list[Operation]:
    """The operations of stored recordings."""
    found = _Recordings(Recordings(catalogue))
    needs = (Permission.RECORDINGS_LIST,)
    return [
        Operation(
            "GET", "/recordings", "listRecordings", _TAG, "List stored recordings that meet all conditions.", found.list,
            {HTTPStatus.OK: Answer("A page.", RecordingsPage)}, (HTTPStatus.UNPROCESSABLE_ENTITY,),
            query=RecordingsQuery, needs=needs,
        ),
        Operation(
            "GET", "/recordings/{id}", "readRecording", _TAG, "Show one stored recording.", found.show,
            {HTTPStatus.OK: Answer("The recording.", StoredRecording)}, (HTTPStatus.NOT_FOUND,),
            id_says="The recording's id.", id_pattern=_ID_PATTERN, needs=needs,
        ),
    ]  # fmt: skip


class Recordings:
    """Looks into the catalogue, for the API and the pages; each look is in the audit log before its answer leaves."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue

    async def listed(
        self, request: web.Request, query: RecordingsQuery, allowed: Visible | None = None
    ) -> tuple[Page, Count | None]:
        """The page that is asked for, and how many meet the conditions, with `count`. `allowed`: only these; None: all that the
        principal may see. Raises Refused, Unavailable."""
        wanted = query.filter(allowed or visible(principal_of(request)))
        cursor = Cursor.read(query.cursor, query.sort) if query.cursor else None
        page, total = await asyncio.gather(
            self.catalogue.search(wanted, PageRequest(query.sort, query.limit, cursor)),
            self.catalogue.count(wanted) if query.count else _uncounted(),
        )
        await _noted(request, Action.LISTED, details=query_text(query))
        return page, total


async def _uncounted() -> None:
    """How many there are was not asked."""


class _Recordings:
    def __init__(self, recordings: Recordings) -> None:
        self._recordings = recordings
        self._catalogue = recordings.catalogue

    async def list(self, request: web.Request) -> web.Response:
        query = query_of(request, RecordingsQuery)
        page, total = await self._recordings.listed(request, query)
        return shown(
            {
                "items": [_shown(entry) for entry in page.entries],
                "next": str(page.next) if page.next else None,
                "previous": str(page.previous) if page.previous else None,
                "total": total.number if total else None,
                "total_is_exact": total.is_exact if total else None,
            }
        )

    async def show(self, request: web.Request) -> web.Response:
        """One that the principal may not see is answered as one that does not exist, and takes as long (`bench/absent.py`)."""
        recording, allowed = request.match_info["id"], visible(principal_of(request))
        entry = await self._catalogue.get(recording)
        if not allowed.holds(_user(entry or {})) or entry is None:
            await log_refusal(request, f"readRecording {recording}")
            raise Refused("no-such-recording", f"there is no recording {recording}")
        await _noted(request, Action.SHOWN, recording)
        return shown(_shown(entry))


async def _noted(request: web.Request, action: Action, recording: str = "", details: str = "") -> None:
    """Put this look into the audit log before its answer leaves. Raises Unavailable: then nothing is handed out."""
    if audit := request.app.get(AUDIT):
        address = request[WAY].address
        await audit.append([AuditEntry(action, actor_of(request), recording, address=address, details=details)])


def _user(entry: Entry) -> UserId | None:
    return UserId(entry["recorded_user"]) if entry.get("recorded_user") else None


def _shown(entry: Entry) -> dict[str, object]:
    """An entry in the types of StoredRecording."""
    texts = ("id", "call", "state", "cause", "rule", "actor", "actor_user", "recorded_user", "direction", "node")
    return {
        **{name: entry.get(name, "") for name in texts},
        **{name: _number(entry, name) for name in ("start_s", "end_s", "length_s", "timeline_exact_s", "may_lack_s")},
        **{
            name: _list(entry, name)
            for name in ("numbers", "users", "names", "tags", "holds", "quality", "told", "tracks")
        },
        **{name: entry.get(name, "") for name in ("path", "media", "sha256")},
        "bytes": int(entry["bytes"]) if entry.get("bytes") else None,
    }


def _number(entry: Entry, name: str) -> float | None:
    return float(entry[name]) if entry.get(name) else None


def _list(entry: Entry, name: str) -> object:
    return json.loads(entry.get(name) or "[]")
