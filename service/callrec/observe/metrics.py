"""Metrics, in a registry of their own. Each label's values are listed here, where it is declared; any other value becomes
`other`, so that no text from outside can make a series.
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
from callrec.app.translation import WANTED
from callrec.domain.lifecycle import State as Stored
from callrec.domain.messages import Outcome
from callrec.domain.session import Session
from callrec.domain.toggle import State
from callrec.domain.vocabulary import AgiScript, AlarmCause, CallFact, DropReason
from callrec.observe.health import Readiness

OTHER: Final = "other"
CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
BEAT_S: Final = 0.1
"""How often the loop's lag is measured."""

SCRIPTS: Final = frozenset({*(script.value for script in AgiScript), "none"})
"""Label `script`; `none` is a connection that never named one."""
DIALOGUES: Final = frozenset(
    {"answered", "refused", "unavailable", "pending", "unknown-script", "unheard", "corrupt", "silent", "full"}
)
"""Label `outcome` of a dialogue: `adapters.asterisk.fastagi.Outcome`."""
PRESSES: Final = frozenset(outcome.value for outcome in Outcome)
"""Label `outcome` of a press: `domain.messages.Outcome`."""
ALWAYS: Final = frozenset({"on", "off", "refused", "unknown", "deactivated", "unavailable", "unconfirmed"})
"""Label `result` of always-record: what the caller was told."""
SERVICES: Final = frozenset(
    {
        *("done", "number-wanted", "empty", "foreign", "refused"),
        *("unknown", "deactivated", "unavailable", "unconfirmed"),
    }
)
"""Label `result` of the other services: `app.services`."""
FACTS: Final = frozenset(fact.value for fact in CallFact)
"""Label `fact`: what a call told."""
DROPPED: Final = frozenset(reason.value for reason in DropReason)
"""Label `what`."""
CAUSES: Final = {cause.value: cause.label for cause in AlarmCause}
"""Label `cause` of an alarm, by its words up to the first colon; what follows (a code) is in the log."""
_INTAKE: Final = ("stored", "delayed", "unindexed", "damaged", "refused", "overflowed")
_QUICK_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.45, 1.0, 2.5, 5.0)
_LONG_S: Final = (0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)


def known(value: str, values: Iterable[str]) -> str:
    """The value when it is one of these, else `other`."""
    return value if value in values else OTHER


