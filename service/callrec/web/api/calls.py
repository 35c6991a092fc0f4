"""Live calls over HTTP: what each is doing, and requests to start, stop, pause or resume its recording."""

from http import HTTPStatus

from aiohttp import web
from pydantic import BaseModel, Field

from callrec.app.calls.live_calls import REASON, LiveCall, LiveCalls, LiveState
from callrec.domain.access.decisions import visible
from callrec.domain.calls.model import Actor, ActorKind, Control, Direction
from callrec.domain.directory.model import Permission
from callrec.domain.rules import Rule
from callrec.web.api.records import shown
from callrec.web.api.schemas import Body, ruled
from callrec.web.auth import WAY, actor_of, principal_of
from callrec.web.requests import body_of
from callrec.web.routes import Answer, Operation

_SAYS = {
    Control.START: "Record this call from now on.",
    Control.STOP: "End the recording of this call. One that a rule requires cannot be ended, but paused.",
    Control.PAUSE: "Pause the recording: what is said until it is resumed is in no file; the time line goes on in silence.",
    Control.RESUME: "End the pause.",
}
_WAITS = "202 with the state on the way when that is not proven within 2.5 s. Repeating it changes nothing."
LIMIT_S = 10.0


class RecordingRequest(Body):
    """Why, for the manifest."""

    reason: str = ruled(REASON, "", empty=True, says="Stands in the recording's manifest.")


class PauseRequest(RecordingRequest):
    """Why, and for how long."""

    resume_after_s: float | None = Field(
        None, gt=0, le=86400, description="The pause ends by itself after so many seconds; else at CALLREC_PAUSE_MAX_S."
    )


class ParticipantShown(BaseModel):
    """A leg of a live call."""

    leg: str = Field(description="Asterisk's Uniqueid.")
    user: str | None
    number: str
    name: str
    direction: Direction = Field(description="`out` made the call, `in` received it.")
    since_s: float | None = Field(description="Since when it talks, in Unix time; null while it does not.")


class ActorShown(BaseModel):
    """Who caused a change."""

    kind: ActorKind
    user: str | None
    leg: str | None
    asker: str = Field(description="Who asked by the API, such as `account:12`; empty for all others.")


class ControlShown(BaseModel):
    """A start, stop, pause or resume."""

    control: Control
    at_s: float
    actor: ActorShown
    reason: str


class PauseShown(BaseModel):
    """From and to, in Unix time; `to_s` is null while it lasts."""

    from_s: float
    to_s: float | None
    proven: bool = Field(description="Whether Asterisk has confirmed that nothing was recorded.")


class RecordingShown(BaseModel):
    """The recording under way."""

    id: str
    rule: Rule
    rule_origin: str = Field(description="Where the rule hangs, when that is no user: a number or a context.")
    actor: ActorShown
    since_s: float
    grows: bool = Field(description="Whether its files were seen to grow and have not stalled since: the proof of it.")
    written_bytes: int = Field(description="What Asterisk has written of it up to now.")
    pauses: list[PauseShown]
    controls: list[ControlShown]


class CallShown(BaseModel):
    """A live call."""

    id: str
    linkedid: str = Field(description="Asterisk's.")
    node: str
    since_s: float = Field(description="Since when the call exists, in Unix time.")
    state: LiveState
    participants: list[ParticipantShown]
    recording: RecordingShown | None


class Calls(BaseModel):
    """The live calls, oldest first."""

    items: list[CallShown]


def call_operations(calls: LiveCalls) -> list[Operation]:
    """The operations of live calls."""

    async def every(request: web.Request) -> web.Response:
        seen = calls.seen(visible(principal_of(request), Permission.CALLS_READ))
        return shown({"items": [_shown(call) for call in seen]})

    listed = Operation(
        "GET", "/calls", "listCalls", "calls", "List the live calls of this node that the principal may see.", every,
        {HTTPStatus.OK: Answer("The live calls.", Calls)}, needs=(Permission.CALLS_READ,),
    )  # fmt: skip
    return [listed, *(_operation(calls, control) for control in Control)]


def _operation(calls: LiveCalls, control: Control) -> Operation:
    body = PauseRequest if control is Control.PAUSE else RecordingRequest

    async def handle(request: web.Request) -> web.Response:
        said = body.model_validate({}) if not request.body_exists else await body_of(request, body)
        after_s = said.resume_after_s if isinstance(said, PauseRequest) else None
        by, address = actor_of(request), request[WAY].address
        within = visible(principal_of(request), Permission.CALLS_RECORD)
        done = await calls.control(
            request.match_info["id"], control, said.reason, after_s, by=by, within=within, address=address
        )
        return shown(_shown(done.call), status=HTTPStatus.OK if done.is_proven else HTTPStatus.ACCEPTED)

    return Operation(
        "POST",
        f"/calls/{{id}}/recording/{control}",
        f"{control}Recording",
        "calls",
        f"{_SAYS[control]} {_WAITS}",
        handle,
        {
            HTTPStatus.OK: Answer("The call: what was asked for is so.", CallShown),
            HTTPStatus.ACCEPTED: Answer("The call: what was asked for is on its way, and not proven yet.", CallShown),
        },
        (
            *(HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.GONE),
            *(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
        ),
        body=body,
        may_lack_body=True,
        id_says="The call's id.",
        limit_s=LIMIT_S,
        needs=(Permission.CALLS_RECORD,),
    )


def _actor(actor: Actor) -> dict[str, object]:
    return {"kind": actor.kind, "user": actor.user, "leg": actor.leg, "asker": actor.asker}


def _shown(call: LiveCall) -> dict[str, object]:
    session, recording = call.session, call.recording
    return {
        "id": session.call,
        "linkedid": session.linkedid,
        "node": session.node,
        "since_s": session.began_s,
        "state": call.state,
        "participants": [
            {
                "leg": one.leg.id,
                "user": one.leg.user.id if one.leg.user else None,
                "number": one.leg.number,
                "name": one.leg.name,
                "direction": one.leg.direction,
                "since_s": one.since_s,
            }
            for one in call.participants
        ],
        "recording": recording
        and {
            "id": recording.id,
            "rule": recording.rule,
            "rule_origin": recording.rule_origin,
            "actor": _actor(recording.actor),
            "since_s": recording.from_s,
            "grows": call.grows,
            "written_bytes": call.written_bytes,
            "pauses": [{"from_s": one.from_s, "to_s": one.to_s, "proven": one.is_proven} for one in recording.pauses],
            "controls": [
                {"control": one.control, "at_s": one.at_s, "actor": _actor(one.actor), "reason": one.reason}
                for one in recording.controls
            ],
        },
    }
