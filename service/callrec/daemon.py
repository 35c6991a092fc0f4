"""The daemon from start to end.

Start: journal, spool and store, then the servers (HTTP, FastAGI). End (SIGTERM, SIGINT, a terminal that closes): FastAGI closes
first. Running captures continue in Asterisk, and the next daemon adopts them. Ended recordings are stored within DRAIN_S; the
rest stays in the journal.
"""

import asyncio
import contextlib
import gc
import os
import signal
from collections.abc import Coroutine, Mapping, Sequence
from pathlib import Path

from aiohttp import web

from callrec.adapters.asterisk.mailboxes import AmiMailboxes
from callrec.adapters.asterisk.numbers import AmiNumbers
from callrec.adapters.audit.adoption_mark import FileMark
from callrec.adapters.audit.log_reader import DiskLogReader
from callrec.adapters.daemon_socket import listening
from callrec.adapters.disk.spool_watch import watch_spool
from callrec.adapters.machine import ThisMachine
from callrec.adapters.system import has_terminal
from callrec.adapters.user_files.processes import UserFileProcesses
from callrec.app.access.audit_log.adopt import adopt_former
from callrec.app.calls.broken_journal import reopen_journal
from callrec.app.calls.live_calls import LiveCalls
from callrec.app.library.finalize.late_entries import enter_late
from callrec.config import Settings, former_names, split_bind
from callrec.web.api.links import shared_pages
from callrec.web.api.operations import operations
from callrec.web.clients import Clients
from callrec.web.pages.table import site
from callrec.web.server import Access, build_app, serve_http
from callrec.web.tls import tls_context
from callrec.web.use_cases import UseCases
from callrec.wiring.assemble import Daemon, assemble

DRAIN_S = 10.0
"""How long a daemon that ends waits for recordings that are being stored."""


async def serve(settings: Settings, token: str) -> None:
    """Run until SIGTERM, SIGINT, or until the terminal closes. `token` is the API's token. Raises Misconfigured, Unavailable or
    Corrupt when the daemon cannot start."""
    tls = tls_context(settings.http_tls_cert, settings.http_tls_key)
    async with assemble(settings) as daemon:
        ended = _ended(daemon)
        own = listening(settings.state_dir)
        runner, http_port = await serve_http(_app(daemon, token), *split_bind(settings.http_bind), tls, own)
        agi_host, agi_port = await daemon.agi.start(*split_bind(settings.agi_bind))
        observation, manager = daemon.outside.observation, daemon.outside.alive.manager
        for former, name in former_names(os.environ):
            observation.setting_renamed(former, name)
        observation.started(settings.shown(), http=http_port, agi=f"{agi_host}:{agi_port}")
        try:
            async with asyncio.TaskGroup() as tasks:
                running = [tasks.create_task(work) for work in _tasks(daemon)]
                await asyncio.sleep(0)  # so that the call router's task group is open before the first event
                daemon.resync.begin()
                gc.freeze()  # these objects live as long as the daemon: scanning them blocked the loop for 12 ms
                manager.ready()
                await ended.wait()
                manager.stopping()
                await daemon.agi.close()
                await _drain(daemon)
                for task in running:
                    task.cancel()
        finally:
            await daemon.agi.close()
            await runner.cleanup()
    observation.ended()  # when all parts are closed: until then they may still tell something


def _ended(daemon: Daemon) -> asyncio.Event:
    """Set by the signals that end the daemon. SIGHUP ends it only when it has a terminal."""
    ended, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    hangup = ended.set if has_terminal() else daemon.outside.observation.hangup_ignored
    loop.add_signal_handler(signal.SIGHUP, hangup)
    return ended


def _app(daemon: Daemon, token: str) -> web.Application:
    out, use = daemon.outside, _use_cases(daemon)
    return build_app(
        readiness=out.readiness,
        metrics=out.metrics,
        live=daemon.call_router.live,
        token=token,
        access=Access(out.access.logins, out.access.tokens, out.access.audit, Clients(out.settings.trusted_proxies)),
        hosts=(split_bind(out.settings.http_bind)[0], *out.settings.http_hosts),
        api=operations(use),
        shared=shared_pages(out.stored),
        node=out.settings.node,
        site=site(use, out.settings.node),
    )


def _use_cases(daemon: Daemon) -> UseCases:
    """What the API and the pages do."""
    out = daemon.outside
    return UseCases(
        store=out.store,
        tables=out.tables,
        files=UserFileProcesses(out.store.address),
        hub=out.events,
        webhooks=out.webhooks.registry,
        mailboxes=AmiMailboxes(out.ami),
        numbers=AmiNumbers(out.ami),
        calls=LiveCalls(daemon.call_router, out.spool, out.audit),
        logins=out.access.logins,
        tokens=out.access.tokens,
        audit=out.audit,
        audit_reader=DiskLogReader(out.audit.folder),
        catalogue=out.of_recordings.catalogue,
        stored=out.stored,
        prompts=out.prompts,
        readiness=out.readiness,
        machine=ThisMachine(_folders(out.settings), lambda: sum(1 for _ in out.journal.live())),
    )


def _folders(settings: Settings) -> Mapping[str, Path]:
    """By setting, the folders whose disks are looked at."""
    return {
        "CALLREC_SPOOL_DIR": settings.spool_dir,
        "CALLREC_MONITOR_DIR": settings.monitor_dir,
        "CALLREC_STATE_DIR": settings.state_dir,
    }


def _tasks(daemon: Daemon) -> Sequence[Coroutine[None, None, None]]:
    out = daemon.outside
    return (
        out.alive.heartbeat.run(),
        adopt_former(out.library, out.journal, out.audit, DiskLogReader(out.audit.folder), FileMark(out.audit.folder)),
        daemon.call_router.run(),
        daemon.finalizer.run(),
        daemon.resync.run(),
        daemon.astdb_sync.run(),
        watch_spool(out.spool, out.locks.spool, daemon.spool_router.event, out.observation),
        daemon.spool_health.run(),
        out.observation.run(out.store.publish),
        out.events.run(),
        out.webhooks.delivery.run(),
        out.metrics.watch_loop(),
        out.of_recordings.keeper.run(),
        out.stored.erasure.run(),
        out.stored.retention.run(),
        enter_late(daemon.finalizer, out.tables, out.of_recordings.keeper),
        out.store_watch.run(),
        reopen_journal(out.journal),
        out.ami.run(),
        out.ari.run(),
        *((out.stamping.run(),) if out.stamping else ()),
        *(daemon.config_sync.tasks() if daemon.config_sync else ()),
        *((out.encryption.run(),) if out.encryption else ()),
        *((daemon.user_events.run(),) if daemon.user_events else ()),
    )


async def _drain(daemon: Daemon) -> None:
    with contextlib.suppress(TimeoutError):  # recordings that are not stored yet stay in the journal
        async with asyncio.timeout(DRAIN_S):
            await daemon.finalizer.idle()
