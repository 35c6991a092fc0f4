"""FastAGI without I/O: bytes in, requests and replies out, commands as bytes.

Asterisk connects and writes one block of `agi_...: value` lines and an empty line (res_agi.c: setup_env). Then it answers each
command line with one reply, until the server closes. Without a command it sends only `HANGUP`, always between two replies, since
one thread writes both (res_agi.c: run_agi). A reply is one line, with two exceptions: a value in parentheses may contain newlines
and ends at the first `)` at the end of a line, and a usage block runs from `520-` to `520 `. An end of the connection is normal
in IDLE, and truncates a message in REQUEST and WAITING.

    state    | input                           | next    | event
    ---------|---------------------------------|---------|--------
    REQUEST  | block and its empty line        | IDLE    | Request
    IDLE     | we send a command               | WAITING |
    WAITING  | 1xx line                        | WAITING | Reply, provisional
    WAITING  | 200 result=..., 5xx, 520- block | IDLE    | Reply
    IDLE     | HANGUP                          | IDLE    | HUNG_UP
    WAITING  | HANGUP                          | WAITING | HUNG_UP
    any      | anything else                   | CLOSED  | Refused or Corrupt is raised

A value that contains `)` and a newline looks like a reply followed by another line, so it raises an error and is never shortened.
In the same way a caller's name with a newline cannot forge a header: a line that is not a header, a repeated header, and an
argument before the last header are errors, and so is any line after the empty one.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final
from urllib.parse import unquote

from callrec.domain.errors import CallrecError, Corrupt, Refused
from callrec.protocols.agi_commands import Command, set_variable

MAX_REQUEST_BYTES: Final = 8192
MAX_REQUEST_LINES: Final = 128
MAX_REPLY_BYTES: Final = 16384

_HEADER: Final = re.compile(r"^(agi_[a-z0-9_]+): (.*)\n", re.MULTILINE)
_CONTROLS: Final = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]")
_REPLY: Final = re.compile(
    rb"200 result=([^ \n]*)(?: \((.*?)\)(?: endpos=\d+)?| [^(\n][^\n]*)?\n"  # result, value
    rb"|520-(.*?\n)520 [^\n]*\n"  # usage
    rb"|(?!200 result=)([1-9]\d\d) ([^\n]*)\n",  # code, line
    re.DOTALL,
)
_UNFINISHED: Final = re.compile(rb"200 result=[^ \n]* \(|520-")


@dataclass(frozen=True, slots=True)
class Request:
    """Asterisk's request for the leg that runs `AGI(agi://host/script?query,argument,...)`.

    `script` is the path without slashes at its ends; it and the `query` are percent-decoded (a `+` stays a plus: it begins
    telephone numbers). Asterisk's value `unknown` is empty here. No text contains a control character, and bytes that are not
    UTF-8 have become replacement characters; otherwise texts are untrusted, as the caller chose them. `headers` has all headers,
    by Asterisk's names.
    """

    script: str
    query: Mapping[str, str]
    arguments: tuple[str, ...]
    channel: str
    uniqueid: str
    language: str
    caller_number: str
    caller_name: str
    context: str
    extension: str
    dnid: str
    rdnis: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Reply:
    """Asterisk's reply to one command: 200 done, 510 unknown, 511 not on a dead channel, 520 wrong usage.

    `result`: the text after `result=`, empty for other codes. `text`: the value in parentheses, with its newlines (`timeout` for
    `(timeout) endpos=8000`); for other codes the line or the usage block.
    """

    code: int
    result: str
    text: str

    @property
    def is_provisional(self) -> bool:
        """Whether this is a 1xx reply: the command is being executed, and its final reply follows."""
        return self.code < 200  # noqa: PLR2004 - the border between "wait" and "done", as in every such protocol


class HungUp(Enum):
    """The leg has hung up; Asterisk still answers commands that need no live channel."""

    HUNG_UP = "HANGUP"


_DONE_LINE: Final = b"200 result=1\n"
_DONE: Final = Reply(200, "1", "")
HUNG_UP: Final = HungUp.HUNG_UP
Event = Request | Reply | HungUp


class DialogueState(Enum):
    """The state of the dialogue: see the table above."""

    REQUEST = "request"
    IDLE = "idle"
    WAITING = "waiting"
    CLOSED = "closed"


class Dialogue:
    """One connection from Asterisk. It buffers at most one request or reply and one chunk."""

    __slots__ = ("_buffer", "state")

    def __init__(self) -> None:
        self.state = DialogueState.REQUEST
        self._buffer = b""

    def receive_data(self, data: bytes) -> list[Event]:
        """Decode the next bytes, in pieces of any size; the events that they complete.

        Raises Refused (too long) or Corrupt; the dialogue is then closed, and the piece gives no events.
        """
        if data == _DONE_LINE and self.state is DialogueState.WAITING and not self._buffer:
            # The most frequent reply, handled without parsing: the leg waits for it.
            self.state = DialogueState.IDLE
            return [_DONE]
        self._buffer += data
        events: list[Event] = []
        try:
            while self._buffer and (event := self._next()) is not None:
                events.append(event)
        except CallrecError:
            self._close()
            raise
        return events

    def send(self, command: Command) -> bytes:
        """The bytes to write. Raises Refused while a reply is outstanding: Asterisk accepts one command at a time."""
        if self.state is not DialogueState.IDLE:
            raise Refused("agi-not-our-turn", f"the FastAGI dialogue is {self.state.value}, it takes no command now")
        self.state = DialogueState.WAITING
        return command

    def _close(self) -> None:
        self.state = DialogueState.CLOSED
        self._buffer = b""

    def _next(self) -> Event | None:
        if self.state is DialogueState.REQUEST:
            return self._next_request()
        if self.state is DialogueState.CLOSED:
            raise Corrupt("agi-closed", "bytes came after the FastAGI dialogue had ended")
        event = self._next_line() if b"\n" in self._buffer else None
        if event is None and len(self._buffer) >= MAX_REPLY_BYTES:
            raise _too_long("an AGI reply", f"{MAX_REPLY_BYTES} bytes")
        return event

    def _next_line(self) -> Event | None:
        if self._buffer.startswith(b"HANGUP"):
            # HANGUP was seen without its newline before a reply: the bytes after it are read as a line of their own.
            self._buffer = self._buffer[len(b"HANGUP") :].removeprefix(b"\n")
            return HUNG_UP
        if self.state is DialogueState.IDLE:
            raise Corrupt("agi-unasked", "Asterisk sent a line that no command asked for")
        if (match := _REPLY.match(self._buffer)) is None:
            if not _UNFINISHED.match(self._buffer):
                raise Corrupt("agi-reply", "Asterisk sent a line that is not an AGI reply")
            return None
        if match.end() > MAX_REPLY_BYTES:
            raise _too_long("an AGI reply", f"{MAX_REPLY_BYTES} bytes")
        self._buffer = self._buffer[match.end() :]
        reply = _reply(match)
        if not reply.is_provisional:
            self.state = DialogueState.IDLE
        return reply

    def _next_request(self) -> Request | None:
        block, end, rest = self._buffer.partition(b"\n\n")
        # A block that fills the limit without its end will exceed it.
        if len(block) + len(b"\n\n") > MAX_REQUEST_BYTES if end else len(block) >= MAX_REQUEST_BYTES:
            raise _too_long("a FastAGI request", f"{MAX_REQUEST_BYTES} bytes")
        if not end:
            return None
        self._buffer = rest
        self.state = DialogueState.IDLE
        return parse_request(block + b"\n")


def _reply(match: re.Match[bytes]) -> Reply:
    result, value, usage, code, line = match.groups()
    if code:
        return Reply(int(code), "", line.decode("utf-8", "replace"))
    if usage:
        return Reply(520, "", usage.decode("utf-8", "replace").strip())
    return Reply(200, result.decode("utf-8", "replace"), (value or b"").decode("utf-8", "replace"))


def _too_long(what: str, limit: str) -> Refused:
    return Refused("agi-too-long", f"{what} has more than {limit}")


def parse_request(block: bytes) -> Request:
    """Read the lines of one request, without the empty line. Raises Refused (too many lines) or Corrupt."""
    line_count = block.count(b"\n")
    if line_count > MAX_REQUEST_LINES:
        raise _too_long("a FastAGI request", f"{MAX_REQUEST_LINES} lines")
    if b"\0" in block:
        raise Corrupt("agi-nul", "a FastAGI request contains a NUL byte")
    text = _without_controls(block.decode("utf-8", "replace"))
    lines = _HEADER.findall(text)
    headers = dict(lines)
    if len(lines) != line_count:
        raise Corrupt("agi-header", "a FastAGI request has a line other than `agi_...: value`")
    if len(headers) != line_count:
        raise Corrupt("agi-header-twice", "a FastAGI request has the same header twice")
    try:
        return _request(headers, _arguments(lines, headers))
    except KeyError as missing:
        raise Corrupt("agi-header-missing", f"a FastAGI request lacks {missing}") from None


def _request(headers: Mapping[str, str], arguments: tuple[str, ...]) -> Request:
    script, query = _script_and_query(headers)
    return Request(
        script=script,
        query=query,
        arguments=arguments,
        channel=headers["agi_channel"],
        uniqueid=headers["agi_uniqueid"],
        language=headers["agi_language"],
        caller_number=_known(headers["agi_callerid"]),
        caller_name=_known(headers["agi_calleridname"]),
        context=headers["agi_context"],
        extension=headers["agi_extension"],
        dnid=_known(headers["agi_dnid"]),
        rdnis=_known(headers["agi_rdnis"]),
        headers=headers,
    )


def _arguments(lines: list[tuple[str, str]], headers: Mapping[str, str]) -> tuple[str, ...]:
    """`agi_arg_1`, `agi_arg_2`, ...: Asterisk writes them after all headers with text from outside."""
    arguments: list[str] = []
    while (argument := headers.get(f"agi_arg_{len(arguments) + 1}")) is not None:
        arguments.append(argument)
    if arguments and lines[-len(arguments)][0] != "agi_arg_1":
        raise Corrupt("agi-arguments", "a FastAGI request has arguments before its last header")
    return tuple(arguments)


def _script_and_query(headers: Mapping[str, str]) -> tuple[str, Mapping[str, str]]:
    """`toggle` and `{"user": "7"}` of `toggle?user=7`, or of `agi://host:port/toggle?user=7`."""
    address = headers.get("agi_network_script")
    if address is None:
        address = headers["agi_request"].partition("://")[2].partition("/")[2]
    path, _, words = address.partition("?")
    query: dict[str, str] = {}
    for word in filter(None, words.split("&")):
        name, _, value = word.partition("=")
        if (name := _decoded(name)) in query:
            raise Corrupt("agi-query-twice", "a FastAGI script's address gives the same name twice")
        query[name] = _decoded(value)
    return _decoded(path).strip("/"), query


def _decoded(text: str) -> str:
    return _without_controls(unquote(text)).replace("\n", "\ufffd") if "%" in text else text


def _without_controls(text: str) -> str:
    return _CONTROLS.sub("\ufffd", text)


def _known(text: str) -> str:
    return "" if text == "unknown" else text


@dataclass(frozen=True, slots=True)
class Answer:
    """A script's decision: variables for the leg, and one word on which the dialplan branches."""

    result: str
    variables: tuple[tuple[str, str], ...] = ()

    def commands(self) -> tuple[Command, ...]:
        """One command for each variable. CALLREC_RESULT is last: a leg with it has all variables. Raises Refused."""
        return (*(set_variable(*variable) for variable in self.variables), set_variable("CALLREC_RESULT", self.result))
