"""Encoding with a time limit that depends on the size, in separate threads. An encoding that takes longer is tried again: a busy
machine, or a slow disk, must not make a recording *failed*.

A thread cannot be cancelled: a late one continues, and the same format is not started again while it runs. After a few tries the
recording becomes WAV, which needs no codec. A late WAV means a slow disk, and is tried without limit.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from callrec.app.ports.library import Encoder
from callrec.domain.calls.ids import RecordingId
from callrec.domain.errors import Unavailable
from callrec.domain.library.captures import Encoded, EncodeJob, TrackJob
from callrec.domain.library.manifest import Format

T = TypeVar("T")

TRIES = 3
"""How often a format is tried that exceeds its time limit, before the recording becomes WAV."""
_LONGEST_FACTOR = 32
"""Each try has twice the time of the one before, up to so many times the first limit."""


class Encoding:
    """Encodes, and remembers the late formats of each recording until it is stored."""

    def __init__(self, encoder: Encoder, encode_s: float) -> None:
        self._encoder, self._encode_s = encoder, encode_s
        self._late: dict[RecordingId, dict[Format, asyncio.Future[Encoded]]] = {}
        self._tries: dict[RecordingId, int] = {}

    def format_of(self, recording: RecordingId, wanted: Format) -> Format:
        """The configured format, or WAV when it was late too often."""
        return Format.WAV if self._tries.get(recording, 0) >= TRIES else wanted

    def forget(self, recording: RecordingId) -> None:
        """The recording is stored: forget its late formats."""
        self._late.pop(recording, None)
        self._tries.pop(recording, None)

    async def encode(self, recording: RecordingId, job: EncodeJob | TrackJob, into: str, length_s: float) -> Encoded:
        """See ports.Encoder. Raises Unavailable (`encoder-hangs`) when it exceeds its time limit."""
        late = self._late.setdefault(recording, {})
        media_format = job.format if isinstance(job, EncodeJob) else job.recording.format
        running = late.get(media_format)
        if running is None or running.done():
            late[media_format] = work = _apart(lambda: self._encode(job, into))
            limit_s = (self._encode_s + length_s / 10) * min(2 ** self._tries.get(recording, 0), _LONGEST_FACTOR)
            done, _ = await asyncio.wait([work], timeout=limit_s)
            if done:
                del late[media_format]
                return work.result()
            work.add_done_callback(_retrieved)
        self._tries[recording] = self._tries.get(recording, 0) + 1
        raise Unavailable(
            "encoder-hangs", f"encoding {recording} as {media_format.value} takes too long; it is tried again later"
        )

    def _encode(self, job: EncodeJob | TrackJob, into: str) -> Encoded:
        return self._encoder.encode(job, into) if isinstance(job, EncodeJob) else self._encoder.encode_track(job, into)


def _retrieved(late: asyncio.Future[Encoded]) -> None:
    """Drop the result of a late encoding; its error is read, so that asyncio does not report it."""
    if not late.cancelled():
        late.exception()


def _apart(work: Callable[[], T]) -> asyncio.Future[T]:
    """Run in a separate thread, for which the daemon does not wait at its end: a hanging codec must not block it."""
    done: Future[T] = Future()

    def run() -> None:
        done.set_running_or_notify_cancel()
        try:
            done.set_result(work())
        except BaseException as error:  # noqa: BLE001 - the boundary of a thread: the asker gets whatever it was
            done.set_exception(error)

    threading.Thread(target=run, name="encode", daemon=True).start()
    return asyncio.wrap_future(done)
