"""The only module that imports everything: which adapter stands behind which port, and what starts and ends in which order.

Start: journal, spool and store; then the doors. End (SIGTERM, SIGINT, a terminal that closes): the doors close first; takes that
are being captured go on in Asterisk and are adopted by the next daemon; recordings that ended are stored as far as time allows,
the rest waits in the journal.
"""

import asyncio
import contextlib
import gc
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from callrec.adapters.asterisk.ami import AmiLink
from callrec.adapters.asterisk.announcer import AriAnnouncer
from callrec.adapters.asterisk.ari import AriLink
from callrec.adapters.asterisk.capture_notes import AstDbCaptureNotes
from callrec.adapters.asterisk.controls import AmiChannels, AmiLamps, AmiRecorder, AstDbMirror, AstDbWords
from callrec.adapters.asterisk.fastagi import AgiServer
from callrec.adapters.asterisk.link import LinkState
from callrec.adapters.asterisk.service_controls import AmiServices
from callrec.adapters.asterisk.spool_probe import SpoolProbe
from callrec.adapters.disk.journal import DiskJournal
from callrec.adapters.disk.monitor import MonitorLibrary
from callrec.adapters.disk.spool import DiskSpool
from callrec.adapters.media.encode import PyAvEncoder
from callrec.adapters.redis.directory import DirectoryFeed
from callrec.adapters.redis.store import RedisStore
from callrec.adapters.system import SystemClock, UlidIds, has_terminal
from callrec.adapters.user_files.processes import UserFileProcesses
from callrec.app import intake
from callrec.app.catching_up import CatchingUp
from callrec.app.engine import Engine
from callrec.app.homecoming import Homecoming
from callrec.app.lookups import Lookups
from callrec.app.mirroring import Mirroring
from callrec.app.services import Services
from callrec.app.spool_health import SpoolHealth
from callrec.app.star_codes import StarCodes
from callrec.app.store_watch import StoreWatch
from callrec.app.translation import WANTED
from callrec.config import Door, Settings, split_bind
from callrec.domain.errors import CallrecError
from callrec.domain.model import NodeId
from callrec.domain.policy import Limits, Terms
from callrec.domain.provisioning.directory import Party
from callrec.observe.health import Readiness
from callrec.observe.measured import MeasuredJournal, MeasuredRecorder
from callrec.observe.metrics import Metrics
from callrec.observe.observer import Observation
from callrec.protocols.ami import Message
from callrec.web.api import operations
from callrec.web.app import build_app, serve_http
from callrec.wiring_alive import Alive, keep_alive
from callrec.wiring_confgen import ConfKeeping, keep_conf
from callrec.wiring_folders import FolderLocks, folder_locks, watch_spool
from callrec.wiring_scripts import agi_door, scripts
from callrec.wiring_store import hold_store

DRAIN_S = 10.0
"""How long the end waits for recordings that are being stored."""
ARI_APP = "callrec"
MEND_CHECK_S = 2.0


@dataclass
class Daemon:
    """Everything that runs, joined. Made by `assemble`, run by `serve`."""

    settings: Settings
    observation: Observation
    readiness: Readiness
    metrics: Metrics
    store: RedisStore
    tables: DirectoryFeed
    store_watch: StoreWatch
    journal: DiskJournal
    spool: DiskSpool
    library: MonitorLibrary
    engine: Engine
    intake: intake.Intake
    homecoming: Homecoming
    mirroring: Mirroring
    ami: AmiLink
    ari: AriLink
    agi: AgiServer
    conf: ConfKeeping | None
    locks: FolderLocks
    spool_health: SpoolHealth
    alive: Alive


class _Endpoints:
    """Look-ups in the copy of the tables as it is at that moment."""

    def __init__(self, tables: DirectoryFeed) -> None:
        self._tables = tables

    def by_endpoint(self, name: str) -> Party | None:
        return self._tables.directory.by_endpoint(name)


