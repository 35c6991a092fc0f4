"""Where a command's answer and its complaints go: a disk that is full, a reader that has gone, a stream that was closed.

An answer that is lost is an error of its own kind, whatever the command had done before: never a traceback, and never an exit
code that says that nothing was changed. A complaint that is lost is lost: the exit code still tells.
"""

import contextlib
import errno
import io
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, TextIO

from callrec.domain.errors import Unavailable

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

READER_GONE = "output-reader-gone"
"""`callrec users list | head`: whoever has read enough is told nothing."""


class _Answers(io.FileIO):
    """Standard output."""

    def write(self, data: "ReadableBuffer", /) -> int | None:  # type: ignore[override] # None: it would block
        """Raises Unavailable, which nobody on the way takes for an error of a file, or of a connection."""
        try:
            return super().write(data)
        except OSError as error:
            raise Unavailable(
                READER_GONE if error.errno == errno.EPIPE else "output-lost",
                f"standard output cannot be written: {error.strerror}",
                hint="if the command was to change something, it may have done so",
            ) from error


class _Complaints(io.FileIO):
    """Standard error."""

    def write(self, data: "ReadableBuffer", /) -> int | None:  # type: ignore[override] # None: it would block
        """There is nowhere to say that this did not work."""
        try:
            return super().write(data)
        except OSError:
            return memoryview(data).nbytes


@contextlib.contextmanager
def complaints() -> Iterator[None]:
    """Within it, stderr never raises."""
    former, sys.stderr = sys.stderr, _over(sys.stderr, _Complaints)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            sys.stderr.flush()
        sys.stderr = former


@contextlib.contextmanager
def answers() -> Iterator[None]:
    """Within it, and at its end, stdout raises Unavailable when it cannot be written."""
    former, sys.stdout = sys.stdout, _over(sys.stdout, _Answers)
    try:
        yield
    finally:
        try:
            sys.stdout.flush()
        finally:
            sys.stdout = former


def _over(stream: TextIO | None, kind: type[io.FileIO]) -> TextIO:
    """The same place, behind this kind of file. A stream that was closed before we began (None) takes nothing."""
    if stream is None:
        return io.TextIOWrapper(io.BufferedWriter(kind(os.open(os.devnull, os.O_RDONLY), "wb")), encoding="utf-8")
    try:
        file = kind(stream.fileno(), "wb", closefd=False)
    except (OSError, ValueError):  # a test's, in memory
        return stream
    by_line = bool(stream.line_buffering) or getattr(stream, "write_through", False)  # the latter: PYTHONUNBUFFERED
    return io.TextIOWrapper(
        io.BufferedWriter(file), encoding=stream.encoding, errors=stream.errors, line_buffering=by_line
    )
