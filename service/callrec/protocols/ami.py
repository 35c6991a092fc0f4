"""The Asterisk Manager Interface without I/O: decodes messages from a stream, and encodes actions.

The stream is one greeting line, then blocks of `Key: value` lines; CR LF ends each line, an empty line each block.
`Decoder.feed` accepts the bytes in chunks of any size and returns complete messages.

- Text is UTF-8; other bytes become U+FFFD. (Not surrogateescape: a lone surrogate would later break a log line, a JSON answer or
  a Redis key.)
- A block is decoded as a whole, so a character may arrive in two chunks.
- `get` returns the first of repeated headers: an injected second `Uniqueid` has no effect.
- Unwanted events are dropped by name before they are decoded; they are most of the traffic.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from callrec.domain.errors import Corrupt, Refused

MAX_MESSAGE_BYTES: Final = 64 * 1024
_HEADER_BYTES = 150
"""Memory of one header's objects: two strings, a tuple and their references."""
MAX_GREETING_BYTES: Final = 256
MAX_LINE_BYTES: Final = 1024
"""The longest line that Asterisk reads, with its CR LF: it drops the whole action of a longer one (manager.c: get_input)."""
MAX_HEADERS: Final = 126
"""Asterisk refuses an action of more than 128 headers (manager.h: AST_MAX_MANHEADERS); two of them are ours."""

_END: Final = b"\r\n\r\n"
_GREETING: Final = b"Asterisk Call Manager/"
_EVENT: Final = b"Event: "
_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")
_FORBIDDEN: Final = re.compile(r"[\r\n\x00]")
_OURS: Final = frozenset({"action", "actionid"})
_SECRETS: Final = frozenset({"secret", "key", "password"})