class _Links:
    """The two links and what happens on them; made before the engine that they feed."""

    def __init__(self, settings: Settings, metrics: Metrics, stood_still: Callable[[], bool]) -> None:
        self.engine: Engine | None = None
        self.homecoming: Homecoming | None = None
        self._metrics = metrics
        ami, ari = Door(settings.ami_url, 5038), Door(settings.ari_url, 8088)
        self.ami = AmiLink(
            host=ami.host,
            port=ami.port,
            username=ami.username,
            secret=ami.secret,
            wanted_events=WANTED,
            on_event=self._on_ami,
            on_up=self._on_ami_up,
            on_down=self._on_ami_down,
            stood_still=stood_still,
        )
        self.ari = AriLink(
            base_url=ari.base.removesuffix("/ari"),
            username=ari.username,
            password=ari.secret,
            app=ARI_APP,
            wanted_events=(),
            on_event=_ignore,
            on_up=_nothing,
            on_down=lambda _reason: None,
        )

    def is_up(self) -> bool:
        """Whether Asterisk can be asked, and our calls are what it says they are."""
        return self.ami.state is LinkState.UP and self.homecoming is not None and self.homecoming.is_home

    def _on_ami(self, message: Message) -> None:
        self._metrics.ami_event(message.event)
        if message.event == "FullyBooted" and self.homecoming:
            self.homecoming.booted(message)
        elif self.engine:
            self.engine.asterisk(message)

    async def _on_ami_up(self) -> None:
        if self.homecoming:
            await self.homecoming.on_up()

    def _on_ami_down(self, _reason: str) -> None:
        if self.homecoming:
            self.homecoming.down()


async def _nothing() -> None:
    """ARI is used for tones: nothing is to be done when it comes up."""


async def _ignore(_event: object) -> None:
    """ARI's events are for announcements, which the link follows by itself."""


@asynccontextmanager
async def assemble(settings: Settings) -> AsyncIterator[Daemon]:
    """Join everything; nothing listens yet. Raises Misconfigured, Unavailable, Corrupt."""
    async with AsyncExitStack() as stack:
        metrics, readiness = Metrics(), Readiness()
        observation = Observation(metrics, personal=settings.log_personal)
        journal = DiskJournal(settings.state_dir / "journal")
        unfinished = journal.load()
        stack.push_async_callback(journal.close)
        spool, library = DiskSpool(settings.spool_dir), MonitorLibrary(settings.monitor_dir)
        spool.prepare()
        locks = stack.enter_context(folder_locks(settings))
        held = await stack.enter_async_context(hold_store(settings, observation, readiness))
        store, tables = held.store, held.tables
        alive = stack.enter_context(keep_alive(settings.spool_dir, readiness))
        links = _Links(settings, metrics, alive.heartbeat.stood_still)
        clock, node = SystemClock(), NodeId(settings.node)
        storing = intake.Intake(
            intake.Doors(journal, spool, library, PyAvEncoder(), store, store, observation),
            intake.Terms(settings.format, settings.names, settings.intake_workers),
        )
        health = SpoolHealth(spool, SpoolProbe(links.ami, links.ari, settings.spool_dir, ARI_APP), observation)
        lamps = AmiLamps(links.ami, lambda: tables.directory)
        engine = links.engine = Engine(
            node=node,
            terms=Terms(Limits(pause_s=settings.max_pause_s), settings.on_demand_overrides_always),
            clock=clock,
            ids=UlidIds(),
            journal=MeasuredJournal(journal, metrics),
            recorder=MeasuredRecorder(AmiRecorder(links.ami, spool), metrics),
            spool=spool,
            announcer=AriAnnouncer(links.ari, settings.confirm),
            lamps=lamps,
            observer=observation,
            endpoints=_Endpoints(tables),
            hand_over=storing.submit,
            link_is_up=links.is_up,
            spool_fault=health.failed,
        )
        catching_up = CatchingUp(AstDbWords(links.ami), store, tables, observation)
        mirror = AstDbMirror(links.ami, lambda: tables.directory, store.flag_set_ms)
        mirroring = Mirroring(
            tables, lamps, mirror, AmiServices(links.ami), observation, lit=engine.lit, catch_up=catching_up.catch_up
        )
        homecoming = links.homecoming = Homecoming(
            engine=engine,
            asking=AmiChannels(links.ami, links.ari),
            spool=spool,
            journal=journal,
            clock=clock,
            observer=observation,
            endpoints=_Endpoints(tables),
            node=node,
            unfinished=unfinished,
            hand_over=storing.submit,
            always_after=mirroring.everything,
            tables_known=tables.wait_fresh,
            notes=AstDbCaptureNotes(links.ami),
        )
        daemon_scripts = scripts(
            StarCodes(engine, store, tables), Services(store, tables, engine.served), Lookups(tables), metrics
        )
        agi = agi_door(daemon_scripts, engine, links.ami, metrics)
        daemon = Daemon(
            settings, observation, readiness, metrics, store, tables, held.watch, journal, spool, library, engine, storing,
            homecoming, mirroring, links.ami, links.ari, agi, keep_conf(settings, tables, observation, readiness), locks,
            health, alive,
        )  # fmt: skip
        _watch_health(daemon)
        yield daemon