class Metrics:
    """All metrics of one daemon. Every method is quick and never raises."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        Gauge("callrec_build", "1, with the version", ["version"], registry=registry).labels(__version__).set(1)
        self._ami_events = Counter(
            "callrec_ami_events_total", "Manager events that reached us", ["event"], registry=registry
        )
        self._dialogues = Counter(
            "callrec_agi_dialogues_total", "FastAGI connections", ["script", "outcome"], registry=registry
        )
        self._dialogue_s = Histogram(
            "callrec_agi_seconds", "From the request to its end", ["script"], buckets=_QUICK_S, registry=registry
        )
        self._presses = Counter(
            "callrec_presses_total",
            "What those who pressed for online recording were told",
            ["outcome"],
            registry=registry,
        )
        self._always = Counter(
            "callrec_always_record_total", "What callers of always-record were told", ["result"], registry=registry
        )
        self._services = Counter(
            "callrec_services_total",
            "What callers of the other feature codes and keys were told",
            ["result"],
            registry=registry,
        )
        self._facts = Counter("callrec_facts_total", "What calls told", ["fact"], registry=registry)
        self._alarms = Counter("callrec_alarms_total", "What an operator must see", ["cause"], registry=registry)
        self._dropped = Counter("callrec_dropped_total", "Thrown away at a bound", ["what"], registry=registry)
        self._defects = Counter("callrec_defects_total", "Exceptions that nobody expected", registry=registry)
        self._takes = Counter(
            "callrec_takes_total", "Takes asked of Asterisk: started, failed", ["result"], registry=registry
        )
        self._intake = Counter(
            "callrec_intake_total", f"Steps of intake: {', '.join(_INTAKE)}", ["outcome"], registry=registry
        )
        self._stored = Counter(
            "callrec_recordings_stored_total", "Recordings in the library, by state", ["state"], registry=registry
        )
        self._store_s = Histogram(
            "callrec_intake_seconds", "From a recording's end to its file", buckets=_LONG_S, registry=registry
        )
        self._journal_s = Histogram(
            "callrec_journal_seconds", "Until a journal entry is on disk", buckets=_QUICK_S, registry=registry
        )
        self._lag_s = Histogram(
            "callrec_loop_lag_seconds", "How late the event loop is", buckets=_QUICK_S, registry=registry
        )
        self._begin_at_zero()

    def _begin_at_zero(self) -> None:
        """A counter that has not happened yet is 0, not absent: only then its first step is seen as a step."""
        for counter, values in (
            (self._presses, PRESSES),
            (self._takes, ("started", "failed")),
            (self._intake, _INTAKE),
            (self._stored, [state.value for state in Stored]),
            (self._dropped, DROPPED),
        ):
            for value in values:
                counter.labels(value)

    def ami_event(self, event: str) -> None:
        """A manager event came."""
        self._ami_events.labels(known(event, WANTED)).inc()

    def agi(self, script: str, outcome: str, seconds: float) -> None:
        """A FastAGI dialogue ended (`fastagi.OnOutcome`)."""
        name = known(script or "none", SCRIPTS)
        self._dialogues.labels(name, known(str(outcome), DIALOGUES)).inc()
        self._dialogue_s.labels(name).observe(seconds)

    def pressed(self, outcome: str) -> None:
        """Somebody pressed for online recording and was told this."""
        self._presses.labels(known(outcome, PRESSES)).inc()

    def always_record(self, result: str) -> None:
        """Somebody dialled the code for always-record and was told this."""
        self._always.labels(known(result, ALWAYS)).inc()

    def service(self, result: str) -> None:
        """Somebody dialled another feature code, or pressed its key, and was told this."""
        self._services.labels(known(result, SERVICES)).inc()

    def fact(self, fact: str) -> None:
        """A call told a fact."""
        self._facts.labels(known(fact, FACTS)).inc()

    def alarm(self, cause: str) -> None:
        """An operator must see something."""
        self._alarms.labels(CAUSES.get(cause.partition(":")[0], OTHER)).inc()

    def dropped(self, what: DropReason) -> None:
        """Something was thrown away at a bound."""
        self._dropped.labels(known(what, DROPPED)).inc()

    def defect(self) -> None:
        """An exception that nobody expected."""
        self._defects.inc()

    def take(self, *, started: bool) -> None:
        """Asterisk was asked for a take."""
        self._takes.labels("started" if started else "failed").inc()

    def intake(self, outcome: str) -> None:
        """Intake did or could not do something."""
        self._intake.labels(known(outcome, _INTAKE)).inc()

    def stored(self, state: Stored, ended_s: float | None) -> None:
        """A recording that ended at this Unix time is in the library."""
        self._stored.labels(state.value).inc()
        if ended_s is not None:
            self._store_s.observe(max(0.0, time.time() - ended_s))

    def journal(self, seconds: float) -> None:
        """A journal entry is on disk after so long."""
        self._journal_s.observe(seconds)

    def gauge(self, name: str, text: str, value: Callable[[], float]) -> None:
        """A number that is asked for at each scrape: `intake_waiting` becomes `callrec_intake_waiting`. Once per name."""
        Gauge(f"callrec_{name}", text, registry=self.registry).set_function(value)

    def show(self, readiness: Readiness, live: Callable[[], Sequence[Session]]) -> None:
        """Ask these at each scrape, too. Once."""
        self.registry.register(_Now(readiness, live))

    async def watch_loop(self) -> None:
        """Measure for ever how late this loop is."""
        loop = asyncio.get_running_loop()
        while True:
            due_s = loop.time() + BEAT_S
            await asyncio.sleep(BEAT_S)
            self._lag_s.observe(max(0.0, loop.time() - due_s))

    def text(self) -> bytes:
        """Everything, as `/metrics` shows it."""
        return generate_latest(self.registry)


class _Now(Collector):
    """What is true at the moment of a scrape."""

    def __init__(self, readiness: Readiness, live: Callable[[], Sequence[Session]]) -> None:
        self._readiness, self._live = readiness, live

    def collect(self) -> Iterator[Metric]:
        """The families of this moment."""
        ready = GaugeMetricFamily("callrec_ready", "1 for each check of /readyz that is well", labels=["check"])
        for checked in self._readiness.look():
            ready.add_metric([checked.name], float(checked.ok))
        yield ready
        sessions = self._live()
        yield GaugeMetricFamily("callrec_calls", "Live calls", value=len(sessions))
        states = Tally(session.state for session in sessions)
        by_state = GaugeMetricFamily(
            "callrec_calls_by_state", "Live calls by what their recording does", labels=["state"]
        )
        for state in State:
            by_state.add_metric([state.value], states[state])
        yield by_state
