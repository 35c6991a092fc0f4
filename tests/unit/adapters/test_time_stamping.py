"""Checkpoints are stamped by a real authority (`openssl ts`), and what a hostile one answers is not kept."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from logged_library import ACCOUNT, LoggedLibrary
from time_authority import MODES, TimeAuthority

from callrec.adapters.audit.stamp_files import read_authorities
from callrec.adapters.audit.time_stamping import LOOK_S, TimeStamping
from callrec.domain.access.audit import Action, AuditEntry
from callrec.domain.backoff import Backoff
from callrec.domain.errors import CallrecError

HOUR_S = 3600.0
LOOKED = AuditEntry(Action.LISTENED, ACCOUNT, "c1-1")
SAID = {
    "wrong nonce": "not the nonce", "another digest": "of something else", "refused": "refused the time stamp (status 2)",
    "garbage": "no time stamp", "huge": "more than 64 KiB", "endless": "no answer within", "hang": "no answer within",
    "500": "HTTP 500", "redirect": "HTTP 302", "closed": "ServerDisconnected",
}  # fmt: skip
AWAY = {"huge", "endless", "hang", "closed"}
"""Modes in which nothing came that could be a time stamp."""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TimeAuthority]:
    with TimeAuthority(tmp_path_factory.mktemp("tsa")).serving() as one:
        yield one


@pytest.fixture
async def logged(tmp_path: Path) -> LoggedLibrary:
    return await LoggedLibrary(tmp_path).begin(10)


def stamping(
    logged: LoggedLibrary, authority: TimeAuthority, failed: list[CallrecError], ca: Path | None = None
) -> TimeStamping:
    known = read_authorities(ca)
    return TimeStamping(
        logged.audit, authority.url, known, HOUR_S, failed.append, answer_s=10.0 if authority.mode == "good" else 0.5,
        backoff=Backoff(30.0, 3600.0),
    )  # fmt: skip


async def test_a_checkpoint_is_stamped_and_openssl_verifies_it(logged: LoggedLibrary, authority: TimeAuthority) -> None:
    """Once for each state of the log, at most once in an hour."""
    authority.mode, failed = "good", list[CallrecError]()
    one, asked = stamping(logged, authority, failed, authority.root), authority.asked
    assert (await one.step(), authority.asked) == (HOUR_S, asked + 1)
    assert (await one.step(), authority.asked) == (LOOK_S, asked + 1), "the log has not grown"
    await logged.log([LOOKED])
    assert (await one.step(), authority.asked) == (HOUR_S, asked + 2)
    first, second = logged.reader.stamps()
    assert (second, failed, one.why_not) == (first + 1, [], "")
    for size in (first, second):
        assert authority.verify(logged.audit / "stamps", str(size)) == "Verification: OK\n"


@pytest.mark.parametrize("mode", MODES)
async def test_what_a_hostile_authority_answers_is_not_kept(
    logged: LoggedLibrary, authority: TimeAuthority, mode: str
) -> None:
    """It is told, and the next request waits longer each time; entries are logged meanwhile."""
    authority.mode, failed = mode, list[CallrecError]()
    one = stamping(logged, authority, failed)
    asking = asyncio.create_task(one.step())
    await logged.log([LOOKED])
    assert (await asking, await one.step()) == (30.0, 60.0)
    assert SAID[mode] in failed[0].message
    assert failed[0].code == ("audit-timestamp" if "HTTP" in SAID[mode] or mode in AWAY else "audit-stamp")
    assert (logged.reader.stamps(), len(failed)) == ([], 2)
    authority.mode = "good"
    one = stamping(logged, authority, failed)
    assert (await one.step(), len(logged.reader.stamps())) == (HOUR_S, 1)


async def test_who_is_not_known_as_an_authority_stamps_nothing(
    logged: LoggedLibrary, authority: TimeAuthority, tmp_path: Path
) -> None:
    authority.mode, failed = "good", list[CallrecError]()
    other = TimeAuthority(tmp_path / "other")
    assert await stamping(logged, authority, failed, other.root).step() == 30.0
    assert "no authority of CALLREC_AUDIT_TIMESTAMP_CA" in failed[0].message
    assert logged.reader.stamps() == []


async def test_while_there_is_no_stamp_for_a_day_the_check_says_why(
    logged: LoggedLibrary, authority: TimeAuthority
) -> None:
    authority.mode, failed = "500", list[CallrecError]()
    one = stamping(logged, authority, failed)
    await one.step()
    assert one.why_not == "", "an authority may be away for hours"
    one._good_s -= 86_401
    assert "HTTP 500" in one.why_not


async def test_a_crash_between_the_two_files_leaves_no_half_stamp(
    logged: LoggedLibrary, authority: TimeAuthority
) -> None:
    authority.mode, failed = "good", list[CallrecError]()
    await stamping(logged, authority, failed).step()
    (size,) = logged.reader.stamps()
    (logged.audit / f"stamps/{size}.tsr").unlink()
    assert logged.reader.stamps() == []
    await stamping(logged, authority, failed).step()
    assert logged.reader.stamps() == [size]
