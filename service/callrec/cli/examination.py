"""What the doctor goes through: each door is opened, asked and closed again; a closed one hides only what is behind it."""

import os
from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from callrec.adapters.asterisk.ari import AriLink
from callrec.adapters.asterisk.knock import knock
from callrec.adapters.asterisk.link import Link, LinkState
from callrec.adapters.asterisk.spool_probe import SpoolProbe
from callrec.adapters.asterisk.stage import stage
from callrec.adapters.disk.conf_folder import DiskConfFolder
from callrec.adapters.disk.folder_lock import holder_of
from callrec.adapters.disk.mark_file import DiskMark
from callrec.adapters.disk.places import groups_of, look_at, owner_of
from callrec.adapters.disk.token import token_is_there
from callrec.adapters.redis.store import RedisStore, open_store
from callrec.app.confgen import Confgen
from callrec.app.doctor import Finding, Verdict, judge_place, judge_spool
from callrec.app.doctor_asterisk import Expected, languages, look_at_manager, look_at_rest, run_user
from callrec.app.doctor_sounds import look_at_sounds
from callrec.app.tables_mark import SEEN_LAST, WRITTEN_FROM, TablesMark, judge
from callrec.cli.links import manager_link, opened
from callrec.config import Door, Settings, split_bind
from callrec.domain.errors import CallrecError, Corrupt, Misconfigured
from callrec.domain.provisioning.model import ContextKind, Feature, Tables

ARI_APP = "callrec-doctor"
"""Not the daemon's: two clients of one application push each other out."""


@dataclass(frozen=True, slots=True)
class Asterisk:
    """What is known of it for other checks; empty as long as it could not be asked."""

    user: str = ""
    languages: Collection[str] = ()


