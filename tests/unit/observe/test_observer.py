"""What becomes of news: a line, a number, an event; and never a delay or an error for those who tell them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from callrec.domain.calls.commands import Alarm, Tell
from callrec.domain.calls.ids import CallId, CaptureId, LegId, NodeId, RecordingId
from callrec.domain.calls.model import POLICY, Heard, Interval, Missing, Party, Recording
from callrec.domain.errors import Corrupt, Unavailable
from callrec.domain.library.manifest import SCHEMA, Format, Manifest, Media, StoredState, Track
from callrec.domain.rules import Rule, UserId
from callrec.observe import observer as module
from callrec.observe.metrics import Metrics
from callrec.observe.observer import Observation

RECORDING = Recording(
    RecordingId("c-1"), CallId("c"), "1.1", NodeId("n"), Rule.ALWAYS, POLICY, 0.0, to_s=2.0,
    parties=(Party(LegId("1.1"), None, "0123456789", "Jane Roe", 0.0),),
)  # fmt: skip
MANIFEST = Manifest(SCHEMA, StoredState.SOUND, RECORDING, Media("c-1.wav", Format.WAV, 8000, 16000, 1, "0"))


class Stream:
    """A store's event stream that may be away."""

    def __init__(self) -> None:
        self.events: list[Mapping[str, str]] = []
        self.error: Exception | None = None
        self.came = asyncio.Event()

    async def publish(self, event: Mapping[str, str]) -> None:
        """See EventSink."""
        self.came.set()
        if self.error:
            raise self.error
        self.events.append(event)

    async def until(self, count: int) -> None:
        """Wait until so many came."""
        async with asyncio.timeout(5):
            while len(self.events) < count:
                self.came.clear()
                await self.came.wait()


