"""Converts recordings between the domain's names and those of the formats: one line for each field, so that either side may
change alone."""

from dataclasses import replace

from pydantic import TypeAdapter

from callrec.domain.calls.ids import CallId, CaptureId, LegId, NodeId, RecordingId
from callrec.domain.calls.journal import Entry
from callrec.domain.calls.model import (
    PACKET_MS,
    Actor,
    Capture,
    ControlStep,
    GrowthMark,
    Heard,
    Hearing,
    Interval,
    Missing,
    Party,
    Pause,
    Presence,
    Quality,
    Recording,
    Renumbering,
    RtpGap,
    Speech,
    Waiting,
)
from callrec.domain.library.manifest import Manifest, Media, Origin, Track
from callrec.domain.rules import UserId
from callrec.protocols.recording_format import (
    ActorFormat,
    CaptureFormat,
    ControlFormat,
    EntryFormat,
    GrowthMarkFormat,
    HearingFormat,
    IntervalFormat,
    ManifestFormat,
    MediaFormat,
    MissingFormat,
    OriginFormat,
    PartyFormat,
    PauseFormat,
    PresenceFormat,
    QualityFormat,
    RecordingFormat,
    RenumberingFormat,
    RtpGapFormat,
    SpeechFormat,
    TrackFormat,
    WaitingFormat,
)

MANIFEST = TypeAdapter(ManifestFormat)
ENTRY = TypeAdapter(EntryFormat)


def manifest_out(manifest: Manifest) -> ManifestFormat:
    """A manifest as its sidecar has it."""
    out: ManifestFormat = {
        "schema": manifest.schema,
        "state": manifest.state,
        "recording": _recording_out(manifest.recording),
        "media": _media_out(manifest.media) if manifest.media else None,
        "holds": manifest.holds,
    }
    if manifest.tracks:
        out["tracks"] = tuple(map(_track_out, manifest.tracks))
    if manifest.origin:
        out["origin"] = _origin_out(manifest.origin)
    return out


def manifest_in(found: ManifestFormat) -> Manifest:
    """A manifest as its sidecar says."""
    media = found.get("media")
    return Manifest(
        schema=found["schema"],
        state=found["state"],
        recording=_recording_in(found["recording"]),
        media=_media_in(media) if media else None,
        holds=found.get("holds", ()),
        tracks=tuple(map(_track_in, found.get("tracks", ()))),
        origin=_origin_in(found["origin"]) if "origin" in found else None,
    )


def entry_out(entry: Entry) -> EntryFormat:
    """An entry as its journal line has it."""
    return {"step": entry.step, "recording": _recording_out(entry.recording)}


def entry_in(found: EntryFormat) -> Entry:
    """An entry as its journal line says."""
    return Entry(step=found["step"], recording=_recording_in(found["recording"]))


def _recording_out(recording: Recording) -> RecordingFormat:
    out: RecordingFormat = {
        "id": recording.id,
        "call": recording.call,
        "linkedid": recording.linkedid,
        "node": recording.node,
        "rule": recording.rule,
        "actor": _actor_out(recording.actor),
        "from_s": recording.from_s,
        "to_s": recording.to_s,
        "takes": tuple(map(_take_out, recording.captures)),
        "parties": tuple(map(_party_out, recording.parties)),
        "pauses": tuple(map(_pause_out, recording.pauses)),
        "announcements": recording.announcements,
        "missing": tuple(map(_missing_out, recording.missing)),
        "waiting": tuple(map(_waiting_out, recording.waiting)),
        "mono_s": recording.mono_s,
        "speech": tuple(map(_speech_out, recording.speech)),
        "rule_origin": recording.rule_origin,
        "cause": recording.cause,
        "end_reason": recording.end_reason,
        "timeline_exact_s": recording.timeline_exact_s,
    }
    if recording.partner_captures:
        out["partner_captures"] = tuple(map(_take_out, recording.partner_captures))
    if recording.hearings:
        out["hearings"] = tuple(map(_hearing_out, recording.hearings))
    if recording.presences is not None:
        out["presences"] = tuple(map(_presence_out, recording.presences))
    if recording.is_place_unknown:
        out["place_unknown"] = True
    if recording.controls:
        out["controls"] = tuple(map(_control_out, recording.controls))
    if recording.renumberings:
        out["renumberings"] = tuple(map(_renumbering_out, recording.renumberings))
    if recording.may_lack_s is not None:
        out["may_lack_s"] = recording.may_lack_s
    return out


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
        captures=tuple(map(_take_in, found.get("takes", ()))),
        partner_captures=tuple(replace(_take_in(one), is_partner=True) for one in found.get("partner_captures", ())),
        parties=tuple(map(_party_in, found.get("parties", ()))),
        pauses=tuple(map(_pause_in, found.get("pauses", ()))),
        controls=tuple(map(_control_in, found.get("controls", ()))),
        announcements=found.get("announcements", ()),
        hearings=tuple(map(_hearing_in, found.get("hearings", ()))),
        missing=tuple(map(_missing_in, found.get("missing", ()))),
        waiting=tuple(map(_waiting_in, found.get("waiting", ()))),
        renumberings=tuple(map(_renumbering_in, found.get("renumberings", ()))),
        mono_s=found.get("mono_s"),
        speech=tuple(map(_speech_in, found.get("speech", ()))),
        rule_origin=found.get("rule_origin", ""),
        is_place_unknown=found.get("place_unknown", False),
        cause=found.get("cause", ""),
        end_reason=found.get("end_reason", ""),
        timeline_exact_s=found.get("timeline_exact_s"),
        may_lack_s=found.get("may_lack_s"),
        presences=tuple(map(_presence_in, found["presences"])) if "presences" in found else None,
    )


