"""Logs: one JSON object per line on stderr, for callrec's own lines and for those of the libraries.

- The time is UTC.
- A secret never appears: values under secret keys, passwords in addresses and known secret values are masked.
- Personal values (numbers, names, channel names) appear only with `log_personal`; otherwise each is replaced by a hash, which is
  the same for the same text until the daemon ends.
- Text from outside cannot begin a new line.
- A slow reader of stderr does not delay the daemon: lines wait in a bounded queue; a full queue drops and counts them.
"""

import hashlib
import json
import logging
import os
import queue
import re
import sys
import threading
from collections.abc import Callable, Iterable
from logging.handlers import QueueHandler
from typing import TextIO, cast
from urllib.parse import quote

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

WAITING_LINES = 10_000
CLOSE_S = 2.0
SHORTEST_SECRET = 4
"""Shorter secrets are not masked: they would match in half of all lines."""

HIDDEN = "***"
_SECRET_KEY = re.compile(r"secret|passw|token|authorization|credential|api_?key", re.IGNORECASE)
_IN_ADDRESS = re.compile(r"(?<=://)([^:/@\s\"]*):[^/\s\"]*@")
_PERSONAL = frozenset(
    {
        *("number", "numbers", "mobilephonenumber", "outcallerid", "exten", "extension", "digits"),
        *("name", "firstname", "lastname", "fullname", "username", "email"),
        *("caller", "callee", "callerid", "caller_id", "peer", "channel", "endpoint", "remote"),
    }
)
_QUIET = ("aiohttp", "asyncio", "panoramisk", "redis")
"""Libraries of which only warnings and errors are logged, also when the log level is lower."""


class Lines:
    """A stream that a thread of its own writes to."""

    def __init__(self, stream: TextIO) -> None:
        self.dropped = 0
        self._stream = stream
        self._waiting: queue.Queue[str | None] = queue.Queue(WAITING_LINES)
        self._thread = threading.Thread(target=self._write, name="logs", daemon=True)
        self._thread.start()

    def put(self, line: str) -> None:
        """Queue this line for writing; never waits."""
        try:
            self._waiting.put_nowait(line)
        except queue.Full:
            self.dropped += 1

    def close(self) -> None:
        """Write the queued lines, for at most `CLOSE_S`."""
        try:
            self._waiting.put(None, timeout=CLOSE_S)
        except queue.Full:
            return  # the reader hangs: the queued lines are lost, and the daemon may end
        self._thread.join(CLOSE_S)

    def _write(self) -> None:
        while (line := self._waiting.get()) is not None:
            try:
                self._stream.write(f"{line}\n")
                self._stream.flush()
            except (OSError, ValueError):  # the reader has ended, or the stream was closed
                self.dropped += 1


class _ToLines(QueueHandler):
    """A handler that formats in the logging thread, and leaves the writing to `Lines`."""

    def __init__(self, lines: Lines) -> None:
        super().__init__(cast("queue.Queue[object]", None))  # no queue of records: `Lines` queues finished lines
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._lines.put(self.format(record))
        except Exception:  # noqa: BLE001 - a line that cannot be formatted must not break the code that logged it
            self._lines.put(json.dumps({"event": "log-line-failed", "level": "error", "logger": record.name}))


def set_up_logs(
    *, level: str, personal: bool, secrets: Iterable[str] = (), stream: TextIO | None = None
) -> Callable[[], None]:
    """Send every log line of this process to `stream` (default: stderr). Returns the function that flushes at the end."""
    lines = Lines(stream or sys.stderr)
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
    ]
    handler = _ToLines(lines)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.PositionalArgumentsFormatter()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.ExceptionRenderer(
                    structlog.tracebacks.ExceptionDictTransformer(show_locals=False, max_frames=20)
                ),
                without_persons if not personal else _as_it_is,
                without_secret_keys,
                structlog.processors.JSONRenderer(ensure_ascii=True, default=str),
                cast("Processor", WithoutSecrets(secrets)),
            ],
        )
    )
    number = getattr(logging, level.upper())
    logging.basicConfig(level=number, handlers=[handler], force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(number, logging.WARNING))
    logging.captureWarnings(capture=True)
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    return lines.close


def without_secret_keys(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Mask values under keys that name a secret, at any depth."""
    return cast("EventDict", _walk(event, lambda key, value: HIDDEN if _SECRET_KEY.search(key) else value))


_KEY = os.urandom(16)


def without_persons(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Replace values under personal keys by a hash, and mask the text of unexpected exceptions, which may contain anything."""
    return cast("EventDict", _walk(event, _impersonal))


def _impersonal(key: str, value: object) -> object:
    if key == "exc_value":
        return HIDDEN
    if key == "action" and isinstance(value, str):
        return value.partition(" ")[0]  # an AMI action's headers name endpoints and channels
    return _mark(value) if key in _PERSONAL and value else value


def _mark(value: object) -> str:
    return "#" + hashlib.blake2b(str(value).encode("utf-8", "replace"), key=_KEY, digest_size=4).hexdigest()


class WithoutSecrets:
    """The last step: mask known secrets (plain, escaped for JSON, quoted for a URL) and passwords in addresses."""

    def __init__(self, secrets: Iterable[str]) -> None:
        known = {one for one in secrets if len(one) >= SHORTEST_SECRET}
        forms = {form for one in known for form in (one, json.dumps(one)[1:-1], quote(one, safe=""))}
        longest_first = sorted(forms, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first))) if forms else None

    def __call__(self, _logger: WrappedLogger, _method: str, line: str) -> str:
        """Mask them in a finished line."""
        line = _IN_ADDRESS.sub(rf"\1:{HIDDEN}@", line)
        return self._known.sub(HIDDEN, line) if self._known else line


def _as_it_is(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return event


def _walk(value: object, change: Callable[[str, object], object]) -> object:
    if isinstance(value, dict):
        return {key: _walk(change(str(key), inner), change) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_walk(inner, change) for inner in value]
    return value
