"""The file `links.json` in the state folder: links to recordings that need no login. Frozen by tests/golden."""

import json

from pydantic import FiniteFloat, TypeAdapter, ValidationError
from typing_extensions import NotRequired, TypedDict  # noqa: UP035 - pydantic needs it below Python 3.12

from callrec.domain.calls.ids import RecordingId
from callrec.domain.errors import Corrupt
from callrec.domain.library.links import Link

SCHEMA = 1


class LinkFormat(TypedDict):
    """A link."""

    id: str
    token_sha256: str
    recording: str
    maker: str
    made_s: FiniteFloat
    expires_s: FiniteFloat
    at_s: NotRequired[FiniteFloat | None]
    revoked_s: NotRequired[FiniteFloat | None]


class LinksFormat(TypedDict):
    """The file."""

    schema: int
    links: tuple[LinkFormat, ...]


_FILE = TypeAdapter(LinksFormat)


def encode_links(links: tuple[Link, ...]) -> bytes:
    """The file's bytes: UTF-8 JSON, a final newline."""
    out: LinksFormat = {
        "schema": SCHEMA,
        "links": tuple(
            {
                "id": one.id,
                "token_sha256": one.token_sha256,
                "recording": one.recording,
                "maker": one.maker,
                "made_s": one.made_s,
                "expires_s": one.expires_s,
                "at_s": one.at_s,
                "revoked_s": one.revoked_s,
            }
            for one in links
        ),
    }
    return json.dumps(out, indent=1, allow_nan=False).encode() + b"\n"


def decode_links(content: bytes) -> tuple[Link, ...]:
    """Read the file. Raises Corrupt (`links-unreadable`)."""
    try:
        found = _FILE.validate_json(content, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise _unreadable(f"{where}: {first['msg']}") from error
    if not 1 <= found["schema"] <= SCHEMA:
        raise _unreadable(f"it has another schema than 1 to {SCHEMA}, which this callrec knows")
    return tuple(
        Link(
            one["id"],
            one["token_sha256"],
            RecordingId(one["recording"]),
            one["maker"],
            one["made_s"],
            one["expires_s"],
            one.get("at_s"),
            one.get("revoked_s"),
        )
        for one in found["links"]
    )


def _unreadable(says: str) -> Corrupt:
    return Corrupt("links-unreadable", f"the file of links cannot be read: {says}", hint="restore it from a backup")