def _actor_out(actor: Actor) -> ActorFormat:
    out: ActorFormat = {"kind": actor.kind, "user": actor.user, "leg": actor.leg}
    if actor.asker:
        out["asker"] = actor.asker
    return out


def _actor_in(found: ActorFormat) -> Actor:
    user, leg = _user_in(found.get("user")), _leg_in(found.get("leg"))
    return Actor(kind=found["kind"], user=user, leg=leg, asker=found.get("asker", ""))


def _take_out(capture: Capture) -> CaptureFormat:
    out: CaptureFormat = {
        "id": capture.id,
        "leg": capture.leg,
        "channel": capture.channel,
        "rate_hz": capture.rate_hz,
        "from_s": capture.from_s,
        "to_s": capture.to_s,
        "mixmonitor": capture.mixmonitor,
        "cause": capture.cause,
        "marks": tuple(map(_mark_out, capture.marks)),
        "of_others": capture.of_others,
    }
    if capture.rtp_gaps:
        out["rtp_gaps"] = tuple(map(_rtp_gap_out, capture.rtp_gaps))
    if capture.track_s is not None:
        out["track_s"] = capture.track_s
    return out


def _take_in(found: CaptureFormat) -> Capture:
    return Capture(
        id=CaptureId(found["id"]),
        leg=LegId(found["leg"]),
        channel=found["channel"],
        rate_hz=found["rate_hz"],
        from_s=found["from_s"],
        to_s=found.get("to_s"),
        mixmonitor=found.get("mixmonitor", ""),
        cause=found.get("cause", ""),
        marks=tuple(map(_mark_in, found.get("marks", ()))),
        of_others=found.get("of_others", False),
        rtp_gaps=tuple(map(_rtp_gap_in, found.get("rtp_gaps", ()))),
        track_s=found.get("track_s"),
    )


def _rtp_gap_out(gap: RtpGap) -> RtpGapFormat:
    return {"from_s": gap.from_s, "to_s": gap.to_s, "since_s": gap.since_s, "until_s": gap.until_s}


def _rtp_gap_in(found: RtpGapFormat) -> RtpGap:
    return RtpGap(
        from_s=found["from_s"], to_s=found["to_s"], since_s=found.get("since_s"), until_s=found.get("until_s")
    )


def _mark_out(mark: GrowthMark) -> GrowthMarkFormat:
    return {"samples": mark.samples, "at_s": mark.at_s}


def _mark_in(found: GrowthMarkFormat) -> GrowthMark:
    return GrowthMark(samples=found["samples"], at_s=found["at_s"])


def _party_out(party: Party) -> PartyFormat:
    return {
        "leg": party.leg,
        "user": party.user,
        "number": party.number,
        "name": party.name,
        "from_s": party.from_s,
        "to_s": party.to_s,
        "rtp": _quality_out(party.quality) if party.quality else None,
    }


def _party_in(found: PartyFormat) -> Party:
    rtp = found.get("rtp")
    return Party(
        leg=LegId(found["leg"]),
        user=_user_in(found["user"]),
        number=found["number"],
        name=found["name"],
        from_s=found["from_s"],
        to_s=found.get("to_s"),
        quality=_quality_in(rtp) if rtp else None,
    )


def _quality_out(quality: Quality) -> QualityFormat:
    out: QualityFormat = {
        "received": quality.received,
        "lost": quality.lost,
        "jitter_ms": quality.jitter_ms,
        "packet_ms": quality.packet_ms,
    }
    if quality.largest_delay_ms is not None:
        out["largest_delay_ms"] = quality.largest_delay_ms
    return out


def _quality_in(found: QualityFormat) -> Quality:
    return Quality(
        received=found["received"],
        lost=found["lost"],
        jitter_ms=found["jitter_ms"],
        packet_ms=found.get("packet_ms", PACKET_MS),
        largest_delay_ms=found.get("largest_delay_ms"),
    )


def _presence_out(presence: Presence) -> PresenceFormat:
    return {"leg": presence.leg, "from_s": presence.from_s, "to_s": presence.to_s}


