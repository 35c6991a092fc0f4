"""The ids of a call and of all that belongs to it.

`<call>` is 26 characters of a ULID in lower case, `<call>-<n>` the call's n-th recording, `<recording>-<m>` its m-th capture.
`library.file_names` makes file names of them.
"""

import re
from typing import NewType

from callrec.domain.errors import Corrupt

NodeId = NewType("NodeId", str)
CallId = NewType("CallId", str)
"""Ours, unique for ever, sortable by time, `[0-9a-z]+`: safe in file names and keys."""
LegId = NewType("LegId", str)
"""Asterisk's Uniqueid. It holds dots and, with a systemname, other characters: never part of a path."""
BridgeId = NewType("BridgeId", str)
RecordingId = NewType("RecordingId", str)
CaptureId = NewType("CaptureId", str)

_CAPTURE = re.compile(r"(?P<recording>[0-9a-z]{1,40}-[0-9]{1,6})-[0-9]{1,6}")
_RECORDING = re.compile(r"[0-9a-z]{1,40}-[0-9]{1,12}")
_ORPHANS = 1000
"""More recordings than a call has, and more captures than a recording has."""


def recording_id(call: CallId, nth: int) -> RecordingId:
    """The id of a call's n-th recording, counted from 1."""
    return RecordingId(f"{call}-{nth}")


def capture_id(recording: RecordingId, nth: int) -> CaptureId:
    """The id of a recording's n-th capture, counted from 1."""
    return CaptureId(f"{recording}-{nth}")


def recording_of(capture: CaptureId) -> RecordingId:
    """The recording that a capture belongs to. Raises Corrupt when it is no capture id."""
    match = _CAPTURE.fullmatch(capture)
    if not match:
        raise Corrupt("take-id", f"{capture!r} is no capture id")
    return RecordingId(match["recording"])


def orphan_id(first: CaptureId) -> RecordingId:
    """The id of the recording that an orphan capture and those behind it become: the same at each try, and no other recording's.

    The recordings of a call count from 1, and the one that the capture once belonged to may be stored long since, without it.
    """
    recording, _, nth = first.rpartition("-")
    call, _, number = recording.rpartition("-")
    return RecordingId(f"{call}-{int(number) * _ORPHANS + int(nth)}")


def may_be_of(capture: CaptureId, recording: RecordingId) -> bool:
    """Whether this capture is one of the recording's, or can be a part of this orphan."""
    first = recording_of(capture)
    call, _, number = recording.rpartition("-")
    own_call, _, own_number = first.rpartition("-")
    nth = int(capture.rpartition("-")[2])
    return recording == first or (
        call == own_call and number.isdecimal() and 1 <= int(number) - int(own_number) * _ORPHANS <= nth
    )


def is_recording_id(text: str) -> bool:
    """Whether this can be the id of a recording of ours: safe in a path, a key and a line."""
    return _RECORDING.fullmatch(text) is not None
