"""The name under which a client stores a recording's file: its time and both numbers.

Only digits and letters of a number get into it, so that it is safe in a header, on every file system and in a shell.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime

from callrec.domain.library.manifest import AnyFormat, Manifest, Track

MOST_NUMBERS = 4
"""More participants are told as `and-<n>-more`."""
_MOST_CHARACTERS = 24
"""Of one number."""
_UNSAFE = re.compile(r"[^0-9A-Za-z+]")


def download_name(manifest: Manifest, media_format: AnyFormat, track: Track | None = None) -> str:
    """E.g. `2026-11-30_140522Z_1000_1001.wav`: the beginning in UTC, the numbers in the order in which they came; of a track
    `2026-11-30_140522Z_track-2_1001.wav`."""
    recording = manifest.recording
    begin = f"{datetime.fromtimestamp(recording.from_s, UTC):%Y-%m-%d_%H%M%SZ}"
    if track is not None:
        return "_".join([begin, f"track-{track.nth}", *_safe([track.number])]) + f".{media_format.value}"
    numbers = _safe(party.number for party in recording.parties)
    more = [f"and-{len(numbers) - MOST_NUMBERS}-more"] if len(numbers) > MOST_NUMBERS else []
    return "_".join([begin, *numbers[:MOST_NUMBERS], *more]) + f".{media_format.value}"


def _safe(numbers: Iterable[str]) -> list[str]:
    """Each once, without what is unsafe; without those of which nothing is left."""
    cleaned = (_UNSAFE.sub("", number)[:_MOST_CHARACTERS] for number in numbers)
    return [number for number in dict.fromkeys(cleaned) if number]
