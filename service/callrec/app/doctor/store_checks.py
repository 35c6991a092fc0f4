"""The doctor's checks of the store: it answers, keeps confirmed changes, and has no older tables than those seen last."""

from callrec.app.asterisk.config_files import Confgen
from callrec.app.doctor.findings import Finding, Verdict
from callrec.app.ports.directory import MarkFile, OperatorStore
from callrec.domain.directory.model import Tables
from callrec.domain.directory.tables_mark import SEEN_LAST, WRITTEN_FROM, judge
from callrec.domain.errors import Corrupt

_WRITE = "redis.conf:\nappendonly yes\nappendfsync everysec\nmaxmemory-policy noeviction"


async def look_at_store(store: OperatorStore, seen: MarkFile, files: Confgen | None) -> tuple[list[Finding], Tables]:
    """The findings, and the tables for other checks. `files`: Asterisk's, if callrec writes them. Raises Unavailable, Corrupt."""
    tables = await store.tables()
    remark = await store.persistence()
    kept = (
        Finding("redis persistence", Verdict.WRONG, remark, _WRITE)
        if remark
        else Finding("redis persistence", Verdict.OK, "confirmed changes survive a power cut")
    )
    standing = await _standing(store, seen, files)
    return [Finding("redis", Verdict.OK, f"users: {len(tables.users)}"), standing, kept], tables


async def _standing(store: OperatorStore, seen: MarkFile, files: Confgen | None) -> Finding:
    """Whether the store's tables are at least as new as those seen last, and those that Asterisk's files were written from."""
    try:
        marks = (seen.read(), SEEN_LAST), (await files.written_from() if files else None, WRITTEN_FROM)
        for mark, whose in marks:
            standing = await store.standing(mark.event if mark else "")
            judge(mark, standing, whose)
    except Corrupt as error:
        return Finding("redis tables", Verdict.WRONG, error.message, error.hint)
    return Finding("redis tables", Verdict.OK, f"revision {standing.revision}, not older than those seen last")
