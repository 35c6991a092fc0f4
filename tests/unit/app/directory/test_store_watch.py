"""What readiness says of a store that takes no changes, in virtual time."""

import asyncio
from dataclasses import dataclass, field

from callrec.app.directory.store_watch import LOOK_S, StoreWatch
from callrec.domain.errors import CallrecError, Misconfigured, Unavailable
from callrec_lab.simulated_asterisk import Heard, virtual

REFUSED = Unavailable("store-read-only", "takes no changes now: READONLY")


@dataclass
class Store:
    """It refuses while there is a `fault`."""

    fault: CallrecError | None = None
    asked: int = 0
    heard: Heard = field(default_factory=Heard)

    async def probe(self) -> None:
        """See RedisStore."""
        self.asked += 1
        if self.fault:
            raise self.fault


@virtual
async def test_a_store_that_takes_no_changes_is_unready_and_an_alarm_once_until_it_does_again() -> None:
    store = Store()
    watch = StoreWatch(store.probe, store.heard)
    assert "not checked yet" in watch.why_not
    task = asyncio.create_task(watch.run())
    await asyncio.sleep(0.1)
    assert watch.why_not == ""
    for _ in range(2):
        store.fault = REFUSED
        await asyncio.sleep(5 * LOOK_S)
        assert watch.why_not == "takes no changes now: READONLY"
        store.fault = None
        await asyncio.sleep(LOOK_S)
        assert watch.why_not == ""
    store.fault = Misconfigured("store-login", "does not allow changes", hint="see CALLREC_REDIS_URL")
    await asyncio.sleep(LOOK_S)
    assert watch.why_not == "does not allow changes (see CALLREC_REDIS_URL)"
    assert store.heard.alarms == ["store: store-read-only", "store: store-read-only", "store: store-login"]
    task.cancel()
    await asyncio.wait([task])


@virtual
async def test_a_store_that_is_away_is_unready_and_its_tables_say_it() -> None:
    store = Store(Unavailable("store-unavailable", "does not answer", hint="is it running?"))
    watch = StoreWatch(store.probe, store.heard)
    task = asyncio.create_task(watch.run())
    await asyncio.sleep(3 * LOOK_S)
    assert (watch.why_not, store.heard.alarms) == ("does not answer (is it running?)", [])
    assert store.asked >= 3
    task.cancel()
    await asyncio.wait([task])
