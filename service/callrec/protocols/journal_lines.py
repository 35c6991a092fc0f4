"""The lines of a journal in their order: a long recording's line tells only what has changed since the line before it.

A call with many holds has a recording of many waits and captures. A journal that wrote all of it at each step would grow with the
square of their number. So a line is one of two:

- *whole*: the recording as it is. Every line of a short recording is whole, and each last one (`ended`, `finished`). That of a
  long one is whole as soon as the changes together are as long as the recording, which at most doubles what is written. It is
  whole, too, where a field is not there any more: a change cannot say that.
- *a change*: its `since` is the checksum of the line about this recording before it, `recording` has the fields that are others
  now, and `kept` of each list how many of its first items are as before.

A change whose `since` is another line's does not fit (a line was damaged): it is refused, and the line before it is valid.
"""

import json
from dataclasses import dataclass, replace

from pydantic import TypeAdapter, ValidationError

from callrec.domain.calls.journal import Entry, Step
from callrec.domain.errors import Corrupt
from callrec.protocols.json_documents import decode_body, encode_line, entry_body
from callrec.protocols.recording_codec import entry_out
from callrec.protocols.recording_format import ChangeFormat, RecordingFormat

WHOLE_BYTES = 4096
"""Up to this length a line is whole: a call with two participants and a few holds."""
_LAST = frozenset({Step.ENDED, Step.FINISHED})
_CRC_DIGITS = 8
_CHANGE = TypeAdapter(ChangeFormat)
_MARK = b'"since": '


@dataclass(frozen=True, slots=True)
class _Written:
    """The last line about a recording: its checksum, the recording in it, the length of the last whole line, and of the changes
    since."""

    crc: str
    recording: RecordingFormat
    whole_bytes: int
    changes_bytes: int = 0

    @property
    def is_outgrown(self) -> bool:
        """Whether the changes since the last whole line are as long as that."""
        return self.changes_bytes >= self.whole_bytes


class LineWriter:
    """Gives the lines of entries that are written one after another. A new segment begins with a new one."""

    def __init__(self, whole_bytes: int = WHOLE_BYTES) -> None:
        self._whole_bytes = whole_bytes
        self._written: dict[str, _Written] = {}

    def line(self, entry: Entry) -> bytes:
        """The next line."""
        whole = entry_out(entry)
        recording = whole["recording"]
        before = self._written.pop(recording["id"], None)
        if before is None or entry.step in _LAST or before.is_outgrown or before.recording.keys() - recording.keys():
            line = encode_line(whole)
            if len(line) > self._whole_bytes and entry.step is not Step.FINISHED:
                self._written[recording["id"]] = _Written(_crc(line), recording, len(line))
            return line
        line = encode_line(_change(entry.step, before, recording))
        self._written[recording["id"]] = replace(
            before, crc=_crc(line), recording=recording, changes_bytes=before.changes_bytes + len(line)
        )
        return line


class LineReader:
    """Reads the lines of a journal in their order."""

    def __init__(self) -> None:
        self._read: dict[str, tuple[str, bytes]] = {}
        """Of each recording the checksum of its last line, and the body of a whole line that would say the same."""

    def entry(self, line: bytes) -> Entry:
        """What the next line says. Raises Corrupt for a truncated or changed one, and for a change that does not fit."""
        body = entry_body(line)
        if _MARK in body and (change := _as_change(body)) is not None:
            body = self._whole(change)
        entry = decode_body(body)
        if entry.step is Step.FINISHED:
            self._read.pop(entry.recording.id, None)
        else:
            self._read[entry.recording.id] = _crc(line), body
        return entry

    def _whole(self, change: ChangeFormat) -> bytes:
        """The body of a whole line that says the same."""
        recording = change["recording"]
        crc, before = self._read.get(str(recording.get("id")), ("", b""))
        if crc != change["since"]:
            raise Corrupt(
                "journal-line", "the line that it changes is not there", hint="the line before it was damaged, too"
            )
        whole: dict[str, object] = json.loads(before)["recording"]
        for name, value in recording.items():
            former = whole.get(name, [])
            if name in change["kept"] and isinstance(value, list) and isinstance(former, list):
                whole[name] = [*former[: change["kept"][name]], *value]
            else:
                whole[name] = value
        return json.dumps({"step": change["step"], "recording": whole}, ensure_ascii=False).encode("utf-8", "replace")


def _change(step: Step, before: _Written, recording: RecordingFormat) -> ChangeFormat:
    former: dict[str, object] = {**before.recording}
    changed: dict[str, object] = {"id": recording["id"]}
    kept: dict[str, int] = {}
    for name, value in recording.items():
        was = former.get(name, ())
        if name in former and value == was:
            continue
        changed[name] = value
        if isinstance(value, tuple) and isinstance(was, tuple):
            kept[name] = _alike(was, value)
            changed[name] = value[kept[name] :]
    return {"step": step, "since": before.crc, "kept": kept, "recording": changed}


def _alike(before: tuple[object, ...], now: tuple[object, ...]) -> int:
    """How many of the first items are the same."""
    shorter = min(len(before), len(now))
    return next((nth for nth in range(shorter) if before[nth] != now[nth]), shorter)


def _as_change(body: bytes) -> ChangeFormat | None:
    """The change that a line's body is; None for a whole line, in whose texts anything may stand."""
    try:
        return _CHANGE.validate_json(body, strict=True)
    except ValidationError:
        return None


def _crc(line: bytes) -> str:
    return line[:_CRC_DIGITS].decode("ascii")
