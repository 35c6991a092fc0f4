"""Encoding within a time that follows from the bytes, in threads of its own. What takes longer is tried again: a machine that is
busy for a minute, or a disk that does not answer, must not make a recording *failed*.

A thread cannot be ended. So one that runs late is left alone, and the same format is not begun a second time beside it. A codec
that hangs for good is given up after a few tries: WAV needs none. WAV that runs late is a disk that does, and is tried for ever.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from callrec.app.ports import Encoded, EncodeJob, Encoder
from callrec.domain.errors import Unavailable
from callrec.domain.lifecycle import Format
from callrec.domain.model import RecordingId

T = TypeVar("T")

TRIES = 3
"""How often a format is tried that does not come to an end in its time, before the recording becomes WAV."""
_LONGEST_FACTOR = 32
"""Each try has twice the time of the one before, up to so many times the first one's."""


class Encoding:
    """Remembers, for each recording that is not stored yet, what ran late."""

    def __init__(self, encoder: Encoder, encode_s: float) -> None:
        self._encoder, self._encode_s = encoder, encode_s
        self._late: dict[RecordingId, dict[Format, asyncio.Future[Encoded]]] = {}
        self._tries: dict[RecordingId, int] = {}

    def format_of(self, recording: RecordingId, wanted: Format) -> Format:
        """The format that is set, or WAV when that one has run late too often."""
        return Format.WAV if self._tries.get(recording, 0) >= TRIES else wanted

    def forget(self, recording: RecordingId) -> None:
        """It is stored."""
        self._late.pop(recording, None)
        self._tries.pop(recording, None)

    async def encode(self, recording: RecordingId, job: EncodeJob, into: str, length_s: float) -> Encoded:
        """See ports.Encoder. Raises Unavailable (`encoder-hangs`) when it does not come to an end in its time."""
        late = self._late.setdefault(recording, {})
        running = late.get(job.format)
        if running is None or running.done():
            late[job.format] = work = _apart(lambda: self._encoder.encode(job, into))
            limit_s = (self._encode_s + length_s / 10) * min(2 ** self._tries.get(recording, 0), _LONGEST_FACTOR)
            done, _ = await asyncio.wait([work], timeout=limit_s)
            if done:
                del late[job.format]
                return work.result()
            work.add_done_callback(_retrieved)
        self._tries[recording] = self._tries.get(recording, 0) + 1
        raise Unavailable(
            "encoder-hangs", f"encoding {recording} as {job.format.value} takes too long; tried again later"
        )


def _retrieved(late: asyncio.Future[Encoded]) -> None:
    """Drop the result of an encoding that came too late; its error is read, so that asyncio does not report it."""
    if not late.cancelled():
        late.exception()


def _apart(work: Callable[[], T]) -> asyncio.Future[T]:
    """Run in a thread of its own, for which the daemon does not wait at exit: a codec that hangs must not hang the daemon."""
    done: Future[T] = Future()

    def run() -> None:
        done.set_running_or_notify_cancel()
        try:
            done.set_result(work())
        except BaseException as error:  # noqa: BLE001 - the boundary of a thread: the asker gets whatever it was
            done.set_exception(error)

    threading.Thread(target=run, name="encode", daemon=True).start()
    return asyncio.wrap_future(done)
