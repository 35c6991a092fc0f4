"""Recordings of other programs: what the name of a file says, and the manifest that follows from it. Facts only: what the name
does not say stays unknown.

| program | name |
|---|---|
| XiVO | `user-<caller>-<called>-<epoch>`, `auto-<epoch>-<caller>-<called>` |
| FreePBX | `<kind>-<called>-<caller>-<YYYYMMDD>-<HHMMSS>-<Uniqueid>`, in the machine's local time |
| Wazo | `<YYYY>-<MM>-<DD>T<HH>_<MM>_<SS>UTC-<call>-<recording>`, as it exports them |
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from hashlib import sha256

from callrec.domain.calls.ids import CallId, LegId, NodeId, recording_id
from callrec.domain.calls.model import POLICY, SYSTEM, Actor, ActorKind, Party, Recording
from callrec.domain.errors import Refused
from callrec.domain.library.captures import Played
from callrec.domain.library.file_names import Names, media_name, stored_paths
from callrec.domain.library.manifest import (
    SCHEMA,
    AnyFormat,
    Format,
    Manifest,
    Media,
    OldFormat,
    OldSystem,
    Origin,
    StoredState,
)
from callrec.domain.rules import Rule

CUT_OFF = "cut-off"
"""The cause of an adopted file that ends before its header says."""
MOST_NAME_BYTES = 255
_NUMBER = r"[0-9A-Za-z+*#_.@]{1,80}"
_XIVO_USER = re.compile(rf"user-(?P<caller>{_NUMBER})-(?P<called>{_NUMBER})-(?P<epoch>[0-9]{{9,10}})(-[0-9]{{1,2}})?")
_XIVO_AUTO = re.compile(rf"auto-(?P<epoch>[0-9]{{9,10}})-(?P<caller>{_NUMBER})-(?P<called>{_NUMBER})(-[0-9]{{1,2}})?")
_FREEPBX = re.compile(
    rf"(?P<kind>[a-z]{{1,20}})-(?P<called>{_NUMBER})-(?P<caller>{_NUMBER})-(?P<date>[0-9]{{8}})-(?P<time>[0-9]{{6}})-"
    r"(?P<uniqueid>([0-9A-Za-z_]{1,40}-)?(?P<epoch>[0-9]{9,10})\.[0-9]{1,10})"
)
_WAZO = re.compile(
    r"(?P<at>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}_[0-9]{2}_[0-9]{2})UTC-[0-9]{1,20}-"
    r"(?P<id>[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})"
)
_WAZO_BARE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_UNKNOWN = frozenset({"unknown", "anonymous", "unavailable", "s"})
"""What a dialplan puts in the place of a number that it does not know."""
_EARLY_S, _LATE_S = 2, 12 * 3600
"""A recording begins after its channel; FreePBX's names are given when the call is routed, at most so long afterwards."""
_BY_EXTENSION: dict[str, AnyFormat] = {
    "wav": Format.WAV,
    "wav49": OldFormat.WAV49,
    "mp3": Format.MP3,
    "flac": Format.FLAC,
    "ogg": Format.OPUS,
    "opus": Format.OPUS,
    "gsm": OldFormat.GSM,
    "ulaw": OldFormat.ULAW,
    "ul": OldFormat.ULAW,
    "mu": OldFormat.ULAW,
    "pcm": OldFormat.ULAW,
    "alaw": OldFormat.ALAW,
    "al": OldFormat.ALAW,
}
"""Asterisk's extensions (formats/format_*.c) in lower case. A `.WAV` is opened, and tells whether it holds GSM."""


@dataclass(frozen=True, slots=True)
class NamedFile:
    """What the name of a file says. Numbers are empty where it does not know them."""

    origin: Origin
    format: AnyFormat
    from_s: float
    caller: str
    called: str
    rule: Rule | None


