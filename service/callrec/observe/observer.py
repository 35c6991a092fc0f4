"""Who is told what happens: each piece of news becomes a log line, a metric and, where others may follow, an event.

News are ids, states and causes; who was on the phone is in the recording's manifest, not here.
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Mapping

import structlog

from callrec import __version__
from callrec.app.deaf_legs import CAUSE as DEAF_LEG
from callrec.domain import messages as m
from callrec.domain.errors import CallrecError, Corrupt
from callrec.domain.lifecycle import Manifest
from callrec.domain.model import RecordingId
from callrec.domain.vocabulary import AlarmCause, DropReason
from callrec.observe.metrics import Metrics

WAITING_EVENTS = 1000
PUBLISH_S = 5.0

Publish = Callable[[Mapping[str, str]], Awaitable[None]]

log = structlog.get_logger(__name__)


class Observation:
    """Keeps the promises of `app.call_actor.Observer` and `app.intake.Notices`: never blocks, never raises.

    Facts and alarms are published at most once, in their order. What finds the queue full, or the store away, is dropped and
    counted: followers of the stream look up what is true, they do not add it up.
    """

    def __init__(self, metrics: Metrics, *, personal: bool = False) -> None:
        self._personal = personal
        self._metrics = metrics
        self._waiting: asyncio.Queue[dict[str, str]] = asyncio.Queue(WAITING_EVENTS)
        self._storms: dict[str, int] = {}

    def started(self, settings: Mapping[str, str], **doors: object) -> None:
        """The daemon listens: its settings (secrets masked) and its doors."""
        log.info("started", version=__version__, pid=os.getpid(), settings=dict(settings), **doors)

    def hangup_ignored(self) -> None:
        """SIGHUP came to a daemon without a terminal."""
        log.warning("hangup-ignored", reason="settings are read at the start", hint="restart callrec to apply them")

    def ended(self) -> None:
        """The daemon has ended in order."""
        log.info("ended")

    def told(self, fact: m.Tell) -> None:
        """See Observer."""
        self._metrics.fact(fact.fact)
        news = _about(fact)
        log.info(fact.fact, **news)
        self._publish({"type": fact.fact, **news})

    def alarmed(self, alarm: m.Alarm, call: str) -> None:
        """See Observer."""
        self._metrics.alarm(alarm.cause)
        news = {"cause": alarm.cause, "take": alarm.take or "", "call": call}
        if self._is_told(f"alarm {alarm.cause}"):
            log.warning("alarm", times=self._storms[f"alarm {alarm.cause}"], **news)
        self._publish({"type": "alarm", **news})

    def dropped(self, what: DropReason) -> None:
        """See Observer."""
        self._metrics.dropped(what)
        if self._is_told(f"dropped {what}"):
            log.warning("dropped", what=what, times=self._storms[f"dropped {what}"])

    def broke(self, where: str, error: BaseException) -> None:
        """See Observer."""
        self._metrics.defect()
        log.error("broke", where=where, exc_info=error)

    def stored(self, manifest: Manifest) -> None:
        """See Notices. Intake itself publishes this."""
        recording, media = manifest.recording, manifest.media
        self._metrics.intake("stored")
        self._metrics.stored(manifest.state, recording.to_s)
        length_s = round(media.length_s, 3) if media else None
        who = {"numbers": [party.number for party in recording.parties]} if self._personal else {}
        state, cause = manifest.state.value, recording.cause
        log.info("stored", recording=recording.id, state=state, cause=cause, length_s=length_s, **who)
        for missing in (one for one in recording.missing if one.cause == DEAF_LEG):
            about = {
                "recording": recording.id,
                "side": missing.side.value,
                "lacks_s": round(missing.to_s - missing.from_s, 1),
            }
            self._metrics.alarm(DEAF_LEG)
            log.warning("alarm", cause=DEAF_LEG, **about)
            self._publish({"type": "alarm", "cause": DEAF_LEG, "recording": recording.id, "call": recording.call})
            break  # one alarm for a recording, whatever it lacks

    def delayed(self, recording: RecordingId, attempt: int, error: Exception) -> None:
        """See Notices."""
        self._metrics.intake("delayed")
        expected = isinstance(error, CallrecError)
        why = error.message if isinstance(error, CallrecError) else type(error).__name__
        log.warning("delayed", recording=recording, attempt=attempt, reason=why, exc_info=None if expected else error)
        if not expected:
            self._metrics.defect()

    def unindexed(self, recording: RecordingId, error: CallrecError) -> None:
        """See Notices."""
        self._metrics.intake("unindexed")
        log.warning("unindexed", recording=recording, code=error.code, reason=error.message)

    def damaged(self, recording: RecordingId, error: Corrupt) -> None:
        """See Notices."""
        self._metrics.intake("damaged")
        log.error("damaged", recording=recording, code=error.code, reason=error.message)
        self._publish({"type": "alarm", "cause": f"{AlarmCause.ENCODER}: {error.code}", "recording": recording})

    def refused(self, recording: RecordingId, cause: str) -> None:
        """See Notices."""
        self._metrics.intake("refused")
        log.error("refused", recording=recording, cause=cause)
        self._publish({"type": "alarm", "cause": cause, "recording": recording})

    def overflowed(self) -> None:
        """See Notices."""
        self._metrics.intake("overflowed")
        self.dropped(DropReason.INTAKE)

    async def run(self, publish: Publish) -> None:
        """Publish what is told, until cancelled."""
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

    def _is_told(self, what: str) -> bool:
        """The 1st, 2nd, 4th, 8th ... time: a storm of news is no storm of lines."""
        if what not in self._storms and len(self._storms) >= WAITING_EVENTS:
            self._storms.clear()
        self._storms[what] = times = self._storms.get(what, 0) + 1
        return times & (times - 1) == 0


def _about(fact: m.Tell) -> dict[str, str]:
    about = {"user": fact.user} if fact.user else {}
    if fact.recording is None:
        return {**about}
    one = fact.recording
    return {**about, "recording": one.id, "call": one.call, "rule": one.rule.value, "cause": one.cause}
