"""`make test`: which files run when, what is printed, and that nothing is left behind."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import run_files
from free_cpu import FEWEST, at_once, free_cores
from pytest_server import pytest_server
from run_files import ROOT, Job, Result, jobs_below

SCRIPT = ROOT / "tests/support/run_files.py"
SLEEPS = """
import subprocess, sys, time
import pytest

@pytest.fixture
def started(tmp_path):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
    (tmp_path / "here").touch()
    yield child
    child.kill()
    child.wait()

def test_waits(started, tmp_path):
    open({mark!r}, "w").write(str(tmp_path))
    time.sleep(60)
"""
FAILS = """
import subprocess, sys
import pytest

def test_leaves_a_process():
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True).returncode = 0

def test_passes():
    assert True

def test_fails():
    print(*range(1000), sep="\\n")
    assert [] == list(range(1000)), "what went wrong"

@pytest.mark.skip(reason="no such machine")
def test_is_skipped():
    assert True
"""


def run(tmp_path: Path, text: str) -> Result:
    file = tmp_path / "test_it.py"
    file.write_text(text)

    async def done() -> Result:
        async with pytest_server(warm=False) as server:
            return await run_files.run(Job(str(file), has_calls=True), tmp_path / "run", server)

    return asyncio.run(done())


def test_slow_files_come_first_and_a_folder_of_quick_ones_is_one_job(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What was never measured may be slow."""
    known = tmp_path / "seconds.json"
    known.write_text('{"tests/unit/domain": 30, "tests/calls/test_lab.py": 60, "tests/calls/test_demo.py": 20}')
    monkeypatch.setattr(run_files, "SECONDS", known)
    found = [job.path for job in jobs_below(["tests"])]
    assert found[-3:] == ["tests/calls/test_lab.py", "tests/unit/domain", "tests/calls/test_demo.py"]
    assert {"tests/faults/test_disk.py", "tests/contract/test_api.py", "tests/docs", "tests/unit/web"} <= set(found)
    assert "tests/unit/test_config.py" in found
    assert [job.path for job in jobs_below(["tests/calls/test_demo.py"])] == ["tests/calls/test_demo.py"]
    assert [job.path for job in jobs_below(["tests/unit/cli"])] == ["tests/unit/cli"]
    assert [job.path for job in jobs_below(["tests/unit/domain/calls"])] == ["tests/unit/domain/calls"]
    assert [job.has_calls for job in jobs_below(["tests/calls", "tests/faults"])].count(False) == 0


def test_every_test_file_is_in_a_job() -> None:
    paths = [ROOT / job.path for job in jobs_below(["tests"])]
    for file in (ROOT / "tests").rglob("test_*.py"):
        assert [path for path in paths if file.is_relative_to(path)], file


def test_unit_tests_can_run_in_one_process() -> None:
    """The folders are no packages: `pytest tests/unit` takes two files of one name for one."""
    names = [file.name for file in (ROOT / "tests/unit").rglob("test_*.py")]
    assert sorted({name for name in names if names.count(name) > 1}) == []


@pytest.mark.parametrize("ci", ["", "true"], ids=["developer", "ci"])
def test_a_failure_is_told_shortly_and_a_process_left_behind_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ci: str
) -> None:
    """At most 40 lines for each, what went wrong first; the process is ended. With CI set, pytest prints whole values."""
    monkeypatch.setenv("CI", ci)
    monkeypatch.setattr(run_files, "LEFT_S", 0.2)
    result = run(tmp_path, FAILS)
    (name, lines), (path, left) = result.failures.items()
    assert name.endswith("::test_fails")
    assert len(lines) <= 40
    assert "what went wrong" in "\n".join(lines)
    assert lines[-1] == "999"
    assert (result.tests, result.skipped) == (4, ["no such machine"])
    assert str(result).startswith("FAILED     4 tests")
    assert path == result.job.path
    assert left[0] == "left processes behind:"
    assert not run_files._processes(tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_file_that_cannot_be_read_by_python_fails(tmp_path: Path) -> None:
    result = run(tmp_path, "import nothing_of_this_name\n")
    assert "nothing_of_this_name" in "\n".join(line for lines in result.failures.values() for line in lines)


def test_an_interrupted_run_leaves_nothing_behind(tmp_path: Path) -> None:
    """No process and no file, also of what a test has started."""
    mark, file, temporary = tmp_path / "mark", tmp_path / "test_it.py", tmp_path / "tmp"
    temporary.mkdir()
    file.write_text(SLEEPS.format(mark=str(mark)))
    code = (
        f"import asyncio, sys; sys.path.insert(0, {str(SCRIPT.parent)!r}); import run_files; "
        f"asyncio.run(run_files.interruptible([run_files.Job({str(file)!r}, True)], 1, 1))"
    )
    running = subprocess.Popen(  # noqa: S603 - our own words
        [sys.executable, "-c", code], env=os.environ | {"TMPDIR": str(temporary)}, stderr=subprocess.PIPE
    )
    deadline_s = time.monotonic() + 120
    while not mark.exists() or not mark.read_text():
        assert time.monotonic() < deadline_s
        assert running.poll() is None
        time.sleep(0.02)
    folder = Path(mark.read_text()).parents[1]
    assert len(run_files._processes(folder)) == 2
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=120)
    assert b"CancelledError" in said
    assert not run_files._processes(folder)
    assert list(temporary.iterdir()) == []


def test_the_number_of_calls_follows_the_free_cpu() -> None:
    assert [at_once(free) for free in (0.0, 0.9, 1.5, 2.0, 8.0)] == [FEWEST, FEWEST, FEWEST, FEWEST, 16]
    assert 0 <= free_cores(0.05) <= (os.cpu_count() or 1) + 0.5