@contextlib.asynccontextmanager
async def publishing(observation: Observation) -> AsyncIterator[Stream]:
    stream = Stream()
    task = asyncio.create_task(observation.run(stream.publish))
    try:
        yield stream
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def count(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


async def test_a_fact_is_logged_counted_and_published_with_ids_alone() -> None:
    metrics = Metrics()
    observation = Observation(metrics)
    with capture_logs() as lines:
        async with publishing(observation) as stream:
            observation.told(Tell("recording", RECORDING, UserId("7")))
            observation.told(Tell("press-refused", None))
            await stream.until(2)

    assert [line["event"] for line in lines] == ["recording", "press-refused"]
    about = {"user": "7", "recording": "c-1", "call": "c", "rule": "always", "cause": ""}
    assert stream.events[0] == {"type": "recording", **about, "at_s": stream.events[0]["at_s"]}
    assert count(metrics, "callrec_facts_total", fact="press-refused") == 1.0
    assert "0123456789" not in str(stream.events) + str(lines)


async def test_an_alarm_is_published_each_time_and_logged_the_first_second_fourth_time() -> None:
    metrics = Metrics()
    observation = Observation(metrics)
    with capture_logs() as lines:
        async with publishing(observation) as stream:
            for _ in range(7):
                observation.alarmed(Alarm("stalled", CaptureId("c-1-1")), "c")
            await stream.until(7)

    assert [line["times"] for line in lines] == [1, 2, 4]
    assert stream.events[0]["cause"] == "stalled"
    assert count(metrics, "callrec_alarms_total", cause="stalled") == 7.0


def test_a_full_queue_drops_the_event_and_counts_it() -> None:
    metrics = Metrics()
    observation = Observation(metrics)
    with capture_logs():
        for _ in range(module.WAITING_EVENTS + 3):
            observation.told(Tell("recording", None))

    assert count(metrics, "callrec_dropped_total", what="event") == 3.0


@pytest.mark.parametrize("error", [Unavailable("store-unavailable", "away"), RuntimeError("a defect")])
async def test_a_store_that_is_away_costs_its_event_and_not_the_next(error: Exception) -> None:
    metrics = Metrics()
    observation = Observation(metrics)
    with capture_logs():
        async with publishing(observation) as stream:
            stream.error = error
            observation.told(Tell("recording", None))
            await stream.came.wait()
            stream.error = None
            observation.told(Tell("recording-ended", None))
            await stream.until(1)

    assert [event["type"] for event in stream.events] == ["recording-ended"]
    lost = (count(metrics, "callrec_dropped_total", what="event"), count(metrics, "callrec_defects_total"))
    assert lost == ((1.0, 0.0) if isinstance(error, Unavailable) else (0.0, 1.0))


def test_a_defect_is_an_error_with_its_trace() -> None:
    metrics = Metrics()
    error = RuntimeError("x")
    with capture_logs() as lines:
        Observation(metrics).broke("call c", error)

    assert (lines[0]["log_level"], lines[0]["where"], lines[0]["exc_info"]) == ("error", "call c", error)
    assert count(metrics, "callrec_defects_total") == 1.0


@pytest.mark.parametrize("personal", [False, True])
def test_a_stored_recording_names_its_parties_only_when_that_is_wanted(*, personal: bool) -> None:
    metrics = Metrics()
    with capture_logs() as lines:
        Observation(metrics, personal=personal).stored(MANIFEST)

    assert ("0123456789" in str(lines)) is personal
    assert lines[0]["length_s"] == 2.0
    assert count(metrics, "callrec_recordings_stored_total", state="sound") == 1.0


def test_intakes_troubles_are_logged_and_counted() -> None:
    metrics = Metrics()
    observation = Observation(metrics)
    with capture_logs() as lines:
        observation.delayed(RECORDING.id, 1, Unavailable("disk-full", "the disk is full"))
        observation.delayed(RECORDING.id, 2, RuntimeError("x"))
        observation.unindexed(RECORDING.id, Unavailable("store-unavailable", "away"))
        observation.damaged(RECORDING.id, Corrupt("media", "does not play"))
        observation.overflowed()
        observation.started({"node": "n"}, http=1)
        observation.ended()

    assert [line["event"] for line in lines] == [
        *("delayed", "delayed", "unindexed", "damaged", "dropped", "started", "ended")
    ]
    assert lines[0]["reason"] == "the disk is full"
    for outcome, times in (("delayed", 2), ("unindexed", 1), ("damaged", 1), ("overflowed", 1)):
        assert count(metrics, "callrec_intake_total", outcome=outcome) == times
    assert count(metrics, "callrec_defects_total") == 1.0


async def test_a_stored_recording_that_lacks_a_voice_is_an_alarm() -> None:
    """Also when the call was over before it could be known; one for a recording."""
    metrics = Metrics()
    observation = Observation(metrics)
    lacks = tuple(Missing(from_s, from_s + 2, "deaf-leg", Heard.HEARS) for from_s in (10.0, 20.0))
    with capture_logs() as lines:
        async with publishing(observation) as stream:
            observation.stored(replace(MANIFEST, recording=replace(RECORDING, missing=lacks)))
            await stream.until(1)
    assert [line["lacks_s"] for line in lines if line["event"] == "alarm"] == [2.0]
    assert stream.events[0]["cause"] == "deaf-leg"
    assert 'callrec_alarms_total{cause="deaf-leg"} 1.0' in metrics.text().decode()


async def test_a_track_that_lacks_what_the_recording_has_is_an_alarm_with_its_cause() -> None:
    """The recording is sound: nothing else would tell."""
    metrics = Metrics()
    observation = Observation(metrics)
    lacks = Missing(10.0, 10.5, "gap"), Missing(20.0, 23.0, "late-start")
    media = Media("c-1.track-2.wav", Format.WAV, 8000, 16000, 1, "0")
    lacking = Track(2, (LegId("1.2"),), None, "1001", "", (Interval(0.0, 30.0),), lacks, media)
    with capture_logs() as lines:
        async with publishing(observation) as stream:
            observation.stored(replace(MANIFEST, tracks=(replace(lacking, nth=1, missing=()), lacking)))
            await stream.until(1)
    (line,) = [line for line in lines if line["event"] == "alarm"]
    assert (line["cause"], line["lacks_s"], line["tracks"]) == ("track-incomplete: late-start", 3.0, [2])
    assert (stream.events[0]["cause"], stream.events[0]["recording"]) == (line["cause"], RECORDING.id)
    assert 'callrec_alarms_total{cause="track-incomplete"} 1.0' in metrics.text().decode()
