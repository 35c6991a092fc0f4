"""The probe of the spool against an Asterisk that does with its files what real ones do, and does not."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from callrec.adapters.asterisk import spool_probe
from callrec.adapters.asterisk.spool_probe import SpoolProbe
from callrec.adapters.disk import spool as disk_spool
from callrec.app.asterisk.spool_health import NOT_WRITTEN, UNREADABLE
from callrec.domain.errors import Refused
from callrec.protocols.ami import Message


class Asterisk:
    """Both links. `write` is done with the path of each file that the recorder is asked for."""

    def __init__(self, write: Callable[[Path], object], refusal: Refused | None = None) -> None:
        self.write, self.refusal = write, refusal
        self.asked: list[str] = []

    async def action(self, name: str, headers: Sequence[tuple[str, str]] = (), *, timeout_s: float = 1.0) -> Message:
        """MixMonitor and StopMixMonitor."""
        self.asked.append(name)
        if name == "MixMonitor":
            if self.refusal:
                raise self.refusal
            for path in re.findall(r"[rt]\((/[^)]+)\)", dict(headers)["Options"]):
                self.write(Path(path))
        return Message((("Response", "Success"), ("MixMonitorID", f"0x{timeout_s:.0f}")))

    async def request(
        self, method: str, path_parts: Sequence[str], *, params: Mapping[str, str] | None = None
    ) -> object:
        """The channel is made."""
        assert params is not None
        self.asked.append(f"{method} {'/'.join(path_parts)} {params['endpoint']}")
        return {}

    async def hangup(self, channel_id: str) -> None:
        """And ends."""
        self.asked.append(f"hangup {channel_id[:14]}")


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_probe, "WRITTEN_S", 0.1)


def names(folder: Path) -> list[str]:
    """What lies there."""
    return os.listdir(folder)  # noqa: PTH208 - of a test


async def test_what_asterisk_wrote_is_read_and_removed(tmp_path: Path) -> None:
    asterisk = Asterisk(Path.touch)
    assert await SpoolProbe(asterisk, asterisk, tmp_path, "app").look() is None
    made = "POST channels/create Local/probe@callrec-probe"
    assert asterisk.asked == [made, "MixMonitor", "StopMixMonitor", "hangup callrec-probe-"]
    assert names(tmp_path) == []


async def test_a_file_that_does_not_come_is_told(tmp_path: Path) -> None:
    """One of the two is not enough, and what came is removed."""
    asterisk = Asterisk(lambda path: path.touch() if ".read." in path.name else None)
    found = await SpoolProbe(asterisk, asterisk, tmp_path, "app").look()
    assert found is not None
    assert (found.code, found.says) == (
        NOT_WRITTEN,
        f"Asterisk was asked to write into {tmp_path}, but no file appeared there",
    )
    assert asterisk.asked[-2:] == ["StopMixMonitor", "hangup callrec-probe-"]
    assert names(tmp_path) == []


async def test_a_file_that_may_not_be_read_or_removed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asterisk = Asterisk(Path.touch)
    probe = SpoolProbe(asterisk, asterisk, tmp_path, "app")
    with monkeypatch.context() as patch:
        patch.setattr(spool_probe, "refusal_of", lambda file: f"{file.name[:15]} may not be read by callrec")
        found = await probe.look()
    assert found is not None
    says = f"Asterisk wrote a probe into {tmp_path}, but .callrec-probe- may not be read by callrec"
    assert (found.code, found.says) == (UNREADABLE, says)

    def refuse(_path: Path, missing_ok: bool = False) -> None:
        raise PermissionError(1, "Operation not permitted", missing_ok)

    monkeypatch.setattr(Path, "unlink", refuse)
    found = await probe.look()
    assert found is not None
    assert found.says == f"Asterisk's files in {tmp_path} cannot be removed: Operation not permitted"


async def test_what_asterisk_refuses_is_raised_and_its_channel_ends(tmp_path: Path) -> None:
    asterisk = Asterisk(Path.touch, Refused("ami-refused", "no such action"))
    with pytest.raises(Refused):
        await SpoolProbe(asterisk, asterisk, tmp_path, "app").look()
    assert asterisk.asked[-1] == "hangup callrec-probe-"


def test_who_may_not_read_a_leg_is_told_whose_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked of the kernel itself, which knows of more than modes."""
    leg = tmp_path / "x.read.sln"
    leg.touch(mode=0o600)
    assert disk_spool.refusal_of(leg) == disk_spool.refusal_of(tmp_path / "gone") == ""

    def refuse(path: Path, _flags: int) -> int:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(disk_spool.os, "open", refuse)
    said = disk_spool.refusal_of(leg)
    assert re.fullmatch(r"x\.read\.sln \(\S+:\S+ 0600\) may not be read by \S+", said)
    blocked = tmp_path / "y.read.sln"
    blocked.mkdir(mode=0)
    assert disk_spool.refusal_of(blocked) == "", "a folder takes a name that no recorder may use any more"
