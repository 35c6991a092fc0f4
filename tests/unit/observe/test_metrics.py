"""Metrics: what is counted, and that no text from outside makes a series."""

import asyncio
import contextlib

import pytest

from callrec.adapters.asterisk.fastagi import DialogueEnd as Dialogue
from callrec.domain.calls.ids import CallId, CaptureId, LegId, NodeId, RecordingId
from callrec.domain.calls.journal import Entry, Step
from callrec.domain.calls.model import POLICY, Capture, Recording
from callrec.domain.calls.session import Session
from callrec.domain.errors import Unavailable
from callrec.domain.library.manifest import StoredState
from callrec.domain.rules import Rule
from callrec.domain.vocabulary import Outcome
from callrec.observe import metrics as module
from callrec.observe.health import Readiness
from callrec.observe.measured import MeasuredJournal, MeasuredRecorder
from callrec.observe.metrics import Metrics

CAPTURE = Capture(CaptureId("c-1-1"), LegId("1.1"), "PJSIP/a-1", 8000, 0.0)
RECORDING = Recording(RecordingId("c-1"), CallId("c"), "1.1", NodeId("n"), Rule.ALWAYS, POLICY, 0.0)


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def test_every_outcome_of_the_rooms_below_has_its_own_value() -> None:
    assert {outcome.value for outcome in Dialogue} == module.DIALOGUES
    assert {outcome.value for outcome in Outcome} == module.PRESSES


@pytest.mark.parametrize("text", ["", "x" * 5000, 'a"}\n', "take-1"])
def test_a_value_that_is_not_listed_becomes_other(text: str) -> None:
    metrics = Metrics()
    metrics.ami_event(text)
    metrics.pressed(text)
    metrics.always_record(text)
    metrics.service(text)
    metrics.fact(text)
    metrics.alarm(text)
    metrics.dropped(text)
    metrics.intake(text)
    metrics.agi(text or "?", text, 0.1)

    for name, label in (
        ("callrec_ami_events_total", "event"),
        ("callrec_presses_total", "outcome"),
        ("callrec_always_record_total", "result"),
        ("callrec_services_total", "result"),
        ("callrec_facts_total", "fact"),
        ("callrec_alarms_total", "cause"),
        ("callrec_dropped_total", "what"),
        ("callrec_intake_total", "outcome"),
    ):
        assert value(metrics, name, **{label: "other"}) == 1.0
    assert value(metrics, "callrec_agi_dialogues_total", script="other", outcome="other") == 1.0


def test_what_is_known_is_counted_under_its_name() -> None:
    metrics = Metrics()
    metrics.ami_event("Hangup")
    metrics.pressed(Outcome.STARTED)
    metrics.alarm("mirror: ami-down")
    metrics.agi("", Dialogue.SILENT, 0.2)
    metrics.stored(StoredState.SOUND, 0.0)
    metrics.stored(StoredState.FAILED, None)

    assert value(metrics, "callrec_ami_events_total", event="Hangup") == 1.0
    assert value(metrics, "callrec_presses_total", outcome="started") == 1.0
    assert value(metrics, "callrec_presses_total", outcome="stopped") == 0.0
    assert value(metrics, "callrec_alarms_total", cause="mirror") == 1.0
    assert value(metrics, "callrec_agi_dialogues_total", script="none", outcome="silent") == 1.0
    assert value(metrics, "callrec_agi_seconds_count", script="none") == 1.0
    assert value(metrics, "callrec_recordings_stored_total", state="failed") == 1.0
    assert value(metrics, "callrec_intake_seconds_count") == 1.0


def test_a_scrape_asks_for_what_is_true_now() -> None:
    metrics, ready = Metrics(), Readiness()
    ready.add("ami", lambda: (False, "down"))
    sessions = [Session(CallId("c"), "1.1", NodeId("n"))]
    metrics.show(ready, lambda: sessions)

    assert value(metrics, "callrec_calls") == 1.0
    assert value(metrics, "callrec_calls_by_state", state="idle") == 1.0
    assert value(metrics, "callrec_ready", check="ami") == 0.0

    sessions.clear()
    assert value(metrics, "callrec_calls") == 0.0
    assert b"callrec_build" in metrics.text()


async def test_the_loops_lag_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BEAT_S", 0.001)
    metrics = Metrics()
    task = asyncio.create_task(metrics.watch_loop())
    async with asyncio.timeout(5):
        while not value(metrics, "callrec_loop_lag_seconds_count"):  # noqa: ASYNC110 - a number tells nobody that it grew
            await asyncio.sleep(0)
    assert 0 <= value(metrics, "callrec_loop_lag_seconds_sum") < 5
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


class Ports:
    """A journal and a recorder that do what they are told."""

    def __init__(self, *, fail: bool = False) -> None:
        self.fail = fail
        self.did: list[str] = []

    async def append(self, entry: Entry) -> None:
        """See app.ports."""
        self._do(f"append {entry.step}")

    def live(self) -> tuple[Entry, ...]:
        """See app.ports."""
        return ()

    async def start(self, capture: Capture, rule: Rule) -> str:
        """See app.ports."""
        self._do(f"start {capture.id} {rule}")
        return "0x1"

    async def stop(self, capture: Capture) -> None:
        """See app.ports."""
        self._do(f"stop {capture.id}")

    async def mute(self, capture: Capture, *, muted: bool, since_s: float | None = None) -> None:
        """See app.ports."""
        self._do(f"mute {capture.id} {muted} {since_s}")

    def _do(self, what: str) -> None:
        if self.fail:
            raise Unavailable("down", "down")
        self.did.append(what)


async def test_a_measured_port_does_the_same_and_is_counted() -> None:
    metrics, ports = Metrics(), Ports()
    journal, recorder = MeasuredJournal(ports, metrics), MeasuredRecorder(ports, metrics)
    await journal.append(Entry(Step.INTENT, RECORDING))
    assert journal.live() == ()
    assert await recorder.start(CAPTURE, Rule.ALWAYS) == "0x1"
    await recorder.mute(CAPTURE, muted=True, since_s=1.0)
    await recorder.stop(CAPTURE)

    assert ports.did == [
        "append intent",
        "start c-1-1 always",
        "mute c-1-1 True 1.0",
        "stop c-1-1",
    ]
    assert value(metrics, "callrec_takes_total", result="started") == 1.0
    assert value(metrics, "callrec_journal_seconds_count") == 1.0


async def test_a_measured_port_fails_the_same_and_is_counted() -> None:
    metrics, ports = Metrics(), Ports(fail=True)
    with pytest.raises(Unavailable):
        await MeasuredRecorder(ports, metrics).start(CAPTURE, Rule.ALWAYS)
    with pytest.raises(Unavailable):
        await MeasuredJournal(ports, metrics).append(Entry(Step.INTENT, RECORDING))

    assert value(metrics, "callrec_takes_total", result="failed") == 1.0
    assert value(metrics, "callrec_journal_seconds_count") == 0.0
