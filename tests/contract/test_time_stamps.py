"""A daemon has its audit log stamped by a real authority, and an authority that hangs is in nobody's way."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from lone_daemon import House
from time_authority import TimeAuthority

PATIENCE_S = 120.0


@pytest.fixture
def authority(tmp_path: Path) -> Iterator[TimeAuthority]:
    with TimeAuthority(tmp_path / "tsa").serving() as one:
        yield one


@pytest.fixture
def house(tmp_path: Path, authority: TimeAuthority) -> Iterator[House]:
    for name in ("spool", "monitor"):
        (tmp_path / name).mkdir()
    made = House(
        tmp_path,
        settings={
            "CALLREC_AUDIT_TIMESTAMP_URL": authority.url,
            "CALLREC_AUDIT_TIMESTAMP_CA": str(authority.root),
            "CALLREC_AUDIT_TIMESTAMP_EVERY_S": "0.2",
        },
    )
    yield made
    made.stop()


def test_the_log_of_a_daemon_is_stamped_listed_and_verified(house: House) -> None:
    house.start()
    assert house.command("roles", "set", "night", "--permission", "audit.read", state="s").returncode == 0
    deadline_s = time.monotonic() + PATIENCE_S
    rows: list[dict[str, object]] = []
    while not any(one["stamped"] and one["details"] for one in rows) and time.monotonic() < deadline_s:
        rows = json.loads(house.command("audit", "list", "--json", state="s").stdout)
    changed = next(one for one in rows if str(one["details"]).startswith("roles set"))
    assert changed["stamped"], rows
    done = house.command("verify", "--json", state="s")
    said = json.loads(done.stdout)
    assert (done.returncode, said["findings"], said["stamps"] >= 1) == (0, [], True)


def test_an_authority_that_hangs_is_in_nobodys_way(house: House, authority: TimeAuthority) -> None:
    """The daemon starts, logs, and ends; it has asked."""
    authority.mode = "hang"
    daemon = house.start()
    assert house.command("roles", "set", "night", "--permission", "audit.read", state="s").returncode == 0
    deadline_s = time.monotonic() + PATIENCE_S
    while not authority.asked and time.monotonic() < deadline_s:
        time.sleep(0.05)
    assert authority.asked
    daemon.terminate()
    assert daemon.wait(PATIENCE_S) == 0
    assert not list((house.folder / "s/audit").glob("stamps/*"))