async def examine(settings: Settings) -> list[Finding]:
    """All findings. Raises nothing of ours: what fails is a finding."""
    store, tables = await _store(settings)
    manager, asterisk = await _guarded("ami", lambda: _manager(settings, tables))
    spoken = {user.language for user in tables.users if user.language} | {*asterisk.languages}
    rest, _ = await _guarded("ari", lambda: _rest(settings, spoken))
    return [
        Finding("settings", Verdict.OK, "can be read; their secrets cannot be read by every user of this machine"),
        *_token(settings),
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
    """The API's token, when the daemon has made it already."""
    try:
        if token_is_there(settings.state_dir):
            yield Finding("api token", Verdict.OK, "its owner's only")
    except CallrecError as error:
        yield _failed("api token", error)


async def _store(settings: Settings) -> tuple[list[Finding], Tables]:
    try:
        async with open_store(settings.redis_url, settings.state_dir, join=True) as store:
            tables = await store.tables()
            remark = await store.persistence()
            standing = await _standing(store, settings)
    except CallrecError as error:
        return [_failed("redis", error)], Tables()
    write = "redis.conf:\nappendonly yes\nappendfsync everysec\nmaxmemory-policy noeviction"
    kept = (
        Finding("redis persistence", Verdict.WRONG, remark, write)
        if remark
        else Finding("redis persistence", Verdict.OK, "what was told to people survives a power cut")
    )
    return [Finding("redis", Verdict.OK, f"users: {len(tables.users)}"), standing, kept], tables


async def _standing(store: RedisStore, settings: Settings) -> Finding:
    """Whether the store has the tables that were seen last, and those that Asterisk's files were written from."""
    written_from: TablesMark | None = None
    try:
        seen = DiskMark(settings.state_dir).read()
        if settings.confgen_dir is not None:
            written_from = await Confgen(DiskConfFolder(settings.confgen_dir), None).written_from()
        for mark, whose in ((seen, SEEN_LAST), (written_from, WRITTEN_FROM)):
            standing = await store.standing(mark.event if mark else "")
            judge(mark, standing, whose)
    except Corrupt as error:
        return Finding("redis tables", Verdict.WRONG, error.message, error.hint)
    return Finding("redis tables", Verdict.OK, f"revision {standing.revision}, not older than those seen last")


async def _manager(settings: Settings, tables: Tables) -> tuple[list[Finding], Asterisk]:
    door, link = Door(settings.ami_url, 5038), manager_link(settings)
    codes = {code.feature: code.code for code in tables.codes}
    may_press = {user.id for user in tables.users if user.online_record}
    sip = {line.name: line.user for line in tables.lines if line.protocol == "sip"}
    expected = Expected(
        ami_user=door.username,
        agi=settings.agi_bind,
        spool=str(settings.spool_dir),
        always_code=codes[Feature.CALL_RECORD],
        online_code=codes[Feature.ONLINE_RECORD],
        endpoints=tuple(name for name, user in sip.items() if user in may_press),
        lines=frozenset(sip),
        incall_contexts=frozenset(one.name for one in tables.contexts if one.kind is ContextKind.INCALL),
        keeps_files=settings.confgen_dir is not None,
        mailboxes=bool(tables.voicemails),
        sccp_lines=any(line.protocol == "sccp" for line in tables.lines),
    )
    async with opened(link):
        if link.state is not LinkState.UP:
            return [_closed("ami", link)], Asterisk()
        findings = [Finding("ami", Verdict.OK, f"{door.host}:{door.port}"), *await look_at_manager(link, expected)]
        return findings, Asterisk(await run_user(link), await languages(link, sip))


async def _rest(settings: Settings, spoken: Collection[str]) -> tuple[list[Finding], Asterisk]:
    door = Door(settings.ari_url, 8088)
    link = AriLink(
        base_url=door.base.removesuffix("/ari"),
        username=door.username,
        password=door.secret,
        app=ARI_APP,
        wanted_events=(),
        on_event=_ignore,
        on_up=_nothing,
        on_down=lambda _reason: None,
    )
    async with opened(link):
        if link.state is not LinkState.UP:
            return [_closed("ari", link)], Asterisk()
        findings = [Finding("ari", Verdict.OK, door.base), await look_at_rest(link)]
        try:
            async with stage(link, ARI_APP) as played:
                findings += await look_at_sounds(played, spoken)
        except CallrecError as error:
            findings.append(_failed("tones", error))
        return [*findings, await _probe(settings, link)], Asterisk()


async def _probe(settings: Settings, ari: AriLink) -> Finding:
    """What Asterisk writes in the spool (as its user, in its sandbox), read back as the user that the doctor runs as."""
    check, ami = "spool probe", manager_link(settings)
    async with opened(ami):
        if ami.state is not LinkState.UP:
            return Finding(check, Verdict.UNSEEN, f"nothing can be written: {ami.state_reason}")
        try:
            trouble = await SpoolProbe(ami, ari, settings.spool_dir, ARI_APP).look()
        except CallrecError as error:
            return _failed(check, error)
    if trouble is not None:
        return Finding(check, Verdict.WRONG, trouble.says, trouble.write)
    user, daemons = owner_of(os.geteuid()), _user_of_daemon(settings)
    if daemons not in {"", user}:
        says = f"Asterisk writes there, and {user} may read it; the daemon runs as {daemons}"
        return Finding(check, Verdict.UNSEEN, says, f"run callrec doctor as {daemons}")
    return Finding(check, Verdict.OK, f"Asterisk wrote into {settings.spool_dir}, and {user} could read and remove it")


def _user_of_daemon(settings: Settings) -> str:
    """The user that the daemon of this spool runs as; empty when no daemon runs, or its user cannot be seen."""
    holder = holder_of(settings.spool_dir) or {}
    try:
        return owner_of(Path(f"/proc/{int(holder.get('pid', ''))}").stat().st_uid)
    except (OSError, ValueError):
        return ""


async def _agi(settings: Settings) -> Finding:
    try:
        await knock(*split_bind(settings.agi_bind))
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


async def _nothing() -> None:
    """The doctor asks by itself, when the link is up."""


async def _ignore(_event: object) -> None:
    """The doctor listens to no events."""
