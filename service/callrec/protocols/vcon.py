"""A recording as a vCon, the IETF's container for conversations (draft-ietf-vcon-vcon-core, syntax version 0.4.0).

The audio stands inline (`body`, base64url), so that the file is all of it; it is left out where there is none. The document is
made in parts, so that the audio can be sent as it is read.
"""

import hashlib
import json
from datetime import UTC, datetime

from callrec.domain.calls.model import Party
from callrec.domain.library.annotations import Annotations
from callrec.domain.library.manifest import Manifest

VERSION = "0.4.0"


def parts(manifest: Manifest, annotations: Annotations | None, mediatype: str, made_s: float) -> tuple[str, str]:
    """What stands before and behind the base64url text of the audio, which is the last of it. `made_s`: Unix time. Without audio
    the first part is all."""
    recording, media = manifest.recording, manifest.media
    parties = _parties(recording.parties)
    places = {party.leg: nth for nth, (party, _) in enumerate(parties)}
    dialog: dict[str, object] = {
        "type": "recording" if media else "incomplete",
        "start": _date(recording.from_s),
        "parties": list(range(len(parties))),
    }
    if media:
        dialog |= {
            "duration": round(media.length_s, 3),
            "mediatype": mediatype,
            "filename": media.name,
            "encoding": "base64url",
        }
    else:
        dialog["disposition"] = "failed" if recording.cause else "no-answer"
    captured = next((places[one.leg] for one in recording.captures if one.leg in places), None)
    document = {
        "vcon": VERSION,
        "uuid": _uuid(recording.id),
        "created_at": _date(made_s),
        "subject": f"Call {recording.call}",
        "parties": [shown for _, shown in parties],
        "attachments": [
            _attachment("callrec_recording", recording.from_s, captured, _proof(manifest)),
            *(
                [_attachment("tags", made_s, captured, list(annotations.tags))]
                if annotations and annotations.tags
                else []
            ),
        ],
    }
    begun = f'{_json(document)[:-1]}, "dialog": [{_json(dialog)}'
    return (f'{begun[:-1]}, "body": "', '"}]}') if media else (f"{begun}]}}", "")


def _json(document: object) -> str:
    return json.dumps(document, ensure_ascii=False, allow_nan=False)


def _parties(parties: tuple[Party, ...]) -> list[tuple[Party, dict[str, str]]]:
    """Each leg of the conversation. A number of the PBX is a `tel` as it was dialled there."""
    found = []
    for party in parties:
        shown = {"tel": party.number, "name": party.name}
        found.append((party, {name: text for name, text in shown.items() if text}))
    return found


def _proof(manifest: Manifest) -> dict[str, object]:
    recording, media = manifest.recording, manifest.media
    return {
        "id": recording.id,
        "state": manifest.state.value,
        "cause": recording.cause,
        "rule": recording.rule.value if recording.rule else "",
        "sha256": media.sha256 if media else "",
    }


def _attachment(purpose: str, start_s: float, party: int | None, body: object) -> dict[str, object]:
    return {
        "purpose": purpose,
        "start": _date(start_s),
        "party": party or 0,
        "dialog": 0,
        "mediatype": "application/json",
        "encoding": "json",
        "body": body,
    }


def _date(utc_s: float) -> str:
    """RFC 3339 with milliseconds."""
    return datetime.fromtimestamp(utc_s, UTC).isoformat(timespec="milliseconds")


def _uuid(recording: str) -> str:
    """The same for one recording always: a UUID of version 8 (RFC 9562, 5.8), made of a digest of its id."""
    digits = hashlib.sha256(f"callrec recording {recording}".encode()).hexdigest()
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-8{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:32]}"
