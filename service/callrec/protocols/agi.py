"""FastAGI: bytes in, requests and replies out, commands as bytes; pure, so that a test can say all that a wire can do.

Asterisk connects, writes one block of `agi_...: value` lines and an empty line (res_agi.c: setup_env), and then obeys: one
command line from us, one reply from it, until we close. Its only unasked word is `HANGUP`, between two replies, because one
thread writes both (res_agi.c: run_agi). A reply ends with its line, except for two kinds: a value in parentheses may contain
newlines and ends at the first `)` that ends a line, and a usage block runs from `520-` to `520 `. The end of the connection
has no bytes: it is clean in IDLE and cuts something off in REQUEST and WAITING.

    state    | what comes                      | next    | event
    ---------|---------------------------------|---------|--------
    REQUEST  | block and its empty line        | IDLE    | Request
    IDLE     | we send a command               | WAITING |
    WAITING  | 1xx line                        | WAITING | Reply, provisional
    WAITING  | 200 result=..., 5xx, 520- block | IDLE    | Reply
    IDLE     | HANGUP                          | IDLE    | HUNG_UP
    WAITING  | HANGUP                          | WAITING | HUNG_UP
    any      | anything else                   | CLOSED  | Refused or Corrupt is raised

A value that itself contains `)` and a newline cannot be told from a reply and something unasked, so it is an error and never a
shorter value. In the same way a caller's name with a newline in it cannot forge a header: a line that is none, a header twice
and an argument before the last header are errors, and whatever follows the empty line is unasked.
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
    """What Asterisk says about the leg that runs `AGI(agi://host/script?query,argument,...)`.

    `script` is the path without slashes at its ends; it and the `query` are percent-decoded (a `+` stays a plus: it begins
    telephone numbers). What Asterisk calls `unknown` is empty here. No text contains a control character, and bytes that are
    no UTF-8 have become replacement characters; otherwise it is as the stranger on the line chose it. `headers` has
    everything, by Asterisk's names.
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
    """Asterisk's word on one command: 200 done, 510 unknown, 511 not on a dead channel, 520 wrong usage.

    `result` is what follows `result=`, and empty for the others; `text` is the value in parentheses as it was sent, newlines
    included (of `(timeout) endpos=8000` it is `timeout`), and for the others the line or the usage block.
    """

    code: int
    result: str
    text: str

    @property
    def is_provisional(self) -> bool:
        """A 1xx: the command is being done, and its reply is still to come."""
        return self.code < 200  # noqa: PLR2004 - the border between "wait" and "done", as in every such protocol


class HungUp(Enum):
    """The leg has hung up; Asterisk still answers commands that need no live channel."""

    HUNG_UP = "HANGUP"


_DONE_LINE: Final = b"200 result=1\n"
_DONE: Final = Reply(200, "1", "")
HUNG_UP: Final = HungUp.HUNG_UP
Event = Request | Reply | HungUp


class State(Enum):
    """Whose turn it is: see the table above."""

    REQUEST = "request"
    IDLE = "idle"
    WAITING = "waiting"
    CLOSED = "closed"


class Dialogue:
    """One connection from Asterisk. It never holds more than a request or a reply plus one chunk."""

    __slots__ = ("_buffer", "state")

    def __init__(self) -> None:
        self.state = State.REQUEST
        self._buffer = b""

    def receive_data(self, data: bytes) -> list[Event]:
        """Take bytes as they come, in any pieces, and return what they complete.

        Raises Refused (too long) or Corrupt, and then nothing of this piece counts: the dialogue is closed.
        """
        if data == _DONE_LINE and self.state is State.WAITING and not self._buffer:
            # Nearly every reply is this one: what it need not cost, the leg need not wait.
            self.state = State.IDLE
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
        """Return the bytes to write. Raises Refused unless it is our turn: Asterisk takes one command at a time."""
        if self.state is not State.IDLE:
            raise Refused("agi-not-our-turn", f"the FastAGI dialogue is {self.state.value}, it takes no command now")
        self.state = State.WAITING
        return command

    def _close(self) -> None:
        self.state = State.CLOSED
        self._buffer = b""

    def _next(self) -> Event | None:
        if self.state is State.REQUEST:
            return self._next_request()
        if self.state is State.CLOSED:
            raise Corrupt("agi-closed", "bytes came after the FastAGI dialogue had ended")
        event = self._next_line() if b"\n" in self._buffer else None
        if event is None and len(self._buffer) >= MAX_REPLY_BYTES:
            raise _too_long("an AGI reply", f"{MAX_REPLY_BYTES} bytes")
        return event

    def _next_line(self) -> Event | None:
        if self._buffer.startswith(b"HANGUP"):
            # It has been seen without its newline before a reply: what follows is read as its own line.
            self._buffer = self._buffer[len(b"HANGUP") :].removeprefix(b"\n")
            return HUNG_UP
        if self.state is State.IDLE:
            raise Corrupt("agi-unasked", "Asterisk sent a line that no command asked for")
        if (match := _REPLY.match(self._buffer)) is None:
            if not _UNFINISHED.match(self._buffer):
                raise Corrupt("agi-reply", "Asterisk sent a line that is no AGI reply")
            return None
        if match.end() > MAX_REPLY_BYTES:
            raise _too_long("an AGI reply", f"{MAX_REPLY_BYTES} bytes")
        self._buffer = self._buffer[match.end() :]
        reply = _reply(match)
        if not reply.is_provisional:
            self.state = State.IDLE
        return reply

    def _next_request(self) -> Request | None:
        block, end, rest = self._buffer.partition(b"\n\n")
        # Without its end, a block that already fills the limit can only pass it.
        if len(block) + len(b"\n\n") > MAX_REQUEST_BYTES if end else len(block) >= MAX_REQUEST_BYTES:
            raise _too_long("a FastAGI request", f"{MAX_REQUEST_BYTES} bytes")
        if not end:
            return None
        self._buffer = rest
        self.state = State.IDLE
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
        raise Corrupt("agi-header", "a FastAGI request has a line that is no `agi_...: value`")
    if len(headers) != line_count:
        raise Corrupt("agi-header-twice", "a FastAGI request says the same header twice")
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
    """`agi_arg_1`, `agi_arg_2`, ...: Asterisk writes them after everything that a stranger may have filled in."""
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
    """What a script decided: the variables for the leg, and one word for the dialplan to branch on."""

    result: str
    variables: tuple[tuple[str, str], ...] = ()

    def commands(self) -> tuple[Command, ...]:
        """One command for each variable, CALLREC_RESULT last: a leg that has it has everything. Raises Refused."""
        return (*(set_variable(*variable) for variable in self.variables), set_variable("CALLREC_RESULT", self.result))
