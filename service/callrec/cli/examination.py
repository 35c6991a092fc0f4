"""All checks of the doctor: it connects to each server (Redis, AMI, ARI, AGI) in turn. When one is unreachable, only the checks
that need it are missing."""

import os
from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from callrec.adapters.asterisk.agi_probe import agi_answers
from callrec.adapters.asterisk.ari import AriLink
from callrec.adapters.asterisk.link import Link, LinkState
from callrec.adapters.asterisk.numbers import AmiNumbers
from callrec.adapters.asterisk.playback_channel import stage
from callrec.adapters.asterisk.spool_probe import SpoolProbe
from callrec.adapters.disk.config_folder import DiskConfFolder
from callrec.adapters.disk.folder_lock import holder_of
from callrec.adapters.disk.folders import groups_of, look_at, owner_of
from callrec.adapters.disk.mark_file import DiskMark
from callrec.adapters.disk.token import token_is_there
from callrec.app.asterisk.config_files import Confgen
from callrec.app.doctor.asterisk_checks import Expected, languages, look_at_manager, look_at_rest, run_user
from callrec.app.doctor.findings import Finding, Verdict, judge_place, judge_spool
from callrec.app.doctor.key_checks import look_at_keys
from callrec.app.doctor.sound_checks import look_at_sounds
from callrec.app.doctor.store_checks import look_at_store
from callrec.cli.connections import opened
from callrec.cli.store import opened_store
from callrec.config import Settings, split_bind
from callrec.domain.directory.directory import Directory
from callrec.domain.directory.model import ContextKind, Feature, Tables
from callrec.domain.directory.service_changes import UserEventNames
from callrec.domain.errors import CallrecError, Misconfigured
from callrec.wiring.encryption import master_keys
from callrec.wiring.links import ami_link, ari_link
from callrec.wiring.prompts import prompts_of

ARI_APP = "callrec-doctor"
"""Another application than the daemon's: when a second client connects to an application, Asterisk disconnects the first."""


@dataclass(frozen=True, slots=True)
class Asterisk:
    """Facts about Asterisk for other checks: its system user, the languages of endpoints. Empty when AMI did not answer."""

    user: str = ""
    languages: Collection[str] = ()


async def examine(settings: Settings) -> list[Finding]:
    """All findings. Raises no CallrecError: each becomes a finding."""
    store, tables = await _store(settings)
    manager, asterisk = await _guarded("ami", lambda: _manager(settings, tables))
    spoken = {user.language for user in tables.users if user.language} | {*asterisk.languages}
    rest, _ = await _guarded("ari", lambda: _rest(settings, spoken))
    return [
        Finding("settings", Verdict.OK, "readable; not every user of this machine can read the secrets in them"),
        *_token(settings),
        *_encryption(settings),
        *store,
        *manager,
        *rest,
        await _agi(settings),
        *_folders(settings, asterisk.user),
    ]


def _folders(settings: Settings, asterisk_user: str) -> Iterable[Finding]:
    yield from judge_spool(look_at(settings.spool_dir), asterisk_user, groups_of(asterisk_user))
    yield from judge_place("monitor folder", "CALLREC_MONITOR_DIR", look_at(settings.monitor_dir))
    yield from judge_place("state folder", "CALLREC_STATE_DIR", look_at(settings.state_dir))
    if settings.confgen_dir is not None:
        yield from judge_place("folder of Asterisk's files", "CALLREC_CONFGEN_DIR", look_at(settings.confgen_dir))


def _token(settings: Settings) -> Iterable[Finding]:
    """The finding for the API's token file; none before the daemon has created it."""
    try:
        if token_is_there(settings.state_dir):
            yield Finding("api token", Verdict.OK, "only its owner can read it")
    except CallrecError as error:
        yield _failed("api token", error)


def _encryption(settings: Settings) -> Iterable[Finding]:
    """The finding for the master keys; none without any."""
    masters = master_keys(settings)
    if masters is None:
        return
    try:
        masters.look()
        current, *others = masters.ids()
    except CallrecError as error:
        yield _failed("encryption", error)
        return
    new = f"new recordings are encrypted with the master key {current}" if settings.encryption else "off"
    more = f"{', '.join(others)} for older ones" if others else "no others"
    yield Finding("encryption", Verdict.OK, f"{new}; {more}", "")


async def _store(settings: Settings) -> tuple[list[Finding], Tables]:
    folder = settings.confgen_dir
    files = None if folder is None else Confgen(DiskConfFolder(folder), None)
    try:
        async with opened_store(settings) as store:
            return await look_at_store(store, DiskMark(settings.state_dir), files)
    except CallrecError as error:
        return [_failed("redis", error)], Tables()


