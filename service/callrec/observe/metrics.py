"""Metrics, in their own registry. The values of each label are listed here; any other value becomes `other`, so that text from
outside cannot create a series.
"""

import asyncio
import time
from collections import Counter as Tally
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from callrec import __version__
from callrec.app.calls.ami_events import WANTED
from callrec.domain.calls.session import Session, State
from callrec.domain.library.erasure import Cause
from callrec.domain.library.manifest import StoredState
from callrec.domain.vocabulary import AgiScript, AlarmCause, CallFact, DropReason, Outcome
from callrec.domain.webhooks.model import Result
from callrec.observe.health import Readiness

OTHER: Final = "other"
CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
BEAT_S: Final = 0.1
"""How often the loop's lag is measured."""

SCRIPTS: Final = frozenset({*(script.value for script in AgiScript), "none"})
"""Label `script`; `none` is a connection that named no script."""
DIALOGUES: Final = frozenset(
    {"answered", "refused", "unavailable", "pending", "unknown-script", "unheard", "corrupt", "silent", "full"}
)
"""Label `outcome` of a dialogue: `adapters.asterisk.fastagi.DialogueEnd`."""
PRESSES: Final = frozenset(outcome.value for outcome in Outcome)
"""Label `outcome` of a press: `domain.vocabulary.Outcome`."""
ALWAYS: Final = frozenset({"on", "off", "refused", "unknown", "deactivated", "unavailable", "unconfirmed"})
"""Label `result` of always-record: the answer to the caller."""
SERVICES: Final = frozenset(
    {
        *("done", "number-wanted", "empty", "foreign", "refused"),
        *("unknown", "deactivated", "unavailable", "unconfirmed"),
    }
)
"""Label `result` of the other services: `app.dialplan.service_codes`."""
FACTS: Final = frozenset(fact.value for fact in CallFact)
"""Label `fact`: the kind of a call's fact."""
DROPPED: Final = frozenset(reason.value for reason in DropReason)
"""Label `what`: the reason why something was dropped."""
CAUSES: Final = {cause.value: cause.label for cause in AlarmCause}
"""Label `cause` of an alarm, by the text before the first colon; the text after it (a code) is only in the log."""
_INTAKE: Final = ("stored", "delayed", "unindexed", "damaged", "refused", "overflowed")
_QUICK_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.45, 1.0, 2.5, 5.0)
_LONG_S: Final = (0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)


def known(value: str, values: Iterable[str]) -> str:
    """The value when it is one of these, else `other`."""
    return value if value in values else OTHER


