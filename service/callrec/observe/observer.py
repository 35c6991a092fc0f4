"""The observer: each fact becomes a log line, a metric, and an event for subscribers where one is defined.

Facts have ids, states and causes only; the parties of a call are in the recording's manifest.
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Mapping

import structlog

from callrec import __version__
from callrec.app.library.finalize.deaf_leg_check import CAUSE as DEAF_LEG
from callrec.domain.calls.commands import Alarm, Tell
from callrec.domain.calls.ids import RecordingId
from callrec.domain.calls.model import Missing, Recording
from callrec.domain.error_codes import ErrorCode
from callrec.domain.errors import CallrecError, Corrupt
from callrec.domain.library.manifest import Manifest
from callrec.domain.library.tracks import incomplete
from callrec.domain.throttle import Throttle
from callrec.domain.vocabulary import AlarmCause, DropReason
from callrec.observe.metrics import Metrics

WAITING_EVENTS = 1000
PUBLISH_S = 5.0

Publish = Callable[[Mapping[str, str]], Awaitable[None]]

log = structlog.get_logger(__name__)


class Observation:
    """Implements `app.ports.observer.Observer` and `app.ports.library.Notices`: never blocks, never raises.

    Facts and alarms are published at most once, in their order. When the queue is full or the store is unavailable, they are
    dropped and counted: a subscriber reads the current state after an event, it does not add up events.
    """

    def __init__(self, metrics: Metrics, *, personal: bool = False) -> None:
        self._personal = personal
        self._metrics = metrics
        self._waiting: asyncio.Queue[dict[str, str]] = asyncio.Queue(WAITING_EVENTS)
        self._throttle = Throttle()

    def started(self, settings: Mapping[str, str], **ports: object) -> None:
        """The daemon listens: its settings (secrets masked) and its ports."""
        log.info("started", version=__version__, pid=os.getpid(), settings=dict(settings), **ports)

    def setting_renamed(self, former: str, name: str) -> None:
        """A setting is given under its former name, which the next release does not know."""
        log.warning("setting-renamed", setting=former, name=name, hint=f"write {name} in place of {former}")

    def hangup_ignored(self) -> None:
        """SIGHUP came to a daemon without a terminal."""
        log.warning("hangup-ignored", reason="settings are read at the start", hint="restart callrec to apply them")

    def ended(self) -> None:
        """The daemon has ended in order."""
        log.info("ended")

    def told(self, fact: Tell) -> None:
        """Count, log and publish a fact of a call."""
        self._metrics.fact(fact.fact)
        news = _about(fact)
        log.info(fact.fact, **news)
        self._publish({"type": fact.fact, **news})

    def alarmed(self, alarm: Alarm, call: str) -> None:
        """Count and publish every alarm; log the 1st, 2nd, 4th ... of a cause."""
        self._metrics.alarm(alarm.cause)
        news = {"cause": alarm.cause, "take": alarm.capture or "", "call": call}
        if times := self._throttle.count(f"alarm {alarm.cause}"):
            log.warning("alarm", times=times, **news)
        self._publish({"type": "alarm", **news})

    def dropped(self, what: DropReason) -> None:
        """Count it; log the 1st, 2nd, 4th ... with this reason."""
        self._metrics.dropped(what)
        if times := self._throttle.count(f"dropped {what}"):
            log.warning("dropped", what=what, times=times)

    def broke(self, where: str, error: BaseException) -> None:
        """Count a defect and log its traceback."""
        self._metrics.defect()
        log.error("broke", where=where, exc_info=error)

    def stored(self, manifest: Manifest) -> None:
        """Count and log a stored recording; a deaf leg in it is also an alarm, and so is a track that lacks something. The
        finalizer itself publishes the event."""
        recording, media = manifest.recording, manifest.media
        self._metrics.intake("stored")
        self._metrics.stored(manifest.state, recording.to_s)
        length_s = round(media.length_s, 3) if media else None
        who = {"numbers": [party.number for party in recording.parties]} if self._personal else {}
        state, cause = manifest.state.value, recording.cause
        log.info("stored", recording=recording.id, state=state, cause=cause, length_s=length_s, **who)
        for missing in (one for one in recording.missing if one.cause == DEAF_LEG):
            self._lacks(recording, DEAF_LEG, missing, side=missing.side.value)
            break  # one alarm for a recording with several gaps
        if lacking := incomplete(manifest):
            longest = max((one for track in lacking for one in track.missing), key=lambda one: one.to_s - one.from_s)
            cause = f"{AlarmCause.TRACK_INCOMPLETE}: {longest.cause}"
            self._lacks(recording, cause, longest, tracks=[track.nth for track in lacking])

    def _lacks(self, recording: Recording, cause: str, missing: Missing, **where: str | list[int]) -> None:
        """Count, log and publish an alarm: what a stored recording lacks. `where`: for the log only."""
        self._metrics.alarm(cause)
        lacks_s = round(missing.to_s - missing.from_s, 1)
        log.warning("alarm", cause=cause, recording=recording.id, lacks_s=lacks_s, **where)
        self._publish({"type": "alarm", "cause": cause, "recording": recording.id, "call": recording.call})

    def delayed(self, recording: RecordingId, attempt: int, error: Exception) -> None:
        """Count and log that a recording is to be stored later; an unexpected error counts as a defect."""
        self._metrics.intake("delayed")
        expected = isinstance(error, CallrecError)
        why = error.message if isinstance(error, CallrecError) else type(error).__name__
        log.warning("delayed", recording=recording, attempt=attempt, reason=why, exc_info=None if expected else error)
        if not expected:
            self._metrics.defect()

    def unindexed(self, recording: RecordingId, error: CallrecError) -> None:
        """Count and log a stored recording that the catalogue or the event stream does not know."""
        self._metrics.intake("unindexed")
        log.warning("unindexed", recording=recording, code=error.code, reason=error.message)

    def catalogue_filled(self, recordings: int) -> None:
        """Log that the new catalogue has the recordings of the disk."""
        log.info("catalogue-filled", recordings=recordings)

    def catalogue_lacks(self, path: str, code: ErrorCode, reason: str) -> None:
        """Log the 1st, 2nd, 4th ... sidecar with this error, of which the catalogue has no entry."""
        if times := self._throttle.count(f"catalogue {code}"):
            log.warning("catalogue-lacks", path=path, code=code, reason=reason, times=times)

    def former_index_removed(self, keys: int) -> None:
        """Log that the index of earlier versions is gone from Redis."""
        log.info("former-index-removed", keys=keys)

    def damaged(self, recording: RecordingId, error: Corrupt) -> None:
        """Count, log and publish an alarm: the recording could not be encoded."""
        self._metrics.intake("damaged")
        log.error("damaged", recording=recording, code=error.code, reason=error.message)
        self._publish({"type": "alarm", "cause": f"{AlarmCause.ENCODER}: {error.code}", "recording": recording})

    def media_changed(self, recording: RecordingId, error: Corrupt) -> None:
        """Count and publish an alarm: a stored file is not what its sidecar says, and was not handed out. Log the 1st, 2nd, 4th
        ... of a cause, since a client may ask again and again."""
        cause = f"{AlarmCause.MEDIA_CHANGED}: {error.code}"
        self._metrics.alarm(cause)
        if times := self._throttle.count(f"alarm {cause}"):
            log.error("media-changed", times=times, recording=recording, code=error.code, reason=error.message)
        self._publish({"type": "alarm", "cause": cause, "recording": recording})

    def unstamped(self, error: CallrecError) -> None:
        """Count and publish an alarm: the audit log has got no time stamp. Log the 1st, 2nd, 4th ... of a cause."""
        cause = f"{AlarmCause.AUDIT_TIMESTAMP}: {error.code}"
        self._metrics.alarm(cause)
        if times := self._throttle.count(f"alarm {cause}"):
            log.warning("audit-unstamped", times=times, code=error.code, reason=error.message)
        self._publish({"type": "alarm", "cause": cause})

    def erased(self, recordings: int, bytes_: int, cause: str) -> None:
        """Count and log recordings that were erased."""
        self._metrics.erased(cause, recordings)
        log.info("erased", recordings=recordings, bytes=bytes_, cause=cause)

    def erasure_unfinished(self, place: str, error: CallrecError) -> None:
        """Count, log and publish an alarm: a place still knows something of erased recordings."""
        cause = f"{AlarmCause.ERASURE}: {place}"
        self._metrics.alarm(cause)
        if times := self._throttle.count(f"alarm {cause}"):
            log.warning("erasure-unfinished", times=times, place=place, code=error.code, reason=error.message)
        self._publish({"type": "alarm", "cause": cause})

    def master_keys_away(self, error: CallrecError) -> None:
        """Count, log and publish an alarm: recordings cannot be encrypted, or not be read."""
        cause = f"{AlarmCause.ENCRYPTION}: {error.code}"
        self._metrics.alarm(cause)
        log.error("master-keys-away", code=error.code, reason=error.message, hint=error.hint)
        self._publish({"type": "alarm", "cause": cause})

    def master_keys_back(self) -> None:
        """Log that they can be had again."""
        log.info("master-keys-back")

    def erased_again(self, recording: RecordingId) -> None:
        """Log that an erased recording was in the library again."""
        log.warning("erased-again", recording=recording)

    def retained(self, erased: int, bytes_: int, why: str) -> None:
        """Log what a run of retention has erased."""
        log.info("retention", erased=erased, bytes=bytes_, why=why)

    def retention_stopped(self, cause: str, reason: str) -> None:
        """Count, log and publish an alarm: retention cannot do what is due."""
        alarm = f"{AlarmCause.RETENTION}: {cause}"
        self._metrics.alarm(alarm)
        log.error("retention-stopped", cause=cause, reason=reason)
        self._publish({"type": "alarm", "cause": alarm})

    def refused(self, recording: RecordingId, cause: str) -> None:
        """Count, log and publish an alarm: captures of the recording were put aside."""
        self._metrics.intake("refused")
        log.error("refused", recording=recording, cause=cause)
        self._publish({"type": "alarm", "cause": cause, "recording": recording})

    def overflowed(self) -> None:
        """Count that the finalizer's queue was full."""
        self._metrics.intake("overflowed")
        self.dropped(DropReason.INTAKE)

    async def run(self, publish: Publish) -> None:
        """Publish the queued events, until cancelled."""
        while True:
            event = await self._waiting.get()
            try:
                async with asyncio.timeout(PUBLISH_S):
                    await publish(event)
            except (CallrecError, TimeoutError):
                self.dropped(DropReason.EVENT)
            except Exception as error:  # noqa: BLE001 - a task boundary: an event that cannot be sent must not silence the next
                self.broke("publish", error)

    def _publish(self, event: dict[str, str]) -> None:
        event["at_s"] = f"{time.time():.3f}"
        try:
            self._waiting.put_nowait(event)
        except asyncio.QueueFull:
            self.dropped(DropReason.EVENT)


def _about(fact: Tell) -> dict[str, str]:
    about = {"user": fact.user} if fact.user else {}
    if fact.recording is None:
        return {**about}
    one = fact.recording
    return {
        **about,
        "recording": one.id,
        "call": one.call,
        "rule": one.rule.value if one.rule else "",
        "cause": one.cause,
    }
