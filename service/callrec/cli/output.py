"""Standard output and standard error of a command, also with a full disk, a reader that has gone, or a closed stream.

A write error on stdout is an error with a code of its own, since the command may have changed something before: the user gets
no traceback, and no exit code that means "refused". A write error on stderr is ignored: the exit code still has the result.
"""

import contextlib
import errno
import io
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, TextIO

from callrec.domain.errors import Unavailable

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

READER_GONE: Final = "output-reader-gone"
"""The reader of a pipe has ended, as in `callrec users list | head`: the command ends without a message."""


class _Answers(io.FileIO):
    """Standard output."""

    def write(self, data: "ReadableBuffer", /) -> int | None:  # type: ignore[override] # None: it would block
        """Raises Unavailable in place of OSError, which callers would handle as an error of a file or a connection."""
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
        """Ignores write errors: there is no other place to report them."""
        try:
            return super().write(data)
        except OSError:
            return memoryview(data).nbytes


@contextlib.contextmanager
def complaints() -> Iterator[None]:
    """Within the block, writing to stderr never raises."""
    former, sys.stderr = sys.stderr, _over(sys.stderr, _Complaints)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            sys.stderr.flush()
        sys.stderr = former


@contextlib.contextmanager
def answers() -> Iterator[None]:
    """Within the block and at its end, writing to stdout raises Unavailable when it fails."""
    former, sys.stdout = sys.stdout, _over(sys.stdout, _Answers)
    try:
        yield
    finally:
        try:
            sys.stdout.flush()
        finally:
            sys.stdout = former


def _over(stream: TextIO | None, kind: type[io.FileIO]) -> TextIO:
    """The same stream through this kind of file. A stream that was closed at the start (None) refuses every write."""
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