async def _manager(settings: Settings, tables: Tables) -> tuple[list[Finding], Asterisk]:
    server, link = settings.ami(), ami_link(settings)
    codes = {code.feature: code.code for code in tables.codes}
    may_press = {user.id for user in tables.users if user.online_record}
    sip = {line.name: line.user for line in tables.lines if line.protocol == "sip"}
    expected = Expected(
        ami_user=server.username,
        agi=settings.agi_bind,
        spool=str(settings.spool_dir),
        always_code=codes[Feature.CALL_RECORD],
        online_code=codes[Feature.ONLINE_RECORD],
        pause_code=next(one.code * one.enabled for one in tables.codes if one.feature is Feature.PAUSE_RECORD),
        endpoints=tuple(name for name, user in sip.items() if user in may_press),
        lines=frozenset(sip),
        incall_contexts=frozenset(one.name for one in tables.contexts if one.kind is ContextKind.INCALL),
        keeps_files=settings.confgen_dir is not None,
        mailboxes=bool(tables.voicemails),
        sccp_lines=any(line.protocol == "sccp" for line in tables.lines),
        user_events=settings.user_events is not UserEventNames.NONE,
        places=frozenset((one.kind, one.name) for one in tables.places),
    )
    async with opened(link):
        if link.state is not LinkState.UP:
            return [_closed("ami", link)], Asterisk()
        findings = [Finding("ami", Verdict.OK, f"{server.host}:{server.port}"), *await look_at_manager(link, expected)]
        findings += await look_at_keys(AmiNumbers(link), Directory(tables))
        return findings, Asterisk(await run_user(link), await languages(link, sip))


async def _rest(settings: Settings, spoken: Collection[str]) -> tuple[list[Finding], Asterisk]:
    link = ari_link(settings, ARI_APP)
    async with opened(link):
        if link.state is not LinkState.UP:
            return [_closed("ari", link)], Asterisk()
        findings = [Finding("ari", Verdict.OK, settings.ari().base), await look_at_rest(link)]
        try:
            async with stage(link, ARI_APP) as played:
                findings += await look_at_sounds(played, spoken, await prompts_of(settings).every())
        except CallrecError as error:
            findings.append(_failed("tones", error))
        return [*findings, await _probe(settings, link)], Asterisk()


async def _probe(settings: Settings, ari: AriLink) -> Finding:
    """Asterisk writes a file into the spool (as its user, in its sandbox), and the doctor's user reads and removes it."""
    check, ami = "spool probe", ami_link(settings)
    async with opened(ami):
        if ami.state is not LinkState.UP:
            return Finding(check, Verdict.UNSEEN, f"not checked: {ami.state_reason}")
        try:
            trouble = await SpoolProbe(ami, ari, settings.spool_dir, ARI_APP).look()
        except CallrecError as error:
            return _failed(check, error)
    if trouble is not None:
        return Finding(check, Verdict.WRONG, trouble.says, trouble.write)
    user, daemons = owner_of(os.geteuid()), _user_of_daemon(settings)
    if daemons not in {"", user}:
        says = f"Asterisk can write there, and {user} can read it, but the daemon runs as {daemons}"
        return Finding(check, Verdict.UNSEEN, says, f"run callrec doctor as {daemons}")
    return Finding(check, Verdict.OK, f"Asterisk wrote into {settings.spool_dir}, and {user} could read and remove it")


def _user_of_daemon(settings: Settings) -> str:
    """The system user of the daemon of this spool; empty when no daemon runs, or /proc hides its user."""
    holder = holder_of(settings.spool_dir) or {}
    try:
        return owner_of(Path(f"/proc/{int(holder.get('pid', ''))}").stat().st_uid)
    except (OSError, ValueError):
        return ""


async def _agi(settings: Settings) -> Finding:
    try:
        await agi_answers(*split_bind(settings.agi_bind))
    except CallrecError as error:
        return _failed("agi", error)
    return Finding("agi", Verdict.OK, f"the daemon answers at {settings.agi_bind}")


async def _guarded(
    check: str, look: Callable[[], Awaitable[tuple[list[Finding], Asterisk]]]
) -> tuple[list[Finding], Asterisk]:
    try:
        return await look()
    except CallrecError as error:
        return [_failed(check, error)], Asterisk()


def _closed(check: str, link: Link) -> Finding:
    verdict = Verdict.WRONG if link.state is LinkState.REFUSED else Verdict.CLOSED
    return Finding(check, verdict, link.state_reason)


def _failed(check: str, error: CallrecError) -> Finding:
    verdict = Verdict.WRONG if isinstance(error, Misconfigured) else Verdict.CLOSED
    return Finding(check, verdict, error.message, error.hint)