def _watch_health(daemon: Daemon) -> None:
    """What has to be true for `/readyz`; each with its reason."""
    ready = daemon.readiness
    ready.add("ami", lambda: (daemon.ami.state is LinkState.UP, daemon.ami.state_reason))
    ready.add("ari", lambda: (daemon.ari.state is LinkState.UP, daemon.ari.state_reason))
    ready.add("spool", lambda: (not daemon.spool_health.trouble, daemon.spool_health.trouble))
    ready.add("monitor", lambda: (not daemon.intake.why_not, daemon.intake.why_not))
    ready.add("journal", lambda: (not daemon.journal.broken, daemon.journal.broken))
    ready.add(
        "resync", lambda: (daemon.homecoming.is_home, "the calls have not been compared with Asterisk's channels yet")
    )


async def serve(settings: Settings, token: str) -> None:
    """Run until SIGTERM, SIGINT, or until its terminal closes; `token` opens the API. Raises what keeps it from starting."""
    async with assemble(settings) as daemon:
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, ended.set)
        loop.add_signal_handler(signal.SIGHUP, ended.set if has_terminal() else daemon.observation.hangup_ignored)
        app = build_app(
            readiness=daemon.readiness,
            metrics=daemon.metrics,
            live=daemon.engine.live,
            token=token,
            hosts=(split_bind(settings.http_bind)[0], *settings.http_hosts),
            api=operations(daemon.store, daemon.tables, UserFileProcesses(daemon.store.address)),
            node=settings.node,
        )
        runner, http_port = await serve_http(app, *split_bind(settings.http_bind))
        agi_host, agi_port = await daemon.agi.start(*split_bind(settings.agi_bind))
        daemon.observation.started(settings.shown(), http=http_port, agi=f"{agi_host}:{agi_port}")
        try:
            async with asyncio.TaskGroup() as tasks:
                running = [tasks.create_task(work) for work in _tasks(daemon)]
                await asyncio.sleep(0)  # the engine's task group is open before the first event
                daemon.homecoming.begin()
                gc.freeze()  # what lives as long as the daemon is no garbage: a full collection took 12 ms of the loop with it
                daemon.alive.manager.ready()
                await ended.wait()
                daemon.alive.manager.stopping()
                await daemon.agi.close()
                await _drain(daemon)
                for task in running:
                    task.cancel()
        finally:
            await daemon.agi.close()
            await runner.cleanup()
        daemon.observation.ended()


def _tasks(daemon: Daemon) -> Sequence[Coroutine[None, None, None]]:
    return (
        daemon.alive.heartbeat.run(),
        daemon.engine.run(),
        daemon.intake.run(),
        daemon.homecoming.run(),
        daemon.mirroring.run(),
        watch_spool(daemon.spool, daemon.locks.spool, daemon.homecoming.spool_event, daemon.observation),
        daemon.spool_health.run(),
        daemon.observation.run(daemon.store.publish),
        daemon.metrics.watch_loop(),
        _mend_index(daemon),
        daemon.store_watch.run(),
        _mend_journal(daemon),
        daemon.ami.run(),
        daemon.ari.run(),
        *(daemon.conf.tasks() if daemon.conf else ()),
    )


async def _mend_journal(daemon: Daemon) -> None:
    """After a failed write (a full disk), go on as soon as the disk takes entries again."""
    while True:
        await asyncio.sleep(MEND_CHECK_S)
        if daemon.journal.broken:
            with contextlib.suppress(CallrecError):  # readiness says why, until it succeeds
                await daemon.journal.reopen()


async def _mend_index(daemon: Daemon) -> None:
    """What was stored while Redis was away reaches the index as soon as it is back."""
    while True:
        await asyncio.sleep(MEND_CHECK_S)
        if daemon.intake.index_is_behind and daemon.tables.fresh:
            daemon.intake.catch_up()


async def _drain(daemon: Daemon) -> None:
    with contextlib.suppress(TimeoutError):  # what is left is in the journal
        async with asyncio.timeout(DRAIN_S):
            await daemon.intake.idle()
