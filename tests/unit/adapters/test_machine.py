"""The machine: its disks, and the doctor as a process of its own."""

import sys
from pathlib import Path

import pytest

from callrec.adapters.machine import ThisMachine
from callrec.app.doctor.findings import Finding, Verdict
from callrec.domain.errors import Unavailable


def machine(folder: Path, *doctor: str) -> ThisMachine:
    return ThisMachine({"A": folder, "B": folder / "missing"}, lambda: 3, doctor)


def says(text: str) -> tuple[str, ...]:
    """A doctor that prints this."""
    return sys.executable, "-c", f"print({text!r})"


def test_disks_that_can_be_read_are_told(tmp_path: Path) -> None:
    (disk,) = machine(tmp_path).disks()
    assert (disk.setting, disk.path) == ("A", str(tmp_path))
    assert 0 < disk.free_bytes <= disk.whole_bytes
    assert disk.is_low == (disk.free_bytes < disk.least_bytes)
    assert machine(tmp_path).unfinished() == 3


def test_versions_begin_with_callrec_itself(tmp_path: Path) -> None:
    names = [name for name, _ in machine(tmp_path).versions()]
    assert names[:2] == ["callrec", "Python"]
    assert "aiohttp" in names


async def test_findings_are_those_that_the_doctor_prints(tmp_path: Path) -> None:
    printed = '[{"check": "ami", "verdict": "closed", "says": "refused", "write": "start it"}]'
    assert await machine(tmp_path, *says(printed)).doctor() == [Finding("ami", Verdict.CLOSED, "refused", "start it")]


@pytest.mark.parametrize("doctor", [says("no json"), says('[{"check": "x"}]'), says("17"), ("/no/such/program",)])
async def test_a_doctor_that_says_nothing_is_unavailable(tmp_path: Path, doctor: tuple[str, ...]) -> None:
    with pytest.raises(Unavailable) as caught:
        await machine(tmp_path, *doctor).doctor()
    assert caught.value.code == "doctor-failed"
