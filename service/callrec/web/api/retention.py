"""Retention classes over HTTP: list, set, preview, enable; limits of space; the clock."""

from http import HTTPStatus

from aiohttp import web
from pydantic import BaseModel, Field

from callrec.app.library.lifetime.retention import RetentionKeeper, Run, Time
from callrec.app.library.media.logged_access import Asker
from callrec.app.library.media.stored_media import StoredMedia
from callrec.domain.access.decisions import may
from callrec.domain.directory.model import Permission
from callrec.domain.library.retention import (
    MOST_DAYS,
    MOST_OF_A_KIND,
    MOST_RANK,
    DueBytes,
    Retention,
    RetentionClass,
    Space,
)
from callrec.domain.rules import Rule, UserId
from callrec.web.api.erasures import LIMIT_S
from callrec.web.api.media import asker_of
from callrec.web.api.records import shown
from callrec.web.api.schemas import Body
from callrec.web.auth import not_permitted, principal_of
from callrec.web.requests import body_of
from callrec.web.routes import Answer, Operation

_REFUSALS = (
    *(HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY),
    *(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
)
_MOST_BYTES = 1 << 60


class ClassWanted(Body):
    """A retention class: conditions, ages and a rank. Of each kind of condition that is named one must be met."""

    rules: list[Rule] = Field(default_factory=list, max_length=MOST_OF_A_KIND, strict=False)
    users: list[str] = Field(default_factory=list, max_length=MOST_OF_A_KIND, description="Ids: whose recording it is.")
    contexts: list[str] = Field(
        default_factory=list,
        max_length=MOST_OF_A_KIND,
        description="The context, or that of the incoming number, whose rule made it.",
    )
    tags: list[str] = Field(default_factory=list, max_length=MOST_OF_A_KIND)
    min_days: float = Field(0.0, ge=0, le=MOST_DAYS, allow_inf_nan=False, description="Not for space before this age.")
    max_days: float | None = Field(
        None, ge=1, le=MOST_DAYS, allow_inf_nan=False, description="Erased at this age; null: never by age."
    )
    rank: int = Field(0, ge=0, le=MOST_RANK, description="When space is needed, the lowest goes first.")


class ClassEnabled(Body):
    """How many recordings the preview said."""

    expected: int = Field(ge=0, description="Refused when more would go.")


class SpaceWanted(Body):
    """How much recordings may take, and how much their disk must have free; null: no such limit."""

    quota_bytes: int | None = Field(None, ge=0, le=_MOST_BYTES)
    least_free_bytes: int | None = Field(None, ge=0, le=_MOST_BYTES)


class ClassShown(BaseModel):
    """A retention class."""

    name: str
    rules: list[str]
    users: list[str]
    contexts: list[str]
    tags: list[str]
    min_days: float
    max_days: float | None
    rank: int
    in_effect: bool = Field(description="A class that is set has no effect until it is enabled.")


class TableShown(BaseModel):
    """All classes in their order (the first one that takes a recording is its class), and the limits of space."""

    classes: list[ClassShown]
    quota_bytes: int | None
    least_free_bytes: int | None
    revision: int


class TimeShown(BaseModel):
    """The time by which recordings are old."""

    now_s: float = Field(description="In Unix time.")
    clock_off_s: float = Field(
        description="How far the machine's clock is ahead of it (negative: behind); 0 while it is followed."
    )


class RunShown(BaseModel):
    """What a run did."""

    by_age: int
    for_space: int
    bytes: int
    held: int = Field(description="Due, and kept by a hold.")
    lacks_bytes: int = Field(description="So much is missing though all that may go is gone.")


class StatusShown(TableShown):
    """The table, the time, the last run, and why not all that is due can go."""

    time: TimeShown
    last: RunShown
    why_not: str


class DueFirst(BaseModel):
    """A recording that would be erased."""

    recording: str
    end_s: float = Field(description="From when its age counts, in Unix time.")


class DueShown(BaseModel):
    """What a class makes due."""

    recordings: int
    bytes: int
    held: int
    first: list[DueFirst] = Field(description="The oldest 20.")


def retention_operations(stored: StoredMedia) -> list[Operation]:
    """The operations of retention."""
    of = _Retention(stored.retention)
    return [*_operations_of_all(of), *_operations_of_classes(of)]


_TAG, _READS, _SETS = (
    "retention",
    (Permission.SETTINGS_READ,),
    (Permission.SETTINGS_CHANGE, Permission.RECORDINGS_ERASE),
)
_TABLE = {HTTPStatus.OK: Answer("All classes and limits.", TableShown)}


def _operations_of_all(of: "_Retention") -> list[Operation]:
    return [
        Operation(
            "GET", "/retention", "showRetention", _TAG, "Show retention classes, limits of space, and the last run.", of.show,
            {HTTPStatus.OK: Answer("Classes, limits, time and last run.", StatusShown)}, needs=_READS,
        ),
        Operation(
            "PUT", "/retention/space", "setRetentionSpace", _TAG, "Set the limits of space.", of.limit, _TABLE, _REFUSALS,
            body=SpaceWanted, needs=_SETS,
        ),
        Operation(
            "POST", "/retention/run", "runRetention", _TAG, "Erase now what is due.", of.run,
            {HTTPStatus.OK: Answer("What was done.", RunShown)}, limit_s=LIMIT_S, needs=_SETS,
        ),
        Operation(
            "POST", "/retention/clock", "trustClock", _TAG, "Say that the machine's clock is right.", of.clock,
            {HTTPStatus.OK: Answer("The time.", TimeShown)}, needs=_SETS,
        ),
    ]  # fmt: skip


def _operations_of_classes(of: "_Retention") -> list[Operation]:
    due = {HTTPStatus.OK: Answer("What it makes due now.", DueShown)}
    absent, says, path = (HTTPStatus.NOT_FOUND,), "The class's name.", "/retention/classes/{id}"
    return [
        Operation(
            "PUT", path, "setRetentionClass", _TAG, "Add or replace a class, without effect yet.", of.put, _TABLE,
            (HTTPStatus.CONFLICT, *_REFUSALS),
            body=ClassWanted, id_says=says, needs=_SETS,
        ),
        Operation(
            "DELETE", path, "removeRetentionClass", _TAG, "Remove a class.", of.remove, _TABLE,
            (*absent, HTTPStatus.CONFLICT), id_says=says, needs=_SETS,
        ),
        Operation(
            "POST", f"{path}/preview", "previewRetentionClass", _TAG, "Tell what a class makes due, once it is enabled.",
            of.preview, due, absent, id_says=says, limit_s=LIMIT_S, needs=_READS,
        ),
        Operation(
            "POST", f"{path}/enable", "enableRetentionClass", _TAG, "Let a class take effect.", of.enable, _TABLE,
            (*absent, HTTPStatus.CONFLICT, *_REFUSALS), body=ClassEnabled, id_says=says, limit_s=LIMIT_S, needs=_SETS,
        ),
        Operation(
            "POST", f"{path}/disable", "disableRetentionClass", _TAG, "Let a class have no effect.", of.disable, _TABLE, absent,
            id_says=says, needs=_SETS,
        ),
    ]  # fmt: skip


def setter_of(request: web.Request) -> Asker:
    """Who changes what is erased: they may erase all recordings, not their own alone. Raises NotPermitted (403)."""
    if not may(principal_of(request), Permission.RECORDINGS_ERASE):
        raise not_permitted(Permission.RECORDINGS_ERASE)
    return asker_of(request)


class _Retention:
    def __init__(self, retention: RetentionKeeper) -> None:
        self._retention = retention

    async def show(self, request: web.Request) -> web.Response:
        found = await self._retention.status(asker_of(request))
        more = {"time": _time(found.time), "last": _run(found.last), "why_not": found.why_not}
        return shown(_table(found.table) | more)

    async def put(self, request: web.Request) -> web.Response:
        wanted = await body_of(request, ClassWanted)
        one = RetentionClass(
            request.match_info["id"], tuple(wanted.rules), tuple(map(UserId, wanted.users)), tuple(wanted.contexts),
            tuple(wanted.tags), wanted.min_days, wanted.max_days, wanted.rank,
        )  # fmt: skip
        return shown(_table(await self._retention.put(one, setter_of(request))))

    async def remove(self, request: web.Request) -> web.Response:
        return shown(_table(await self._retention.remove(request.match_info["id"], setter_of(request))))

    async def preview(self, request: web.Request) -> web.Response:
        return shown(_due(await self._retention.preview(request.match_info["id"], asker_of(request))))

    async def enable(self, request: web.Request) -> web.Response:
        wanted = await body_of(request, ClassEnabled)
        table = await self._retention.enable(request.match_info["id"], wanted.expected, setter_of(request))
        return shown(_table(table))

    async def disable(self, request: web.Request) -> web.Response:
        return shown(_table(await self._retention.disable(request.match_info["id"], setter_of(request))))

    async def limit(self, request: web.Request) -> web.Response:
        wanted = await body_of(request, SpaceWanted)
        space = Space(wanted.quota_bytes, wanted.least_free_bytes)
        return shown(_table(await self._retention.limit(space, setter_of(request))))

    async def run(self, request: web.Request) -> web.Response:
        return shown(_run(await self._retention.run_now(setter_of(request))))

    async def clock(self, request: web.Request) -> web.Response:
        return shown(_time(await self._retention.trust_clock(setter_of(request))))


def _table(table: Retention) -> dict[str, object]:
    return {
        "classes": [
            {
                **{name: getattr(one, name) for name in ("name", "min_days", "max_days", "rank", "in_effect")},
                **{name: list(getattr(one, name)) for name in ("rules", "users", "contexts", "tags")},
            }
            for one in table.classes
        ],
        "quota_bytes": table.space.quota_bytes,
        "least_free_bytes": table.space.least_free_bytes,
        "revision": table.revision,
    }


def _time(time: Time) -> dict[str, object]:
    return {"now_s": time.now_s, "clock_off_s": time.off_s}


def _run(run: Run) -> dict[str, object]:
    return {name: getattr(run, name) for name in ("by_age", "for_space", "bytes", "held", "lacks_bytes")}


def _due(found: DueBytes) -> dict[str, object]:
    first = [{"recording": recording, "end_s": end_s} for end_s, recording in found.first]
    return {"recordings": found.recordings, "bytes": found.bytes, "held": found.held, "first": first}