def named_file(name: str, zone: tzinfo) -> NamedFile:
    """What this name (without folder) says. `zone`: the time zone of the machine that gave it. Raises Refused (`adopt-name`,
    `adopt-format`, `adopt-time`)."""
    stem, _, extension = name.rpartition(".")
    media_format = _BY_EXTENSION.get(extension.lower())
    if media_format is None:
        raise Refused(
            "adopt-format", f"files of the kind .{ascii(extension[:20])[1:-1]} are not adopted", hint=_FORMATS
        )
    if match := _XIVO_USER.fullmatch(stem) or _XIVO_AUTO.fullmatch(stem):
        kind = stem.partition("-")[0]
        rule = Rule.ALWAYS if kind == "user" else Rule.ON_DEMAND
        origin = Origin(OldSystem.XIVO, name, kind)
        return NamedFile(origin, media_format, int(match["epoch"]), *_numbers(match), rule)
    if match := _FREEPBX.fullmatch(stem):
        from_s = _local(match["date"] + match["time"], zone, int(match["epoch"]))
        origin = Origin(OldSystem.FREEPBX, name, match["kind"], match["uniqueid"])
        return NamedFile(origin, media_format, from_s, *_numbers(match), None)
    if match := _WAZO.fullmatch(stem):
        from_s = _read(match["at"], "%Y-%m-%dT%H_%M_%S").replace(tzinfo=UTC).timestamp()
        return NamedFile(Origin(OldSystem.WAZO, name, "", match["id"]), media_format, from_s, "", "", None)
    if _WAZO_BARE.fullmatch(stem):
        hint = "export it with Wazo's call log, which writes the time into the name"
        raise Refused(
            "adopt-name", "the name is Wazo's id of a recording, and does not say when it was made", hint=hint
        )
    raise Refused("adopt-name", "the name is none of XiVO's, FreePBX's or Wazo's", hint=_NAMES)


_NAMES = "docs/guides/library.md lists the names that are understood"
_FORMATS = f"adopted are {', '.join(sorted(_BY_EXTENSION))}"


def identified(named: NamedFile, content_sha256: str) -> tuple[CallId, str]:
    """The id of its call, and its path in the library. They are those of the file's name and content, so that the same file is
    adopted once, wherever it lies."""
    digest = sha256(f"{content_sha256}\n{named.origin.name}".encode()).hexdigest()
    call = CallId(f"a{int(named.from_s)}x{digest[:20]}")
    return call, stored_paths(_recording(named, call, NodeId(""), named.from_s, ""), Names.CALLREC)[0]


def adopted_manifest(named: NamedFile, played: Played, node: NodeId, content_sha256: str, size_bytes: int) -> Manifest:
    """The manifest of the file with this content."""
    call, path = identified(named, content_sha256)
    media = Media(
        media_name(path, played.format), played.format, played.rate_hz, played.samples, size_bytes, content_sha256,
        is_mono=played.channels == 1,
    )  # fmt: skip
    to_s = round(named.from_s + media.length_s, 3)
    recording = _recording(named, call, node, to_s, CUT_OFF if played.is_cut_off else "")
    return Manifest(SCHEMA, StoredState.ADOPTED, recording, media, origin=named.origin)


def _recording(named: NamedFile, call: CallId, node: NodeId, to_s: float, cause: str) -> Recording:
    parties = tuple(
        Party(LegId(f"adopted-{nth}"), None, number, "", named.from_s, to_s)
        for nth, number in enumerate((named.caller, named.called), 1)
        if number
    )
    pressed = Actor(ActorKind.USER) if named.rule is Rule.ON_DEMAND else SYSTEM
    actor = POLICY if named.rule is Rule.ALWAYS else pressed
    return Recording(
        recording_id(call, 1), call, "", node, named.rule, actor, named.from_s, to_s, parties=parties, cause=cause
    )


def _numbers(match: re.Match[str]) -> tuple[str, str]:
    caller, called = ("" if match[side].lower() in _UNKNOWN else match[side] for side in ("caller", "called"))
    return caller, called


def _local(text: str, zone: tzinfo, channel_s: int) -> float:
    """A time of FreePBX's as Unix time. In the hour that a clock shows twice the Uniqueid, which begins with its channel's Unix
    time, says which one it is."""
    shown = _read(text, "%Y%m%d%H%M%S")
    times = sorted({shown.replace(tzinfo=zone, fold=fold).timestamp() for fold in (0, 1)})
    for at_s in times:
        if -_EARLY_S <= at_s - channel_s <= _LATE_S:
            return at_s
    says = f"the time {text[:8]}-{text[8:]} in the name does not fit its Uniqueid in this time zone"
    raise Refused("adopt-time", says, hint="give the zone of the machine that recorded it: --timezone Europe/Berlin")


def _read(text: str, pattern: str) -> datetime:
    try:
        found = datetime.strptime(text, pattern).replace(tzinfo=UTC)
    except ValueError:
        raise Refused("adopt-time", f"the time {text} in the name is none", hint=_NAMES) from None
    if found.year < 1980:  # noqa: PLR2004 - before telephony was recorded in files
        raise Refused("adopt-time", f"the time {text} in the name is before 1980", hint=_NAMES)
    return found
