"""Who has heard certain recordings: newest first, others than oneself, of these recordings alone."""

from pathlib import Path

import pytest
from logged_library import LOG_BEGAN_S, LoggedLibrary

from callrec.app.access.audit_log import listeners
from callrec.app.access.audit_log.listeners import hearings
from callrec.domain.access.audit import Action, Actor, ActorKind, AuditEntry

OWNER, CHIEF = Actor(ActorKind.ACCOUNT, "7"), Actor(ActorKind.ACCOUNT, "8")
LINK = Actor(ActorKind.LINK, "7f")


@pytest.fixture
async def logged(tmp_path: Path) -> LoggedLibrary:
    made = LoggedLibrary(tmp_path)
    await made.log(
        [
            AuditEntry(Action.LISTENED, CHIEF, "c1-1"),
            AuditEntry(Action.LISTENED, OWNER, "c1-1"),
            AuditEntry(Action.SHOWN, CHIEF, "c1-1"),
            AuditEntry(Action.LISTENED, CHIEF, "c9-1"),
            AuditEntry(Action.DOWNLOADED, LINK, "c2-1"),
            AuditEntry(Action.EXPORTED, CHIEF, "c2-1"),
        ]
    )
    return made


async def test_others_who_heard_or_took_along(logged: LoggedLibrary) -> None:
    found = hearings(logged.reader, {"c1-1", "c2-1"}, OWNER)
    assert [(one.actor, one.action, one.recording) for one in found] == [
        (CHIEF, Action.EXPORTED, "c2-1"),
        (LINK, Action.DOWNLOADED, "c2-1"),
        (CHIEF, Action.LISTENED, "c1-1"),
    ]
    assert {one.at_s for one in found} == {LOG_BEGAN_S}
    assert hearings(logged.reader, set(), OWNER) == []


async def test_it_is_bounded(logged: LoggedLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    """By how many are shown, and by how many entries are read."""
    monkeypatch.setattr(listeners, "MOST", 1)
    assert [one.action for one in hearings(logged.reader, {"c1-1", "c2-1"}, OWNER)] == [Action.EXPORTED]
    monkeypatch.setattr(listeners, "MOST", 10)
    monkeypatch.setattr(listeners, "MOST_READ", 2)
    assert len(hearings(logged.reader, {"c1-1", "c2-1"}, OWNER)) == 2