def _presence_in(found: PresenceFormat) -> Presence:
    return Presence(leg=LegId(found["leg"]), from_s=found["from_s"], to_s=found["to_s"])


def _pause_out(pause: Pause) -> PauseFormat:
    out: PauseFormat = {"from_s": pause.from_s, "to_s": pause.to_s}
    if not pause.is_proven:
        out["proven"] = False
    if pause.most_s is not None:
        out["most_s"] = pause.most_s
    return out


def _pause_in(found: PauseFormat) -> Pause:
    return Pause(
        from_s=found["from_s"],
        to_s=found.get("to_s"),
        is_proven=found.get("proven", True),
        most_s=found.get("most_s"),
    )


def _control_out(step: ControlStep) -> ControlFormat:
    return {"control": step.control, "at_s": step.at_s, "actor": _actor_out(step.actor), "reason": step.reason}


def _control_in(found: ControlFormat) -> ControlStep:
    return ControlStep(
        control=found["control"], at_s=found["at_s"], actor=_actor_in(found["actor"]), reason=found["reason"]
    )


def _hearing_out(hearing: Hearing) -> HearingFormat:
    return {
        "leg": hearing.leg,
        "what": hearing.what,
        "from_s": hearing.from_s,
        "to_s": hearing.to_s,
        "heard": hearing.is_heard,
        "cause": hearing.cause,
        "packets": hearing.packets,
        "language": hearing.language,
    }


def _hearing_in(found: HearingFormat) -> Hearing:
    return Hearing(
        leg=LegId(found["leg"]),
        what=found["what"],
        from_s=found["from_s"],
        to_s=found["to_s"],
        cause=found["cause"],
        packets=found["packets"],
        language=found.get("language", ""),
    )


def _renumbering_out(one: Renumbering) -> RenumberingFormat:
    return {
        "leg": one.leg,
        "from_s": one.from_s,
        "to_s": one.to_s,
        "new_source": one.is_new_source,
        "behind_s": one.behind_s,
    }


def _renumbering_in(found: RenumberingFormat) -> Renumbering:
    return Renumbering(
        leg=LegId(found["leg"]),
        from_s=found["from_s"],
        to_s=found["to_s"],
        is_new_source=found["new_source"],
        behind_s=found["behind_s"],
    )


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
        "take": speech.capture,
        "leg": speech.leg,
        "since_s": speech.since_s,
        "at_s": speech.at_s,
        "proven": speech.proven,
    }


def _speech_in(found: SpeechFormat) -> Speech:
    return Speech(
        capture=CaptureId(found["take"]),
        leg=LegId(found["leg"]),
        since_s=found["since_s"],
        at_s=found["at_s"],
        proven=found.get("proven", True),
    )


def _interval_out(interval: Interval) -> IntervalFormat:
    return {"from_s": interval.from_s, "to_s": interval.to_s}


def _interval_in(found: IntervalFormat) -> Interval:
    return Interval(from_s=found["from_s"], to_s=found.get("to_s"))


def _track_out(track: Track) -> TrackFormat:
    return {
        "track": track.nth,
        "user": track.user,
        "number": track.number,
        "name": track.name,
        "legs": track.legs,
        "present": tuple(map(_interval_out, track.present)),
        "missing": tuple(map(_missing_out, track.missing)),
        "media": _media_out(track.media) if track.media else None,
    }


def _track_in(found: TrackFormat) -> Track:
    return Track(
        nth=found["track"],
        user=_user_in(found["user"]),
        number=found["number"],
        name=found["name"],
        legs=tuple(map(LegId, found["legs"])),
        present=tuple(map(_interval_in, found["present"])),
        missing=tuple(map(_missing_in, found["missing"])),
        media=_media_in(found["media"]) if found["media"] else None,
    )


def _media_out(media: Media) -> MediaFormat:
    out: MediaFormat = {
        "name": media.name,
        "format": media.format,
        "rate_hz": media.rate_hz,
        "samples": media.samples,
        "bytes": media.bytes,
        "sha256": media.sha256,
    }
    if media.is_mono:
        out["mono"] = True
    return out


def _media_in(found: MediaFormat) -> Media:
    return Media(
        name=found["name"],
        format=found["format"],
        rate_hz=found["rate_hz"],
        samples=found["samples"],
        bytes=found["bytes"],
        sha256=found["sha256"],
        is_mono=found.get("mono", False),
    )


def _origin_out(origin: Origin) -> OriginFormat:
    return {"system": origin.system, "name": origin.name, "kind": origin.kind, "uniqueid": origin.uniqueid}


def _origin_in(found: OriginFormat) -> Origin:
    return Origin(system=found["system"], name=found["name"], kind=found["kind"], uniqueid=found["uniqueid"])


def _user_in(found: str | None) -> UserId | None:
    return None if found is None else UserId(found)


def _leg_in(found: str | None) -> LegId | None:
    return None if found is None else LegId(found)
