"""A recording's inside names to its outside ones and back: one written line for each field, so that either may change alone."""

from pydantic import TypeAdapter

from callrec.domain.lifecycle import Entry, Manifest, Media
from callrec.domain.model import (
    Actor,
    CallId,
    Heard,
    Interval,
    LegId,
    Missing,
    NodeId,
    Party,
    Recording,
    RecordingId,
    Speech,
    Take,
    TakeId,
    Waiting,
)
from callrec.domain.provisioning.model import UserId
from callrec.protocols.recording_format import (
    ActorFormat,
    EntryFormat,
    ManifestFormat,
    MediaFormat,
    MissingFormat,
    PartyFormat,
    PauseFormat,
    RecordingFormat,
    SpeechFormat,
    TakeFormat,
    WaitingFormat,
)

MANIFEST = TypeAdapter(ManifestFormat)
ENTRY = TypeAdapter(EntryFormat)


def manifest_out(manifest: Manifest) -> ManifestFormat:
    """A manifest as its sidecar has it."""
    return {
        "schema": manifest.schema,
        "state": manifest.state,
        "recording": _recording_out(manifest.recording),
        "media": _media_out(manifest.media) if manifest.media else None,
        "holds": manifest.holds,
    }


def manifest_in(found: ManifestFormat) -> Manifest:
    """A manifest as its sidecar says."""
    media = found.get("media")
    return Manifest(
        schema=found["schema"],
        state=found["state"],
        recording=_recording_in(found["recording"]),
        media=_media_in(media) if media else None,
        holds=found.get("holds", ()),
    )


def entry_out(entry: Entry) -> EntryFormat:
    """An entry as its journal line has it."""
    return {"step": entry.step, "recording": _recording_out(entry.recording)}


def entry_in(found: EntryFormat) -> Entry:
    """An entry as its journal line says."""
    return Entry(step=found["step"], recording=_recording_in(found["recording"]))


def _recording_out(recording: Recording) -> RecordingFormat:
    return {
        "id": recording.id,
        "call": recording.call,
        "linkedid": recording.linkedid,
        "node": recording.node,
        "rule": recording.rule,
        "actor": _actor_out(recording.actor),
        "from_s": recording.from_s,
        "to_s": recording.to_s,
        "takes": tuple(map(_take_out, recording.takes)),
        "parties": tuple(map(_party_out, recording.parties)),
        "pauses": tuple(map(_pause_out, recording.pauses)),
        "announcements": recording.announcements,
        "missing": tuple(map(_missing_out, recording.missing)),
        "waiting": tuple(map(_waiting_out, recording.waiting)),
        "mono_s": recording.mono_s,
        "speech": tuple(map(_speech_out, recording.speech)),
        "cause": recording.cause,
        "end_reason": recording.end_reason,
    }


def _recording_in(found: RecordingFormat) -> Recording:
    return Recording(
        id=RecordingId(found["id"]),
        call=CallId(found["call"]),
        linkedid=found["linkedid"],
        node=NodeId(found["node"]),
        rule=found["rule"],
        actor=_actor_in(found["actor"]),
        from_s=found["from_s"],
        to_s=found.get("to_s"),
        takes=tuple(map(_take_in, found.get("takes", ()))),
        parties=tuple(map(_party_in, found.get("parties", ()))),
        pauses=tuple(map(_pause_in, found.get("pauses", ()))),
        announcements=found.get("announcements", ()),
        missing=tuple(map(_missing_in, found.get("missing", ()))),
        waiting=tuple(map(_waiting_in, found.get("waiting", ()))),
        mono_s=found.get("mono_s"),
        speech=tuple(map(_speech_in, found.get("speech", ()))),
        cause=found.get("cause", ""),
        end_reason=found.get("end_reason", ""),
    )


def _actor_out(actor: Actor) -> ActorFormat:
    return {"kind": actor.kind, "user": actor.user, "leg": actor.leg}


def _actor_in(found: ActorFormat) -> Actor:
    return Actor(kind=found["kind"], user=_user_in(found.get("user")), leg=_leg_in(found.get("leg")))


def _take_out(take: Take) -> TakeFormat:
    return {
        "id": take.id,
        "leg": take.leg,
        "channel": take.channel,
        "rate_hz": take.rate_hz,
        "from_s": take.from_s,
        "to_s": take.to_s,
        "mixmonitor": take.mixmonitor,
        "cause": take.cause,
    }


def _take_in(found: TakeFormat) -> Take:
    return Take(
        id=TakeId(found["id"]),
        leg=LegId(found["leg"]),
        channel=found["channel"],
        rate_hz=found["rate_hz"],
        from_s=found["from_s"],
        to_s=found.get("to_s"),
        mixmonitor=found.get("mixmonitor", ""),
        cause=found.get("cause", ""),
    )


def _party_out(party: Party) -> PartyFormat:
    return {
        "leg": party.leg,
        "user": party.user,
        "number": party.number,
        "name": party.name,
        "from_s": party.from_s,
        "to_s": party.to_s,
    }


def _party_in(found: PartyFormat) -> Party:
    return Party(
        leg=LegId(found["leg"]),
        user=_user_in(found["user"]),
        number=found["number"],
        name=found["name"],
        from_s=found["from_s"],
        to_s=found.get("to_s"),
    )


def _pause_out(pause: Interval) -> PauseFormat:
    return {"from_s": pause.from_s, "to_s": pause.to_s}


def _pause_in(found: PauseFormat) -> Interval:
    return Interval(from_s=found["from_s"], to_s=found.get("to_s"))


def _missing_out(missing: Missing) -> MissingFormat:
    return {"from_s": missing.from_s, "to_s": missing.to_s, "cause": missing.cause, "side": missing.side}


def _missing_in(found: MissingFormat) -> Missing:
    return Missing(from_s=found["from_s"], to_s=found["to_s"], cause=found["cause"], side=found.get("side", Heard.BOTH))


def _waiting_out(waiting: Waiting) -> WaitingFormat:
    return {"from_s": waiting.from_s, "to_s": waiting.to_s, "kind": waiting.kind}


def _waiting_in(found: WaitingFormat) -> Waiting:
    return Waiting(from_s=found["from_s"], to_s=found["to_s"], kind=found["kind"])


def _speech_out(speech: Speech) -> SpeechFormat:
    return {
        "take": speech.take,
        "leg": speech.leg,
        "since_s": speech.since_s,
        "at_s": speech.at_s,
        "proven": speech.proven,
    }


def _speech_in(found: SpeechFormat) -> Speech:
    return Speech(
        take=TakeId(found["take"]),
        leg=LegId(found["leg"]),
        since_s=found["since_s"],
        at_s=found["at_s"],
        proven=found.get("proven", True),
    )


def _media_out(media: Media) -> MediaFormat:
    return {
        "name": media.name,
        "format": media.format,
        "rate_hz": media.rate_hz,
        "samples": media.samples,
        "bytes": media.bytes,
        "sha256": media.sha256,
    }


def _media_in(found: MediaFormat) -> Media:
    return Media(
        name=found["name"],
        format=found["format"],
        rate_hz=found["rate_hz"],
        samples=found["samples"],
        bytes=found["bytes"],
        sha256=found["sha256"],
    )


def _user_in(found: str | None) -> UserId | None:
    return None if found is None else UserId(found)


def _leg_in(found: str | None) -> LegId | None:
    return None if found is None else LegId(found)