class Metrics:
    """All metrics of one daemon. Every method is quick and never raises."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        build = Gauge("callrec_build", "1, with the version", ["version"], registry=self.registry)
        build.labels(__version__).set(1)

        def counter(name: str, help_text: str, *labels: str) -> Counter:
            return Counter(name, help_text, labels, registry=self.registry)

        def seconds(name: str, help_text: str, buckets: Sequence[float], *labels: str) -> Histogram:
            return Histogram(name, help_text, labels, buckets=buckets, registry=self.registry)

        self._ami_events = counter("callrec_ami_events_total", "AMI events received", "event")
        self._dialogues = counter("callrec_agi_dialogues_total", "FastAGI connections", "script", "outcome")
        self._dialogue_s = seconds("callrec_agi_seconds", "Time from a FastAGI request to its end", _QUICK_S, "script")
        self._presses = counter("callrec_presses_total", "Presses for on-demand recording, by outcome", "outcome")
        self._always = counter("callrec_always_record_total", "Calls to the always-record code, by result", "result")
        self._services = counter("callrec_services_total", "Uses of other feature codes and keys, by result", "result")
        self._facts = counter("callrec_facts_total", "Facts of calls, by kind", "fact")
        self._alarms = counter("callrec_alarms_total", "Alarms for the operator, by cause", "cause")
        self._dropped = counter("callrec_dropped_total", "Things dropped at a limit, by reason", "what")
        self._defects = counter("callrec_defects_total", "Unexpected exceptions (defects)")
        self._captures = counter("callrec_takes_total", "Captures requested from Asterisk, by result", "result")
        self._intake = counter("callrec_intake_total", "Finalizing of recordings, by outcome", "outcome")
        self._stored = counter("callrec_recordings_stored_total", "Recordings in the library, by state", "state")
        self._erased = counter("callrec_recordings_erased_total", "Recordings that were erased, by cause", "cause")
        self._store_s = seconds("callrec_intake_seconds", "Time from a recording's end to the library", _LONG_S)
        self._journal_s = seconds("callrec_journal_seconds", "Time until a journal entry is on disk", _QUICK_S)
        self._lag_s = seconds("callrec_loop_lag_seconds", "Lag of the event loop", _QUICK_S)
        self._webhooks = counter("callrec_webhook_attempts_total", "Attempts to deliver an event, by result", "result")
        self._begin_at_zero()

    def _begin_at_zero(self) -> None:
        """Start counters at 0: Prometheus sees the first increase only when the series existed before."""
        for counter, values in (
            (self._presses, PRESSES),
            (self._captures, ("started", "failed")),
            (self._intake, _INTAKE),
            (self._stored, [state.value for state in StoredState]),
            (self._erased, [cause.value for cause in Cause]),
            (self._dropped, DROPPED),
            (self._webhooks, [result.value for result in Result]),
        ):
            for value in values:
                counter.labels(value)

    def ami_event(self, event: str) -> None:
        """An AMI event was received."""
        self._ami_events.labels(known(event, WANTED)).inc()

    def agi(self, script: str, outcome: str, seconds: float) -> None:
        """A FastAGI dialogue ended (`fastagi.OnOutcome`)."""
        name = known(script or "none", SCRIPTS)
        self._dialogues.labels(name, known(str(outcome), DIALOGUES)).inc()
        self._dialogue_s.labels(name).observe(seconds)

    def pressed(self, outcome: str) -> None:
        """A user pressed the code for on-demand recording; `outcome` was the answer."""
        self._presses.labels(known(outcome, PRESSES)).inc()

    def always_record(self, result: str) -> None:
        """A user dialled the always-record code; `result` was the answer."""
        self._always.labels(known(result, ALWAYS)).inc()

    def service(self, result: str) -> None:
        """A user dialled another feature code, or pressed its key; `result` was the answer."""
        self._services.labels(known(result, SERVICES)).inc()

    def fact(self, fact: str) -> None:
        """A call reported a fact."""
        self._facts.labels(known(fact, FACTS)).inc()

    def alarm(self, cause: str) -> None:
        """An alarm for the operator."""
        self._alarms.labels(CAUSES.get(cause.partition(":")[0], OTHER)).inc()

    def dropped(self, what: DropReason) -> None:
        """Something was dropped at a limit."""
        self._dropped.labels(known(what, DROPPED)).inc()

    def webhook(self, result: Result) -> None:
        """An event was sent to a webhook, or could not be."""
        self._webhooks.labels(result.value).inc()

    def defect(self) -> None:
        """An unexpected exception was caught at a task boundary."""
        self._defects.inc()

    def capture(self, *, started: bool) -> None:
        """Asterisk was asked to start a capture."""
        self._captures.labels("started" if started else "failed").inc()

    def intake(self, outcome: str) -> None:
        """Finalizing a recording had this outcome."""
        self._intake.labels(known(outcome, _INTAKE)).inc()

    def stored(self, state: StoredState, ended_s: float | None) -> None:
        """A recording that ended at `ended_s` (Unix time) is in the library now."""
        self._stored.labels(state.value).inc()
        if ended_s is not None:
            self._store_s.observe(max(0.0, time.time() - ended_s))

    def erased(self, cause: str, recordings: int) -> None:
        """So many recordings were erased for this cause."""
        self._erased.labels(cause).inc(recordings)

    def journal(self, seconds: float) -> None:
        """Writing a journal entry to disk took so many seconds."""
        self._journal_s.observe(seconds)

    def show(self, readiness: Readiness, live: Callable[[], Sequence[Session]]) -> None:
        """Add the gauges of readiness and live calls. Call it once."""
        self.registry.register(_Now(readiness, live))

    async def watch_loop(self) -> None:
        """Measure the lag of this loop until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due_s = loop.time() + BEAT_S
            await asyncio.sleep(BEAT_S)
            self._lag_s.observe(max(0.0, loop.time() - due_s))

    def text(self) -> bytes:
        """Everything, as `/metrics` shows it."""
        return generate_latest(self.registry)


class _Now(Collector):
    """The gauges that are computed at each scrape."""

    def __init__(self, readiness: Readiness, live: Callable[[], Sequence[Session]]) -> None:
        self._readiness, self._live = readiness, live

    def collect(self) -> Iterator[Metric]:
        """The metric families with their current values."""
        ready = GaugeMetricFamily("callrec_ready", "1 for each check of /readyz that passes", labels=["check"])
        for checked in self._readiness.look():
            ready.add_metric([checked.name], float(checked.ok))
        yield ready
        sessions = self._live()
        yield GaugeMetricFamily("callrec_calls", "Live calls", value=len(sessions))
        states = Tally(session.state for session in sessions)
        by_state = GaugeMetricFamily(
            "callrec_calls_by_state", "Live calls, by the state of their recording", labels=["state"]
        )
        for state in State:
            by_state.add_metric([state.value], states[state])
        yield by_state
