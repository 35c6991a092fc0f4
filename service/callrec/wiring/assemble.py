"""Constructs all parts of the daemon; `callrec.daemon` runs them."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from callrec.adapters.asterisk.ami import AmiLink
from callrec.adapters.asterisk.ami_requests import (
    AmiChannels,
    AmiDeviceStates,
    AstDbFallbackChanges,
    AstDbMirror,
)
from callrec.adapters.asterisk.announcer import AriAnnouncer
from callrec.adapters.asterisk.application_bridges import AriApplicationBridges
from callrec.adapters.asterisk.ari import AriLink
from callrec.adapters.asterisk.capture_notes import AstDbCaptureNotes
from callrec.adapters.asterisk.channel_variables import ChannelVariables
from callrec.adapters.asterisk.codecs import AriCodecs
from callrec.adapters.asterisk.fastagi import AgiServer
from callrec.adapters.asterisk.leg_flow import AmiLegFlow
from callrec.adapters.asterisk.leg_notes import AmiLegNotes
from callrec.adapters.asterisk.leg_status import AmiLegStatus
from callrec.adapters.asterisk.link import LinkState
from callrec.adapters.asterisk.recorder import AmiRecorder
from callrec.adapters.asterisk.service_controls import AmiServices
from callrec.adapters.asterisk.spool_probe import SpoolProbe
from callrec.adapters.audit.log import DiskAuditLog
from callrec.adapters.audit.time_stamping import TimeStamping
from callrec.adapters.disk.journal import DiskJournal
from callrec.adapters.disk.monitor_directory import MonitorLibrary
from callrec.adapters.disk.spool import DiskSpool
from callrec.adapters.media.encode import PyAvEncoder
from callrec.adapters.redis.directory import DirectoryFeed
from callrec.adapters.redis.store import RedisStore
from callrec.adapters.system import SystemClock, UlidIds
from callrec.app.access.audit_log.paced_audit import PacedAudit
from callrec.app.asterisk.astdb_sync import AstDbSync
from callrec.app.asterisk.prompts import Prompts
from callrec.app.asterisk.spool_health import SpoolHealth
from callrec.app.asterisk.user_events import UserEvents
from callrec.app.background import Background
from callrec.app.calls.ami_events import WANTED
from callrec.app.calls.application_presses import ApplicationPresses
from callrec.app.calls.call_router import CallRouter
from callrec.app.calls.capture_files.file_watch import FileWatch
from callrec.app.calls.capture_files.spool_router import SpoolRouter
from callrec.app.calls.legs.digit_legs import DigitLegs
from callrec.app.calls.worker import CallPorts
from callrec.app.dialplan.lookups import Lookups
from callrec.app.dialplan.recording_codes import RecordingCodes
from callrec.app.dialplan.service_codes import Services
from callrec.app.directory.store_watch import StoreWatch
from callrec.app.events.hub import EventHub
from callrec.app.library.encryption.key_watch import EncryptionWatch
from callrec.app.library.finalize import finalizer as finalize
from callrec.app.library.media.stored_media import StoredMedia
from callrec.app.ports.asterisk import DeviceStates
from callrec.app.recovery.fallback_changes import FallbackChanges
from callrec.app.recovery.resync import Resync
from callrec.app.recovery.state import RecoveryPorts, RecoveryState
from callrec.config import Settings
from callrec.domain.calls.announcements.spoken_status import spoken_of_calls
from callrec.domain.calls.ids import LegId, NodeId
from callrec.domain.calls.policy import Limits, Terms
from callrec.domain.directory.directory import Party
from callrec.domain.directory.model import Feature, FeatureCode
from callrec.domain.rules import PlaceKind, PlaceRule
from callrec.observe.health import Readiness
from callrec.observe.measured import MeasuredJournal, MeasuredRecorder
from callrec.observe.metrics import Metrics
from callrec.observe.observer import Observation
from callrec.protocols.ami import Message
from callrec.protocols.ari import AriEvent
from callrec.wiring.access import Access, keep_access
from callrec.wiring.audit import keep_audit, time_stamping
from callrec.wiring.catalogue import HeldCatalogue, hold_catalogue
from callrec.wiring.config_files import ConfKeeping, keep_conf
from callrec.wiring.encryption import contents_of, library_of, master_keys, watch_keys
from callrec.wiring.erasure import traces
from callrec.wiring.events import Webhooks, event_hub, keep_webhooks
from callrec.wiring.folders import FolderLocks, folder_locks
from callrec.wiring.heartbeat import Alive, keep_alive
from callrec.wiring.links import ami_link, ari_link
from callrec.wiring.media import FOLDER, Around, stored_media
from callrec.wiring.prompts import prompts_of
from callrec.wiring.scripts import agi_server, scripts, with_own_prompts
from callrec.wiring.store import hold_store
from callrec.wiring.user_events import marking, user_events_of

ARI_APP = "callrec"


@dataclass(frozen=True, slots=True)
class Outside:
    """Disk, store, links to Asterisk, logs and metrics: everything that the use cases work with."""

    settings: Settings
    observation: Observation
    metrics: Metrics
    readiness: Readiness
    journal: DiskJournal
    audit: DiskAuditLog
    stamping: TimeStamping | None
    recovery: RecoveryState
    spool: DiskSpool
    library: MonitorLibrary
    locks: FolderLocks
    store: RedisStore
    tables: DirectoryFeed
    store_watch: StoreWatch
    of_recordings: HeldCatalogue
    events: EventHub
    webhooks: Webhooks
    access: Access
    alive: Alive
    ami: AmiLink
    ari: AriLink
    codecs: AriCodecs
    stored: StoredMedia
    prompts: Prompts
    encryption: EncryptionWatch | None

    def by_endpoint(self, name: str) -> Party | None:
        """The user of this endpoint, in the current copy of the tables."""
        return self.tables.directory.by_endpoint(name)

    def language_at(self, context: str, exten: str) -> str:
        """The language of this incoming number, in the current copy of the tables."""
        return self.tables.directory.language_at(context, exten)

    def rules_at(self, context: str, exten: str) -> tuple[PlaceRule, ...]:
        """What is said of calls that come in there, in the current copy of the tables."""
        return self.tables.directory.rules_at(context, exten)

    def has_rules_at(self) -> bool:
        """Whether any number or context has a rule, in the current copy of the tables."""
        return self.tables.directory.has_rules_at()

    def rule_of(self, kind: PlaceKind, name: str) -> PlaceRule | None:
        """What is said of calls at this place, in the current copy of the tables."""
        return self.tables.directory.rule_of(kind, name)

    def has_rule_of(self, *kinds: PlaceKind) -> bool:
        """Whether any place of these kinds has a rule, in the current copy of the tables."""
        return self.tables.directory.has_rule_of(*kinds)


@dataclass(frozen=True, slots=True)
class Daemon:
    """All parts of the daemon. `assemble` constructs it, `callrec.daemon` runs it."""

    outside: Outside
    spool_health: SpoolHealth
    finalizer: finalize.Finalizer
    call_router: CallRouter
    spool_router: SpoolRouter
    astdb_sync: AstDbSync
    resync: Resync
    agi: AgiServer
    config_sync: ConfKeeping | None
    user_events: UserEvents | None


@asynccontextmanager
async def assemble(settings: Settings) -> AsyncIterator[Daemon]:
    """Construct all parts of the daemon; no port is open yet. Raises Misconfigured, Unavailable, Corrupt."""
    async with AsyncExitStack() as stack:
        out = await _outside(settings, stack)
        health = SpoolHealth(out.spool, SpoolProbe(out.ami, out.ari, settings.spool_dir, ARI_APP), out.observation)
        finalizer = _finalizer(out)
        background = Background(out.observation)
        digits = DigitLegs(AriApplicationBridges(out.ari, ARI_APP), background)
        ports = _call_ports(out, finalizer, health, background, digits)
        call_router = CallRouter(
            ports, node=NodeId(settings.node), terms=_terms(settings), ids=UlidIds(), endpoints=out
        )
        astdb_sync = _astdb_sync(out, call_router, ports.device_states)

        def is_resynced() -> None:
            out.alive.heartbeat.beat_soon()
            astdb_sync.everything()

        resync = Resync(_recovery_ports(out, ports), out.recovery, call_router, ports.background, after=is_resynced)
        spool_router = SpoolRouter(
            ports.files,
            orphan_closed=resync.orphans.closed,
            fallback_created=resync.fallback_created,
            fallback_closed=resync.fallback.closed,
        )
        codes = RecordingCodes(call_router, out.store, out.tables, out.codecs)
        out.alive.heartbeat.mark_only_while(codes.is_able)
        _subscribe(out, call_router, resync, _application_presses(out, ports, call_router, codes, digits), digits)
        config_sync = keep_conf(settings, out.tables, out.observation, out.readiness)
        agi = _agi_server(out, call_router, codes)
        user_events = user_events_of(settings, out.tables, out.ami, out.observation)
        daemon = Daemon(
            out, health, finalizer, call_router, spool_router, astdb_sync, resync, agi, config_sync, user_events
        )
        _watch_health(daemon)
        yield daemon


def _terms(settings: Settings) -> Terms:
    return Terms(
        Limits(pause_s=settings.pause_max_s, announce_s=settings.announce_max_s),
        settings.on_demand_overrides_always,
        settings.follow,
        settings.record_applications,
        settings.confirm,
        settings.tracks,
        settings.announce,
        beep_s=settings.beep_s,
        opt_out=bool(settings.opt_out_digit),
    )


async def _outside(settings: Settings, stack: AsyncExitStack) -> Outside:
    metrics, readiness = Metrics(), Readiness()
    observation = Observation(metrics, personal=settings.log_personal)
    journal = DiskJournal(settings.state_dir / "journal")
    unfinished = journal.load()
    stack.push_async_callback(journal.close)
    spool, masters = DiskSpool(settings.spool_dir), master_keys(settings)
    library = library_of(settings, masters)
    spool.prepare()
    locks = stack.enter_context(folder_locks(settings))
    audit, stamping = await keep_audit(settings, readiness, stack), time_stamping(settings, observation, readiness)
    held = await stack.enter_async_context(hold_store(settings, observation, readiness))
    catalogue = await stack.enter_async_context(hold_catalogue(settings, library, held.store, observation, readiness))
    events = await event_hub(held.store.address, observation, stack)
    webhooks = await keep_webhooks(settings, held.store.address, observation, metrics, stack)
    paced = PacedAudit(audit)
    stack.push_async_callback(paced.close)
    access = keep_access(held.store.address, held.tables, paced, stack)
    alive = stack.enter_context(keep_alive(settings.spool_dir, readiness))
    recovery = RecoveryState(unfinished, events_missed_since_s=alive.former_s, finished=tuple(journal.finished))
    ami = ami_link(settings, wanted_events=WANTED, stood_still=alive.heartbeat.stood_still)
    ari = ari_link(settings, ARI_APP)
    places = await traces(held.store.address, audit, journal, spool, webhooks.outbox, stack)
    ports = Around(
        *(catalogue.catalogue, library, paced, held.store, observation, access.link_makers.may_share),
        *(lambda: {entry.recording.id for entry in journal.live()}, places, contents_of(library, settings, FOLDER)),
    )
    stored = await asyncio.to_thread(stored_media, settings, ports)
    return Outside(
        settings, observation, metrics, readiness, journal, audit, stamping, recovery, spool, library, locks,
        held.store, held.tables, held.watch, catalogue, events, webhooks, access, alive, ami, ari,
        AriCodecs(ari, time.monotonic), stored, prompts_of(settings), watch_keys(masters, observation, readiness),
    )  # fmt: skip


def _finalizer(out: Outside) -> finalize.Finalizer:
    return finalize.Finalizer(
        finalize.Ports(
            out.journal,
            out.spool,
            out.library,
            PyAvEncoder(out.library.contents),
            out.of_recordings.catalogue,
            out.store,
            out.observation,
            out.audit,
        ),
        finalize.Terms(out.settings.format, out.settings.names, out.settings.intake_workers),
    )


def _call_ports(
    out: Outside, finalizer: finalize.Finalizer, health: SpoolHealth, background: Background, digits: DigitLegs
) -> CallPorts:
    clock, variables = SystemClock(), ChannelVariables(out.ami)
    return CallPorts(
        clock=clock,
        journal=MeasuredJournal(out.journal, out.metrics),
        recorder=MeasuredRecorder(AmiRecorder(out.ami, out.spool, variables), out.metrics),
        leg_notes=AmiLegNotes(variables),
        leg_status=AmiLegStatus(variables, out.codecs),
        spool=out.spool,
        announcer=AriAnnouncer(out.ari, AmiLegFlow(out.ami), own=out.prompts.played),
        device_states=AmiDeviceStates(out.ami, lambda: out.tables.directory),
        observer=marking(out.settings, out.ami, background, out.observation),
        files=FileWatch(out.spool, clock, health.failed),
        background=background,
        link_is_up=lambda: out.ami.state is LinkState.UP and out.recovery.is_resynced,
        hand_over=finalizer.submit,
        listen_for_digits=digits.listen,
    )


def _astdb_sync(out: Outside, call_router: CallRouter, device_states: DeviceStates) -> AstDbSync:
    fallback_changes = FallbackChanges(AstDbFallbackChanges(out.ami), out.store, out.tables, out.observation)
    return AstDbSync(
        out.tables,
        device_states,
        AstDbMirror(out.ami, lambda: out.tables.directory, out.store.flag_set_ms),
        AmiServices(out.ami),
        out.observation,
        lit=call_router.lit,
        blinking=call_router.blinking,
        apply_changes=fallback_changes.apply,
    )


def _recovery_ports(out: Outside, ports: CallPorts) -> RecoveryPorts:
    return RecoveryPorts(
        node=NodeId(out.settings.node),
        clock=ports.clock,
        journal=out.journal,
        spool=out.spool,
        recorder=ports.recorder,
        leg_notes=ports.leg_notes,
        leg_status=ports.leg_status,
        channels=AmiChannels(out.ami, out.ari),
        notes=AstDbCaptureNotes(out.ami),
        endpoints=out,
        observer=out.observation,
        tables_known=out.tables.wait_fresh,
        hand_over=ports.hand_over,
        may_opt_out=bool(out.settings.opt_out_digit),
    )


def _subscribe(
    out: Outside, call_router: CallRouter, resync: Resync, presses: ApplicationPresses, digits: DigitLegs
) -> None:
    def on_event(message: Message) -> None:
        out.metrics.ami_event(message.event)
        presses.asterisk(message)
        digits.asterisk(message)
        (resync.booted if message.event == "FullyBooted" else call_router.asterisk)(message)

    out.ami.subscribe(on_event=on_event, on_up=resync.link_up, on_down=lambda _reason: resync.link_down())


def _application_presses(
    out: Outside, ports: CallPorts, call_router: CallRouter, codes: RecordingCodes, digits: DigitLegs
) -> ApplicationPresses:
    async def press(leg: LegId, party: Party) -> None:
        await codes.press(leg, party, await ports.leg_status.audio(leg))

    def code(feature: Feature) -> FeatureCode:
        return out.tables.directory.code(feature)

    async def press_pause(leg: LegId, party: Party) -> None:
        await codes.press_pause(leg, party)

    presses = ApplicationPresses(
        AriApplicationBridges(out.ari, ARI_APP),
        out,
        ports.clock,
        ports.background,
        code=code,
        presses={Feature.ONLINE_RECORD: press, Feature.PAUSE_RECORD: press_pause},
    )

    async def on_event(event: AriEvent) -> None:
        presses.digit(LegId(event.channel_id), event.digit)
        if event.digit == out.settings.opt_out_digit:
            call_router.opt_out(LegId(event.channel_id))

    async def on_up() -> None:
        await presses.link_up()
        await digits.link_up()

    out.ari.subscribe(wanted_events=["ChannelDtmfReceived"], on_event=on_event, on_up=on_up)
    return presses


def _agi_server(out: Outside, call_router: CallRouter, codes: RecordingCodes) -> AgiServer:
    answering = scripts(
        codes,
        Services(
            out.store,
            out.tables,
            call_router.feature_code_dialled,
            codes.toggle_always_record,
            lambda user, dialling: spoken_of_calls(call_router.live(), user, dialling),
        ),
        Lookups(out.tables),
        out.metrics,
    )
    return agi_server(with_own_prompts(answering, out.prompts), call_router, out.ami, out.metrics)


def _watch_health(daemon: Daemon) -> None:
    """Add the checks of `/readyz`, each with its reason."""
    out, ready = daemon.outside, daemon.outside.readiness
    ready.add("ami", lambda: (out.ami.state is LinkState.UP, out.ami.state_reason))
    ready.add("ari", lambda: (out.ari.state is LinkState.UP, out.ari.state_reason))
    ready.add("spool", lambda: (not daemon.spool_health.trouble, daemon.spool_health.trouble))
    ready.add("monitor", lambda: (not daemon.finalizer.why_not, daemon.finalizer.why_not))
    ready.add("erasure", lambda: (not out.stored.erasure.why_not, out.stored.erasure.why_not))
    ready.add("retention", lambda: (not out.stored.retention.why_not, out.stored.retention.why_not))
    ready.add("journal", lambda: (not out.journal.broken, out.journal.broken))
    ready.add(
        "resync", lambda: (daemon.resync.is_resynced, "the calls have not been compared with Asterisk's channels yet")
    )