@dataclass(frozen=True, slots=True)
class Message:
    """One event or answer: its headers in the order of arrival, repeated ones kept, names compared without case."""

    headers: tuple[tuple[str, str], ...]
    _first: dict[str, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_first", {key.lower(): value for key, value in reversed(self.headers)})

    def get(self, name: str, default: str = "") -> str:
        """Return the first value of this header, or the default."""
        return self._first.get(name.lower(), default)

    def all(self, name: str) -> list[str]:
        """Return every value of this header (`Variable`, `Output`, ...), in order."""
        wanted = name.lower()
        return [value for key, value in self.headers if key.lower() == wanted]

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._first

    @property
    def event(self) -> str:
        """The event's name; empty for an answer."""
        return self._first.get("event", "")

    @property
    def response(self) -> str:
        """`Success`, `Error`, `Goodbye`, ...; empty for an event."""
        return self._first.get("response", "")

    @property
    def memory_bytes(self) -> int:
        """Its approximate memory: the text, and the objects around it."""
        return sum(len(key) + len(value) + _HEADER_BYTES for key, value in self.headers)

    @property
    def action_id(self) -> str:
        """The id of the action that this answers, or empty."""
        return self._first.get("actionid", "")


def parse_message(block: bytes) -> Message:
    """Turn one block (without the empty line at its end) into a message. A line without a colon is ignored."""
    headers = []
    for line in block.decode("utf-8", "replace").split("\r\n"):
        key, colon, value = line.partition(":")
        if colon:
            headers.append((key, value[1:] if value[:1] == " " else value))
    return Message(tuple(headers))


class Decoder:
    """Bytes in, messages out.

    `wanted` are the names of the events to pass on, None for all; `id_prefix` is what our action ids begin with: an
    event that answers one of them (a line of a listing) passes whatever its name. Answers always pass.
    A stream that is not AMI raises Corrupt; the decoder is then of no further use, and the connection must be dropped.
    """

    def __init__(self, wanted: Iterable[str] | None = None, *, id_prefix: str = "") -> None:
        self.greeting: str | None = None
        self.filtered = 0
        self._wanted = None if wanted is None else frozenset(name.encode() for name in wanted)
        self._own = b"\r\nActionID: " + id_prefix.encode() if id_prefix else None
        self._buffer = bytearray()

    def feed(self, chunk: bytes) -> list[Message]:
        """Decode the next bytes; the messages that they complete. Raises Corrupt for bytes that are not AMI."""
        self._buffer += chunk
        if self.greeting is None and not self._take_greeting():
            return []
        if self._buffer.find(_END, max(0, len(self._buffer) - len(chunk) - len(_END))) < 0:
            self._refuse_longer_than(MAX_MESSAGE_BYTES + len(_END), len(self._buffer))
            return []
        *blocks, tail = bytes(self._buffer).split(_END)
        if len(self._buffer) > MAX_MESSAGE_BYTES:
            self._refuse_longer_than(MAX_MESSAGE_BYTES, max(map(len, blocks)))
            self._refuse_longer_than(MAX_MESSAGE_BYTES + len(_END), len(tail))
        self._buffer = bytearray(tail)
        messages = [parse_message(block) for block in blocks if self._passes(block)]
        self.filtered += len(blocks) - len(messages)
        return [message for message in messages if message.headers]

    def _passes(self, block: bytes) -> bool:
        """Whether this block must be decoded; this is the hot path, since most blocks are dropped here."""
        if self._wanted is None:
            return True
        start = 0
        if not block.startswith(_EVENT):
            # An event whose text ends in an empty line of its own leaves a CR LF in front of the next block.
            start = 2 if block.startswith(b"\r\n" + _EVENT) else -1
        if start < 0:
            return True
        start += len(_EVENT)
        end = block.find(b"\r\n", start)
        name = block[start:end] if end >= 0 else block[start:]
        return name in self._wanted or (self._own is not None and self._own in block)

    def _take_greeting(self) -> bool:
        """Move the greeting line out of the buffer; False while it is incomplete."""
        line, end, _ = self._buffer.partition(b"\r\n")
        expected = _GREETING if end else _GREETING[: len(line)]
        if not line.startswith(expected) or len(line) > MAX_GREETING_BYTES:
            raise Corrupt(
                "ami-greeting",
                f"the server is not an Asterisk manager: its greeting is {bytes(line[:40])!r}",
                hint="check host and port of the AMI setting (manager.conf: port, usually 5038)",
            )
        if not end:
            return False
        self.greeting = line.decode("utf-8", "replace")
        del self._buffer[: len(line) + 2]
        return True

    def _refuse_longer_than(self, limit_bytes: int, length_bytes: int) -> None:
        if length_bytes > limit_bytes:
            raise Corrupt(
                "ami-message-too-long",
                f"an AMI message is longer than {MAX_MESSAGE_BYTES} bytes",
                hint="the connection is dropped and made again; if it recurs, see which program answers on this port",
            )


def encode_action(name: str, headers: Sequence[tuple[str, str]], action_id: str) -> bytes:
    """Return the bytes of one action, complete with its empty line.

    Raises Refused (code `ami-header`) for anything that Asterisk would not read as exactly one header: CR, LF or NUL, a key with
    other characters than letters, digits, `-` and `_`, a second Action or ActionID, a line longer than Asterisk reads, more
    headers than it reads, text that UTF-8 cannot encode.
    """
    if len(headers) > MAX_HEADERS:
        raise _refused(name, f"{len(headers)} headers, Asterisk reads {MAX_HEADERS}")
    lines = [_encode_line("Action", name), _encode_line("ActionID", action_id)]
    for key, value in headers:
        if key.lower() in _OURS:
            raise _refused(key, "it is set from the action's own arguments")
        lines.append(_encode_line(key, value))
    return b"".join([*lines, b"\r\n"])


def _encode_line(key: str, value: str) -> bytes:
    if not _KEY.fullmatch(key):
        raise _refused(key, "the key may hold letters, digits, '-' and '_' only")
    if _FORBIDDEN.search(value):
        raise _refused(key, "the value holds CR, LF or NUL")
    try:
        line = f"{key}: {value}\r\n".encode()
    except UnicodeEncodeError:
        raise _refused(key, "the value is not text that UTF-8 can carry") from None
    if len(line) > MAX_LINE_BYTES:
        raise _refused(key, f"the line has {len(line)} bytes, Asterisk reads {MAX_LINE_BYTES}")
    return line


def _refused(key: str, why: str) -> Refused:
    # The message never repeats the value: it may be a secret, or text from outside.
    return Refused("ami-header", f"AMI header {key[:64]!r} refused: {why}")


def describe_action(name: str, headers: Iterable[tuple[str, str]]) -> str:
    """Return one line for a log: keys and quoted values, these cut after 100 characters, secrets as ***."""
    shown = (f"{key}={'***' if key.lower() in _SECRETS else ascii(value[:100])}" for key, value in headers)
    return " ".join([name, *shown])
